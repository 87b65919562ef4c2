"""Options of everything that simulates, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import click

from fleetbench.cli.fleet import fleet_findings
from fleetbench.cli.options import (
    DURATION,
    EVENTS_UP,
    DurationType,
    durations_option,
    flux_version_option,
    samples_option,
    seed_option,
    stacked,
)
from fleetbench.cli.output import warn
from fleetbench.errors import InputError
from fleetbench.findings import Finding
from fleetbench.graph.changes import changed_by, with_dependencies
from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.named import named
from fleetbench.ids import CONTROLLERS, ObjectId, parse_reference
from fleetbench.model.assemble import Assembled, Choice
from fleetbench.model.parameters import REQUEUE_S
from fleetbench.model.profile import Durations, Profile, load_durations, load_profile
from fleetbench.model.scenario import COMMIT, RESTART, RESTARTS, ROLLOUT, SCENARIOS

_BELONGS_TO = {
    "changed": COMMIT, "webhook": COMMIT, "fix_after": COMMIT, "restart_by": RESTART, "restart_of": RESTART,
}  # fmt: skip
Command = TypeVar("Command", bound=Callable[..., Any])


def flag_options(command: Command) -> Command:
    """The controllers' flags; the command gets them as ``kustomize_concurrent``, ``requeue_dependency`` ..."""
    return stacked(
        command,
        click.option(
            "--kustomize-concurrent",
            metavar="N",
            type=click.IntRange(1, 10_000),
            help="Workers of kustomize-controller.",
        ),
        click.option(
            "--helm-concurrent", metavar="N", type=click.IntRange(1, 10_000), help="Workers of helm-controller."
        ),
        click.option(
            "--source-concurrent",
            metavar="N",
            type=click.IntRange(1, 10_000),
            help="Workers of source-controller, per kind of source.",
        ),
        click.option(
            "--requeue-dependency",
            metavar="DURATION",
            type=DurationType(*REQUEUE_S),
            help="How often a dependency is polled.  [default: the repository's, else 30s]",
        ),
    )


def belief_options(command: Command) -> Command:
    """What is believed about workloads, and how it is sampled."""
    return stacked(
        command,
        flux_version_option(),
        durations_option,
        click.option(
            "--profile", metavar="NAME|FILE", help="Workload times: default, short, or a file of `calibrate`."
        ),
        click.option(
            "--nodes",
            metavar="N",
            type=click.IntRange(1, 10_000),
            help="Nodes that pull images side by side.  [default: the profile's, else 1]",
        ),
        samples_option("Simulated rollouts."),
        seed_option(),
    )


def scenario_options(command: Command) -> Command:
    """What happens to the fleet."""
    return stacked(
        command,
        click.option(
            "--scenario",
            type=click.Choice(SCENARIOS),
            default="bootstrap",
            show_default=True,
            help="An empty cluster, a new commit, or the controllers restarted.",
        ),
        click.option(
            "--changed",
            metavar="OBJECT|PATH",
            multiple=True,
            help="What the commit changes (repeatable).  [default: no manifest]",
        ),
        click.option("--webhook", is_flag=True, help="A receiver tells of the commit: no wait for the sync interval."),
        click.option(
            "--fix-after",
            metavar="DURATION",
            type=DURATION,
            help="The commit breaks what --fail names; a second one heals it this much later.",
        ),
        click.option(
            "--cancel-health-check",
            is_flag=True,
            default=None,
            help="Feature gate CancelHealthCheckOnNewRevision, of both controllers that have it.",
        ),
        click.option(
            "--notification-controller",
            metavar="up|down|DURATION",
            type=EVENTS_UP,
            help="Whether it takes events, or how long after the start it does: one that is posted meanwhile holds its worker "
            "for 15s to 40s.  [default: up, unless it is not installed]",
        ),
        click.option(
            "--restart-by",
            type=click.Choice(RESTARTS),
            help="kubectl rollout restart or an upgrade; pods deleted, as when a node is drained; processes killed (out of "
            "memory), so that their leases must run out.  [default: rollout]",
        ),
        click.option(
            "--restart-of",
            metavar="CONTROLLER",
            type=click.Choice(CONTROLLERS),
            multiple=True,
            help="Which controller is restarted (repeatable).  [default: source-, kustomize- and helm-controller]",
        ),
    )


def simulation_options(command: Command) -> Command:
    """All of these."""
    return flag_options(belief_options(scenario_options(command)))


@dataclass(frozen=True)
class Simulation:
    """The options as given."""

    options: dict[str, Any]

    @property
    def samples(self) -> int:
        """How many samples."""
        return int(self.options["samples"])

    @property
    def flux_version(self) -> str | None:
        """The release that the user names."""
        named: str | None = self.options.get("flux_version")
        return named

    @cached_property
    def profile(self) -> Profile | None:
        """The profile that was named, read once: for the findings and for every scenario."""
        name = self.options.get("profile")
        return None if name is None else load_profile(name)

    @cached_property
    def durations(self) -> Durations | None:
        """The durations file, read once: it may be a pipe."""
        path = self.options.get("durations")
        return None if path is None else load_durations(path)

    def flags(self) -> dict[str, Any]:
        """Fields of Parameters that an option sets."""
        given = self.options
        return {
            "kustomize_concurrent": given.get("kustomize_concurrent"),
            "helm_concurrent": given.get("helm_concurrent"),
            "source_concurrent": given.get("source_concurrent"),
            "nodes": given.get("nodes"),
            "requeue_dependency_s": given.get("requeue_dependency"),
            "cancel_health_check_on_new_revision": given.get("cancel_health_check"),
            "helm_cancel_health_check_on_new_revision": given.get("cancel_health_check"),
            "events_refused_s": given.get("notification_controller"),
        }

    def fleet(self, fleet: Fleet) -> Fleet:
        """The fleet with what ``--set-depends-on`` changes."""
        changes = dict(_depends_on(fleet, text) for text in self.options.get("set_depends_on", ()))
        return with_dependencies(fleet, changes) if changes else fleet

    def choice(self, fleet: Fleet) -> Choice:
        """What the user said, checked against the fleet."""
        given = self.options
        kind = given.get("scenario", "bootstrap")
        for option, scenario in _BELONGS_TO.items():
            if given.get(option) and kind != scenario:
                raise click.UsageError(f"--{option.replace('_', '-')} belongs to --scenario {scenario}.")
        changed = frozenset[ObjectId]().union(*(changed_by(fleet, c) for c in given.get("changed", ())))
        return Choice(
            flux_version=self.flux_version,
            flags=self.flags(),
            durations=self.durations,
            profile=self.profile,
            seed=given.get("seed", 0),
            kind=kind,
            fail=frozenset(named(fleet, o, "--fail", workloads=True) for o in given.get("fail", ())),
            until_s=given.get("until"),
            commit=given.get("commit") or Commit(changed),
            webhook=bool(given.get("webhook")),
            fix_after_s=given.get("fix_after"),
            restart_by=given.get("restart_by") or ROLLOUT,
            restarted=tuple(dict.fromkeys(given.get("restart_of") or CONTROLLERS)),
        )

    def findings(self, fleet: Fleet, reading: Sequence[Finding]) -> list[Finding]:
        """What reading the fleet brought to light, with what follows from it under the options and the repository's flags."""
        from fleetbench.model.assemble import in_force

        return fleet_findings(
            fleet,
            reading,
            parameters=in_force(fleet, self.choice(fleet))[0],
            nodes=self.options.get("nodes"),
            profile=self.profile,
            durations=self.durations,
        )

    def assembled(self, fleet: Fleet, compared_with: tuple[Fleet, ...] = ()) -> Assembled:
        """The scenario that the fleet and the options come to; what could not be used is warned of."""
        from fleetbench.model.assemble import assemble

        found = assemble(fleet, replace(self.choice(fleet), compared_with=compared_with))
        for text in found.warnings:
            if text not in self._warned:
                self._warned.add(text)
                warn(text)
        return found

    @cached_property
    def _warned(self) -> set[str]:
        """What was warned of already: two sides of a comparison mostly have the same to say."""
        return set()


def _depends_on(fleet: Fleet, text: str) -> tuple[ObjectId, tuple[ObjectId, ...]]:
    name, equals, rest = text.partition("=")
    try:
        object = parse_reference(name)
        if equals:
            object = named(fleet, object, "--set-depends-on")
        targets = tuple(
            ObjectId(object.kind, *(part.split("/") if "/" in part else (object.namespace, part)))
            for part in (p.strip() for p in rest.split(","))
            if part
        )
    except (ValueError, TypeError):
        raise InputError(f"--set-depends-on: got {text!r}, wanted ns/name=a,b") from None
    if not equals:
        raise InputError(f"--set-depends-on: got {text!r}, wanted ns/name=a,b (nothing after = drops all)")
    return object, tuple(named(fleet, t, "--set-depends-on") for t in targets)

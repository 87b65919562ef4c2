"""From a fleet and what the user said to a scenario: which value holds for each flag, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.errors import place
from fleetbench.graph.changes import none_installed
from fleetbench.graph.commit import NOTHING, Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.release import RELEASES, release_of
from fleetbench.ids import CONTROLLERS, ObjectId
from fleetbench.model.commit_times import times_after
from fleetbench.model.controller_flags import DEFAULT_ORIGIN, repository_flags, shard_flags
from fleetbench.model.fetch import fetch_times, from_afar
from fleetbench.model.parameters import Parameters, parameters_of
from fleetbench.model.profile import Durations, Profile, load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import BOOTSTRAP, ROLLOUT, Scenario
from fleetbench.model.steps import steps_from


@dataclass(frozen=True)
class Choice:
    """What the user said about a simulation; None = nothing."""

    flux_version: str | None = None
    """Whose defaults hold; None = those of the Flux that the repository installs, else of the newest release."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`Parameters` that an option sets, with the option's name: ``{field: value}``."""
    durations: Durations | None = None
    profile: Profile | None = None
    seed: int = 0
    kind: str = BOOTSTRAP
    fail: frozenset[ObjectId] = frozenset()
    until_s: float | None = None
    commit: Commit = NOTHING
    webhook: bool = False
    fix_after_s: float | None = None
    restart_by: str = ROLLOUT
    restarted: tuple[str, ...] = CONTROLLERS
    served: bool = False
    """The repository is served from beside the cluster, as ``measure`` does it."""
    compared_with: tuple[Fleet, ...] = ()
    """Fleets that the scenario's is compared with: the durations file may name their objects too."""


@dataclass(frozen=True)
class Assembled:
    """A scenario with the origin of each of its values."""

    scenario: Scenario
    origins: Mapping[str, str]
    """Field of Parameters, or :func:`~.controller_flags.origin_key` -> ``default (Flux 2.9)``, ``file:line`` or ``option``."""
    warnings: tuple[str, ...] = ()


def assemble(fleet: Fleet, choice: Choice) -> Assembled:
    """Build the scenario.

    A flag that an option gives holds; else what the repository itself sets; else the release's default. The same goes
    for the release itself. Of a shard's own controllers see
    :func:`shard_flags`; one of which nothing is known takes the main one's.

    Raises:
        InputError: a flag with a value it cannot have, or durations of an object that the fleet does not hold.
    """
    parameters, origins, warnings = in_force(fleet, choice)
    default = load_profile("default")
    profile = default if choice.profile is None else choice.profile.over(default)
    stated = cluster_limits(profile) | ({} if profile.nodes is None else {"nodes": profile.nodes.count})
    of_cluster = {name: n for name, n in stated.items() if choice.flags.get(name) is None}
    parameters = parameters.with_(**of_cluster)
    origins |= dict.fromkeys(of_cluster, f"profile {profile.name}")
    times = resolve(
        fleet if choice.kind == BOOTSTRAP else none_installed(fleet),
        choice.durations,
        choice.profile,
        default,
        choice.compared_with,
    )
    scenario = Scenario(
        fleet,
        parameters,
        steps_from(profile.steps),
        times_after(fleet, times, choice.commit),
        profile.pull,
        fetch_times(from_afar(fleet, served=choice.served), profile.fetch),
        choice.seed,
        choice.kind,
        choice.fail,
        choice.until_s,
        choice.commit,
        choice.webhook,
        fix_after_s=choice.fix_after_s,
        restart_by=choice.restart_by,
        restarted=choice.restarted,
    )
    return Assembled(scenario, origins, tuple(warnings))


def cluster_limits(profile: Profile) -> dict[str, int]:
    """What a profile says of kube-controller-manager's clients: fields of :class:`Parameters`."""
    limit = profile.controller_manager
    return {} if limit is None else {"controller_manager_qps": limit.qps, "controller_manager_burst": limit.burst}


def in_force(fleet: Fleet, choice: Choice) -> tuple[Parameters, dict[str, str], list[str]]:
    """The release and the flags that hold, the origin of each, and what could not be used of what the repository says.

    Raises:
        InputError: a flag with a value it cannot have.
    """
    release, said_by, not_known = release_choice(fleet, choice.flux_version)
    base = parameters_of(release)
    origins = dict.fromkeys(base.__dataclass_fields__, f"{DEFAULT_ORIGIN} (Flux {base.flux_version})")
    from_repository, where, warnings = repository_flags(fleet.flags)
    if said_by is not None:
        origins["flux_version"] = said_by
    options = {name: value for name, value in choice.flags.items() if value is not None}
    if "requeue_dependency_s" in options:
        options.setdefault("helm_requeue_dependency_s", options["requeue_dependency_s"])
    origins |= where | dict.fromkeys(options, "option")
    parameters = base.with_(**(from_repository | options))
    shards, of_shards, of_which = shard_flags(fleet, base, options)
    warnings = list(dict.fromkeys((*not_known, *warnings, *of_which)))
    return parameters.with_(shards=shards), origins | of_shards, warnings


def release_choice(fleet: Fleet, option: str | None) -> tuple[str, str | None, list[str]]:
    """The Flux release whose defaults hold, who says so (None = nobody), and what is to be warned of."""
    if option is not None:
        return option, "option", []
    if fleet.flux is None:
        return RELEASES[-1], None, []
    where = place(fleet.flux.file, fleet.flux.line) or "the repository"
    if fleet.flux.because is not None:
        where = f"{where}, {fleet.flux.because}"
    release, known = release_of(fleet.flux.version)
    text = f"{where}: Flux {fleet.flux.version} is none of {', '.join(RELEASES)}; the defaults of {release} hold"
    return release, where, [] if known else [text]

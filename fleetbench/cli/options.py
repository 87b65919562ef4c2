"""Options that several commands share, so that each has one name, one type and one explanation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fleetbench.cli.fleet import ENVIRONMENTS, FleetChoice
from fleetbench.graph.release import RELEASES
from fleetbench.ids import ObjectId, parse_reference
from fleetbench.model.parameters import NEVER_S
from fleetbench.units import MAX_DURATION_S, go_duration, parse_duration

Command = TypeVar("Command", bound=Callable[..., Any])


class DurationType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A Go duration such as ``1m30s``, within bounds where there are some; the command gets seconds."""

    name = "duration"

    def __init__(self, least_s: float = 0.0, most_s: float = MAX_DURATION_S):
        self.least_s, self.most_s = least_s, most_s

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it; a default that is already seconds passes."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self.least_s <= seconds <= self.most_s:
            bounds = f"{go_duration(self.least_s)} to {go_duration(self.most_s)}"
            self.fail(f"got {value!r}, wanted {bounds}", param, ctx)
        return seconds


class ObjectType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``ns/name`` (a Kustomization) or ``Kind/ns/name``, without the namespace where the name alone is clear.

    :func:`fleetbench.graph.named.named` looks it up.
    """

    name = "object"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ObjectId:
        """Parse it; whether the fleet holds it is only known once the fleet is read."""
        if isinstance(value, ObjectId):
            return value
        try:
            return parse_reference(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class PercentType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``10%`` or ``10``; the command gets the share, 0.1."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it; a default that is already a share passes."""
        if isinstance(value, float):
            return value
        try:
            percent = float(str(value).strip().removesuffix("%"))
        except ValueError:
            self.fail(f"got {value!r}, wanted a percentage such as 10%", param, ctx)
        if not 0 <= percent <= 1000:
            self.fail(f"got {value!r}, wanted a percentage from 0% to 1000%", param, ctx)
        return percent / 100.0


class EventsType(DurationType):
    """``up``, ``down`` or a Go duration; the command gets the seconds from t0 until events are taken."""

    name = "events"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it."""
        try:
            return super().convert({"up": 0.0, "down": NEVER_S}.get(value, value), param, ctx)
        except click.BadParameter:
            self.fail(f"got {value!r}, wanted up, down, or after how long it is up: 1m30s, at most a day", param, ctx)


DURATION = DurationType()
PERCENT = PercentType()
OBJECT = ObjectType()
EVENTS_UP = EventsType(most_s=NEVER_S)


def stacked(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Add options in the order in which ``--help`` is to show them."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


def samples_option(help: str, default: int = 50, least: int = 1) -> Callable[[Command], Command]:
    """Add ``--samples``."""
    return click.option(
        "--samples",
        metavar="N",
        type=click.IntRange(least, 1_000_000),
        default=default,
        show_default=True,
        help=help,
    )


def seed_option(help: str = "Same seed, same numbers.") -> Callable[[Command], Command]:
    """Add ``--seed``."""
    return click.option("--seed", metavar="S", type=int, default=0, show_default=True, help=help)


def flux_version_option() -> Callable[[Command], Command]:
    """Add ``--flux-version``: the release, where the repository's own does not hold."""
    return click.option(
        "--flux-version",
        type=click.Choice(RELEASES),
        help=f"Whose defaults hold.  [default: the Flux that the repository installs, else {RELEASES[-1]}]",
    )


def durations_option(command: Command) -> Command:
    """Add ``--durations``."""
    return click.option(
        "--durations",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="OBJECT -> time from applied to Current (YAML or JSON).",
    )(command)


def set_depends_on_option(command: Command) -> Command:
    """Add ``--set-depends-on``; :meth:`fleetbench.cli.simulation.Simulation.fleet` applies it."""
    return click.option(
        "--set-depends-on", metavar="ns/name=a,b", multiple=True, help="What if it depended on these (repeatable)."
    )(command)


def fleet_options(command: Command) -> Command:
    """Add the options that choose the fleet; the command gets them as one argument ``fleet``."""

    @click.option("--repo", metavar="DIR", type=click.Path(path_type=Path), help="Directory of a Flux repository.")
    @click.option(
        "--cluster-path", metavar="PATH", help="With --repo: what the root Kustomization points at, relative to DIR."
    )
    @click.option(
        "--graph", metavar="FILE", type=click.Path(path_type=Path), help="A graph file written by `fleetbench graph`."
    )
    @click.option("--from-cluster", is_flag=True, help="Read the fleet from a live cluster, changing nothing.")
    @click.option(
        "--context", metavar="NAME", help="Of a live cluster: the kubeconfig context.  [default: the current one]"
    )
    @click.option(
        "--env", type=click.Choice(ENVIRONMENTS), help="Environment of the reference fleet that ships.  [default: dev]"
    )
    @click.option(
        "--installed",
        metavar="NAME",
        multiple=True,
        help="What the cluster has before Flux comes (repeatable): Namespace/NAME or another object in full (also a source that "
        "somebody applied by hand), an API group, or loosely the NAME of a release, chart, namespace or Kustomization. A helmfile in the repository says so, too.",
    )
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        repo: Path | None,
        cluster_path: str | None,
        graph: Path | None,
        from_cluster: bool,
        context: str | None,
        env: str | None,
        installed: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        choice = FleetChoice(repo, cluster_path, graph, from_cluster, context, env, installed)
        return command(*args, fleet=choice, **rest)

    return wrapper  # type: ignore[return-value]


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Add ``--format`` with these choices, the first being the default; the command gets it as ``format``."""
    return click.option(
        "--format", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print the result."
    )


def output_option(command: Command) -> Command:
    """Add ``-o FILE``; the command gets it as ``output``."""
    return click.option(
        "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE instead of the terminal."
    )(command)

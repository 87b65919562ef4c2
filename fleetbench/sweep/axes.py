"""What a sweep can vary: each axis with its option, how a value is read and shown, and which end of it is the cheap one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from fleetbench.ids import parse_reference, say
from fleetbench.model.parameters import REQUEUE_S, parameters_of
from fleetbench.units import go_duration, parse_duration

Value = str | int | float | bool

NO_FAILURE = "none"
STRATEGY, PROFILE, FLUX_VERSION, FAIL = "strategy", "profile", "flux_version", "fail"
FEWER, SELDOMER = -1, 1
"""The cheap end of an axis: few workers, processors, nodes; or long intervals, which ask the API server less often."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that can be varied."""

    name: str
    """Column in the results."""
    option: str
    metavar: str
    help: str
    read: Callable[[str], Value]
    """One value of the option's list; ValueError says what was wanted."""
    fields: tuple[str, ...] = ()
    """Fields of Parameters that it sets; none = it chooses the scenario in another way."""
    cheap: int | None = None
    """:data:`FEWER` or :data:`SELDOMER` where it has a knee to be found; None = it is no quantity."""

    def show(self, value: Value) -> str:
        """A value for people, as one would type it."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return go_duration(value) if self.name.endswith("_s") else f"{value:g}"
        return str(value)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise ValueError(f"got {text!r}, wanted a whole number from 1 to 10000")
    return int(text)


def _processors(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.01 <= value <= 10_000:
        raise ValueError(f"got {text!r}, wanted a number of processors from 0.01 to 10000, such as 1 or 2.5")
    return value


def _interval(text: str) -> float:
    value = parse_duration(text)
    if not REQUEUE_S[0] <= value <= REQUEUE_S[1]:
        raise ValueError(f"got {text!r}, wanted 1ms to 24h")
    return value


def _yes_no(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError(f"got {text!r}, wanted yes or no")
    return text.lower() == "yes"


def _strategy(text: str) -> str:
    if text not in ("fine", "waves"):
        raise ValueError(f"got {text!r}, wanted fine or waves")
    return text


def _version(text: str) -> str:
    from fleetbench.errors import InputError

    try:
        return parameters_of(text).flux_version
    except InputError as error:
        raise ValueError(error.message.partition(": ")[2]) from None


def _failures(text: str) -> str:
    """``none``, or objects joined by ``+``, in one order however they were typed."""
    if text == NO_FAILURE:
        return text
    objects = {parse_reference(part) for part in text.split("+")}
    return "+".join(sorted(map(say, objects)))


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis(STRATEGY, "--strategy", "LIST", "fine, waves: the fleet as it is, or regrouped.", _strategy),
        Axis("kustomize_concurrent", "--kustomize-concurrent", "N,N", "Workers of kustomize-controller.", _count,
             ("kustomize_concurrent",), FEWER),
        Axis("helm_concurrent", "--helm-concurrent", "N,N", "Workers of helm-controller.", _count,
             ("helm_concurrent",), FEWER),
        Axis("source_concurrent", "--source-concurrent", "N,N", "Workers of source-controller, per kind of source.", _count,
             ("source_concurrent",), FEWER),
        Axis("requeue_dependency_s", "--requeue-dependency", "D,D", "How often a dependency is polled.", _interval,
             ("requeue_dependency_s", "helm_requeue_dependency_s"), SELDOMER),
        Axis("event_driven_dependents", "--event-driven", "yes,no",
             "What if a Ready enqueued its dependants at once (kustomize-controller pull request 1412)?", _yes_no,
             ("event_driven_dependents",)),
        Axis("cpus", "--cpus", "N,N", "Processors that the controllers, API server and etcd share.", _processors,
             ("cpus",), FEWER),
        Axis("nodes", "--nodes", "N,N", "Nodes that pull images side by side.", _count, ("nodes",), FEWER),
        Axis(FLUX_VERSION, "--flux-version", "V,V", "Whose defaults hold: 2.6 to 2.9.", _version),
        Axis(PROFILE, "--profile", "NAME|FILE,...", "Workload times: default, short, files of `calibrate`.", str),
        Axis(FAIL, "--fail", "none|OBJECT,...", "Never turns healthy; a+b = both in one cell.", _failures),
    )
}  # fmt: skip
"""In the order in which cells are counted: the last one given runs fastest."""

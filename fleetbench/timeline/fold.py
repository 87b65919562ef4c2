"""An object's rows -> its reconciles: what a controller did to it, and when it held a worker for that.

Predicted and measured rows differ in two ways that this module levels out. A reconcile that changes nothing in the
status leaves no row in a cluster (a poll that finds the same dependency not ready), while the engine writes one. And
a measured status is patched in several steps that come as several rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from fleetbench import phases
from fleetbench.ids import ObjectId
from fleetbench.timeline.events import Event, Timeline

_step_of = lru_cache(maxsize=4096)(phases.step_of)
"""The same few messages come thousands of times."""

FINALIZER, CHECK, RUN = "finalizer", "check", "run"

SAME_PATCH_S = 0.5
"""Two failing rows with the same words this close together are one reconcile's patches, not two reconciles."""


class Reconcile(NamedTuple):
    """One reconcile, as its rows show it."""

    kind: str
    """``finalizer``: the first one. ``check``: ended for want of a dependency or source, the worker let go at once.
    ``run``: the rest."""
    from_s: float
    """Its first row, in seconds since t0."""
    to_s: float | None
    """When it ended; None = not within the timeline."""
    applied_s: float | None = None
    """A run's row ``Running health checks``: everything is applied; None = it shows none."""
    reason: str = ""
    """Reason of the Ready condition it ended with."""
    message: str = ""
    ok: bool = False
    """It ended with Ready=True."""
    attempt: int = 0
    """Which reconcile of the object it is, counted from 1, where the rows say so; 0 = not known."""
    unpacked_s: float | None = None
    """A run's row ``Building manifests``: the artifact is fetched and unpacked; None = it shows none."""


def flux_rows(timeline: Timeline, id: ObjectId) -> tuple[Event, ...]:
    """The rows of a Flux object itself.

    The engine files workloads that it knows only as a whole under their owner's id; those rows are left out here.
    """
    rows = timeline.by_object.get(id, ())
    return rows if not any(map(is_workload_row, rows)) else tuple(row for row in rows if not is_workload_row(row))


def is_workload_row(row: Event) -> bool:
    """Whether a row under a Flux object's id tells of its workloads."""
    return row.reason == phases.CURRENT or (row.reason == phases.PROGRESSING and row.status == phases.FALSE)


def reconciles(rows: Sequence[Event]) -> tuple[Reconcile, ...]:
    """The reconciles that the rows of one Kustomization or HelmRelease show, in order.

    Args:
        rows: see :func:`flux_rows`.
    """
    found: list[Reconcile] = []
    running: _Running | None = None
    begun: float | None = None  # helm-controller's row before it knows how the reconcile will end
    previous: Event | None = None
    for row in rows:
        status = row.status
        same = previous is not None and previous.status == status and previous.reason == row.reason
        if status == phases.ABSENT:
            if row.message.startswith(phases.PREREQUISITES):
                begun = row.t_s if begun is None else begun
            elif previous is not None and not found and begun is None:
                found.append(Reconcile(FINALIZER, row.t_s, row.t_s, attempt=row.attempt))
        elif status == phases.UNKNOWN:
            step = _step_of(row.message)
            if running is None and step == phases.PREREQUISITES:
                begun, previous = row.t_s if begun is None else begun, row
                continue
            if running is not None and step == phases.FETCHING and running.step not in (None, phases.FETCHING):
                found.append(running.ended(row.t_s))  # its end was not seen
                running = None
            if running is None:
                running = _Running(row.t_s if begun is None else begun, row.attempt)
                begun = None
            running.shows(step, row.t_s)
        elif status == phases.TRUE:
            if running is not None or previous is None or not same or previous.revision != row.revision:
                running = running or _Running(row.t_s if begun is None else begun, row.attempt)
                found.append(running.ended(row.t_s, row.reason, row.message, ok=True))
                running, begun = None, None
            else:  # a reconcile that changes nothing begins, or ends
                begun = row.t_s if row.message.startswith(phases.PREREQUISITES) else None
        elif running is not None:
            found.append(running.ended(row.t_s, row.reason, row.message))
            running = None
        elif same and row.message.startswith(phases.PREREQUISITES):
            begun = row.t_s if begun is None else begun
        elif begun is not None or not (same and previous is not None and _same_patch(previous, row)):
            kind = CHECK if row.reason in phases.WAITS else RUN
            start_s = row.t_s if begun is None else begun
            found.append(Reconcile(kind, start_s, row.t_s, None, row.reason, row.message, False, row.attempt))
            begun = None
        previous = row
    if running is not None:
        found.append(running.ended(None))
    return tuple(found)


class _Running:
    """A run whose end is still to come."""

    __slots__ = ("applied_s", "attempt", "from_s", "step", "unpacked_s")

    def __init__(self, from_s: float, attempt: int):
        self.from_s, self.attempt = from_s, attempt
        self.applied_s: float | None = None
        self.unpacked_s: float | None = None
        self.step: str | None = None

    def shows(self, step: str | None, at_s: float) -> None:
        self.step = step or self.step
        if step == phases.BUILDING and self.unpacked_s is None:
            self.unpacked_s = at_s
        if step == phases.HEALTH_CHECKS and self.applied_s is None:
            self.applied_s = at_s

    def ended(self, to_s: float | None, reason: str = "", message: str = "", ok: bool = False) -> Reconcile:
        return Reconcile(
            RUN, self.from_s, to_s, self.applied_s, reason, message, ok, self.attempt, unpacked_s=self.unpacked_s
        )


def _same_patch(previous: Event, row: Event) -> bool:
    close = row.t_s - previous.t_s < SAME_PATCH_S and row.attempt == previous.attempt
    return close and (row.message == previous.message or row.reason not in phases.WAITS)

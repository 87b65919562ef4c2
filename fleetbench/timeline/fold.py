"""An object's rows -> its reconciles: what a controller did to it, and when it held a worker for that.

Predicted and measured rows differ in two ways that this module levels out. A reconcile that changes nothing in the
status leaves no row in a cluster (a poll that finds the same dependency not ready), while the engine writes one. And
a measured status is patched in several steps that come as several rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fleetbench import phases
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.timeline.events import Event, Timeline

FINALIZER, CHECK, RUN = "finalizer", "check", "run"

SAME_PATCH_S = 0.5
"""Two failing rows with the same words this close together are one reconcile's patches, not two reconciles."""

_ENDS_A_CHECK = (phases.DEPENDENCY_NOT_READY, phases.ARTIFACT_FAILED, phases.SOURCE_NOT_READY)


@dataclass(frozen=True, slots=True)
class Reconcile:
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


def flux_rows(timeline: Timeline, id: ObjectId) -> tuple[Event, ...]:
    """The rows of a Flux object itself.

    The engine files workloads that it knows only as a whole under their owner's id; those rows are left out here.
    """
    rows = timeline.by_object.get(id, ())
    return tuple(row for row in rows if not is_workload_row(row))


def is_workload_row(row: Event) -> bool:
    """Whether a row under a Flux object's id tells of its workloads."""
    return row.reason == phases.CURRENT or (row.reason == phases.PROGRESSING and row.status == phases.FALSE)


def reconciles(rows: Sequence[Event]) -> tuple[Reconcile, ...]:
    """The reconciles that the rows of one Kustomization or HelmRelease show, in order.

    Args:
        rows: see :func:`flux_rows`.
    """
    found: list[Reconcile] = []
    running: Reconcile | None = None
    begun: float | None = None  # helm-controller's row before it knows how the reconcile will end
    previous: Event | None = None
    for row in rows:
        same = previous is not None and (previous.status, previous.reason) == (row.status, row.reason)
        step = phases.step_of(row.message)
        if row.status == phases.ABSENT:
            if step == phases.PREREQUISITES:
                begun = row.t_s if begun is None else begun
            elif previous is not None and not found and begun is None:
                found.append(Reconcile(FINALIZER, row.t_s, row.t_s, attempt=row.attempt))
        elif row.status == phases.UNKNOWN:
            if running is not None and step == phases.FETCHING and running.reason not in ("", phases.FETCHING):
                found.append(replace(running, to_s=row.t_s, reason=""))  # its end was not seen
                running = None
            if running is None:
                running = Reconcile(RUN, row.t_s if begun is None else begun, None, attempt=row.attempt)
                begun = None
            applied = row.t_s if step == phases.HEALTH_CHECKS and running.applied_s is None else running.applied_s
            running = replace(running, applied_s=applied, reason=step or running.reason)
        elif row.status == phases.TRUE:
            changed = previous is None or not same or previous.revision != row.revision
            if running is not None or changed:
                start = running or Reconcile(RUN, row.t_s if begun is None else begun, None, attempt=row.attempt)
                found.append(replace(start, to_s=row.t_s, reason=row.reason, message=row.message, ok=True))
                running, begun = None, None
            elif step == phases.PREREQUISITES:
                begun = row.t_s
        elif running is not None:
            found.append(replace(running, to_s=row.t_s, reason=row.reason, message=row.message))
            running = None
        elif same and step == phases.PREREQUISITES:
            begun = row.t_s if begun is None else begun
        elif not (same and previous is not None and _same_patch(previous, row)):
            kind = CHECK if row.reason in _ENDS_A_CHECK else RUN
            start_s = row.t_s if begun is None else begun
            found.append(Reconcile(kind, start_s, row.t_s, None, row.reason, row.message, attempt=row.attempt))
            begun = None
        previous = row
    if running is not None:
        found.append(replace(running, reason=""))
    return tuple(found)


def _same_patch(previous: Event, row: Event) -> bool:
    close = row.t_s - previous.t_s < SAME_PATCH_S and row.attempt == previous.attempt
    return close and (row.message == previous.message or row.reason not in _ENDS_A_CHECK)


def is_service(id: ObjectId) -> bool:
    """Whether an object is one that turns Ready by a reconcile of the kustomize- or helm-controller."""
    return id.kind in (KUSTOMIZATION, HELM_RELEASE)

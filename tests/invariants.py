"""What must hold of any timeline, predicted or measured."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.timeline.events import Timeline
from fleetbench.timeline.fold import CHECK, RUN, Reconcile
from fleetbench.timeline.lacking import came_s
from fleetbench.timeline.posts import posted_s
from fleetbench.timeline.queues import held
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.workers import steps_of

if TYPE_CHECKING:
    from fleetbench.model.parameters import Parameters

MEASURED_TOLERANCE_S = 0.5
"""For measured timelines: rows of two kinds of object come over two watches, and status patches take their time."""

_RETRIED = (phases.HEALTH_CHECK_FAILED, phases.RECONCILIATION_FAILED, phases.BUILD_FAILED)
_PATCHES_S = 5.0
"""What the last status patches may take after a health check ran into its timeout."""


def check_invariants(fleet: Fleet, timeline: Timeline, parameters: Parameters, tolerance_s: float = 1e-6) -> list[str]:
    """What is wrong with a timeline.

    Args:
        fleet: what was rolled out.
        timeline: predicted or measured events.
        parameters: the controllers' flags of that rollout.
        tolerance_s: how far two rows may be in the wrong order, in seconds; :data:`MEASURED_TOLERANCE_S` for measured
            timelines.

    Returns:
        One line per violation, with object and time; empty = all is well.
    """
    found = [*_rows(timeline)]
    rollout = Rollout(fleet, timeline, parameters)
    found += _workers(rollout)
    for id in rollout.services:
        if rollout.rows(id):
            found += _dependencies(rollout, id, tolerance_s)
            found += _parent(rollout, id, tolerance_s)
            found += _health(rollout, id, tolerance_s)
            found += _pauses(rollout, id, tolerance_s)
    return found


def _rows(timeline: Timeline) -> Iterator[str]:
    """Events come in order; attempts only count up; observedGeneration is never ahead of the generation."""
    before = 0.0
    attempts: dict[ObjectId, int] = {}
    for event in timeline.events:
        if event.t_s < before:
            yield f"{event.object}: an event at {event.t_s:.3f} s comes after one at {before:.3f} s"
        before = max(before, event.t_s)
        if event.attempt and event.attempt < attempts.get(event.object, 0):
            yield f"{event.object}: attempt {event.attempt} at {event.t_s:.3f} s after attempt {attempts[event.object]}"
        attempts[event.object] = max(event.attempt, attempts.get(event.object, 0))
        if event.observed > event.generation:
            yield f"{event.object}: observedGeneration {event.observed} at generation {event.generation}, {event.t_s:.3f} s"
    if before > timeline.until_s:
        yield f"an event at {before:.3f} s, after the end at {timeline.until_s:.3f} s"


def _workers(rollout: Rollout) -> Iterator[str]:
    """Never more objects in work than there are workers."""
    groups: dict[tuple[str, str | None], list[ObjectId]] = {}
    for obj in rollout.fleet.services():
        groups.setdefault((obj.id.kind, obj.shard), []).append(obj.id)
    for (kind, _), ids in groups.items():
        workers = rollout.workers_of(ids[0])
        for at, count in steps_of(held(rollout, ids)):
            if count > workers:
                yield f"{count} {kind}s in work at {at:.3f} s with {workers} workers"


def _dependencies(rollout: Rollout, id: ObjectId, tolerance_s: float) -> Iterator[str]:
    """No run before each dependency was Ready, of the same source with its newest artifact (readyExpr aside)."""
    obj = rollout.service(id)
    assert obj is not None
    source = rollout.chart_or_source(id)
    for dependency in obj.depends_on:
        target = rollout.service(dependency.target)
        if target is None or (dependency.ready_expr and not rollout.parameters_of(id).additive_cel_dependency_check):
            continue
        for run in _begun(rollout, id):
            by = run.from_s + tolerance_s
            turned = rollout.turned_ready(dependency.target, by)
            if turned is None:
                yield f"{id}: runs at {run.from_s:.3f} s, before its dependency {dependency.target} was Ready"
                break
            artifact = None
            if id.kind == KUSTOMIZATION and source is not None and source == rollout.chart_or_source(dependency.target):
                artifact = rollout.turned_ready(source, run.from_s - tolerance_s)
            if artifact is not None and turned < artifact - tolerance_s:
                yield f"{id}: runs at {run.from_s:.3f} s, before {dependency.target} was Ready with the artifact of {artifact:.3f} s"
                break


def _parent(rollout: Rollout, id: ObjectId, tolerance_s: float) -> Iterator[str]:
    """Nothing is created before its parent begins to apply."""
    created = rollout.rows(id)[0]
    parent = rollout.parent(id)
    if parent is None or created.status != phases.ABSENT or rollout.service(parent) is None:
        return
    made = rollout.fleet.made(id)
    for gate in () if made is None else made.after:
        turns = rollout.turns(gate)
        if not turns or turns[0] > created.t_s + tolerance_s:
            yield f"{id}: exists at {created.t_s:.3f} s, before {gate} is Ready, for which its ResourceSet waits"
    first = next((r.from_s for r in _runs(rollout, parent)), None)
    if first is None or created.t_s < first - tolerance_s:
        yield f"{id}: exists at {created.t_s:.3f} s, before its parent {parent} applies it"


def _health(rollout: Rollout, id: ObjectId, tolerance_s: float) -> Iterator[str]:
    """A first Ready comes after Ready of all that the health check watches; no health check outlasts its timeout."""
    k = rollout.fleet.kustomization(id)
    if k is None:
        return
    checks = [r for r in _runs(rollout, id) if r.applied_s is not None]
    ready = next((r.to_s for r in checks if r.ok), None)
    if ready is not None:
        for child in rollout.checked(id):
            if rollout.service(child) is not None and rollout.turned_ready(child, ready + tolerance_s) is None:
                yield f"{id}: Ready at {ready:.3f} s, before {child}, which its health check watches"
        for workload, began, _ in rollout.workloads(id) if k.wait else ():
            if began < ready and not _was_current(rollout, workload, ready + tolerance_s):
                yield f"{id}: Ready at {ready:.3f} s, before its {workload} was Current"
    for r in checks:
        if r.applied_s is not None and r.to_s is not None:
            posted = posted_s(rollout.parameters_of(id), r.applied_s, r.to_s, k.effective_timeout_s)
            lasted = r.to_s - r.applied_s - posted
            if lasted > k.effective_timeout_s + _PATCHES_S:
                yield f"{id}: a health check of {lasted:.3f} s with a timeout of {k.effective_timeout_s:g} s"


def _was_current(rollout: Rollout, workload: ObjectId, by_s: float) -> bool:
    return any(e.status == phases.TRUE and e.t_s <= by_s for e in rollout.timeline.by_object.get(workload, ()))


def _pauses(rollout: Rollout, id: ObjectId, tolerance_s: float) -> Iterator[str]:
    """Between two reconciles lies what the controller waits: retryInterval, or the requeue of a dependency.

    A new artifact or a new generation may cut either short, and a what-if that enqueues dependants the second. What t0
    finds came of a reconcile before it, so its wait is over sooner.
    """
    k = rollout.fleet.kustomization(id)
    if k is None:
        return
    ended = 0.0
    for last, after in pairwise(rollout.reconciles(id)):
        # A check shows no row before its end: what comes while it is in work has the object looked at once more.
        began = ended if last.kind == CHECK else last.from_s
        ended = last.from_s if last.to_s is None else last.to_s
        wanted = _pause(rollout, k, last)
        if wanted is None or last.to_s is None or last.from_s <= 0.0:
            continue
        if _enqueued(rollout, k, began, after.from_s + tolerance_s):
            continue
        if after.from_s - last.to_s < wanted - tolerance_s:
            yield (
                f"{id}: reconciled again at {after.from_s:.3f} s, {after.from_s - last.to_s:.3f} s after "
                f"{last.reason}, wanted {wanted:g} s"
            )


def _pause(rollout: Rollout, k: Kustomization, last: Reconcile) -> float | None:
    if last.kind == RUN and last.reason in _RETRIED:
        return k.effective_retry_s
    by_event = rollout.parameters.event_driven_dependents
    if last.kind == CHECK and last.reason == phases.DEPENDENCY_NOT_READY and not by_event:
        return rollout.requeue_dependency_s(k.id)
    return None


def _enqueued(rollout: Rollout, k: Kustomization, after_s: float, by_s: float) -> bool:
    artifacts = rollout.artifacts(k.source) if k.source is not None else []
    generations = {e.generation for e in rollout.rows(k.id) if after_s <= e.t_s <= by_s}
    configs = [t for need in k.needs if need.queues and (t := came_s(rollout, need)) is not None]
    # One that comes at the very moment at which the last reconcile began may have come after it.
    return any(after_s <= t <= by_s for t in (*artifacts, *configs)) or len(generations) > 1


def _begun(rollout: Rollout, id: ObjectId) -> list[Reconcile]:
    """The runs without the one that t0 finds over or begun: a commit may bring a dependency that was not there then."""
    found = rollout.rows(id)[0]
    return [r for r in _runs(rollout, id) if r.from_s > found.t_s or found.status == phases.ABSENT]


def _runs(rollout: Rollout, id: ObjectId) -> list[Reconcile]:
    return [r for r in rollout.reconciles(id) if r.kind == RUN]

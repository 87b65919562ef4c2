"""What a reconcile waited for until it was due: the step between two reconciles of one object.

Where rows do not show when it was due, it is inferred: a dependency is looked at every ``requeue-dependency`` seconds
from the last look that a row shows, later where the look had to queue (see :class:`~fleetbench.timeline.queues.Queue`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fleetbench import phases
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import ObjectId
from fleetbench.timeline import causes
from fleetbench.timeline.fold import CHECK, FINALIZER, RUN, Reconcile
from fleetbench.timeline.lacking import came_s, what_of
from fleetbench.timeline.rollout import Rollout

SKEW_S = 0.3
"""Rows of two kinds of object come over two watches; one may be seen this much later than what followed from it."""

LOOK_S = 2.0
"""A check may have looked at a dependency this long before the row that tells its result."""

Served = Callable[[float, float], float]
"""(due, by) -> when an item that was due then was taken from the queue."""


class Step(NamedTuple):
    """A reconcile and what came before it."""

    id: ObjectId
    begun_s: float
    """Its first row, or the end of the timeline."""
    reconcile: Reconcile | None
    """None = it did not begin within the timeline."""
    last: Reconcile | None
    """The one before; None = the object was just created."""
    checks: tuple[Reconcile, ...]
    """The failed checks of the same kind right before it."""
    since_s: float
    """When the one before ended, or the object was created."""


class Trigger(NamedTuple):
    """What made a reconcile due."""

    waits: tuple[tuple[float, str, ObjectId | None, str], ...]
    """(until, cause, for whom, detail), in order of time; the last one ends when it was due."""
    due_s: float
    entered_s: float | None = None
    """When it entered the queue, where that is not ``due_s``: a look at dependencies that were not Ready yet then."""
    latest_s: float | None = None
    """``due_s`` is inferred; it was due by this moment at the latest, and between the two it still waited for the last
    cause unless all workers were held. None = ``due_s`` is sure."""


def steps(rollout: Rollout, id: ObjectId) -> list[Step]:
    """An object's reconciles with what came before; checks that repeat one another count with what follows them."""
    found: list[Step] = []
    last: Reconcile | None = None
    checks: list[Reconcile] = []
    since = rollout.rows(id)[0].t_s
    for r in rollout.reconciles(id):
        if r.kind == CHECK and checks and checks[0].reason == r.reason:
            checks.append(r)
            continue
        found.append(Step(id, r.from_s, r, last, tuple(checks), since))
        checks = [r] if r.kind == CHECK else []
        last, since = r, rollout.timeline.until_s if r.to_s is None else r.to_s
    until = rollout.timeline.until_s
    if since < until:
        found.append(Step(id, until, None, last, tuple(checks), since))
    return found


def trigger(rollout: Rollout, step: Step, served: Served) -> Trigger:
    """What a reconcile waited for, and when it was due."""
    last = step.last
    if step.checks:
        if step.checks[0].reason == phases.DEPENDENCY_NOT_READY:
            return _dependencies(rollout, step, served)
        return _source(rollout, step)
    if last is None or last.kind == FINALIZER:
        if step.reconcile is not None and step.reconcile.kind == FINALIZER:
            return Trigger((), step.since_s)
        due = min(step.since_s + rollout.parameters_of(step.id).retry_delays_s(step.id.kind)[0], step.begun_s)
        return Trigger(((due, causes.FINALIZER_REQUEUE, None, ""),), due)
    if last.ok:
        return _change(rollout, step, last)
    return _retry(rollout, step, last)


def _source(rollout: Rollout, step: Step) -> Trigger:
    source = rollout.chart_or_source(step.id)
    came = None if source is None else rollout.turned_ready(source, step.begun_s + SKEW_S)
    if source is None or came is None:
        return Trigger(((step.begun_s, causes.SOURCE, source, f"waits for {source or 'its source'}"),), step.begun_s)
    due = min(max(came, step.since_s), step.begun_s)
    return Trigger(((due, causes.SOURCE, source, ""),), due)


def _dependencies(rollout: Rollout, step: Step, served: Served) -> Trigger:
    obj = rollout.service(step.id)
    depends_on = () if obj is None else rollout.fleet.waited_for(obj)
    looked = step.checks[-1].to_s or step.since_s
    source = rollout.chart_or_source(step.id)
    if step.reconcile is None:
        never = [d.target for d in depends_on if not rollout.is_ready(d.target, step.begun_s, source)]
        if never:
            return Trigger(((step.begun_s, causes.DEPENDENCY, never[0], ""),), step.begun_s)
    saw = step.checks[-1].from_s - LOOK_S
    pending = [d.target for d in depends_on if not all(rollout.is_ready(d.target, at, source) for at in (saw, looked))]
    # Where the look itself found it Ready, it turned just before; what it was before a commit does not count.
    since = {d: saw if rollout.is_ready(d, looked, source) else looked for d in pending}
    turned = [(t, d) for d in pending if (t := rollout.next_ready(d, since[d])) is not None and t <= step.begun_s]
    ready, last = max(turned, default=(step.since_s, None))
    ready = max(ready, step.since_s)
    artifact = _new_artifact(rollout, step, looked)
    if artifact is not None and artifact >= ready:  # its event enqueued the object
        return Trigger(((artifact, causes.SOURCE, source, ""),), artifact)
    entered, sure = _poll_due(rollout, step, looked, ready, served)
    due = max(entered, ready)
    poll = f"{last or 'its dependencies'} Ready, noticed at the next poll"
    waits = ((ready, causes.DEPENDENCY, last, ""), (due, causes.DEPENDENCY_POLL, None, poll))
    latest = None if sure else min(ready + rollout.requeue_dependency_s(step.id), step.begun_s)
    return Trigger(waits, due, entered, latest)


def _poll_due(rollout: Rollout, step: Step, looked_s: float, ready_s: float, served: Served) -> tuple[float, bool]:
    """When the poll that found the dependencies Ready was due, and whether that is sure.

    Polls go on from the last one that a row shows.
    """
    every = rollout.requeue_dependency_s(step.id)
    if rollout.parameters.event_driven_dependents:
        return ready_s, False
    due = looked_s + every
    r, check = step.reconcile, step.checks[-1]
    if r is not None and check.attempt and r.attempt == check.attempt + 1:
        return min(due, step.begun_s), True  # no look without a row lies between them
    while due < step.begun_s:
        taken = served(due, step.begun_s)
        if taken >= ready_s:
            return due, False
        due = taken + every
    return min(step.begun_s, ready_s + every), False


def _change(rollout: Rollout, step: Step, last: Reconcile) -> Trigger:
    """Ready, and reconciled again: a new artifact, a change by its parent, or its interval."""
    obj = rollout.service(step.id)
    artifact = _new_artifact(rollout, step, last.from_s)
    if artifact is not None:
        due = max(artifact, step.since_s)
        return Trigger(((due, causes.READY, rollout.chart_or_source(step.id), ""),), due)
    parent = None if obj is None else obj.parent
    # Of a Kustomization of the same source the artifact's event tells.
    if parent is not None and rollout.chart_or_source(parent) != rollout.chart_or_source(step.id):
        runs = [r for r in rollout.reconciles(parent) if r.kind == RUN]
        by = step.begun_s + SKEW_S  # the parent's row that tells so follows the apply
        applied = [at for r in runs if (at := r.applied_s or r.to_s) is not None and step.since_s < at <= by]
        if applied:
            due = min(applied[-1], step.begun_s)
            return Trigger(((due, causes.READY, parent, ""),), due)
    return Trigger(((step.begun_s, causes.READY, None, ""),), step.begun_s, None, step.begun_s)


def _retry(rollout: Rollout, step: Step, last: Reconcile) -> Trigger:
    """After a failure: retryInterval, or the rate limiter, or a new artifact before that."""
    obj = rollout.service(step.id)
    due = step.begun_s
    if last.reason == phases.HEALTH_CHECK_CANCELED:  # at once, but for the rate limiter
        due = step.since_s + rollout.parameters_of(step.id).retry_delays_s(step.id.kind)[0]
    elif isinstance(obj, Kustomization):
        config = _config(rollout, step, obj, last)
        if config is not None:
            return config
        artifact = _new_artifact(rollout, step, last.from_s)
        due = step.since_s + obj.effective_retry_s if artifact is None else max(artifact, step.since_s)
    due = min(due, step.begun_s)
    return Trigger(((due, causes.RETRY, None, f"after {last.reason}"),), due)


def _config(rollout: Rollout, step: Step, obj: Kustomization, last: Reconcile) -> Trigger | None:
    """A ConfigMap or Secret that its build lacked came, and queued it; None = nothing of that kind did."""
    if last.reason != phases.BUILD_FAILED or step.begun_s >= step.since_s + obj.effective_retry_s:
        return None
    came = [(at, n) for n in obj.needs if n.queues and (at := came_s(rollout, n)) is not None and at >= last.from_s]
    if not came:
        return None
    at, need = max(came, key=lambda c: c[0])
    due = min(max(at, step.since_s), step.begun_s)
    return Trigger(((due, causes.NEED, need.provided_by, what_of(need)),), due)


def _new_artifact(rollout: Rollout, step: Step, after_s: float) -> float | None:
    """The first new artifact of its source after ``after_s``; its event enqueues the object at once."""
    source = rollout.chart_or_source(step.id)
    if source is None:
        return None
    return next((t for t in rollout.artifacts(source) if after_s < t <= step.begun_s), None)

"""One object's life, from created to the end of the timeline, cut where the cause changes.

What no row shows is inferred: a dependency is looked at every ``requeue-dependency`` seconds from the last look that a
row shows, later where all workers were held then.
"""

from __future__ import annotations

from fleetbench import phases
from fleetbench.graph.fleet import HelmRelease, Kustomization
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.timeline import causes
from fleetbench.timeline.causes import Segment
from fleetbench.timeline.fold import CHECK, FINALIZER, RUN, Reconcile
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.workers import DIP_S

OWN_WORK_S = 2.0
"""A gap with workers to be had is the controller's own work if it is shorter than this, and idleness if longer."""


SKEW_S = 0.3
"""Rows of two kinds of object come over two watches; one may be seen this much later than what followed from it."""


class Life:
    """Builds the segments of one Kustomization or HelmRelease."""

    def __init__(self, rollout: Rollout, obj: Kustomization | HelmRelease):
        self.rollout, self.obj, self.id = rollout, obj, obj.id
        self.pool = rollout.pool(obj.id)
        self.segments: list[Segment] = []
        rows = rollout.rows(obj.id)
        self.at_s = self.created_s = rows[0].t_s
        self.own = causes.FETCH_BUILD_APPLY if obj.id.kind == KUSTOMIZATION else causes.HELM

    def build(self) -> list[Segment]:
        """The segments, touching, from created to the end of the timeline."""
        last: Reconcile | None = None
        checks: list[Reconcile] = []
        for r in self.rollout.reconciles(self.id):
            if r.kind == CHECK and checks and checks[0].reason == r.reason:
                checks.append(r)
                continue
            if r.kind == FINALIZER:
                self._queue(r.from_s, self.own)
            else:
                self._wait(last, checks, r.from_s)
            checks = [r] if r.kind == CHECK else []
            if r.kind == RUN:
                self._run(r)
            else:
                self._to(r.to_s, self.own)
            last = r
        until = self.rollout.timeline.until_s
        if self.at_s < until:
            self._open_end(last, checks, until)
        return self.segments

    def _to(self, to_s: float | None, cause: str, on: ObjectId | None = None, detail: str = "") -> None:
        """Extend the life up to ``to_s``; what lies before its end already is left as it is."""
        if to_s is not None and to_s > self.at_s:
            self.segments.append(Segment(self.at_s, to_s, cause, on, detail))
            self.at_s = to_s

    # --- between reconciles ----------------------------------------------------------------------------------------

    def _wait(self, last: Reconcile | None, checks: list[Reconcile], next_s: float) -> None:
        """The gap between the last reconcile and the row with which the next one begins."""
        if checks:
            if checks[0].reason == phases.DEPENDENCY_NOT_READY:
                self._wait_for_dependencies(checks, next_s)
            else:
                self._wait_for_source(next_s)
        elif last is None or last.kind == FINALIZER:
            self._wait_for_finalizer(last, next_s)
        elif last.ok:
            self._wait_for_change(last, next_s)
        else:
            retry = isinstance(self.obj, Kustomization) and last.reason != phases.HEALTH_CHECK_CANCELED
            due = self.at_s + self.obj.effective_retry_s if retry and isinstance(self.obj, Kustomization) else next_s
            artifact = self._new_artifact(last.from_s, next_s)
            if artifact is not None:
                due = max(artifact, self.at_s)
            self._to(min(due, next_s), causes.RETRY, detail=f"after {last.reason}")
            self._queue(next_s, causes.RETRY)

    def _queue(self, next_s: float, otherwise: str) -> None:
        """From due to begun: in the queue if all workers were held."""
        since = self.pool.full_before(self.at_s, next_s)
        if since is not None:
            if since - self.at_s > DIP_S:
                self._to(since, otherwise)
            self._to(next_s, causes.QUEUE)
        else:
            self._to(next_s, self.own if next_s - self.at_s < OWN_WORK_S else otherwise)

    def _wait_for_finalizer(self, last: Reconcile | None, next_s: float) -> None:
        if last is None:  # created; or its finalizer left no row
            begun = self.pool.full_until(self.at_s)
            if begun > self.at_s:
                self._to(min(begun, next_s), causes.QUEUE)
        self._to(min(self.at_s + self.rollout.parameters.min_retry_delay_s, next_s), causes.FINALIZER_REQUEUE)
        self._queue(next_s, self.own)

    def _wait_for_source(self, next_s: float) -> None:
        source = self.rollout.chart_or_source(self.id)
        came = None if source is None else self.rollout.turned_ready(source, next_s + SKEW_S)
        if source is None or came is None:
            self._to(next_s, causes.SOURCE, detail=f"waits for {source or 'its source'}")
            return
        self._to(min(came, next_s), causes.SOURCE, source)
        self._queue(next_s, self.own)

    def _wait_for_dependencies(self, checks: list[Reconcile], next_s: float) -> None:
        looked = checks[-1].to_s or self.at_s
        turned = [(t, d.target) for d in self.obj.depends_on if (t := self.rollout.turned_ready(d.target, next_s)) is not None]
        ready, last = max(turned, default=(self.at_s, None))
        artifact = self._new_artifact(looked, next_s)
        if artifact is not None and artifact >= ready:  # its event enqueued the object
            self._to(artifact, causes.SOURCE, self.rollout.chart_or_source(self.id))
            self._queue(next_s, self.own)
            return
        self._to(ready, causes.DEPENDENCY, last)
        due = self._due(looked, ready, next_s)
        poll = f"noticed that {last or 'its dependencies'} is Ready at its own poll"
        self._to(due, causes.DEPENDENCY_POLL, detail=poll)
        since = self.pool.full_before(self.at_s, next_s)
        if since is None:
            self._to(next_s, causes.DEPENDENCY_POLL, detail=poll)
        else:
            self._to(since, causes.DEPENDENCY_POLL, detail=poll)
            self._to(next_s, causes.QUEUE)

    def _due(self, looked_s: float, ready_s: float, next_s: float) -> float:
        """When the poll that found the dependencies Ready was due: polls go on from the last one that a row shows."""
        every = self.rollout.requeue_dependency_s(self.id)
        due = looked_s + every
        while due < next_s:
            begun = self.pool.full_until(due)
            if begun >= ready_s and next_s - begun < every - OWN_WORK_S / 2:
                return due
            if begun + every <= due:
                break
            due = begun + every
        return next_s

    def _wait_for_change(self, last: Reconcile, next_s: float) -> None:
        """Ready, and reconciled again: a new artifact, a change by its parent, or its interval."""
        source = self.rollout.chart_or_source(self.id)
        artifact = self._new_artifact(last.from_s, next_s)
        if artifact is not None:
            self._to(artifact, causes.READY, source)
        elif self.id.kind != KUSTOMIZATION and self.obj.parent is not None:
            applied = [
                r.applied_s or r.to_s
                for r in self.rollout.reconciles(self.obj.parent)
                if r.kind == RUN and self.at_s < (r.applied_s or r.to_s or 0.0) <= next_s
            ]
            self._to(applied[-1] if applied else None, causes.READY, self.obj.parent)
        self._queue(next_s, causes.READY)

    def _new_artifact(self, after_s: float, by_s: float) -> float | None:
        """The first new artifact of its source after ``after_s``; a Kustomization is enqueued by it at once."""
        source = self.rollout.chart_or_source(self.id)
        if source is None:
            return None
        return next((t for t in self.rollout.artifacts(source) if after_s < t <= by_s), None)

    # --- within a run ----------------------------------------------------------------------------------------------

    def _run(self, r: Reconcile) -> None:
        end = self.rollout.timeline.until_s if r.to_s is None else r.to_s
        if not self._waits:
            self._to(end, self.own)
            return
        if self.id.kind == KUSTOMIZATION and r.applied_s is None:
            self._to(end, self.own)  # it failed, or ended, before it was applied
            return
        since = r.from_s if r.applied_s is None else r.applied_s
        if r.ok or r.to_s is None:
            self._health(since, end, r.to_s is not None)
            return
        self._to(r.applied_s, self.own)
        timed_out = end - since >= self._timeout_s - OWN_WORK_S / 2
        self._to(end, causes.TIMEOUT if timed_out else causes.FAILED, detail=r.reason)

    def _health(self, since_s: float, end_s: float, passed: bool) -> None:
        """Applied, then the last of what is watched, then the poll that sees it."""
        if self.id.kind == KUSTOMIZATION:
            self._to(since_s, self.own)
        waited: list[tuple[float, str, ObjectId, float]] = []
        for workload, start, current in self.rollout.workloads(self.id):
            if start < end_s and self._watches(workload):
                if passed and (current is None or current > end_s + SKEW_S):
                    continue  # something that changed it later
                at = end_s if current is None else min(current, end_s)
                if at > since_s:
                    waited.append((at, causes.WORKLOAD, workload, start))
        for child in self.rollout.checked(self.id):
            turned = self.rollout.turned_ready(child, end_s)
            if turned is None and not passed:
                turned = end_s
            if turned is not None and turned > since_s:
                waited.append((turned, causes.CHILD, child, since_s))
        if waited:
            at, cause, whom, start = max(waited)
            if self.id.kind != KUSTOMIZATION:
                self._to(start, self.own)
            if cause == causes.CHILD:
                self._to(at, cause, whom)
            else:
                self._to(at, cause, detail=str(whom))
        elif self.id.kind != KUSTOMIZATION:
            self._to(end_s, self.own)
        self._to(end_s, causes.HEALTH_POLL)

    @property
    def _waits(self) -> bool:
        obj = self.obj
        return obj.wait or bool(obj.health_checks) if isinstance(obj, Kustomization) else not obj.disable_wait

    @property
    def _timeout_s(self) -> float:
        return self.obj.effective_timeout_s if isinstance(self.obj, Kustomization) else self.obj.timeout_s

    def _watches(self, workload: ObjectId) -> bool:
        obj = self.obj
        return not isinstance(obj, Kustomization) or obj.wait or workload in obj.health_checks or workload == self.id

    def _open_end(self, last: Reconcile | None, checks: list[Reconcile], until_s: float) -> None:
        """What the object is doing when the timeline ends."""
        if checks and checks[0].reason == phases.DEPENDENCY_NOT_READY:
            pending = [d.target for d in self.obj.depends_on if self.rollout.turned_ready(d.target, until_s) is None]
            if pending:
                self._to(until_s, causes.DEPENDENCY, pending[0])
            else:
                self._wait_for_dependencies(checks, until_s)
        elif last is not None and last.ok:
            self._to(until_s, causes.READY)
        else:
            self._wait(last, checks, until_s)


def source_life(rollout: Rollout, id: ObjectId) -> list[Segment]:
    """The segments of a source or chart: until it has an artifact, and idle between artifacts."""
    rows = rollout.rows(id)
    found: list[Segment] = []
    at = rows[0].t_s if rows else 0.0
    for came in rollout.artifacts(id):
        if found:
            begun = next((r.t_s for r in rows if at < r.t_s <= came and r.status != phases.TRUE), came)
            source = rollout.fleet.source(id)
            upstream = None if source is None else source.copied_from
            found.append(Segment(at, begun, causes.READY, upstream))
            at = begun
        found.append(Segment(at, came, causes.SOURCE))
        at = came
    until = rollout.timeline.until_s
    found.append(Segment(at, until, causes.READY if found else causes.SOURCE))
    return [s for s in found if s.to_s > s.from_s]

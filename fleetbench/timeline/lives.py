"""One object's life, from created to the end of the timeline, cut where the cause changes."""

from __future__ import annotations

from math import inf

from fleetbench import phases
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.graph.order import checks_health
from fleetbench.ids import KUSTOMIZATION, ObjectId, say, some
from fleetbench.timeline import causes
from fleetbench.timeline.causes import Segment
from fleetbench.timeline.fold import RUN, Reconcile
from fleetbench.timeline.lacking import lacking, last_to_come, what_of
from fleetbench.timeline.posts import posted_s
from fleetbench.timeline.queues import Queue
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.triggers import SKEW_S, Step, Trigger
from fleetbench.timeline.workers import DIP_S, SLOW_S

TIMEOUT_SLACK_S = 1.0
"""A health check that failed within this much of its timeout ran into it."""


class Life:
    """Builds the segments of one Kustomization or HelmRelease."""

    def __init__(self, rollout: Rollout, queue: Queue, obj: Kustomization | HelmRelease):
        self.rollout, self.queue, self.obj, self.id = rollout, queue, obj, obj.id
        self.pool = queue.pool
        self.segments: list[Segment] = []
        rows = rollout.rows(obj.id)
        self.at_s = self.created_s = rows[0].t_s
        self.own = causes.FETCH_BUILD_APPLY if obj.id.kind == KUSTOMIZATION else causes.HELM

    def build(self) -> list[Segment]:
        """The segments, touching, from created to the end of the timeline."""
        for step, trigger in self.queue.triggers(self.id):
            r = step.reconcile
            self._wait(step, trigger)
            if r is not None and r.kind == RUN:
                self._run(r)
            elif r is not None:
                self._told(r.to_s, self.own)
        return self.segments

    def _to(self, to_s: float | None, cause: str, on: ObjectId | None = None, detail: str = "") -> None:
        """Extend the life up to ``to_s``; what lies before its end already is left as it is."""
        if to_s is not None and to_s > self.at_s:
            self.segments.append(Segment(self.at_s, to_s, cause, on, detail))
            self.at_s = to_s

    def _told(self, to_s: float | None, cause: str, detail: str = "", other_s: float = SLOW_S) -> None:
        """Extend the life up to ``to_s``, where the last thing done was to post an event: taken at once, or in vain.

        Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply, checkHealth;
        helm-controller v1.6.3 internal/reconcile/install.go success. Each posts before it patches the status.
        """
        if to_s is not None:
            posted = posted_s(self.rollout.parameters_of(self.id), self.at_s, to_s, other_s)
            self._to(to_s - posted, cause, detail=detail)
            cause, detail = causes.EVENTS, ""
        self._to(to_s, cause, detail=detail)

    def _wait(self, step: Step, trigger: Trigger) -> None:
        """From the last reconcile to the row with which the next one begins."""
        for until, cause, whom, detail in trigger.waits:
            self._to(until, cause, whom, detail)
        begun = step.begun_s
        if step.reconcile is None and trigger.due_s >= begun:
            return
        since = self.pool.full_before(self.at_s, begun)
        cause, detail = self.own, ""
        if trigger.waits and (trigger.latest_s is not None or trigger.waits[-1][1] == causes.DEPENDENCY_POLL):
            _, cause, _, detail = trigger.waits[-1]
        if trigger.latest_s is not None:
            self._to(trigger.latest_s if since is None else since, cause, detail=detail)
        if (since is not None and begun - self.at_s > DIP_S) or begun - self.at_s > SLOW_S:
            self._to(begun, causes.QUEUE)
        else:
            self._to(begun, cause, detail=detail)

    # --- within a run ----------------------------------------------------------------------------------------------

    def _run(self, r: Reconcile) -> None:
        end = self.rollout.timeline.until_s if r.to_s is None else r.to_s
        if not checks_health(self.obj):
            self._told(end, self.own, detail=self._failure(r) or self._unpacking(r, end))
            return
        if self.id.kind == KUSTOMIZATION and r.applied_s is None:
            self._to(end, self.own, detail=self._failure(r))  # it failed, or ended, before it was applied
            return
        since = r.from_s if r.applied_s is None else r.applied_s
        if r.ok or r.to_s is None:
            self._health(r, since, end)
            return
        self._to(r.applied_s, self.own, detail=self._unpacking(r, since))
        checked = end - posted_s(self.rollout.parameters_of(self.id), since, end, inf)  # then the failure is told of
        timed_out = checked - since >= self.obj.effective_timeout_s - TIMEOUT_SLACK_S
        wanting = self._wanting(end)
        detail = f"{r.reason}: {some(wanting, 3)} not Current" if wanting else self._failure(r)
        self._to(checked, causes.TIMEOUT if timed_out else causes.FAILED, detail=detail)
        self._to(end, causes.EVENTS)

    def _failure(self, r: Reconcile) -> str:
        """Why a reconcile ended before anything was applied: what it needs and nobody has brought, or its own fault."""
        if r.ok or r.to_s is None or not r.reason:
            return ""
        at_s, needs = r.to_s, [need for need in self.obj.needs if need.blocks in ("apply", "build")]
        late = [n for n in needs if n.provided_by and self.rollout.turned_ready(n.provided_by, at_s) is None]
        lacked = list(dict.fromkeys(map(what_of, late)))
        why = f"{some(lacked, 3)} not there" if lacked else self.obj.obstacle
        return f"{r.reason}: {why}" if why else r.reason

    def _wanting(self, at_s: float) -> list[str]:
        """What the health check watches and had not seen Current or Ready by then."""
        workloads = self.rollout.watched_workloads(self.id)
        found = []
        for w, start, current in workloads:
            if start < at_s and (current is None or current > at_s):
                lacked = lacking(self.rollout, self.obj, w, at_s)
                found.append(_workload(w) + (f" ({some(lacked, 2)} not there)" if lacked else ""))
        found += [say(c) for c in self.rollout.checked(self.id) if self.rollout.turned_ready(c, at_s) is None]
        if isinstance(self.obj, Kustomization) and not self.obj.wait and not found:
            found = [_workload(named) for named in self.obj.health_checks if not self.rollout.rows(named)]
        return list(dict.fromkeys(found))

    def _unpacking(self, r: Reconcile, to_s: float) -> str:
        return self.rollout.unpacking(self.id, r, to_s)

    def _health(self, r: Reconcile, since_s: float, end_s: float) -> None:
        """Applied, then the last of what is watched, then the poll that sees it."""
        passed = r.to_s is not None
        if self.id.kind == KUSTOMIZATION:
            self._told(since_s, self.own, detail=self._unpacking(r, since_s))
        waited: list[tuple[float, str, ObjectId, float]] = []
        for workload, start, current in self.rollout.watched_workloads(self.id):
            if start < end_s:
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
                self._lacked(whom, at)
                self._to(at, cause, detail=str(whom))
        elif self.id.kind != KUSTOMIZATION:
            self._to(end_s, self.own)
        else:
            self._lacked(None, end_s)
        if passed:
            self._told(end_s, causes.HEALTH_POLL, other_s=self.rollout.poll_s(self.id))
        else:
            self._to(end_s, causes.WORKLOAD, detail=some(self._wanting(end_s), 3))

    def _lacked(self, workload: ObjectId | None, until_s: float) -> None:
        """Until the last of what the workload (None = any) needs had come."""
        found = last_to_come(self.rollout, self.obj, workload, self.at_s, until_s)
        if found is not None:
            at, need = found
            self._to(at, causes.NEED, need.provided_by, what_of(need))


def wanting(rollout: Rollout, id: ObjectId, timed_out: Segment) -> Segment:
    """A health check that ran into its timeout, as the wait for what came last of all that was not there by then."""
    obj, end_s = rollout.service(id), timed_out.to_s
    assert obj is not None
    late: list[tuple[float, str, ObjectId | None]] = []
    for workload, start, current in rollout.watched_workloads(id):
        if start < end_s and (current is None or current > end_s):
            came = last_to_come(rollout, obj, workload, end_s, inf)  # without that its pods had not even begun
            on = (causes.WORKLOAD, None) if came is None else (causes.NEED, came[1].provided_by)
            late.append((inf if current is None else current, *on))
    open = [child for child in rollout.checked(id) if rollout.turned_ready(child, end_s) is None]
    late += [(rollout.next_ready(child, end_s) or inf, causes.CHILD, child) for child in open]
    if not late:
        return timed_out
    _, cause, whom = max(late, key=lambda found: found[0])
    return timed_out._replace(cause=cause, on=whom, detail="")


def _workload(id: ObjectId) -> str:
    """With its kind, also where it stands for all workloads of a Kustomization."""
    return str(id) if id.namespace else say(id)


def _given_by(rollout: Rollout, id: ObjectId, at_s: float) -> ObjectId | None:
    """Whose reconcile gave a source another manifest at a moment: a Kustomization's, or a release's its HelmChart; None = none."""
    parent = rollout.parent(id)
    if parent is None or not rollout.rows(parent):
        return None
    runs = (r for r in rollout.reconciles(parent) if r.from_s <= at_s + SKEW_S)
    until = rollout.timeline.until_s
    at_work = any(at_s <= (r.applied_s or (until if r.to_s is None else r.to_s)) + SKEW_S for r in runs)
    return parent if at_work else None


def source_life(rollout: Rollout, id: ObjectId) -> list[Segment]:
    """The segments of a source or chart: until it has an artifact, and idle between artifacts."""
    rows = rollout.rows(id)
    source = rollout.fleet.source(id)
    upstream = rollout.upstream(id)
    found: list[Segment] = []
    at = rows[0].t_s if rows else 0.0
    for came in rollout.artifacts(id):
        if found:
            begun = next((r.t_s for r in rows if at <= r.t_s <= came and r.status != phases.TRUE), came)
            followed = upstream is not None and any(at < t <= begun + SKEW_S for t in rollout.artifacts(upstream))
            by = upstream if followed else _given_by(rollout, id, begun) or upstream
            found.append(Segment(at, begun, causes.READY, by))
            at = begun
        found.append(Segment(at, came, causes.SOURCE))
        at = came
    until = rollout.timeline.until_s
    if found:
        suspended = source is not None and source.suspend
        found.append(Segment(at, until, causes.SUSPENDED if suspended else causes.READY))
    else:
        empty = upstream is not None and not rollout.artifacts(upstream)
        found.append(Segment(at, until, causes.SOURCE, upstream if empty else None))
    return [s for s in found if s.to_s > s.from_s]

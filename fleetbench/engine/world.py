"""The state of one sample: the cluster's objects as the controllers see them, on one machine."""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine.arrivals import Arrivals
from fleetbench.engine.items import Plan
from fleetbench.engine.machine import FAN_OUT
from fleetbench.engine.reachable import looked_at, reach
from fleetbench.engine.work_queue import WorkerPool
from fleetbench.ids import ObjectId
from fleetbench.timeline.events import Event

IN_VAIN, IN_VAIN_PER_OBJECT = 5_000, 200
"""A sample ends after so many reconciles, polls of dependencies aside, in which nothing turned Ready or was applied that
was not before: intervals of milliseconds would go on for the whole day, retries every minute for some hours stay below."""

TRUE, FALSE, UNKNOWN, ABSENT = phases.TRUE, phases.FALSE, phases.UNKNOWN, phases.ABSENT


class World(Arrivals):
    """Everything that changes during one sample."""

    __slots__ = (
        "_in_vain", "_patience", "_turning", "checking_s", "counting", "doomed", "events", "exists", "failed_checks",
        "failures", "finalizer", "finished", "hopeful", "left_alone", "pending", "pools", "ready_s", "reason", "record",
        "remaining", "stalled", "started_s", "status", "tries", "workload_by_object", "workload_failed", "workload_s",
    )  # fmt: skip

    def __init__(self, plan: Plan, sample: int, record: bool):
        super().__init__(plan, sample)
        self.record = record
        self.events: list[Event] = []
        size = len(plan.items)
        self.exists = [False] * size
        self.finalizer = [False] * size
        self.status = [ABSENT] * size
        self.reason = [""] * size
        self.started_s: list[float | None] = [None] * size
        self.workload_s = [0.0] * size
        self.workload_failed: dict[int, dict[ObjectId, float]] = {}
        """Object -> those of its workloads that make no progress for too long, and since when they count as Failed."""
        self.workload_by_object: list[dict[Any, float] | None] = [None] * size
        self.tries = [0] * size
        self.pending = [len(item.checks) for item in plan.items]
        """Watched items that are not Ready now."""
        self.failed_checks = [0] * size
        """Watched items that kstatus calls Failed."""
        self.checking_s: dict[int, float] = {}
        """Object -> for how long the health check that t0 found it in had gone on."""
        self._turning: dict[int, simpy.Event] = {}
        """Object -> what flux-operator waits for: that it turns Ready."""
        self.stalled: set[int] = set()
        self.left_alone: set[int] = set()
        """Suspended objects that kstatus calls Current although they were never Ready."""
        self.failures: dict[int, int] = {}
        """Failed releases in a row of each HelmRelease."""
        self.ready_s: list[float | None] = [None] * size
        services = set(plan.services)
        self.counting = [n in services for n in range(size)]
        self.remaining = sum(plan.reconcilable[n] for n in plan.services)
        self.hopeful = plan.reconcilable
        """Whether each object can still turn Ready."""
        self.doomed = dict(plan.doomed)
        """Services that can not and have not said so yet -> whether a whole reconcile of them begins."""
        self.finished = self.env.event()
        self._in_vain = 0
        """Whole reconciles since something was Ready or applied for the first time."""
        self._patience = IN_VAIN + IN_VAIN_PER_OBJECT * size
        self.pools: dict[tuple[str, str | None], WorkerPool] = {}

    def count_only(self, asked: Collection[int]) -> None:
        """Of the other services nothing is asked: what is Ready stays so, from the start."""
        for n in self.plan.services:
            self.counting[n] = n in asked
            if n not in asked:
                self.ready_s[n] = 0.0 if self.status[n] == TRUE and n not in self.plan.left_out else None
        self.remaining = sum(self.counting[n] and self.plan.reconcilable[n] for n in self.plan.services)
        self.doomed = {n: starts for n, starts in self.doomed.items() if self.counting[n]}

    def whole_reconcile(self) -> None:
        """A reconcile begins that is more than a poll: so many of them in vain end the sample."""
        self._in_vain += 1
        if self._in_vain > self._patience and not self.finished.triggered:
            self.finished.succeed()

    # --- objects ---------------------------------------------------------------------------------------------------

    def pool(self, n: int) -> WorkerPool:
        """The workers that reconcile this object."""
        item = self.items[n]
        return self.pools[item.id.kind, item.shard]

    def enqueue(self, n: int, priority: int = 0) -> None:
        """A watch event puts the object in its controller's queue."""
        self.pool(n).queue.add(n, priority=priority)
        if self.items[n].cancels:
            event = self.wake.get(n)
            if event is not None and not event.triggered:
                event.succeed("canceled")

    def create(self, n: int) -> None:
        """An apply creates the object, or finds it there."""
        if self.exists[n]:
            return
        self.exists[n] = True
        self.emit(n)
        if self.items[n].static:
            self.revision[n], self.status[n] = 1, TRUE
            self._is_current(n)
            return
        self.enqueue(n)
        self.burden(n, FAN_OUT)

    def emit(self, n: int, message: str = "") -> None:
        """Record the object as a watch would see it now."""
        if self.record:
            revision = self.revision[n]
            self.events.append(
                Event(
                    self.env.now,
                    self.items[n].id,
                    self.status[n],
                    self.reason[n],
                    message,
                    1,
                    1 if self.status[n] == TRUE or self.revision[n] else -1,
                    f"r{revision}" if revision else "",
                    self.attempts[n],
                )
            )

    def set_ready(self, n: int, reason: str, message: str = "") -> None:
        """Ready=True."""
        was = self.status[n]
        self.status[n], self.reason[n] = TRUE, reason
        self.emit(n, message)
        # What turns Ready once the rollout is over, and should not have, was lucky in the order of the queue.
        open = self.counting[n] and self.ready_s[n] is None and not self.finished.triggered
        if open and self.reached(n):
            self.ready_s[n] = self.env.now
            self._in_vain = 0
            if self.plan.reconcilable[n]:
                self.remaining -= 1
                self.finish_if_over()
        if was != TRUE:
            self._is_current(n)
        if n in self._turning:
            self._turning.pop(n).succeed()
        if self.parameters.event_driven_dependents:
            for dependent in self.items[n].dependents:
                if self.exists[dependent]:
                    self.enqueue(dependent)

    def turns_ready(self, n: int) -> simpy.Event:
        """The next time that the object turns Ready."""
        if n not in self._turning:
            self._turning[n] = self.env.event()
        return self._turning[n]

    def set_not_ready(self, n: int, status: str, reason: str, message: str = "") -> None:
        """Ready=False or Unknown."""
        if n in self.doomed:
            self._hear(n, status, reason)
            self.finish_if_over()
        if self.status[n] == TRUE:
            for watcher in self.items[n].watchers:
                self.pending[watcher] += 1
        elif self.status[n] == status and self.reason[n] == reason and not self.record:
            return
        self.status[n], self.reason[n] = status, reason
        self.emit(n, message)

    def leave_alone(self, n: int) -> None:
        """A suspended object keeps its status; one that kstatus calls Current for it holds up nobody."""
        if self.items[n].current_when_left_alone and self.status[n] == ABSENT and n not in self.left_alone:
            self.left_alone.add(n)
            self._is_current(n)

    def give(self, n: int, revision: int) -> None:
        """An apply of that revision changes the object's spec, if it does: the new generation enqueues it.

        Until its controller has observed that, nobody takes it for Ready. A release starts to count its failures anew.

        Source: fluxcd/cli-utils v1.2.2 pkg/kstatus/status/generic.go checkGeneration; helm-controller v1.6.3
        internal/controller/helmrelease_controller.go checkDependencies, internal/action/reset.go MustResetFailures.
        """
        if (newest := self.manifest_revision(n, revision)) <= self.given[n]:
            return
        self.given[n] = newest
        if self.status[n] == TRUE:
            self.status[n], self.reason[n] = UNKNOWN, phases.PROGRESSING
            for watcher in self.items[n].watchers:
                self.pending[watcher] += 1
        self.reset_failures(n)
        self.enqueue(n)

    def reset_failures(self, n: int) -> None:
        """What a release was tried with has changed: it counts its failures anew."""
        if n in self.stalled:
            self.stalled.discard(n)
            for watcher in self.items[n].watchers:
                self.failed_checks[watcher] -= 1
        self.failures.pop(n, None)

    def stall(self, n: int) -> None:
        """A terminal state: kstatus calls the object Failed, nothing is tried again."""
        self.stalled.add(n)
        for watcher in self.items[n].watchers:
            self.failed_checks[watcher] += 1
            self.wake_up(watcher)

    def set_stalled(self, n: int) -> None:
        """The object comes to a terminal state now: who waits for it does so in vain."""
        self.stall(n)
        self.give_up()

    def give_up(self) -> None:
        """Some object can no longer turn Ready: see who waits for it in vain, and whether that was the last hope."""
        if self.more_revisions and self.heals_at == inf:
            return  # the fix is still to come
        heals = self.heals_at < inf
        found = reach(self.plan, {n for n in self.stalled if not (heals and self.items[n].failing_workloads)})
        for n in self.plan.services:
            heard_of = looked_at(self.plan, found, n)
            if n in self.doomed and not heard_of and not self._has_come(n):
                del self.doomed[n]  # what would have brought it gave up since: nobody ever tells of it
            elif n in self.doomed or (self.hopeful[n] and not found.ready[n] and heard_of):
                self.doomed[n] = found.starts[n]
                self._hear(n, self.status[n], self.reason[n])
        self.hopeful = found.ready
        self.remaining = sum(found.ready[n] and self.ready_s[n] is None for n in self.plan.services)
        self.finish_if_over()

    def _has_come(self, n: int) -> bool:
        """Whether the object is in the cluster, as its newest manifest has it: its controller tells of it."""
        return self.exists[n] and (n not in self.plan.given_by or self.given[n] >= self.goal_revision)

    def _hear(self, n: int, status: str, reason: str) -> None:
        """Cross a doomed object off once its status tells its failure, or what it waits for in vain."""
        if status == FALSE and not (self.doomed[n] and reason in phases.WAITS):
            del self.doomed[n]

    def finish_if_over(self) -> None:
        """The rollout is over once all is Ready that can be, and the rest has said why not: what follows are retries."""
        if self.remaining == 0 and not self.doomed and not self.finished.triggered:
            self.finished.succeed()

    def applied(self, n: int) -> None:
        """The object's manifests are in the cluster: what needs them can go on."""
        if self.applied_s[n] is None:
            self.applied_s[n] = self.env.now
            self._in_vain = 0
            self.tell_waiting(n)
            for taker in (t for t in self.plan.takers.get(n, ()) if self.exists[t]):
                if self.are_applied(self.items[taker].needs_build):
                    self.enqueue(taker)

    def _is_current(self, n: int) -> None:
        """Whose health check watches the object has one less to wait for."""
        for watcher in self.items[n].watchers:
            self.pending[watcher] -= 1
            if self.pending[watcher] == 0:
                self.wake_up(watcher)

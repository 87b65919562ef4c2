"""The state of one sample: the cluster's objects as the controllers see them, and the shared machine."""

from __future__ import annotations

from collections import deque
from math import exp, inf
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine.draws import MASK, MULTIPLIER, SHIFT, Bins, Draws, bins, key_of, phase_key
from fleetbench.engine.items import Plan
from fleetbench.engine.processors import Container, Processors
from fleetbench.engine.reachable import reach
from fleetbench.engine.work_queue import WorkerPool
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.model.scenario import BOOTSTRAP
from fleetbench.model.steps import Step, Steps
from fleetbench.timeline.events import Event

PHASES = {name: number for number, name in enumerate(Steps.__dataclass_fields__)}
"""Step -> number of its random stream; streams beyond 100 are named below."""
(
    FINALIZER, NO_ARTIFACT, DEPENDENCY_GET, DEPENDENCY_END, START, FETCH, FETCH_FILE, BUILD, BUILD_OBJECT, DRY_RUN, APPLY, FAN_OUT, HEALTH_START, POLL,
    HEALTH_END, FINISH, REMOVE_FILE, RELEASE, GIT_FETCH, REMOTE_FETCH, CHART_BUILD, HELM_START, HELM_LOAD, HELM_INSTALL, HELM_FINISH,
    POD_LAG, MEMORY_FILE,
) = (
    PHASES[name]
    for name in (
        "finalizer", "no_artifact", "dependency_get", "dependency_end", "start", "fetch", "fetch_file", "build", "build_object", "dry_run", "apply",
        "fan_out", "health_start", "poll", "health_end", "finish", "remove_file", "release", "git_fetch", "remote_fetch", "chart_build",
        "helm_start", "helm_load", "helm_install", "helm_finish", "pod_lag", "memory_file",
    )
)  # fmt: skip
JITTER, POD, PULL_SPEED, SYNC, LEASE, PULL_SIZE, POD_START = range(101, 108)
_SHARED = key_of("shared")
REMOVED_S, REMOVED_MOST = 60.0, 20_000
"""How long the file system remembers a removed file (RECENTCY_MIN), and how many at most make a difference."""
IN_VAIN, IN_VAIN_PER_OBJECT = 5_000, 200
"""A sample ends after so many reconciles, polls of dependencies aside, in which nothing turned Ready or was applied that
was not before. An interval of some milliseconds beside an object that misses its timeout would go on for the whole day,
millions of reconciles long; retries every minute for some hours stay below it."""

TRUE, FALSE, UNKNOWN, ABSENT = phases.TRUE, phases.FALSE, phases.UNKNOWN, phases.ABSENT


def _cost(step: Step | float, phase: int, steps: Steps) -> tuple[Bins | None, Bins, int]:
    """The step's values with stalls and without, and the key of its draws."""
    if not isinstance(step, Step) or step.p50_s == 0.0:
        return None, (), 0
    return bins(step, steps.outlier, steps.outlier_share), bins(step, steps.outlier, 0.0), phase_key(phase)


class World:
    """Everything that changes during one sample."""

    def __init__(self, plan: Plan, sample: int, record: bool):
        scenario = plan.scenario
        self.plan, self.items, self.parameters = plan, plan.items, scenario.parameters
        self.env = simpy.Environment()
        self.draws = Draws(scenario.seed, sample)
        self.record = record
        self.events: list[Event] = []
        self.speed = self.draws.lognormal(scenario.steps.speed, _SHARED, PHASES["speed"])
        self.cold = 0.0
        """What the cold start adds to the factor on all work, at t0."""
        if scenario.kind == BOOTSTRAP:
            self.cold = max(self.draws.lognormal(scenario.steps.cold, _SHARED, PHASES["cold"]) - 1.0, 0.0)
        self.processors = Processors(self.env, scenario.parameters.cpus * scenario.steps.overlap)
        limit = scenario.parameters.kustomize_cpus
        shards = {item.shard for item in plan.items if item.id.kind == KUSTOMIZATION}
        self.containers = {shard: Container(self.env, limit) for shard in shards}
        """Shard (None = the main one) -> its kustomize-controller."""
        self._removed: deque[tuple[float, int]] = deque()
        """(when, how many) files were removed from the disk within :data:`REMOVED_S`."""
        self._removed_files = 0
        steps = scenario.steps
        self.steps = steps
        self._cost = [_cost(getattr(steps, name), number, steps) for name, number in PHASES.items()]
        self._warm_s = 12.0 * steps.cold_decay_s
        self._warm = not self.cold
        """Whether nothing is left of the cold start that could be seen."""
        size = len(plan.items)
        self.exists = [False] * size
        self.finalizer = [False] * size
        self.status = [ABSENT] * size
        self.reason = [""] * size
        self.revision = [0] * size
        """lastAppliedRevision of a Kustomization, the artifact's revision of a source; 0 = none."""
        self.attempted = [0] * size
        self.changes: list[tuple[int, ...]] = [()] * size
        """The revisions of the repository that change the object's own manifests, in order."""
        self.given = [0] * size
        """HelmRelease: the revision of its manifest that its parent has applied; 0 = it was not created yet."""
        self.applied_revision = [0] * size
        """The revision of its manifests that was last applied; 0 = never."""
        self.applied_s: list[float | None] = [None] * size
        self.started_s: list[float | None] = [None] * size
        self.workload_s = [0.0] * size
        self.workload_failed: dict[int, dict[ObjectId, float]] = {}
        """Object -> those of its workloads that make no progress for too long, and since when they count as Failed."""
        self.workload_by_object: list[dict[Any, float] | None] = [None] * size
        self.attempts = [0] * size
        self.streams = [0] * size
        self.tries = [0] * size
        self.pending = [len(item.checks) for item in plan.items]
        """Watched items that are not Ready now."""
        self.failed_checks = [0] * size
        """Watched items that kstatus calls Failed."""
        self.checking_s: dict[int, float] = {}
        """Object -> for how long the health check that t0 found it in had gone on."""
        self.wake: dict[int, simpy.Event] = {}
        self.waiting_for_provider: dict[int, list[int]] = {}
        self.stalled: set[int] = set()
        self.left_alone: set[int] = set()
        """Suspended objects that kstatus calls Current although they were never Ready."""
        self.failures: dict[int, int] = {}
        """Failed releases in a row of each HelmRelease."""
        self.ready_s: list[float | None] = [None] * size
        self.goal_revision = 1
        self.counting = [False] * size
        for n in plan.services:
            self.counting[n] = True
        self.remaining = sum(plan.reconcilable[n] for n in plan.services)
        self.hopeful = plan.reconcilable
        """Whether each object can still turn Ready."""
        self.doomed = dict(plan.doomed)
        """Services that can not, and have not said so yet -> whether a whole reconcile of them begins."""
        self.finished = self.env.event()
        self._in_vain = 0
        """Whole reconciles since something was Ready or applied for the first time."""
        self._patience = IN_VAIN + IN_VAIN_PER_OBJECT * size
        self.node_free_s = [0.0] * scenario.parameters.nodes
        self.node_images: list[set[str]] = [set() for _ in range(scenario.parameters.nodes)]
        self.pull = scenario.pull
        self.bandwidth = 0.0
        """MB/s of this sample's nodes."""
        if self.pull is not None:
            self.bandwidth = self.pull.bandwidth_mb_s.quantile(self.draws.uniform(_SHARED, PULL_SPEED))
        self.pools: dict[tuple[str, str | None], WorkerPool] = {}
        self.more_revisions = False
        """Whether the repository may still get one, so that sources keep looking."""
        self.breaks_at = 0
        """The revision that breaks what fails: before a bad commit it was healthy."""
        self.heals_at = inf
        """The revision that heals it; infinity = none that was pushed yet."""
        self.latest = 1
        """The newest revision that the repository holds."""

    # --- the machine ---------------------------------------------------------------------------------------------

    def begin(self, n: int) -> None:
        """A reconcile of the object starts: its next attempt, with draws of its own."""
        attempt = self.attempts[n] = self.attempts[n] + 1
        self.streams[n] = self.draws.stream(self.items[n].key, attempt)

    def amount(self, n: int, phase: int, times: float = 1.0) -> float:
        """Seconds of work of one step of one object, this attempt's draw."""
        stalling, plain, phase_key = self._cost[phase]
        if stalling is None:
            return 0.0
        bin = ((self.streams[n] ^ phase_key) * MULTIPLIER & MASK) >> SHIFT
        # A step of many parts does not stall in each of them.
        seconds = stalling[bin] if times == 1.0 else plain[bin] * times
        if not self._warm:
            self._warm = self.env.now > self._warm_s
        return seconds * (self.speed if self._warm else self.slowness())

    def slowness(self) -> float:
        """Factor on all work now: the machine of this sample, cold at first."""
        return self.speed * (1.0 + self.cold * exp(-self.env.now / self.steps.cold_decay_s))

    def work(self, n: int, phase: int, times: float = 1.0) -> simpy.Timeout:
        """Start one step of an object; the event comes when it has had its processor time."""
        return self.processors.work(self.amount(n, phase, times))

    def unpack(self, n: int, files: int) -> float:
        """Work of unpacking an artifact into the controller's temporary folder, in seconds."""
        if self.parameters.in_memory_builds:
            return self.amount(n, MEMORY_FILE, files)
        removed = self._removed
        while removed and removed[0][0] < self.env.now - REMOVED_S:
            self._removed_files -= removed.popleft()[1]
        more = self.steps.fetch_file_more_s * min(self._removed_files, REMOVED_MOST) / 1000.0
        return self.amount(n, FETCH_FILE, files) + more * files * self.speed

    def remove_unpacked(self, n: int, files: int) -> float:
        """Work of removing it again, in seconds."""
        if self.parameters.in_memory_builds:
            return 0.0
        self._removed.append((self.env.now, files))
        self._removed_files += files
        return self.amount(n, REMOVE_FILE, files)

    def jittered(self, n: int, interval_s: float) -> float:
        """An interval with the controllers' jitter (pkg/runtime jitter.JitteredIntervalDuration)."""
        jitter = self.parameters.interval_jitter_of(self.items[n].id.kind)
        if jitter == 0.0:
            return interval_s
        u = self.draws.uniform(self.items[n].key, JITTER, self.attempts[n])
        return interval_s * (1.0 + jitter * (2.0 * u - 1.0))

    def whole_reconcile(self) -> None:
        """A reconcile begins that is more than a poll: so many of them in vain end the sample."""
        self._in_vain += 1
        if self._in_vain > self._patience and not self.finished.triggered:
            self.finished.succeed()

    def burden(self, n: int, phase: int) -> None:
        """Work that nobody waits for, but that takes its share of the machine."""
        seconds = self.amount(n, phase)
        if seconds > 0.0:
            self.processors.work(seconds)

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
        if not self.exists[n]:
            self.exists[n] = True
            self.emit(n)
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
        if open and self._reached(n):
            self.ready_s[n] = self.env.now
            self._in_vain = 0
            if self.plan.reconcilable[n]:
                self.remaining -= 1
                self.finish_if_over()
        if was != TRUE:
            for watcher in self.items[n].watchers:
                self.pending[watcher] -= 1
                if self.pending[watcher] == 0:
                    self._wake(watcher)
        if self.parameters.event_driven_dependents:
            for dependent in self.items[n].dependents:
                if self.exists[dependent]:
                    self.enqueue(dependent)

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
            for watcher in self.items[n].watchers:
                self.pending[watcher] -= 1
                if self.pending[watcher] == 0:
                    self._wake(watcher)

    def new_generation(self, n: int) -> None:
        """An apply changed the object's spec: until its controller has observed that, nobody takes it for Ready.

        A release starts to count its failures anew.

        Source: fluxcd/cli-utils v1.2.2 pkg/kstatus/status/generic.go checkGeneration; helm-controller v1.6.3
        internal/controller/helmrelease_controller.go checkDependencies, internal/action/reset.go MustResetFailures.
        """
        if self.status[n] == TRUE:
            self.status[n], self.reason[n] = UNKNOWN, phases.PROGRESSING
            for watcher in self.items[n].watchers:
                self.pending[watcher] += 1
        if n in self.stalled:
            self.stalled.discard(n)
            for watcher in self.items[n].watchers:
                self.failed_checks[watcher] -= 1
        self.failures.pop(n, None)
        self.enqueue(n)

    def stall(self, n: int) -> None:
        """A terminal state: kstatus calls the object Failed, nothing is tried again."""
        self.stalled.add(n)
        for watcher in self.items[n].watchers:
            self.failed_checks[watcher] += 1
            self._wake(watcher)

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
            looked_at = found.exists[n] and not self.items[n].suspend
            if n in self.doomed or (self.hopeful[n] and not found.ready[n] and looked_at):
                self.doomed[n] = found.starts[n]
                self._hear(n, self.status[n], self.reason[n])
        self.hopeful = found.ready
        self.remaining = sum(found.ready[n] and self.ready_s[n] is None for n in self.plan.services)
        self.finish_if_over()

    def _hear(self, n: int, status: str, reason: str) -> None:
        """Cross a doomed object off once its status tells its failure, or what it waits for in vain."""
        if status == FALSE and not (self.doomed[n] and reason in phases.WAITS):
            del self.doomed[n]

    def finish_if_over(self) -> None:
        """The rollout is over once all is Ready that can be, and the rest has said why not: what follows are retries."""
        if self.remaining == 0 and not self.doomed and not self.finished.triggered:
            self.finished.succeed()

    def fails(self, n: int) -> bool:
        """Whether the object is one that never turns healthy at the revision that is in force for it."""
        return self.items[n].fails and self.is_broken(n)

    def is_broken(self, n: int) -> bool:
        """Whether the revision in force for an object is one that breaks what fails."""
        in_force = self.given[n] if self.items[n].id.kind == HELM_RELEASE else self.attempted[n]
        return self.breaks_at <= in_force < self.heals_at

    def manifest_revision(self, n: int, revision: int) -> int:
        """The newest revision up to this one that changed the object's own manifests; 0 = none did."""
        return max((r for r in self.changes[n] if r <= revision), default=0)

    def applied(self, n: int) -> None:
        """The object's manifests are in the cluster: what needs them can go on."""
        if self.applied_s[n] is None:
            self.applied_s[n] = self.env.now
            self._in_vain = 0
            for waiting in self.waiting_for_provider.pop(n, ()):
                self._wake(waiting)

    def are_applied(self, needed: tuple[int, ...]) -> bool:
        """Whether the manifests of all these objects are in the cluster."""
        return all(self.applied_s[n] is not None for n in needed)

    def _wake(self, n: int) -> None:
        event = self.wake.get(n)
        if event is not None and not event.triggered:
            event.succeed("changed")

    def _reached(self, n: int) -> bool:
        """Whether Ready counts: of the revision that the scenario waits for."""
        if self.items[n].id.kind == HELM_RELEASE:
            return self.applied_revision[n] >= self.manifest_revision(n, self.goal_revision)
        return self.revision[n] >= self.goal_revision

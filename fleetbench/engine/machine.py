"""The machine of one sample: what a step costs, and who shares the processors and the node with whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from math import exp

import simpy

from fleetbench.engine.deployment_controller import DeploymentController, Followed
from fleetbench.engine.draws import MASK, MULTIPLIER, NOTHING, SHIFT, Bins, Draws, bins, key_of, phase_key
from fleetbench.engine.items import Plan
from fleetbench.engine.notification import Refusals, until_taken
from fleetbench.engine.processors import Container, Processors
from fleetbench.ids import KUSTOMIZATION, ObjectId, controller_of
from fleetbench.model.scenario import BOOTSTRAP
from fleetbench.model.steps import Step, Steps

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
JITTER, POD, PULL_SPEED, SYNC, LEASE, PULL_SIZE, POD_START, ORDER, SERVES, SERVER = range(101, 111)
_SHARED = key_of("shared")
REMOVED_S, REMOVED_MOST = 60.0, 20_000
"""How long the file system remembers a removed file (RECENTCY_MIN), and how many at most make a difference."""


@lru_cache(maxsize=4)
def _costs(steps: Steps) -> tuple[tuple[Bins, Bins, int], ...]:
    """Each step's values with stalls and without, and the key of its draws, in the order of :data:`PHASES`."""
    return tuple(_cost(getattr(steps, name), number, steps) for name, number in PHASES.items())


def _cost(step: Step | float, phase: int, steps: Steps) -> tuple[Bins, Bins, int]:
    if not isinstance(step, Step) or step.p50_s == 0.0:
        return NOTHING, NOTHING, 0  # it never stalls either
    return bins(step, steps.outlier, steps.outlier_share), bins(step, steps.outlier, 0.0), phase_key(phase)


class Kubelet:
    """One node's images."""

    __slots__ = ("free_s", "images")

    def __init__(self) -> None:
        self.free_s = 0.0
        """When it is done with the pulls that were asked for so far."""
        self.images: set[str] = set()


class Machine:
    """Clock, draws and processors: everything that takes time, whichever object it is for."""

    __slots__ = (
        "_cost", "_kubelets", "_nodes", "_refusals", "_removed", "_removed_files", "_warm", "_warm_s", "attempts", "bandwidth",
        "cold", "containers", "deployment_controllers", "draws", "env", "followed", "items", "parameters", "processors", "pull", "speed", "steps", "streams",
    )  # fmt: skip

    def __init__(self, plan: Plan, sample: int):
        scenario = plan.scenario
        self.items, self.parameters = plan.items, scenario.parameters
        self.env = simpy.Environment()
        self.draws = Draws(scenario.seed, sample)
        self._refusals: dict[tuple[str, str | None], Refusals] = {}
        """Controller and shard -> those of its pod's connections that are refused."""
        self.speed = self.draws.lognormal(scenario.steps.speed, _SHARED, PHASES["speed"])
        self.cold = 0.0
        """What the cold start adds to the factor on all work, at t0."""
        if scenario.kind == BOOTSTRAP:
            self.cold = max(self.draws.lognormal(scenario.steps.cold, _SHARED, PHASES["cold"]) - 1.0, 0.0)
        self.processors = Processors(self.env, scenario.parameters.cpus * scenario.steps.overlap)
        limits = {i.shard: i.parameters.kustomize_cpus for i in plan.items if i.id.kind == KUSTOMIZATION}
        self.containers = {shard: Container(self.env, limit) for shard, limit in limits.items()}
        """Shard (None = the main one) -> its kustomize-controller."""
        self._removed: deque[tuple[float, int]] = deque()
        """(when, how many) files were removed from the disk within :data:`REMOVED_S`."""
        self._removed_files = 0
        steps = scenario.steps
        self.steps = steps
        self._cost = _costs(steps)
        self._warm_s = 12.0 * steps.cold_decay_s
        self._warm = not self.cold
        """Whether nothing is left of the cold start that could be seen."""
        self.attempts = [0] * len(plan.items)
        """Reconciles of each object so far."""
        self.streams = [0] * len(plan.items)
        """The random stream of each object's attempt."""
        self._nodes = scenario.parameters.nodes
        self._kubelets: dict[str | None, list[Kubelet]] = {}
        self.deployment_controllers: dict[str | None, DeploymentController] = {}
        self.followed: dict[int, dict[ObjectId, Followed]] = {}
        """Object -> those of its Deployments whose status does not show yet that they are Current."""
        self.pull = scenario.pull
        self.bandwidth = 0.0
        """MB/s of this sample's nodes."""
        if self.pull is not None:
            self.bandwidth = self.pull.bandwidth_mb_s.quantile(self.draws.uniform(_SHARED, PULL_SPEED))

    def kubelets(self, cluster: str | None) -> list[Kubelet]:
        """The nodes of a cluster: None = this one; of another one nothing is known, so as many as here."""
        if cluster not in self._kubelets:
            self._kubelets[cluster] = [Kubelet() for _ in range(self._nodes)]
        return self._kubelets[cluster]

    def deployment_controller(self, cluster: str | None) -> DeploymentController | None:
        """That of a cluster; None = its client has no limit, so that nothing waits for it."""
        qps = self.parameters.controller_manager_qps
        if cluster not in self.deployment_controllers and qps is not None:
            burst = self.parameters.controller_manager_burst
            self.deployment_controllers[cluster] = DeploymentController(qps, burst)
        return self.deployment_controllers.get(cluster)

    def amount(self, n: int, phase: int, times: float = 1.0) -> float:
        """Seconds of work of one step of one object, this attempt's draw."""
        stalling, plain, phase_key = self._cost[phase]
        bin = ((self.streams[n] ^ phase_key) * MULTIPLIER & MASK) >> SHIFT
        # A step of many parts does not stall in each of them.
        seconds = stalling[bin] if times == 1.0 else plain[bin] * times
        return seconds * (self.speed if self._warm else self.slowness())

    def slowness(self) -> float:
        """Factor on all work now: the machine of this sample, cold at first."""
        now = self.env.now
        if now > self._warm_s:
            self._warm = True
            return self.speed
        return self.speed * (1.0 + self.cold * exp(-now / self.steps.cold_decay_s))

    def work(self, n: int, phase: int, times: float = 1.0) -> simpy.Timeout:
        """Start one step of an object; the event comes when it has had its processor time."""
        return self.processors.work(self.amount(n, phase, times))

    def unpack(self, n: int, files: int) -> float:
        """Work of unpacking an artifact into the controller's temporary folder, in seconds."""
        if self.items[n].parameters.in_memory_builds:
            return self.amount(n, MEMORY_FILE, files)
        removed = self._removed
        while removed and removed[0][0] < self.env.now - REMOVED_S:
            self._removed_files -= removed.popleft()[1]
        more = self.steps.fetch_file_more_s * min(self._removed_files, REMOVED_MOST) / 1000.0
        return self.amount(n, FETCH_FILE, files) + more * files * self.speed

    def remove_unpacked(self, n: int, files: int) -> float:
        """Work of removing it again, in seconds."""
        if self.items[n].parameters.in_memory_builds:
            return 0.0
        self._removed.append((self.env.now, files))
        self._removed_files += files
        return self.amount(n, REMOVE_FILE, files)

    def jittered(self, n: int, interval_s: float) -> float:
        """An interval with the controllers' jitter (pkg/runtime jitter.JitteredIntervalDuration)."""
        item = self.items[n]
        if item.jitter == 0.0:
            return interval_s
        u = self.draws.uniform(item.key, JITTER, self.attempts[n])
        return interval_s * (1.0 + item.jitter * (2.0 * u - 1.0))

    def post(self, n: int) -> Iterable[simpy.Event]:
        """One event about an object goes to notification-controller; one that is taken at once costs nothing here."""
        item = self.items[n]
        refused_s = item.parameters.events_refused_s
        if not refused_s:
            return ()
        refusals = self._refusals.setdefault((controller_of(item.id.kind), item.shard), Refusals())
        return until_taken(self.env, refused_s, refusals)

    def burden(self, n: int, phase: int) -> None:
        """Work that nobody waits for, but that takes its share of the machine."""
        seconds = self.amount(n, phase)
        if seconds > 0.0:
            self.processors.work(seconds)

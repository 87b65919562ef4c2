"""Pods of an object: when each starts, pulls and is ready, and when a workload counts as Failed for want of progress."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import heappop, heappush
from itertools import pairwise
from math import ceil, inf

from fleetbench.engine.deployment_controller import Followed
from fleetbench.engine.draws import key_of
from fleetbench.engine.items import Item
from fleetbench.engine.machine import POD, POD_LAG, POD_START, PULL_SIZE
from fleetbench.engine.world import World
from fleetbench.ids import ObjectId
from fleetbench.model.workload_time import ImagePull, PodTime

OF_NO_POD = 1 / 3
"""Of a pod's lag (its own status, its ReplicaSet's, its Deployment's): what an empty Deployment has of it, the last one."""


def start_pods(
    w: World,
    n: int,
    created: Mapping[ObjectId, Followed],
    those: Collection[ObjectId],
    held: Collection[ObjectId],
    *,
    updating: bool,
) -> dict[ObjectId, float]:
    """Workload -> when the last of its pods is ready; infinity = something has to come first.

    Args:
        w: the sample.
        n: whose they are.
        created: its Deployments in their controller's queue.
        those: the workloads to look at.
        held: those of them that lack something.
        updating: pods of an older template are there.
    """
    item = w.items[n]
    assert item.workload is not None
    now = hooks_end = w.env.now
    attempt = w.tries[n]
    ready: list[float] = []
    by_object: dict[ObjectId, float] = {}
    progress: dict[ObjectId, list[float]] = {}
    replaced: dict[ObjectId, list[float]] = {}
    for pod, key in zip(item.workload.pods, item.workload_keys, strict=True):
        at = now if pod.hook else hooks_end
        if pod.workload not in those:
            ready.append(at)
            continue
        if pod.workload in held:
            at = inf
        elif pod.workload in created and not pod.from_apply:
            at = max(now, created[pod.workload].created_s)
        if pod.after is not None and not (updating and pod.at_once is not None):
            at = max(at, ready[pod.after])
        if at == inf:
            pass
        elif updating and pod.at_once is not None:
            at = _replace(w, item, pod, key, attempt, at, replaced.setdefault(pod.workload, []))
        else:
            at = _start(w, item, pod, key, attempt, at)
        if pod.hook:
            hooks_end = max(hooks_end, at)
        ready.append(at)
        by_object[pod.workload] = max(at, by_object.get(pod.workload, 0.0))
        if pod.workload in item.deadlines:
            progress.setdefault(pod.workload, [now]).append(at)
    if created:
        controller = w.deployment_controllers[item.cluster]
        for id in [id for id in created if by_object.get(id, inf) != inf]:
            controller.follow(created[id], by_object[id])
        w.followed[n] = {d.object: created[d.object] for d in item.deployments if d.waits}
    failed = w.workload_failed.get(n, {})
    for id, times in progress.items():
        if failed.get(id, inf) <= now:
            continue  # it counts as Failed until it is Current
        given_up = _given_up_s(sorted(times), item.deadlines[id])
        failed.pop(id, None)
        if given_up is not None:
            w.workload_failed.setdefault(n, failed)[id] = given_up
    return by_object


def _start(w: World, item: Item, pod: PodTime, key: int, attempt: int, at: float) -> float:
    """When a pod that is created at a moment is ready."""
    at += pod.start.quantile(w.draws.uniform(key, POD_START, attempt))
    at = _pull(w, item.cluster, pod.pulls, at, key)
    at += pod.ready.quantile(w.draws.uniform(key, POD, attempt))
    return at + _lag(w, key, attempt) * (OF_NO_POD if pod.empty else 1.0)


def _replace(w: World, item: Item, pod: PodTime, key: int, attempt: int, at: float, replaced: list[float]) -> float:
    """When the new pod is ready that an update, begun at a moment, puts in an old one's place.

    ``replaced`` is a heap of when those are ready that were replaced last, as many as are at one time.
    """
    if not pod.at_once:
        return at
    # A DaemonSet is one pod here, and as many in its cluster as that has nodes.
    turns = ceil(len(w.kubelets(item.cluster)) / pod.at_once) if pod.workload.kind == "DaemonSet" else 1
    if len(replaced) >= pod.at_once:
        at = heappop(replaced)
    for turn in range(turns):
        at = _start(w, item, pod, key ^ turn, attempt, at)
    heappush(replaced, at)
    return at


def _given_up_s(progress_s: list[float], deadline_s: float) -> float | None:
    """When a workload has made no progress for too long, of the moments at which it makes any; None = it never is."""
    return next((a + deadline_s for a, b in pairwise(progress_s) if b - a > deadline_s), None)


def _lag(w: World, key: int, attempt: int) -> float:
    step = w.steps.pod_lag
    return 0.0 if step.p50_s == 0.0 else w.draws.lognormal(step, key, POD_LAG, attempt) * w.slowness()


def _pull(w: World, cluster: str | None, pulls: tuple[ImagePull, ...], at: float, key: int) -> float:
    """When the images are there: a node pulls each once, by default one after the other."""
    if w.pull is None or w.bandwidth <= 0.0:
        return at
    kubelets = w.kubelets(cluster)
    node = kubelets[key % len(kubelets)]
    held = node.images
    for pull in pulls:
        if pull.image in held:
            continue
        held.add(pull.image)
        megabytes = pull.megabytes.quantile(w.draws.uniform(key_of(pull.image), PULL_SIZE))
        if megabytes <= 0.0:
            continue
        seconds = megabytes / w.bandwidth
        if w.pull.serialized_per_node:
            at = node.free_s = max(at, node.free_s) + seconds
        else:
            at += seconds
    return at

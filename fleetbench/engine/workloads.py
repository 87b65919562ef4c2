"""What runs in the cluster once it is applied: when an object's own workloads are Current.

A kubelet pulls images one at a time and each once; pods start, pull and turn ready, replicas in turn where their kind
starts them so, hooks before the rest (MODEL.md, "Below Flux").
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import pairwise
from math import ceil, inf

from fleetbench import phases
from fleetbench.engine.deployment_controller import Followed
from fleetbench.engine.draws import key_of
from fleetbench.engine.items import Item
from fleetbench.engine.machine import POD, POD_LAG, POD_START, PULL_SIZE
from fleetbench.engine.readiness import next_poll_s
from fleetbench.engine.world import World
from fleetbench.ids import ObjectId
from fleetbench.model.workload_time import ImagePull, PodTime
from fleetbench.timeline.events import Event

OF_NO_POD = 1 / 3
"""Of a pod's lag (its own status, its ReplicaSet's, its Deployment's): what an empty Deployment has of it, the last one."""


def create_deployments(w: World, n: int) -> dict[ObjectId, Followed]:
    """The object's Deployments stand in their controller's queue from now on, as its apply begins.

    Those that only come after a hook do not: when that ends is not known yet.
    """
    item = w.items[n]
    controller = w.deployment_controller(item.cluster)
    if controller is None or (item.failing_workloads and w.is_broken(n)):
        return {}
    updating = w.applied_revision[n] > 0
    return {d.object: controller.create(d, w.env.now, updating=updating) for d in item.deployments}


def start_workloads(w: World, n: int, created: Mapping[ObjectId, Followed]) -> None:
    """Draw when the object's own workloads, applied now, will be Current; ``created``: :func:`create_deployments`."""
    item = w.items[n]
    workload = item.workload
    w.tries[n] += 1
    w.workload_by_object[n] = None
    w.workload_failed.pop(n, None)
    for deployment in w.followed.pop(n, {}).values():
        w.deployment_controllers[item.cluster].leave(deployment, w.env.now)
    if item.failing_workloads and w.is_broken(n):
        w.workload_s[n] = inf
        known = () if workload is None else workload.pods
        for object_id in dict.fromkeys(pod.workload for pod in known) or (item.id,):
            _emit(w, object_id, inf)
        w.workload_failed[n] = {id: w.env.now + deadline for id, deadline in item.deadlines.items()}
    elif workload is None or (workload.total is None and not workload.pods):
        w.workload_s[n] = w.env.now
    elif workload.total is not None:
        w.workload_s[n] = w.env.now + workload.total.quantile(w.draws.uniform(item.key, POD, w.tries[n]))
        _emit(w, item.id, w.workload_s[n])
    else:
        by_object = w.workload_by_object[n] = _start_pods(w, n, created, updating=w.applied_revision[n] > 0)
        w.workload_s[n] = max(by_object.values())
        told_later = w.followed.get(n, {})
        for object_id, at in by_object.items():
            _emit(w, object_id, inf if object_id in told_later else at)


def _start_pods(w: World, n: int, created: Mapping[ObjectId, Followed], updating: bool) -> dict[ObjectId, float]:
    """Workload -> when the last of its pods is ready; ``updating``: pods of an older template are there."""
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
        if pod.workload in created and not pod.from_apply:
            at = max(now, created[pod.workload].created_s)
        if updating and pod.at_once is not None:
            at = _replace(w, item, pod, key, attempt, at, replaced.setdefault(pod.workload, []))
        else:
            at = _start(w, item, pod, key, attempt, at if pod.after is None else max(at, ready[pod.after]))
        if pod.hook:
            hooks_end = max(hooks_end, at)
        ready.append(at)
        by_object[pod.workload] = max(at, by_object.get(pod.workload, 0.0))
        if pod.workload in item.deadlines:
            progress.setdefault(pod.workload, [now]).append(at)
    if created:
        controller = w.deployment_controllers[item.cluster]
        for id, deployment in created.items():
            controller.follow(deployment, by_object[id])
        w.followed[n] = {d.object: created[d.object] for d in item.deployments if d.waits}
    for id, times in progress.items():
        given_up = _given_up_s(sorted(times), item.deadlines[id])
        if given_up is not None:
            w.workload_failed.setdefault(n, {})[id] = given_up
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


def _emit(w: World, workload: ObjectId, at: float) -> None:
    if w.record:
        w.events.append(Event(w.env.now, workload, phases.FALSE, phases.PROGRESSING))
        if at != inf:
            w.events.append(Event(at, workload, phases.TRUE, phases.CURRENT, "", 1, 1))


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


def watched_workloads_s(w: World, n: int) -> float:
    """When the workloads that the object's health check watches are Current, its own and others'.

    Of a Deployment that is not yet it is the earliest moment that it can be: who waited until then looks again.
    """
    item = w.items[n]
    if item.checks_workloads is None:
        _look(w, n)
        return w.workload_s[n]
    return max((_current_s(w, owner, workload) for owner, workload in _watched(item, n)), default=0.0)


def _watched(item: Item, n: int) -> list[tuple[int, ObjectId]]:
    own = item.deadlines if item.checks_workloads is None else item.checks_workloads
    return [(n, workload) for workload in own] + [*item.checks_elsewhere]


def next_failure_s(w: World, n: int, first_s: float) -> float:
    """The first poll at which a watched workload is Failed; infinity = none is.

    Source: fluxcd/pkg/ssa v0.76.1 manager_wait.go WaitForSetWithContext, helm-controller v1.6.3 internal/action/wait.go
    (both fail fast).
    """
    if not w.workload_failed:
        return inf
    item, found = w.items[n], inf
    for owner, workload in _watched(item, n):
        since = w.workload_failed.get(owner, {}).get(workload)
        if since is not None:
            at = next_poll_s(max(w.env.now, since), first_s, item.poll_s)
            found = min(found, at) if at < _current_s(w, owner, workload) else found
    return found


def _look(w: World, n: int) -> None:
    """See what the status of its Deployments shows by now."""
    followed = w.followed.get(n)
    if followed is None:
        return
    controller, by_object = w.deployment_controllers[w.items[n].cluster], w.workload_by_object[n]
    assert by_object is not None
    open = False
    for id, deployment in followed.items():
        by_object[id] = controller.shown_s(deployment, w.env.now)
        open = open or not deployment.is_shown
    w.workload_s[n] = max(by_object.values())
    if not open:
        del w.followed[n]


def tell_shown(w: World) -> None:
    """Record when each Deployment's status showed that it was Current."""
    for controller in w.deployment_controllers.values():
        for deployment in controller.followed:
            at = controller.shown_s(deployment, w.env.now)
            if deployment.is_shown and not deployment.is_gone:
                w.events.append(Event(at, deployment.object, phases.TRUE, phases.CURRENT, "", 1, 1))


def _current_s(w: World, owner: int, workload: ObjectId) -> float:
    _look(w, owner)
    by_object = w.workload_by_object[owner]
    return w.workload_s[owner] if by_object is None else by_object.get(workload, 0.0)


def missing_provider(w: World, n: int) -> bool:
    """Whether something that the workloads need is not there yet; the object is woken when it is."""
    for need in w.items[n].needs_run:
        if not w.is_there(need):
            w.waiting_for_provider.setdefault(need.by, []).append(n)
            return True
    return False

"""What runs in the cluster once it is applied: when an object's own workloads are Current.

A kubelet pulls images one at a time and each once; pods start, pull and turn ready, replicas in turn where their kind
starts them so, hooks before the rest (MODEL.md, "Below Flux").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import inf

from fleetbench import phases
from fleetbench.engine.deployment_controller import Followed
from fleetbench.engine.items import Item
from fleetbench.engine.machine import POD
from fleetbench.engine.pods import start_pods
from fleetbench.engine.readiness import next_poll_s
from fleetbench.engine.world import World
from fleetbench.ids import ObjectId
from fleetbench.timeline.events import Event


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
    else:
        w.workload_by_object[n] = None if workload.total is not None else {}
        updating = w.applied_revision[n] > 0
        _start_what_can(w, n, created, _workloads_of(item), updating=updating, attempt=w.tries[n])


def _start_what_can(
    w: World, n: int, created: Mapping[ObjectId, Followed], those: frozenset[ObjectId], *, updating: bool, attempt: int
) -> None:
    """Of some workloads start those that lack nothing, and the others as soon as what they lack has come.

    A pod is not scheduled without its claim, nor created without its ServiceAccount, nor its container without its Secret.
    """
    if w.tries[n] != attempt:
        return  # applied anew meanwhile
    item = w.items[n]
    lacking = {whose: need for whose, need in item.pods_need if not w.is_there(need)}
    held = those if None in lacking or (lacking and those == {item.id}) else those & lacking.keys()
    by_object = w.workload_by_object[n]
    if by_object is None:
        w.workload_s[n] = inf if held else w.env.now + _drawn_s(w, item, attempt)
        _emit(w, item.id, w.workload_s[n])
    else:
        found = start_pods(w, n, created, those, held, updating=updating)
        by_object.update(found)
        w.workload_s[n] = max(by_object.values())
        told_later = w.followed.get(n, {})
        for object_id, at in found.items():
            _emit(w, object_id, inf if object_id in told_later else at)
        held = frozenset(object_id for object_id, at in found.items() if at == inf)  # with what follows a held hook
    if held:
        need = next((need for whose, need in lacking.items() if whose in held), next(iter(lacking.values())))
        again = partial(_start_what_can, w, n, created, held, updating=updating, attempt=attempt)
        w.held_pods.setdefault(need.by, []).append(again)
    if those != _workloads_of(item):  # others may watch what starts only now
        for watcher in [m for m in w.wake if any(owner == n for owner, _ in w.items[m].checks_elsewhere)]:
            w.wake_up(watcher)


def _workloads_of(item: Item) -> frozenset[ObjectId]:
    """Its own workloads; of those that are known only as a whole the item itself."""
    pods = () if item.workload is None or item.workload.total is not None else item.workload.pods
    return frozenset(pod.workload for pod in pods) or frozenset([item.id])


def _drawn_s(w: World, item: Item, attempt: int) -> float:
    """How long workloads take that are known only as a whole."""
    assert item.workload is not None
    assert item.workload.total is not None
    return item.workload.total.quantile(w.draws.uniform(item.key, POD, attempt))


def _emit(w: World, workload: ObjectId, at: float) -> None:
    if w.record:
        w.events.append(Event(w.env.now, workload, phases.FALSE, phases.PROGRESSING))
        if at != inf:
            w.events.append(Event(at, workload, phases.TRUE, phases.CURRENT, "", 1, 1))


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

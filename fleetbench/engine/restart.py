"""Controllers of a running fleet are restarted: when each reconciles again, in which order, and what is lost with a pod."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import simpy

from fleetbench.engine.draws import key_of
from fleetbench.engine.machine import LEASE, ORDER, SERVES
from fleetbench.engine.running import settle
from fleetbench.engine.work_queue import LOW_PRIORITY, WorkerPool
from fleetbench.engine.world import World
from fleetbench.ids import SOURCE_CONTROLLER, controller_of
from fleetbench.model.scenario import EVICT, KILL, ROLLOUT

START_S = {ROLLOUT: (1.5, 2.5), EVICT: (2.5, 4.0), KILL: (1.5, 2.5)}
RECREATE_S = (3.0, 5.0)
"""From the restart to the successor's first look at the lease, where the old pod must go first, too (Recreate). Read off 11
restarts on Kind, whose images were there; on a node that must pull them it takes longer."""
SERVES_S = {ROLLOUT: (0.0, 1.5), EVICT: (0.0, 1.5), KILL: (0.0, 10.0)}
"""From source-controller's lead until its Service sends somebody there: its pod is Ready once it serves, which a new pod's
first probes find at once, and those of one that stayed every 10 s (readinessProbe of its config/manager/deployment.yaml)."""
LEASE_S, RETRY_S, RETRY_JITTER = 35.0, 5.0, 1.2
"""fluxcd/pkg runtime v0.110.1 leaderelection/leaderelection.go; client-go v0.36.2 leaderelection.go JitterFactor."""


def restart(w: World) -> None:
    """t0: the controllers are stopped or killed; each has all its objects in the queue once it leads again.

    A pod that is replaced takes source-controller's storage with it (an emptyDir): every artifact is made anew, and
    until then nobody can fetch one. The others reconcile what they find in their caches, in no order.

    Source: controller-runtime v0.24.1 pkg/handler LowPriority; source-controller v1.9.3
    internal/controller/gitrepository_controller.go reconcileStorage; its config/manager/deployment.yaml (Recreate).
    """
    scenario = w.plan.scenario
    down = [n for n, item in enumerate(w.items) if not scenario.goes_on(item.id.kind)]
    settle(w, down=frozenset(down))
    for n, item in enumerate(w.items):
        if item.failing_workloads:
            w.workload_s[n] = math.inf
    w.ready_s = [None] * len(w.items)
    w.count_only(frozenset(down))
    if SOURCE_CONTROLLER in scenario.restarted:
        lag_s = _between(SERVES_S[scenario.restart_by], w.draws.uniform(key_of(SOURCE_CONTROLLER), SERVES))
        w.serves_from_s = _leads_s(w, SOURCE_CONTROLLER, None) + lag_s
    if scenario.loses_storage:
        w.stored = [False] * len(w.items)
    order = sorted(down, key=lambda n: w.draws.uniform(w.items[n].key, ORDER))
    processes: dict[tuple[str, str | None], list[WorkerPool]] = {}
    for (kind, shard), pool in w.pools.items():
        if not scenario.goes_on(kind):
            pool.stop()
            name = controller_of(kind)
            processes.setdefault((name, None if name == SOURCE_CONTROLLER else shard), []).append(pool)
    for (name, shard), pools in processes.items():
        own = [n for n in order if not w.items[n].static and w.pool(n) in pools]
        w.env.timeout(_leads_s(w, name, shard)).callbacks.append(partial(_come_back, w, pools, own))


def _come_back(w: World, pools: list[WorkerPool], own: list[int], _: simpy.Event) -> None:
    """Every object of the controller's that is there by now is listed, also what was made while it was down."""
    for pool in pools:
        pool.start()
    for n in own:
        if w.exists[n]:
            w.pool(n).queue.add(n, priority=LOW_PRIORITY)


def _leads_s(w: World, name: str, shard: str | None) -> float:
    key = key_of(f"{name}/{shard or ''}")
    elects = w.parameters.leader_election
    return leads_s(name, w.plan.scenario.restart_by, elects, lambda number: w.draws.uniform(key, LEASE, number))


def leads_s(controller: str, by: str, elects: bool, draw: Callable[[int], float]) -> float:
    """Seconds from a restart until the controller reconciles again.

    A process that is stopped gives its lease up (``--leader-election-release-on-cancel``, on by default), one that is
    killed does not: its successor waits the whole duration from the moment *it* first sees the lease, and looks every 5
    to 11 s. In a rollout source-controller's new pod comes after the old one (Recreate); of the others it waits beside
    it, and takes over at its next look.

    Source: client-go v0.36.2 tools/leaderelection/leaderelection.go acquire, tryAcquireOrRenew, isLeaseValid, release;
    config/manager/deployment.yaml of the controllers.

    Args:
        controller: its name.
        by: how it is restarted.
        elects: whether it waits for the lease at all.
        draw: number -> a uniform one, between 0 and 1.
    """
    recreated = by == ROLLOUT and controller == SOURCE_CONTROLLER
    start_s = _between(RECREATE_S if recreated else START_S[by], draw(0))
    if not elects:
        return start_s
    if by == KILL:
        free_s = start_s + LEASE_S
    elif by == ROLLOUT and not recreated:
        # Given up by the second look: the old pod is stopped once the new one is Ready, a second or two later.
        free_s = start_s + RETRY_S
    else:
        return start_s
    look_s, number = start_s, 1
    while look_s < free_s:
        look_s += RETRY_S * (1.0 + RETRY_JITTER * draw(number))
        number += 1
    return look_s


def _between(ends: tuple[float, float], u: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * u

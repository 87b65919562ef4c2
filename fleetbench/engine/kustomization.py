"""kustomize-controller's reconcile of one Kustomization, step by step in its own order.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile and reconcile.
"""

from __future__ import annotations

from collections.abc import Generator
from math import ceil
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine import flux_operator, machine
from fleetbench.engine.health_check import CANCELED, PASSED, health_check
from fleetbench.engine.items import MISSING
from fleetbench.engine.readiness import dependency_ready
from fleetbench.engine.reconcile import Reconcile, deny
from fleetbench.engine.work_queue import REQUEUE, Result
from fleetbench.engine.workloads import start_workloads
from fleetbench.engine.world import World


def reconcile(w: World, n: int) -> Reconcile:
    """One reconcile; the worker is held throughout."""
    item = w.items[n]
    source = item.source
    if n in w.checking_s:
        return (yield from _check_health(w, n, w.attempted[n]))
    if item.denied:
        yield w.work(n, machine.NO_ARTIFACT)
        return deny(w, n)
    if source == MISSING or not w.exists[source]:
        yield w.work(n, machine.NO_ARTIFACT)
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, "Source not found")
        return Result(item.retry_s)
    if not w.revision[source]:
        yield w.work(n, machine.NO_ARTIFACT)
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, "Source artifact not found")
        return Result(item.parameters.requeue_dependency_s)
    waiting_for = (yield from _check_dependencies(w, n)) if item.dependencies else None
    if waiting_for is not None:
        w.set_not_ready(n, phases.FALSE, phases.DEPENDENCY_NOT_READY, f"dependency '{waiting_for}' is not ready")
        return Result(item.parameters.requeue_dependency_s)
    return (yield from _reconcile_revision(w, n, w.revision[source]))


def _check_dependencies(w: World, n: int) -> Generator[simpy.Event, Any, str | None]:
    """checkDependencies: one uncached GET each, up to the first that is not ready; its name, or None."""
    item = w.items[n]
    failing = _first_not_ready(w, n)
    if failing is None:
        yield w.work(n, machine.DEPENDENCY_GET, len(item.dependencies))
        return None
    gets = w.amount(n, machine.DEPENDENCY_GET, failing + 1)
    yield w.processors.work(gets + w.amount(n, machine.DEPENDENCY_END))
    return item.names[failing]


def _first_not_ready(w: World, n: int) -> int | None:
    item = w.items[n]
    current = w.revision[item.source]
    for number, (dependency, same_source) in enumerate(item.dependencies):
        if dependency == MISSING or not dependency_ready(
            w.exists[dependency], w.status[dependency], w.revision[dependency], current, same_source
        ):
            return number
    return None


def _reconcile_revision(w: World, n: int, revision: int) -> Reconcile:
    item = w.items[n]
    container = w.containers[item.shard]
    # A Kustomization of another source sees the commit in its own spec alone.
    manifests = w.given[n] if n in w.plan.given_by else revision
    w.whole_reconcile()
    yield w.work(n, machine.START)
    w.set_not_ready(n, phases.UNKNOWN, phases.PROGRESSING, phases.FETCHING)
    if w.started_s[n] is None:
        w.started_s[n] = w.env.now
    files = w.items[item.source].files
    yield w.processors.work_within(container, w.amount(n, machine.FETCH) + w.unpack(n, files))
    w.attempted[n] = revision
    w.emit(n, phases.BUILDING)
    turn = container.builds.acquire()
    if turn is not None:
        yield turn
    yield w.processors.work_within(
        container, w.amount(n, machine.BUILD) + w.amount(n, machine.BUILD_OBJECT, item.applies)
    )
    container.builds.release()
    if item.broken or not w.are_applied(item.needs_build):
        return _failed(w, n, phases.BUILD_FAILED)
    w.emit(n, phases.APPLYING)
    yield w.work(n, machine.DRY_RUN, ceil(max(item.applies, 1) / item.parameters.concurrent_ssa))
    if w.fails(n) and not item.waits:
        return _failed(w, n, phases.RECONCILIATION_FAILED)
    yield from _apply_first_stage(w, n)
    if item.refused or not w.are_there(item.needs_apply):
        return _failed(w, n, phases.RECONCILIATION_FAILED)
    yield from _apply(w, n, manifests)
    if item.waits:
        yield w.work(n, machine.HEALTH_START)
        w.emit(n, phases.HEALTH_CHECKS)
        return (yield from _check_health(w, n, revision))
    yield w.processors.work(_finish(w, n, files))
    return (yield from _succeeded(w, n, revision))


def _check_health(w: World, n: int, revision: int) -> Reconcile:
    """The health check of what was applied, and how the reconcile ends."""
    outcome = yield from health_check(w, n)
    if outcome == CANCELED:
        w.set_not_ready(n, phases.FALSE, phases.HEALTH_CHECK_CANCELED)
        return REQUEUE
    yield w.processors.work(w.amount(n, machine.HEALTH_END) + _finish(w, n, w.items[w.items[n].source].files))
    if outcome != PASSED:
        return _failed(w, n, phases.HEALTH_CHECK_FAILED)
    return (yield from _succeeded(w, n, revision))


def _succeeded(w: World, n: int, revision: int) -> Reconcile:
    w.revision[n] = revision
    w.set_ready(n, phases.RECONCILIATION_SUCCEEDED)
    yield w.work(n, machine.RELEASE)
    return Result(w.jittered(n, w.items[n].interval_s))


def _finish(w: World, n: int, files: int) -> float:
    """Work from healthy to the last patch: the unpacked artifact is removed on the way."""
    return w.amount(n, machine.FINISH) + w.remove_unpacked(n, files)


def _apply_first_stage(w: World, n: int) -> Generator[simpy.Event, Any, None]:
    """ApplyAllStaged: CRDs, namespaces and classes are there before the rest is looked at, and stay if that is refused."""
    if not w.staged[n]:
        if w.items[n].definitions:
            yield w.env.timeout(w.items[n].parameters.stage_poll_s)
        w.applied_first(n)


def _apply(w: World, n: int, revision: int) -> Generator[simpy.Event, Any, None]:
    """ApplyAllStaged: what that revision changed is applied one by one; children come to exist in that order."""
    item = w.items[n]
    first = w.applied_revision[n] == 0
    if first or w.manifest_revision(n, revision) > w.applied_revision[n]:
        others = item.applies - len(item.creates)
        if others > 0:
            yield w.work(n, machine.APPLY, others)
        start_workloads(w, n)
        w.applied_revision[n] = revision
        new = [child for child in item.creates if not w.exists[child]]
        # One draw for them all: within one apply the children come evenly, in one rollout 5 ms apart, in another 60.
        each_s = w.amount(n, machine.APPLY, len(new)) / max(len(new), 1)
        for child in new:
            if not w.exists[child]:
                yield w.processors.work(each_s)
                w.given[child] = max(w.manifest_revision(child, revision), 1)
                if w.items[child].after:
                    w.env.process(flux_operator.make(w, child))
                else:
                    w.create(child)
    for child in item.creates:
        if w.plan.given_by.get(child) == n:
            w.give(child, revision)
    w.applied(n)


def _failed(w: World, n: int, reason: str) -> Result:
    w.set_not_ready(n, phases.FALSE, reason)
    return Result(w.items[n].retry_s)

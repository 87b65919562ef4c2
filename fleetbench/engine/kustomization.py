"""kustomize-controller's reconcile of one Kustomization, step by step in its own order.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile and reconcile.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine import flux_operator, machine
from fleetbench.engine.health_check import CANCELED, PASSED, health_check
from fleetbench.engine.items import MISSING
from fleetbench.engine.readiness import dependency_ready
from fleetbench.engine.reconcile import Reconcile, deny, looks_at_once
from fleetbench.engine.source import until_served
from fleetbench.engine.work_queue import REQUEUE, Result
from fleetbench.engine.workloads import create_deployments, start_workloads
from fleetbench.engine.world import World


def reconcile(w: World, n: int) -> Reconcile:
    """One reconcile, by what it finds when a worker takes the object; the worker is held throughout."""
    item = w.items[n]
    source = item.source
    if n in w.checking_s:
        return _reconcile_revision(w, n)
    if item.denied:
        return _deny(w, n)
    if source == MISSING or not w.exists[source]:
        return _wait_for_source(w, n, "Source not found", item.retry_s)
    if not w.revision[source]:
        return _wait_for_source(w, n, "Source artifact not found", item.parameters.requeue_dependency_s)
    failing = _first_not_ready(w, n) if item.dependencies else None
    return _reconcile_revision(w, n) if failing is None else _wait_for_dependency(w, n, failing)


def _deny(w: World, n: int) -> Reconcile:
    yield w.work(n, machine.NO_ARTIFACT)
    return (yield from deny(w, n))


def _wait_for_source(w: World, n: int, message: str, requeue_s: float) -> Reconcile:
    yield w.work(n, machine.NO_ARTIFACT)
    w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, message)
    return Result(requeue_s)


def _wait_for_dependency(w: World, n: int, failing: int) -> Reconcile:
    item = w.items[n]
    requeue_s = item.parameters.requeue_dependency_s
    looks = looks_at_once(w, n, item.dependencies[failing][0], requeue_s)
    look_s = w.amount(n, machine.DEPENDENCY_GET, failing + 1) + w.amount(n, machine.DEPENDENCY_END)
    yield w.processors.work_within(w.containers[item.shard], looks * look_s)
    yield from w.post(n)
    w.set_not_ready(n, phases.FALSE, phases.DEPENDENCY_NOT_READY, f"dependency '{item.names[failing]}' is not ready")
    w.attempts[n] += looks - 1
    return Result(looks * requeue_s)


def _first_not_ready(w: World, n: int) -> int | None:
    """checkDependencies: which is the first that is not ready, after one uncached GET each; None = all are."""
    item = w.items[n]
    current = w.revision[item.source]
    for number, (dependency, same_source) in enumerate(item.dependencies):
        if dependency == MISSING or not dependency_ready(
            w.exists[dependency], w.status[dependency], w.revision[dependency], current, same_source
        ):
            return number
    return None


def _reconcile_revision(w: World, n: int) -> Reconcile:
    """Apply the source's revision and wait for health; of one that t0 finds in its health check, what is left of that."""
    item = w.items[n]
    checking, before = n in w.checking_s, w.applied_revision[n]
    if not checking:
        failure = yield from _apply_revision(w, n)
        if failure is not None:
            return (yield from _failed(w, n, failure))
    files = w.items[item.source].files
    if item.waits or checking:
        tells = not w.revision[n] or n in w.unhealthy or w.applied_revision[n] != before
        w.unhealthy.add(n)
        outcome = yield from health_check(w, n)
        if outcome == CANCELED:
            yield from w.post(n)
            w.set_not_ready(n, phases.FALSE, phases.HEALTH_CHECK_CANCELED)
            return REQUEUE
        if outcome == PASSED:
            w.unhealthy.discard(n)
            if tells:  # of a check that passes where the last one did not, or something was changed
                yield from w.post(n)
        yield w.processors.work(w.amount(n, machine.HEALTH_END) + _finish(w, n, files))
        if outcome != PASSED:
            return (yield from _failed(w, n, phases.HEALTH_CHECK_FAILED))
    else:
        yield w.processors.work(_finish(w, n, files))
    w.revision[n] = w.attempted[n]
    w.set_ready(n, phases.RECONCILIATION_SUCCEEDED)
    # "Reconciliation finished", after every one that ends well
    yield from w.post(n)
    yield w.work(n, machine.RELEASE)
    return Result(w.jittered(n, item.interval_s))


def _apply_revision(w: World, n: int) -> Generator[simpy.Event, Any, str | None]:
    """From its Ready dependencies to the manifests in the cluster; the reason where that fails, else None."""
    item = w.items[n]
    container = w.containers[item.shard]
    revision = w.revision[item.source]
    if item.dependencies:
        yield w.work(n, machine.DEPENDENCY_GET, len(item.dependencies))
    # A Kustomization of another source sees the commit in its own spec alone.
    manifests = w.given[n] if n in w.plan.given_by else revision
    w.whole_reconcile()
    yield w.work(n, machine.START)
    w.set_not_ready(n, phases.UNKNOWN, phases.PROGRESSING, phases.FETCHING)
    if w.started_s[n] is None:
        w.started_s[n] = w.env.now
    if w.serves_from_s:
        yield from until_served(w)
    yield w.processors.work_within(container, w.amount(n, machine.FETCH) + w.unpack(n, w.items[item.source].files))
    if not w.stored[item.source]:
        return phases.ARTIFACT_FAILED
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
        return phases.BUILD_FAILED
    w.emit(n, phases.APPLYING)
    yield w.work(n, machine.DRY_RUN, item.dry_runs)
    if not item.waits and w.fails(n):
        return phases.RECONCILIATION_FAILED
    if not w.staged[n]:  # ApplyAllStaged: CRDs, namespaces and classes stay, though the rest be refused
        if item.definitions:
            yield w.env.timeout(item.parameters.stage_poll_s)
        w.applied_first(n)
    if item.refused or not w.are_there(item.needs_apply) or (item.refuses_commit and w.is_broken(n)):
        return phases.RECONCILIATION_FAILED
    changed = w.has_changed(n, manifests)
    if changed:
        yield from _apply(w, n, manifests)
    _give(w, n, manifests)
    w.applied(n)
    if changed and item.applies:
        yield from w.post(n)
    if item.waits:
        yield w.work(n, machine.HEALTH_START)
        w.emit(n, phases.HEALTH_CHECKS)
    return None


def _finish(w: World, n: int, files: int) -> float:
    """Work from healthy to the last patch: the unpacked artifact is removed on the way."""
    return w.amount(n, machine.FINISH) + w.remove_unpacked(n, files)


def _apply(w: World, n: int, revision: int) -> Generator[simpy.Event, Any, None]:
    """ApplyAllStaged: what that revision changed is applied one by one; children come to exist in that order."""
    item = w.items[n]
    new = [child for child in item.creates if not w.exists[child]]
    others = item.changes - len(new) if w.applied_revision[n] else item.applies - len(item.creates)
    created = create_deployments(w, n)
    if others > 0:
        yield w.work(n, machine.APPLY, others)
    start_workloads(w, n, created)
    w.applied_revision[n] = revision
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


def _give(w: World, n: int, revision: int) -> None:
    """The children that no new artifact tells of a commit get it with their manifests."""
    given_by = w.plan.given_by
    if given_by:
        for child in w.items[n].creates:
            if given_by.get(child) == n:
                w.give(child, revision)


def _failed(w: World, n: int, reason: str) -> Reconcile:
    if reason != phases.ARTIFACT_FAILED:
        yield from w.post(n)
    w.set_not_ready(n, phases.FALSE, reason)
    item = w.items[n]
    return Result(item.parameters.requeue_dependency_s if reason == phases.ARTIFACT_FAILED else item.retry_s)

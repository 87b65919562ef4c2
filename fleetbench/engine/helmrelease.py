"""helm-controller's reconcile of one HelmRelease.

Source: helm-controller v1.6.3 internal/controller/helmrelease_controller.go Reconcile and reconcileRelease,
internal/reconcile/atomic_release.go Reconcile and actionForState, state.go DetermineReleaseState, install.go Reconcile.
"""

from __future__ import annotations

from fleetbench import phases
from fleetbench.engine import machine
from fleetbench.engine.health_check import CANCELED, PASSED, health_check
from fleetbench.engine.items import MISSING
from fleetbench.engine.readiness import dependency_ready, retries_exhausted
from fleetbench.engine.reconcile import Reconcile, deny, looks_at_once
from fleetbench.engine.source import until_served
from fleetbench.engine.work_queue import REQUEUE, STOP, Result
from fleetbench.engine.workloads import create_deployments, start_workloads
from fleetbench.engine.world import World


def reconcile(w: World, n: int) -> Reconcile:
    """One reconcile; the worker is held throughout."""
    item = w.items[n]
    if n in w.checking_s:
        return (yield from _check_health(w, n, installing=not item.installed))
    yield w.work(n, machine.HELM_START)
    for chart in item.creates:
        w.create(chart)
        if chart in w.plan.renewed:
            w.give(chart, w.given[n])
    w.emit(n, phases.PREREQUISITES)
    for number, (dependency, _) in enumerate(item.dependencies):
        if dependency == MISSING or not dependency_ready(w.exists[dependency], w.status[dependency], 0, 0, False):
            requeue_s = item.parameters.helm_requeue_dependency_s
            looks = looks_at_once(w, n, dependency, requeue_s)
            yield w.work(n, machine.DEPENDENCY_END, looks)
            yield from w.post(n)
            message = f"dependency '{item.names[number]}' is not ready"
            w.set_not_ready(n, phases.FALSE, phases.DEPENDENCY_NOT_READY, message)
            w.attempts[n] += looks - 1
            return Result(looks * requeue_s)
    if item.denied:
        return (yield from deny(w, n))
    if item.source == MISSING or not w.exists[item.source]:
        w.whole_reconcile()
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, "could not get Source object")
        return REQUEUE
    if not w.revision[item.source] or (item.source in w.plan.renewed and w.status[item.source] != phases.TRUE):
        w.set_not_ready(n, phases.FALSE, phases.SOURCE_NOT_READY)
        return Result(w.jittered(n, item.parameters.helm_requeue_dependency_s))
    w.whole_reconcile()
    chart = w.revision[item.source]
    new_chart = 0 < w.attempted[n] < chart
    if new_chart:  # MustResetFailures: the chart's version differs from the last attempt
        w.reset_failures(n)
    if item.lacks_values or not w.are_applied(item.needs_build):
        yield w.work(n, machine.DEPENDENCY_END)
        yield from w.post(n)
        w.set_not_ready(n, phases.FALSE, phases.VALUES_ERROR)
        return REQUEUE
    if w.serves_from_s:
        yield from until_served(w)
    yield w.work(n, machine.HELM_LOAD)
    if not w.stored[item.source]:
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, "Source not ready: artifact not found")
        return Result(item.parameters.helm_requeue_dependency_s)
    if item.broken:  # chartRef: the artifact is there, but no chart is in it
        yield from w.post(n)
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED, "Could not load chart")
        return REQUEUE
    if n in w.stalled:  # ErrExceededMaxRetries before any action
        w.set_not_ready(n, phases.FALSE, phases.RETRIES_EXCEEDED)
        return STOP
    if item.stays_released and n in w.released:
        w.applied_revision[n] = w.given[n]
    in_sync = w.applied_revision[n] and w.given[n] <= w.applied_revision[n] and not new_chart
    w.attempted[n] = chart
    if in_sync and n in w.released:  # no action, whatever it waited for since
        w.set_ready(n, w.reason[n] if w.status[n] == phases.TRUE else phases.INSTALL_SUCCEEDED)
        return Result(w.jittered(n, item.interval_s))
    # Another revision of the same templates changes the chart's version, and no pod.
    touched = item.source in w.plan.changed or item.source in w.plan.renewed
    return (yield from _release(w, n, rolls=new_chart and touched))


def _release(w: World, n: int, rolls: bool) -> Reconcile:
    """Install or upgrade, wait, and remediate what failed; ``rolls``: the new chart starts the pods anew."""
    item = w.items[n]
    installing = w.applied_revision[n] == 0 and not item.installed
    w.released.discard(n)
    w.set_not_ready(n, phases.UNKNOWN, phases.PROGRESSING, phases.INSTALLING if installing else phases.UPGRADING)
    if w.started_s[n] is None:
        w.started_s[n] = w.env.now
    yield w.work(n, machine.HELM_INSTALL)
    if not w.are_there(item.needs_apply):  # no release is stored, so it is no failure that counts
        yield from w.post(n)
        w.set_not_ready(n, phases.FALSE, phases.INSTALL_FAILED if installing else phases.UPGRADE_FAILED)
        return REQUEUE
    if w.are_there(item.needs_namespace):
        if w.applied_revision[n] == 0 or w.given[n] > w.applied_revision[n] or rolls:
            start_workloads(w, n, create_deployments(w, n))
            w.applied_revision[n] = max(w.given[n], 1)
        w.applied(n)
        return (yield from _check_health(w, n, installing))
    return (yield from _remediate(w, n, installing))


def _check_health(w: World, n: int, installing: bool) -> Reconcile:
    """The wait for what was released, if any, and how the action ends."""
    item = w.items[n]
    outcome = (yield from health_check(w, n)) if item.waits else PASSED
    if outcome == CANCELED:
        yield from w.post(n)  # that the action failed,
        yield from w.post(n)  # and why
        w.set_not_ready(n, phases.FALSE, phases.HEALTH_CHECK_CANCELED)
        return REQUEUE
    yield w.work(n, machine.HELM_FINISH)
    if outcome != PASSED or (w.fails(n) and not item.waits):
        return (yield from _remediate(w, n, installing))
    yield from w.post(n)
    w.failures.pop(n, None)
    w.released.add(n)
    w.set_ready(n, phases.INSTALL_SUCCEEDED if installing else phases.UPGRADE_SUCCEEDED)
    yield w.work(n, machine.RELEASE)
    return Result(w.jittered(n, item.interval_s))


def _remediate(w: World, n: int, installing: bool) -> Reconcile:
    item = w.items[n]
    yield from w.post(n)
    failures = w.failures[n] = w.failures.get(n, 0) + 1
    w.set_not_ready(n, phases.FALSE, phases.INSTALL_FAILED if installing else phases.UPGRADE_FAILED)
    if item.retry_on_failure:
        return Result(w.jittered(n, item.retry_s))
    if retries_exhausted(failures, item.retries if installing else item.upgrade_retries):
        w.set_not_ready(n, phases.FALSE, phases.RETRIES_EXCEEDED)
        w.set_stalled(n)
        return STOP
    yield from w.post(n)
    # Uninstalled, or rolled back: its pods start again, from images that are there.
    w.applied_revision[n] = 0 if installing else max(w.given[n] - 1, 0)
    return REQUEUE

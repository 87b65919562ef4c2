"""A fleet that has been running for long: where a commit or a restart finds each object."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fleetbench import phases
from fleetbench.engine.flux_operator import make
from fleetbench.engine.items import MISSING, Item, Reach
from fleetbench.engine.machine import SYNC
from fleetbench.engine.world import World
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION


@dataclass(frozen=True, slots=True)
class Standstill:
    """What an object that is not Ready has shown for long, and when its controller looks again."""

    reason: str
    retry_s: float = 0.0
    """From the end of one reconcile to the next."""
    held_s: float = 0.0
    """How long a reconcile holds its worker for a health check that never passes."""
    stalled: bool = False
    """A terminal state: it is not looked at again."""
    rate_limited: bool = False
    """Its retries come from the rate limiter, which has reached its longest delay."""


def settle(w: World, *, down: Collection[int] = ()) -> None:
    """Put everything where it is in a fleet that has been running.

    What can be Ready is, and waits for its next interval; what an error keeps from Ready exists as far as its parent
    got, with the error in its condition, and is somewhere in its retries. The queue keeps the order in which objects
    were last reconciled; where that is not known, one is drawn. What is ``down``, as its controller is, waits in none.
    """
    before = w.plan.before
    assert before is not None
    known = w.plan.scenario.last_reconciled
    order: list[tuple[float, int]] = []
    not_ready: list[int] = []
    for n, item in enumerate(w.items):
        if not before.exists[n]:
            continue
        w.exists[n] = w.finalizer[n] = True
        w.given[n] = 1
        w.staged[n] = before.stages[n]
        if before.applies[n]:
            w.applied_revision[n], w.applied_s[n] = 1, 0.0
        if not before.ready[n]:
            not_ready.append(n)
            continue
        w.revision[n] = w.attempted[n] = 1
        w.status[n], w.reason[n] = phases.TRUE, phases.SUCCEEDED
        w.released.add(n)
        order.append((known.get(item.id, -item.interval_s * w.draws.uniform(item.key, SYNC)), n))
    for last, n in sorted(order):
        w.emit(n)
        item = w.items[n]
        if n in down or item.suspend or item.static:
            continue
        since = max(0.0, -last) if not known else 0.0
        w.pool(n).queue.add(n, after_s=max(w.jittered(n, item.interval_s) - since, 0.001))
    found = {n: standstill(w, n, before) for n in not_ready}
    for n in sorted(not_ready, key=lambda n: not found[n].stalled):  # who fails fast at a stalled one holds no worker
        _stand_still(w, n, found[n], n not in down)
    w.doomed = {n: starts for n, starts in w.plan.doomed.items() if w.exists[n] or w.items[n].added}
    for n, item in enumerate(w.items):
        w.pending[n] = sum(w.status[c] != phases.TRUE for c in item.checks)
        if item.after and not (w.exists[n] or item.added) and item.parent != MISSING and before.applies[item.parent]:
            w.env.process(make(w, n))


def _stand_still(w: World, n: int, found: Standstill, queued: bool) -> None:
    """An object that is not Ready, at a moment of its retries that is drawn."""
    item = w.items[n]
    w.status[n], w.reason[n] = phases.FALSE, found.reason
    w.attempted[n] = int(found.reason not in phases.WAITS)
    w.emit(n)
    if found.stalled:
        w.stall(n)
    if not queued or item.suspend or found.stalled:
        return
    queue = w.pool(n).queue
    if found.rate_limited:
        queue.has_failed_for_long(n)
    held_s = 0.0 if item.fails_fast and w.failed_checks[n] else found.held_s
    to_go_s = (found.retry_s + held_s) * w.draws.uniform(item.key, SYNC) - held_s
    held = sum(w.pool(other) is w.pool(n) for other in w.checking_s)
    if to_go_s < 0.0 and held < w.pool(n).workers:  # else every worker is held, and it is due
        w.checking_s[n] = held_s + to_go_s
        w.set_not_ready(n, phases.UNKNOWN, phases.PROGRESSING, phases.HEALTH_CHECKS)
    queue.add(n, after_s=max(to_go_s, 0.0))


def standstill(w: World, n: int, before: Reach) -> Standstill:
    """What an object shows that has not been Ready for long, as its controller would have it.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile; helm-controller
    v1.6.3 internal/controller/helmrelease_controller.go reconcileRelease; the engine's own reconciles say the same.
    """
    item = w.items[n]
    longest_s = item.parameters.retry_delays_s(item.id.kind)[1]
    if item.id.kind not in (KUSTOMIZATION, HELM_RELEASE):
        return Standstill(phases.ARTIFACT_FAILED, longest_s, rate_limited=True)
    if item.denied:
        return Standstill(phases.ACCESS_DENIED, stalled=True)
    if not before.starts[n]:
        return _waiting(item, before)
    if item.id.kind == KUSTOMIZATION:
        return _failing_kustomization(item, before.applies[n], before)
    if not before.applies[n]:
        reason = phases.VALUES_ERROR if item.lacks_values else phases.INSTALL_FAILED
        return Standstill(reason, longest_s, rate_limited=True)
    if item.retry_on_failure:
        return Standstill(phases.INSTALL_FAILED, item.retry_s, item.timeout_s)
    if item.retries < 0:
        return Standstill(phases.INSTALL_FAILED, longest_s, item.timeout_s, rate_limited=True)
    return Standstill(phases.RETRIES_EXCEEDED, stalled=True)


def _waiting(item: Item, before: Reach) -> Standstill:
    has_artifact = item.source != MISSING and before.ready[item.source]
    if item.id.kind == HELM_RELEASE:
        reason = phases.DEPENDENCY_NOT_READY if item.dependencies else phases.SOURCE_NOT_READY
        return Standstill(reason, item.parameters.helm_requeue_dependency_s)
    if has_artifact:
        return Standstill(phases.DEPENDENCY_NOT_READY, item.parameters.requeue_dependency_s)
    exists = item.source != MISSING and before.exists[item.source]
    return Standstill(phases.ARTIFACT_FAILED, item.parameters.requeue_dependency_s if exists else item.retry_s)


def _failing_kustomization(item: Item, applies: bool, before: Reach) -> Standstill:
    if applies:
        return Standstill(phases.HEALTH_CHECK_FAILED, item.retry_s, item.timeout_s)
    built = not item.broken and all(before.applies[p] for p in item.needs_build)
    return Standstill(phases.RECONCILIATION_FAILED if built else phases.BUILD_FAILED, item.retry_s)

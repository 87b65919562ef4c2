"""The wait for health that holds a worker: kstatus polls of own workloads and watched Flux objects."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import simpy

from fleetbench.engine.machine import POLL
from fleetbench.engine.readiness import next_poll_s
from fleetbench.engine.workloads import missing_provider, next_failure_s, watched_workloads_s
from fleetbench.engine.world import World

PASSED, TIMED_OUT, FAILED, CANCELED = "passed", "timed out", "failed", "canceled"
ROUNDING_S = 1e-9
"""By so much the clock may be off when it comes to a moment that was worked out before."""


def _tick(wake: simpy.Event, _: simpy.Event) -> None:
    if not wake.triggered:
        wake.succeed("tick")


def _is_later(w: World, n: int) -> bool:
    """Whether its workloads are Current later than could be seen when the check worked out when it would pass."""
    return watched_workloads_s(w, n) > w.env.now + ROUNDING_S


def health_check(w: World, n: int) -> Generator[simpy.Event, Any, str]:
    """Poll until all is Current, one has Failed, the time is over, or the check is cancelled.

    Polls that find nothing changed are not simulated: between two polls nobody else is affected.

    Source: kustomize-controller v1.9.4 kustomization_controller.go checkHealth; fluxcd/pkg/ssa v0.76.1
    manager_wait.go WaitForSetWithContext (fail-fast at the first Failed).
    """
    env, item = w.env, w.items[n]
    deadline = env.now + item.timeout_s - w.checking_s.pop(n, 0.0)
    first = env.now + w.amount(n, POLL, item.look)
    watching = item.checks or item.needs_run or item.cancels
    while True:
        if w.failed_checks[n] and item.fails_fast:
            at, outcome = next_poll_s(env.now, first, item.poll_s), FAILED
        elif item.check_missing or missing_provider(w, n) or w.pending[n] or w.fails(n):
            at, outcome = deadline, TIMED_OUT
        else:
            current = watched_workloads_s(w, n)
            at = deadline + 1.0 if current > deadline else next_poll_s(max(env.now, current), first, item.poll_s)
            outcome = PASSED
        if item.fails_fast and (failing := next_failure_s(w, n, first)) < at:
            at, outcome = failing, FAILED
        if at > deadline:
            at, outcome = deadline, TIMED_OUT
        if at <= env.now:
            return outcome
        if not watching:
            yield env.timeout(at - env.now)
            if outcome == PASSED and _is_later(w, n):
                continue
            return outcome
        event = w.wake[n] = env.event()
        env.timeout(at - env.now).callbacks.append(partial(_tick, event))
        said = yield event
        del w.wake[n]
        if said == "canceled":
            return CANCELED
        if said == "changed" or (outcome == PASSED and (w.pending[n] or _is_later(w, n))):
            continue
        if outcome == FAILED and not w.failed_checks[n]:
            continue  # another look; something may have turned Unknown again before this one
        return outcome

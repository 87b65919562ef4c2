"""The engine with a health check that looks at every poll: the plain variant of the one that knows when it will pass."""

from __future__ import annotations

from functools import partial
from unittest.mock import patch

from fleetbench.engine import helmrelease, kustomization
from fleetbench.engine.health_check import CANCELED, FAILED, PASSED, TIMED_OUT, _tick
from fleetbench.engine.items import Plan
from fleetbench.engine.machine import POLL
from fleetbench.engine.simulate import Sample, run_sample
from fleetbench.engine.workloads import missing_provider, next_failure_s, watched_workloads_s
from fleetbench.engine.world import World


def run_polled(plan: Plan, number: int, *, record: bool = False) -> Sample:
    """One sample in which every health check looks once a poll, at what is there then and no further."""
    with patch.object(kustomization, "health_check", polled), patch.object(helmrelease, "health_check", polled):
        return run_sample(plan, number, record=record)


def polled(w: World, n: int):  # type: ignore[no-untyped-def]
    """The same signature and outcomes as :func:`fleetbench.engine.health_check.health_check`."""
    env, item = w.env, w.items[n]
    deadline = env.now + item.timeout_s - w.checking_s.pop(n, 0.0)
    first, polls = env.now + w.amount(n, POLL, item.look), 0
    while (at := first + polls * item.poll_s) <= deadline:
        if (yield from _is_canceled(w, n, at)):
            return CANCELED
        outcome = _look(w, n)
        if outcome is not None:
            return outcome
        polls += 1
    return CANCELED if (yield from _is_canceled(w, n, deadline)) else TIMED_OUT


def _is_canceled(w: World, n: int, until_s: float):  # type: ignore[no-untyped-def]
    """Wait until then, deaf to changes; whether something that cancels the check came before."""
    while w.env.now < until_s:
        told = w.wake[n] = w.env.event()
        w.env.timeout(until_s - w.env.now).callbacks.append(partial(_tick, told))
        said = yield told
        del w.wake[n]
        if said == "canceled":
            return True
    return False


def _look(w: World, n: int) -> str | None:
    item, now = w.items[n], w.env.now
    if w.failed_checks[n] and item.fails_fast:
        return FAILED
    waits = item.check_missing or missing_provider(w, n) or w.pending[n] or w.fails(n)
    if not waits and watched_workloads_s(w, n) <= now:
        return PASSED
    return FAILED if item.fails_fast and next_failure_s(w, n, now) <= now else None

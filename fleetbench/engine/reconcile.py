"""How every reconcile begins, whichever controller it is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine.items import MISSING
from fleetbench.engine.machine import FINALIZER
from fleetbench.engine.work_queue import REQUEUE, STOP, Result
from fleetbench.engine.world import World

FIRST_LOOKS = 12
"""Reconciles of an object of which each is simulated, also looks at what never turns Ready: while much goes on."""
VAIN_S = 30.0
"""The default of ``--requeue-dependency``."""

Reconcile = Generator[simpy.Event, Any, Result]
"""One reconcile; the worker is held until it returns."""


def begin(w: World, reconcile: Callable[[World, int], Reconcile], n: int) -> Reconcile:
    """The first reconcile only adds the finalizer; a suspended object is left alone; all else is the controller's own.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile; helm-controller
    v1.6.3 internal/controller/helmrelease_controller.go Reconcile; source-controller v1.9.3
    internal/controller/gitrepository_controller.go reconcile.
    """
    attempt = w.attempts[n] = w.attempts[n] + 1
    w.streams[n] = w.draws.stream(w.items[n].key, attempt)
    if not w.finalizer[n]:
        return _add_finalizer(w, n)
    return _leave_alone(w, n) if w.items[n].suspend else reconcile(w, n)


def deny(w: World, n: int) -> Reconcile:
    """AccessDenied, a terminal state: only a changed spec or another flag of the controller ends it.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile; helm-controller v1.6.3
    internal/controller/helmrelease_controller.go reconcileRelease.
    """
    yield from w.post(n)
    w.set_not_ready(n, phases.FALSE, phases.ACCESS_DENIED)
    if n not in w.stalled:
        w.set_stalled(n)
    return STOP


def looks_at_once(w: World, n: int, dependency: int, every_s: float) -> int:
    """How many looks at a dependency are simulated as one, which takes the work of them all.

    At most one every :data:`VAIN_S` where it can never turn Ready: what such looks cost the controller counts, and not the
    moment of each. With ``--requeue-dependency 5s`` and an object that is tried again after an hour they were most of a sample.
    """
    if (
        w.attempts[n] <= FIRST_LOOKS
        or w.parameters.events_refused_s
        or (dependency != MISSING and w.hopeful[dependency])
    ):
        return 1
    return max(1, int(VAIN_S / every_s))


def _add_finalizer(w: World, n: int) -> Reconcile:
    yield w.work(n, FINALIZER)
    w.finalizer[n] = True
    w.emit(n)
    return REQUEUE


def _leave_alone(w: World, n: int) -> Reconcile:
    w.leave_alone(n)
    return STOP
    yield

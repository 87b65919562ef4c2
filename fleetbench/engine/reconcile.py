"""How every reconcile begins, whichever controller it is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from fleetbench.engine.work_queue import REQUEUE, STOP, Result
from fleetbench.engine.world import FINALIZER, World

Reconcile = Generator[simpy.Event, Any, Result]
"""One reconcile; the worker is held until it returns."""


def begin(w: World, n: int) -> Generator[simpy.Event, Any, Result | None]:
    """The first reconcile only adds the finalizer; a suspended object is left alone.

    Returns:
        What the reconcile returns at once, or None to go on.
    """
    w.begin(n)
    if not w.finalizer[n]:
        yield w.work(n, FINALIZER)
        w.finalizer[n] = True
        w.emit(n)
        return REQUEUE
    return STOP if w.items[n].suspend else None

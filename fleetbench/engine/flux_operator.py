"""flux-operator, which makes some objects only once what their ResourceSet waits for has been Ready.

Its own work, some hundred milliseconds a ResourceSet, is not modelled.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 internal/controller/resourceset_controller.go Reconcile (requeued while a
dependency is not ready), cmd/operator/main.go ``--requeue-dependency``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine.items import MISSING
from fleetbench.engine.readiness import next_poll_s
from fleetbench.engine.world import World
from fleetbench.graph.objects import OPERATOR_REQUEUE_S


def make(w: World, n: int) -> Generator[simpy.Event, Any, None]:
    """Make an object at the first poll that finds Ready what it waits for; its ResourceSet is applied now."""
    first = w.env.now
    gates = w.items[n].after
    if MISSING in gates:
        return
    while (waiting := next((g for g in gates if w.status[g] != phases.TRUE), None)) is not None:
        yield w.turns_ready(waiting)
        at = next_poll_s(w.env.now, first, OPERATOR_REQUEUE_S)
        if at > w.env.now:
            yield w.env.timeout(at - w.env.now)
    w.given[n] = max(w.given[n], 1)
    w.create(n)

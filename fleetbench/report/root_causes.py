"""What first keeps objects from Ready, of all that a fleet's findings say: the sentence and what mends it."""

from __future__ import annotations

import networkx as nx

from fleetbench.findings import (
    CRD_DEADLOCK,
    DEPENDENCY_SUSPENDED,
    ERROR,
    HEALTH_CHECK_MISSING,
    NEVER_RECONCILED,
    SELF_DEPENDENCY_LOOP,
    TIMEOUT_TOO_SHORT,
    Finding,
)
from fleetbench.graph.order import applied, enforced_order
from fleetbench.model.scenario import BOOTSTRAP
from fleetbench.prediction.strategies import Simulated

_MOST = 3
_DEADLOCKS = (CRD_DEADLOCK, SELF_DEPENDENCY_LOOP, NEVER_RECONCILED, DEPENDENCY_SUSPENDED)
"""Warnings, as a cluster that runs has got over them; a bootstrap has not."""
_IN_VAIN = (HEALTH_CHECK_MISSING, TIMEOUT_TOO_SHORT)
"""Warnings, as what is missing may come from elsewhere, and a health check that is tried again may find all there."""


def root_causes(result: Simulated) -> list[str]:
    """The findings that keep most from Ready, at most three, for people; none where all turns Ready that is asked for."""
    causes = _first(result)
    said = [f"{f.code} {f.in_full.rstrip('.')}. Fix: {f.fix}." for f in causes[:_MOST]]
    more = len(causes) - _MOST
    return said if more <= 0 else [*said, f"and {more} more: `fleetbench graph` lists them"]


def _first(result: Simulated) -> list[Finding]:
    """In the order of how much waits for their objects; of a circle, and of one cause, the first alone."""
    first = next(iter(result.predictions.values()))
    never = {id for id in first.services if id not in first.left_out and not first.ready_fraction(id)}
    fleet, bootstrap = first.scenario.fleet, first.scenario.kind == BOOTSTRAP
    found = [
        f
        for f in result.findings
        if (f.severity == ERROR or f.code in _IN_VAIN or (bootstrap and f.code in _DEADLOCKS))
        and (f.object in never or (f.object is not None and fleet.service(f.object) is None))
    ]
    if not never or not found:
        return []
    order = enforced_order(fleet)
    behind = {f.object: 0 for f in found}
    for id in behind:
        if id is not None and (moment := applied(id)) in order:
            behind[id] = len({m.object for m in nx.descendants(order, moment)} & never)
    ranked = sorted(found, key=lambda f: -behind[f.object])
    told: dict[str, Finding] = {}
    for f in ranked:
        told.setdefault(f.fix if f.shared is None else f.shared.fix, f)
    return list(told.values())

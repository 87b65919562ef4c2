"""What first keeps objects from Ready, of all that a fleet's findings say: the sentence and what mends it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import networkx as nx

from fleetbench.findings import (
    DEADLOCKS,
    ERROR,
    HEALTH_CHECK_MISSING,
    OBJECT_REFUSED,
    TIMEOUT_TOO_SHORT,
    Finding,
)
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import applied, enforced_order
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import BOOTSTRAP
from fleetbench.prediction.predict import Prediction
from fleetbench.prediction.strategies import Simulated

KEEPS = "What first keeps objects from Ready"
_MOST = 3
_IN_VAIN = (HEALTH_CHECK_MISSING, TIMEOUT_TOO_SHORT)
"""Warnings, as what is missing may come from elsewhere, and a health check that is tried again may find all there."""


def root_causes(result: Simulated) -> list[str]:
    """The findings that keep most from Ready, at most three, for people; none where all turns Ready that is asked for."""
    return told(first_causes(next(iter(result.predictions.values())), result.findings))


def told(causes: Sequence[Finding]) -> list[str]:
    """The first three with their fixes, and how many more there are."""
    said = [f"{f.code} {f.in_full.rstrip('.')}. Fix: {f.fix}." for f in causes[:_MOST]]
    more = len(causes) - _MOST
    return said if more <= 0 else [*said, f"and {more} more: `fleetbench graph` lists them"]


def first_causes(first: Prediction, findings: Sequence[Finding]) -> list[Finding]:
    """In the order of how much waits for their objects; of a circle, and of one cause, the first alone.

    Args:
        first: the fleet as it is.
        findings: all that is known of it.
    """
    fleet, never = first.scenario.fleet, _never(first)
    found = [f for f in findings if _may_keep(first, never, f)]
    if not never or not found:
        return []
    order = enforced_order(fleet)
    behind = {id: 0 for f in found for id in _failing(fleet, never, f)}
    for id in behind:
        if (moment := applied(id)) in order:
            behind[id] = len({m.object for m in nx.descendants(order, moment)} & never)
    ranked = sorted(found, key=lambda f: -max((behind[id] for id in _failing(fleet, never, f)), default=0))
    causes: dict[str, Finding] = {}
    for f in ranked:
        causes.setdefault(f.fix if f.shared is None else f.shared.fix, f)
    return list(causes.values())


def mend_first(first: Prediction, findings: Sequence[Finding]) -> list[Finding]:
    """The first causes, and behind them the errors that keep nothing from Ready."""
    never = _never(first)
    harmless = [f for f in findings if f.severity == ERROR and not (never and _may_keep(first, never, f))]
    return [*first_causes(first, findings), *harmless]


def _never(first: Prediction) -> set[ObjectId]:
    return {id for id in first.services if id not in first.left_out and not first.ready_fraction(id)}


def _failing(fleet: Fleet, never: Collection[ObjectId], f: Finding) -> list[ObjectId]:
    """The object of a finding and, where that is refused, what fails for it: a Kustomization applies nothing beside it."""
    if f.object is None:
        return []
    refused = f.code == OBJECT_REFUSED or fleet.service(f.object) is None
    by = fleet.creators.get(f.object) if refused else None
    return [f.object] if by is None or by not in never else [f.object, by]


def _may_keep(first: Prediction, never: Collection[ObjectId], f: Finding) -> bool:
    """Whether a finding says why something is never Ready: of an object that is not, or of none that could be."""
    bootstrap = first.scenario.kind == BOOTSTRAP
    in_vain = f.code in _IN_VAIN and not f.given
    grave = f.severity == ERROR or in_vain or (bootstrap and f.code in DEADLOCKS)
    return grave and (f.object in never or (f.object is not None and first.scenario.fleet.service(f.object) is None))

"""Which objects fail by themselves in some samples, so that what waits for them fails with them."""

from __future__ import annotations

import math

from fleetbench.graph.fleet import Fleet, HelmRelease, Kustomization
from fleetbench.graph.order import health_checked
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import Prediction

MOST_SAMPLES = 1_000
"""Samples that are looked at: enough to name what fails."""


def fails_alone(prediction: Prediction) -> list[ObjectId]:
    """Objects that turn Ready in some samples and in others do not, though all that they wait for did; sorted.

    What never turns Ready is left out: that is no question of a time that was drawn.
    """
    fleet = prediction.scenario.fleet
    ready = dict(zip(prediction.services, prediction.ready, strict=True))
    looked_at = range(min(prediction.samples, MOST_SAMPLES))
    found = []
    for obj in fleet.services():
        if obj.suspend or not 0.0 < prediction.ready_fraction(obj.id) < 1.0:
            continue
        waits_for = [id for id in _waits_for(fleet, obj) if id in ready]
        if any(
            math.isinf(ready[obj.id][n]) and not any(math.isinf(ready[id][n]) for id in waits_for) for n in looked_at
        ):
            found.append(obj.id)
    return sorted(found)


def _waits_for(fleet: Fleet, obj: Kustomization | HelmRelease) -> set[ObjectId]:
    """What must be Ready for it: its dependencies, what its health check covers, and the dependencies of its parents."""
    found = set(health_checked(fleet, obj)) if isinstance(obj, Kustomization) else set()
    above: set[ObjectId] = set()
    at: Kustomization | HelmRelease | None = obj
    while at is not None and at.id not in above:
        above.add(at.id)
        found |= {dependency.target for dependency in at.depends_on}
        at = None if at.parent is None else fleet.kustomization(at.parent)
    return found

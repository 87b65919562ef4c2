"""Which objects fail by themselves in some samples, so that what waits for them fails with them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleetbench import phases
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.graph.order import health_checked
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import Prediction

MOST_PLAYED = 3
"""Samples that are simulated again to see whether a wait was given up in them."""
_GIVEN_UP = {phases.HEALTH_CHECK_FAILED, phases.INSTALL_FAILED, phases.UPGRADE_FAILED, phases.RETRIES_EXCEEDED}
MOST_SAMPLES = 1_000
"""Samples that are looked at: enough to name what fails."""


def fails_alone(prediction: Prediction) -> dict[ObjectId, list[int]]:
    """Objects that turn Ready in some samples and in others do not, though all that they wait for did, and those others.

    What never turns Ready is left out: that is no question of a time that was drawn. So is what the end of the clock
    (``until_s``) alone stopped.
    """
    fleet = prediction.scenario.fleet
    ready = dict(zip(prediction.services, prediction.ready, strict=True))
    looked_at = range(min(prediction.samples, MOST_SAMPLES))
    found: dict[ObjectId, list[int]] = {}
    for obj in fleet.services():
        if obj.suspend or not 0.0 < prediction.ready_fraction(obj.id) < 1.0:
            continue
        waits_for = [id for id in _waits_for(fleet, obj) if id in ready]
        alone = [
            n
            for n in looked_at
            if math.isinf(ready[obj.id][n]) and not any(math.isinf(ready[id][n]) for id in waits_for)
        ]
        if alone and (prediction.scenario.until_s is None or _gave_up(prediction, obj.id, alone)):
            found[obj.id] = alone
    return dict(sorted(found.items()))


def _gave_up(prediction: Prediction, id: ObjectId, samples: Sequence[int]) -> bool:
    """Whether a wait of the object was given up in one of the first of these samples, before the clock was stopped."""
    plan = compile_plan(prediction.scenario)
    for n in samples[:MOST_PLAYED]:
        timeline = run_sample(plan, n, record=True).timeline
        assert timeline is not None
        if any(event.reason in _GIVEN_UP for event in timeline.by_object.get(id, ())):
            return True
    return False


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

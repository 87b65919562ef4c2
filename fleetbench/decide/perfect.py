"""A controller that costs no time: the bound that every tuning is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fleetbench.decide.effect import Basis, Effect, effect_of
from fleetbench.graph.fleet import changed
from fleetbench.graph.objects import Kustomization
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import no_steps
from fleetbench.prediction.predict import Prediction


@dataclass(frozen=True)
class Perfect:
    """Controllers that take no time, never poll, queue or give up; workloads stay.

    Sources are at hand, and a node pulls all images at once.

    A timeout that stayed could be missed by what now starts earlier beside more pulls, and a pull that takes turns could
    get a later one: the rollout would end later than with the real controllers. Where no retryInterval says when, they
    try again soon.
    """

    title: str = "a perfect controller"

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario under them."""
        patient = {obj.id: _patient for obj in scenario.fleet.services()}
        return replace(
            scenario,
            fleet=changed(scenario.fleet, patient),
            parameters=scenario.parameters.perfect().everywhere(fail_fast=False, helm_fail_fast=False),
            steps=no_steps(),
            fetch={},
            pull=None if scenario.pull is None else replace(scenario.pull, serialized_per_node=False),
        )


_NEVER_GIVES_UP_S = 1e7
_TRIES_AGAIN_S = 10.0
"""Soon beside the retryInterval that is proposed, seldom enough to be simulated where it fails for long."""


def _patient(obj: Any) -> Any:
    if isinstance(obj, Kustomization) and obj.retry_interval_s is None:
        obj = replace(obj, retry_interval_s=min(obj.interval_s, _TRIES_AGAIN_S))
    return replace(obj, timeout_s=_NEVER_GIVES_UP_S)


def bound_of(basis: Basis, base: Prediction, perfect: Prediction) -> Effect:
    """What a perfect controller could do, on the same samples: never worse than what the real one does there.

    Where it is, as a second try drew a luckier time than the first, it could do what the real one did.
    """
    now = basis.totals(base)
    return effect_of(now, [min(pair) for pair in zip(now, basis.totals(perfect), strict=True)])

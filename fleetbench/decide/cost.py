"""What a rollout costs to simulate, and how many a search can afford: the same on every machine."""

from __future__ import annotations

from fleetbench.decide.trial import SCREENED
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample
from fleetbench.model.scenario import Scenario

RECONCILES = 12
"""Reconciles, polls in vain among them, that take as long as a service of a rollout does (about 0.3 ms): retries that come
after hours beside a short ``--requeue-dependency`` make thousands of them."""
SEARCH_WORK = 200_000
"""What a search simulates at most in trials with all samples, in rollouts times services of the fleet: about half a
minute on two processors."""
_TRIALS = 40
"""Trials with all samples that a search takes, about."""


def cost_of(scenario: Scenario) -> float:
    """What one rollout costs, in services: those that there are, or what its reconciles come to where that is more."""
    reconciles = sum(run_sample(compile_plan(scenario), 0).attempts)
    return max(len(list(scenario.fleet.services())), reconciles / RECONCILES)


def affordable(scenario: Scenario, samples: int) -> int:
    """As many samples as a search can take of each trial, up to so many; at least :data:`~.trial.SCREENED`."""
    if samples <= SCREENED:
        return samples
    return max(SCREENED, min(samples, int(SEARCH_WORK / (_TRIALS * cost_of(scenario)))))

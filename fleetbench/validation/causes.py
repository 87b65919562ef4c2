"""Why the last Ready came when it did, and why it was predicted to: the seconds of both causal chains by cause.

The same code reads both from rows, so what the model takes for another cause than it is shows here even where the totals agree.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetbench.ids import ObjectId
from fleetbench.runs.explained import explained
from fleetbench.timeline.causes import MEANING
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation
from fleetbench.validation.compare import RunComparison

SAMPLES = 20
"""Rollouts of each prediction that are explained, at most."""

Chains = Sequence[Mapping[str, float]]
"""Cause -> seconds, for each sample."""


@dataclass(frozen=True, slots=True)
class CauseComparison:
    """The seconds of one cause; predicted: mean, least and most over the samples."""

    cause: str
    measured_s: float
    predicted_s: float
    least_s: float
    most_s: float


@dataclass(frozen=True)
class RunCauses:
    """One run's chain, and those of samples of its prediction."""

    measured: Mapping[str, float]
    predicted: Chains


def run_causes(c: RunComparison, samples: int = SAMPLES) -> RunCauses:
    """The causes of a run, and of so many samples of its prediction."""
    scenario = c.prediction.scenario
    ids: list[ObjectId] = [obj.id for obj in scenario.fleet.services()]

    def chains() -> Iterator[dict[str, float]]:
        for sample in c.prediction.recorded(range(min(samples, c.prediction.samples))):
            assert sample.timeline is not None
            ready_s = dict(zip(ids, sample.ready_s, strict=True))
            rollout = Rollout(scenario.fleet, sample.timeline, scenario.parameters, ready_s=ready_s)
            yield Explanation(rollout).seconds_by_cause().chain

    return RunCauses(explained(c.run).seconds_by_cause().chain, list(chains()))


def all_causes(
    comparisons: Sequence[RunComparison],
    samples: int = SAMPLES,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[RunCauses]:
    """The same for many runs; ``progress`` is called with (done, of)."""
    found = []
    for number, c in enumerate(comparisons):
        progress(number, len(comparisons))
        found.append(run_causes(c, samples))
    return found


def by_cause(runs: Sequence[RunCauses]) -> list[CauseComparison]:
    """Every cause that occurs, its seconds added up over the runs: measured, and in each sample of them all."""
    samples = min((len(run.predicted) for run in runs), default=0)
    found = []
    for cause in MEANING:
        measured_s = sum(run.measured.get(cause, 0.0) for run in runs)
        predicted = [sum(run.predicted[n].get(cause, 0.0) for run in runs) for n in range(samples)] or [0.0]
        if measured_s or any(predicted):
            mean_s = statistics.fmean(predicted)
            found.append(CauseComparison(cause, measured_s, mean_s, min(predicted), max(predicted)))
    return found

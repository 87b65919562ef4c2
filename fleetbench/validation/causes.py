"""Why the last Ready came when it did, and why it was predicted to: the seconds of both causal chains by cause.

The same code reads both from rows, so what the model takes for another cause than it is shows here even where the totals agree.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleetbench.prediction.document import chain_of
from fleetbench.runs.explained import explained
from fleetbench.timeline.causes import MEANING, seconds_of
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
    recorded = c.prediction.recorded(range(min(samples, c.prediction.samples)))
    predicted = [seconds_of(chain_of(c.prediction, sample)) for sample in recorded]
    return RunCauses(seconds_of(explained(c.run, c.run.ready_s()).chain()), predicted)


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

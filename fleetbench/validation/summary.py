"""Many runs against their predictions, in figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fleetbench.graph.document import to_document
from fleetbench.prediction.predict import QUANTILES
from fleetbench.runs.run import Run
from fleetbench.validation.compare import HIGH, LOW, RunComparison


def pinball_s(measured_s: float, quantiles: Sequence[float | None], limit_s: float) -> float:
    """Mean pinball loss over the predicted quantiles, in seconds; never counts as ``limit_s``."""
    loss = 0.0
    for q, value in zip(QUANTILES, quantiles, strict=True):
        miss = measured_s - (limit_s if value is None else value)
        loss += max(q * miss, (q - 1.0) * miss)
    return loss / len(quantiles)


@dataclass(frozen=True)
class Summary:
    """All runs in figures; None = no run that could tell."""

    runs: int
    total_median_error: float | None
    total_inside: float | None
    object_mean_pinball_s: float | None
    object_median_error_s: float | None
    object_mean_error_s: float | None
    object_coverage_90: float | None
    object_width_s: float | None
    never_ready_predicted: float | None
    """Share of the objects never Ready within the limit whose ``ready_fraction`` is below 0.5."""
    ready_predicted: float | None
    """Share of the others whose ``ready_fraction`` is above 0.5."""
    repeats: int
    """Runs that repeat another one."""
    repeats_mean_difference_s: float | None
    repeats_total_difference: float | None
    """Median difference between the totals of two of their runs, as a share of the two's mean."""
    error_over_repeats: float | None
    """Mean |p50 - measured| over fleets with repeats, over the mean difference between two of their runs."""

    def to_json(self) -> dict[str, Any]:
        """As JSON, rounded to the millisecond."""
        return {
            name: round(value, 6) if isinstance(value := getattr(self, name), float) else value
            for name in self.__dataclass_fields__
        }


Repeats = list[list[int]]
"""The places of the runs of each fleet that was rolled out more than once."""


def summarize(comparisons: Sequence[RunComparison]) -> Summary:
    """Figures over all runs together."""
    return figures(comparisons, repeats(comparisons))


def figures(comparisons: Sequence[RunComparison], repeated: Repeats) -> Summary:
    """Figures over all runs together, where it is known which repeat one another."""
    seen = [(c, o) for c in comparisons for o in c.objects]
    ready = [(c, o) for c, o in seen if o.measured_s is not None]
    never = [o for _, o in seen if o.measured_s is None]
    limits = {id(c): c.prediction.scenario.until_s or c.run.timeline.until_s for c in comparisons}
    errors = [abs(o.error_s) for _, o in ready if o.error_s is not None]
    widths = [high - low for _, o in ready if (low := o.at(LOW)) is not None and (high := o.at(HIGH)) is not None]
    groups = [[comparisons[n] for n in places] for places in repeated]
    difference, error = _mean(_differences_s(groups)), _mean(_errors_s(groups))
    return Summary(
        runs=len(comparisons),
        total_median_error=_median(abs(c.total_error) for c in comparisons if c.total_error is not None),
        total_inside=_mean(c.inside for c in comparisons if c.inside is not None),
        object_mean_pinball_s=_mean(pinball_s(o.measured_s or 0.0, o.quantiles, limits[id(c)]) for c, o in ready),
        object_median_error_s=_median(errors),
        object_mean_error_s=_mean(errors),
        object_coverage_90=_mean(bool(o.inside) for _, o in ready),
        object_width_s=_median(widths),
        never_ready_predicted=_mean(o.ready_fraction < 0.5 for o in never),
        ready_predicted=_mean(o.ready_fraction > 0.5 for _, o in ready),
        repeats=sum(map(len, groups)),
        repeats_mean_difference_s=difference,
        repeats_total_difference=_median(_total_differences(groups)),
        error_over_repeats=error / difference if error is not None and difference else None,
    )


def _mean(values: Iterable[float]) -> float | None:
    listed = [float(v) for v in values]
    return statistics.fmean(listed) if listed else None


def _median(values: Iterable[float]) -> float | None:
    listed = list(values)
    return statistics.median(listed) if listed else None


def repeats(comparisons: Sequence[RunComparison]) -> Repeats:
    """Which runs repeat one another."""
    groups: dict[str, list[int]] = {}
    for n, c in enumerate(comparisons):
        groups.setdefault(_likeness(c.run), []).append(n)
    return [group for group in groups.values() if len(group) > 1]


def _differences_s(groups: Iterable[Sequence[RunComparison]]) -> Iterator[float]:
    """How far apart each object turned Ready in two runs of one fleet."""
    for group in groups:
        measured = [{o.id: o.measured_s for o in c.objects} for c in group]
        for one, other in combinations(measured, 2):
            for object_id, value in one.items():
                again = other.get(object_id)
                if value is not None and again is not None:
                    yield abs(value - again)


def _total_differences(groups: Iterable[Sequence[RunComparison]]) -> Iterator[float]:
    for group in groups:
        totals = [c.total_s for c in group if c.total_s]
        yield from (abs(a - b) / ((a + b) / 2.0) for a, b in combinations(totals, 2))


def _errors_s(groups: Iterable[Sequence[RunComparison]]) -> list[float]:
    return [abs(o.error_s) for group in groups for c in group for o in c.objects if o.error_s is not None]


def _likeness(run: Run) -> str:
    """What two runs must share to be repeats of one another."""
    document = to_document(run.fleet)
    del document["name"]
    touched = None if run.commit is None else sorted(map(str, run.commit.touched))
    return repr((document, sorted(run.flags.items()), touched))

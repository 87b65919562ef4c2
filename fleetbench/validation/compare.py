"""One run against its prediction, and many runs in figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from fleetbench.graph.changes import none_installed
from fleetbench.graph.document import to_document
from fleetbench.ids import ObjectId, parse_object
from fleetbench.model.parameters import flags_of_run
from fleetbench.model.profile import Profile, load_profile, stand_in_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, Scenario
from fleetbench.model.steps import Step, steps_from
from fleetbench.prediction.predict import QUANTILES, Prediction, predict
from fleetbench.runs.run import Run

LOW, MIDDLE, HIGH = 0.05, 0.50, 0.95


@dataclass(frozen=True, slots=True)
class ObjectComparison:
    """One service of one run; seconds; None = never within the time watched."""

    id: ObjectId
    measured_s: float | None
    quantiles: tuple[float | None, ...]
    """Along :data:`~fleetbench.prediction.predict.QUANTILES`."""
    ready_fraction: float

    def at(self, q: float) -> float | None:
        """The predicted quantile."""
        return self.quantiles[QUANTILES.index(q)]

    @property
    def inside(self) -> bool | None:
        """Whether the measured value lies in p5-p95; None where it was never Ready."""
        if self.measured_s is None:
            return None
        return _inside(self.measured_s, self.at(LOW), self.at(HIGH))

    @property
    def error_s(self) -> float | None:
        """Predicted median minus measured; None where either is never."""
        middle = self.at(MIDDLE)
        return None if self.measured_s is None or middle is None else middle - self.measured_s


@dataclass(frozen=True)
class RunComparison:
    """One run."""

    run: Run
    prediction: Prediction
    objects: tuple[ObjectComparison, ...]
    total_s: float | None
    """The last measured Ready; None = there is none to hold the prediction against, see :attr:`no_total`."""

    @cached_property
    def totals(self) -> tuple[float | None, float | None, float | None]:
        """Predicted p5, p50, p95 of the last Ready of what turned Ready in the run; None = never.

        Of a run in which all turned Ready that counts, these are the prediction's totals. What did not is no part of
        either side: whether that was predicted, :attr:`Summary.never_ready_predicted` says.
        """
        measured = [o.id for o in self.objects if o.measured_s is not None]
        return tuple(self.prediction.last_of(measured, q) for q in (LOW, MIDDLE, HIGH))  # type: ignore[return-value]

    @property
    def inside(self) -> bool | None:
        """Whether the measured total lies in p5-p95; None where there is none."""
        low, _, high = self.totals
        return None if self.total_s is None else _inside(self.total_s, low, high)

    @property
    def total_error(self) -> float | None:
        """Predicted median total over measured, minus 1; None where either is missing."""
        middle = self.totals[1]
        return middle / self.total_s - 1.0 if self.total_s and middle is not None else None

    @property
    def no_total(self) -> str | None:
        """Why there is no measured total, for people; None = there is one."""
        if self.total_s is not None:
            return None
        if self.run.unseen:
            return self.run.cut
        return "nothing turned Ready while it was recorded" if self.run.timeline.events else "it recorded nothing"

    @property
    def no_error(self) -> str | None:
        """Why the totals cannot be compared, for people; None = they can."""
        never = "something that turned Ready was predicted not to"
        return self.no_total or (never if self.totals[1] is None else None)


def _inside(measured_s: float, low: float | None, high: float | None) -> bool:
    return low is not None and low <= measured_s <= (math.inf if high is None else high)


def scenario_of(run: Run, profile: Profile | None = None, *, seed: int = 0) -> Scenario:
    """The scenario that a run was: its fleet, its flags, its commit if one came.

    A stand-in run's pods are pauses whose image the nodes hold, so their start is that of the ``stand-in`` profile.
    """
    default = load_profile("default")
    if profile is None and run.meta.get("workloads") == "stand-in":
        profile = stand_in_profile()
    merged = default if profile is None else profile.over(default)
    scenario = Scenario(
        run.fleet,
        flags_of_run(run.flags),
        steps_from(merged.steps),
        resolve(run.fleet if run.commit is None else none_installed(run.fleet), None, profile, default),
        merged.pull,
        seed,
        BOOTSTRAP,
        fail=frozenset(parse_object(o) for o in run.meta.get("fail", ())),
        # What is listed when watching begins lies a moment before it, and a run may be cut right then.
        until_s=max(run.timeline.until_s if run.cut or run.limit_s is None else run.limit_s, 0.0),
    )
    if run.commit is None:
        return scenario
    # Counted from the artifact: the fetch is over, and the queue keeps the order of the bootstrap before it.
    # What came after it is what is to be predicted, and must not be told.
    earlier = replace(run.timeline, events=tuple(e for e in run.timeline.events if e.t_s < run.commit.artifact_s))
    last = {id: at for id in run.services() if (at := earlier.ready_s(id)) is not None}
    return replace(
        scenario,
        kind=COMMIT,
        webhook=True,
        changed=frozenset(run.commit.touched),
        last_reconciled=last,
        steps=replace(scenario.steps, git_fetch=Step(0.0, 0.0)),
    )


def compare_run(run: Run, samples: int = 200, profile: Profile | None = None, *, seed: int = 0) -> RunComparison:
    """Predict a run and hold the prediction against it, as far as the record of the run goes."""
    prediction = predict(scenario_of(run, profile, seed=seed), samples)
    measured = run.ready_s()
    objects = tuple(
        ObjectComparison(
            id,
            measured.get(id),
            tuple(prediction.quantile(id, q) for q in QUANTILES),
            prediction.ready_fraction(id),
        )
        for id in prediction.services
        if id not in run.unseen
    )
    ready = [o.measured_s for o in objects if o.measured_s is not None]
    return RunComparison(run, prediction, objects, max(ready) if ready and not run.unseen else None)


def compare_runs(
    runs: Sequence[Run],
    samples: int = 200,
    profile: Profile | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[RunComparison]:
    """Each run against its prediction; ``progress`` is called with (done, of)."""
    found = []
    for number, run in enumerate(runs):
        if progress is not None:
            progress(number, len(runs))
        found.append(compare_run(run, samples, profile, seed=seed))
    return found


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


def summarize(comparisons: Sequence[RunComparison]) -> Summary:
    """Figures over all runs together."""
    seen = [(c, o) for c in comparisons for o in c.objects]
    ready = [(c, o) for c, o in seen if o.measured_s is not None]
    never = [o for _, o in seen if o.measured_s is None]
    limits = {id(c): c.prediction.scenario.until_s or c.run.timeline.until_s for c in comparisons}
    errors = [abs(o.error_s) for _, o in ready if o.error_s is not None]
    widths = [high - low for _, o in ready if (low := o.at(LOW)) is not None and (high := o.at(HIGH)) is not None]
    groups = _repeats(comparisons)
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


def _repeats(comparisons: Sequence[RunComparison]) -> list[list[RunComparison]]:
    """The runs of each fleet that was rolled out more than once."""
    groups: dict[str, list[RunComparison]] = {}
    for c in comparisons:
        groups.setdefault(_likeness(c.run), []).append(c)
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

"""One run against its prediction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from fleetbench.graph.changes import none_installed
from fleetbench.ids import ObjectId, parse_object
from fleetbench.model.assemble import cluster_limits
from fleetbench.model.commit_times import times_after
from fleetbench.model.fetch import fetch_times
from fleetbench.model.parameters import flags_of_run
from fleetbench.model.profile import Profile, load_profile, stand_in_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import BOOTSTRAP, Scenario
from fleetbench.model.steps import steps_from
from fleetbench.prediction.predict import QUANTILES, Prediction, predict
from fleetbench.runs.run import Run
from fleetbench.timeline.rollout import Rollout

LEVELS = LOW, MIDDLE, HIGH = 0.05, 0.50, 0.95


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
        either side: whether that was predicted, :attr:`~.summary.Summary.never_ready_predicted` says.
        """
        measured = [o.id for o in self.objects if o.measured_s is not None]
        return tuple(self.prediction.last_of(measured, q) for q in LEVELS)  # type: ignore[return-value]

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
        flags_of_run(run.flags, **cluster_limits(merged)),
        steps_from(merged.steps),
        resolve(run.fleet if run.commit is None else none_installed(run.fleet), None, profile, default),
        merged.pull,
        fetch_times(run.from_afar, merged.fetch),
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
    rollout = Rollout(run.fleet, earlier, flags_of_run(run.flags))
    first = {id: earlier.ready_s(id) for id in run.services()}
    last = {id: max(rollout.turns(id), default=at) for id, at in first.items() if at is not None}
    changed = replace(
        scenario,
        workloads=times_after(run.fleet, scenario.workloads, run.commit.told),
        commit=run.commit.told,
        last_reconciled=last,
    )
    return changed.from_artifact()


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

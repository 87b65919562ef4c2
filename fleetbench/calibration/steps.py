"""Step costs from observations: medians and spreads, split over steps that rows show only together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleetbench.calibration.observe import COLD_UNTIL_S, FIRST_S, Observation, observe
from fleetbench.model.steps import Step, Steps
from fleetbench.runs.run import Run

ENOUGH = 8
"""Quiet observations below which a step keeps the value it had."""
FEW_SIGMA = 0.35
"""The least spread that is believed of a step seen fewer than four times that often."""
_SUMS: dict[str, dict[str, float]] = {
    # What each part takes of a sum that no row splits. The halves of poll and health_end are told apart by pods whose
    # time is a multiple of the poll interval: about 45 % of them are seen at the tick that they just reach.
    "poll+health_end+finish": {"poll": 0.33, "health_end": 0.34},
    "dry_run+apply": {"dry_run": 0.67},
    "dependency_get+dependency_end": {"dependency_get": 0.2, "dependency_end": 0.8},
    "finalizer+chart_build+helm_start+helm_load": {"chart_build": 0.35, "helm_start": 0.2, "helm_load": 0.35},
    "helm_install+poll+helm_finish": {"helm_finish": 0.4},
}
_CAN_BE = (
    "fetch",
    "build",
    "apply",
    "health_start",
    "finish",
    "release",
    "finalizer",
    "start",
    "pod_lag",
    "helm_install",
    "git_fetch",
)


@dataclass(frozen=True, slots=True)
class StepFit:
    """How well a step is known."""

    step: str
    observations: int
    """Quiet ones, used for the fit."""
    p50_s: float
    sigma: float
    ks: float
    """Kolmogorov-Smirnov distance between the observations and the fitted log-normal; 0 = perfect."""


@dataclass(frozen=True)
class Calibration:
    """Fitted step costs."""

    steps: Steps
    fits: tuple[StepFit, ...]
    runs: tuple[str, ...]
    kept: tuple[str, ...]
    """Steps that kept the value they had: too few observations."""


def calibrate_steps(runs: Sequence[Run], base: Steps) -> Calibration:
    """Fit the step costs to runs of one machine.

    Args:
        runs: measured runs.
        base: what holds for steps that the runs do not show often enough.
    """
    by_run = {run.name: observe(run) for run in runs}
    quiet: dict[str, list[float]] = {}
    for observations in by_run.values():
        for o in observations:
            if o.quiet or o.step == "git_fetch":
                quiet.setdefault(o.step, []).append(_own_s(o, base))
    speed = _speed(by_run, quiet, base)
    fits, values = [], {}
    for name, seconds in sorted(quiet.items()):
        if len(seconds) < (ENOUGH if name != "git_fetch" else 3):
            continue
        p50, sigma = _log_fit(seconds)
        if len(seconds) < 4 * ENOUGH:
            sigma = max(sigma, FEW_SIGMA)
        within = math.sqrt(max(sigma**2 - speed**2, 0.01))
        fits.append(StepFit(name, len(seconds), p50, sigma, _ks(seconds, p50, sigma)))
        if name in _CAN_BE:
            values[name] = Step(p50, within)
        for part, share in _SUMS.get(name, {}).items():
            values[part] = Step(p50 * share, within)
    values["speed"] = Step(1.0, speed)
    values |= _cold(by_run, quiet, base)
    if "git_fetch" in values:  # seen only at the start, while everything is cold
        warm = 1.0 + (values.get("cold", base.cold).p50_s - 1.0) * math.exp(-1.0 / base.cold_decay_s)
        values["git_fetch"] = Step(values["git_fetch"].p50_s / warm, min(values["git_fetch"].sigma, 0.5))
    fitted = {f: values.get(f, getattr(base, f)) for f in Steps.__dataclass_fields__}
    kept = tuple(sorted(set(Steps.__dataclass_fields__) - set(values)))
    return Calibration(Steps(**fitted), tuple(fits), tuple(run.name for run in runs), kept)


def _own_s(o: Observation, base: Steps) -> float:
    """The step's own time: without what the objects of a build, or the files of an artifact, add."""
    seconds = o.seconds - (base.build_object.p50_s * o.objects if o.step == "build" else 0.0)
    if o.step == "fetch":
        seconds -= base.fetch_file.p50_s * o.files
    elif o.step in ("finish", "poll+health_end+finish"):
        seconds -= base.remove_file.p50_s * o.files
    return max(seconds, 0.0005)


def _log_fit(seconds: Sequence[float]) -> tuple[float, float]:
    """Median, and sigma from the 16 % and 84 % quantiles: the tail beyond is the outliers' business.

    A sigma above 0.8 is the stamps' own grain (two rows a millisecond apart), not the step's.
    """
    logs = sorted(math.log(s) for s in seconds)
    low, high = logs[int(0.16 * len(logs))], logs[min(int(0.84 * len(logs)), len(logs) - 1)]
    return math.exp(statistics.median(logs)), min(max((high - low) / 2.0, 0.05), 0.8)


def _speed(by_run: Mapping[str, Sequence[Observation]], quiet: Mapping[str, Sequence[float]], base: Steps) -> float:
    """Sigma of the factor between runs: how much the mean log of a run's steps differs, beyond sampling."""
    medians = {name: statistics.median(map(math.log, s)) for name, s in quiet.items() if len(s) >= ENOUGH}
    means, noise = [], []
    for observations in by_run.values():
        logs = [math.log(_own_s(o, base)) - medians[o.step] for o in observations if o.quiet and o.step in medians]
        if len(logs) >= 2 * ENOUGH:
            means.append(statistics.fmean(logs))
            noise.append(statistics.variance(logs) / len(logs))
    if len(means) < 3:
        return 0.15
    return round(min(math.sqrt(max(statistics.variance(means) - statistics.fmean(noise), 0.0025)), 0.5), 3)


def _cold(
    by_run: Mapping[str, Sequence[Observation]], quiet: Mapping[str, Sequence[float]], base: Steps
) -> dict[str, Step]:
    """The root's own build, the first of all, over the usual one: one factor a run, carried back to t0."""
    usual = quiet.get("build", [])
    if len(usual) < ENOUGH:
        return {}
    median, within = _log_fit(usual)
    factors = []
    for observations in by_run.values():
        first = min(
            (o for o in observations if o.step == "build" and o.t_s < FIRST_S), key=lambda o: o.t_s, default=None
        )
        if first is not None:
            left = math.exp(-first.t_s / base.cold_decay_s)
            usual_s = median + base.build_object.p50_s * first.objects
            factors.append(max(1.0 + (first.seconds / usual_s - 1.0) / left, 0.1))
    if len(factors) < ENOUGH:
        return {}
    logs = [math.log(f) for f in factors]
    spread = math.sqrt(max(statistics.variance(logs) - within**2, 0.01))  # one build's own spread is in each factor
    return {"cold": Step(math.exp(statistics.median(logs)), spread)}


def _ks(seconds: Iterable[float], p50: float, sigma: float) -> float:
    normal = statistics.NormalDist(math.log(p50), sigma)
    ordered = sorted(math.log(s) for s in seconds)
    size = len(ordered)
    return max(max(abs((n + 1) / size - normal.cdf(x)), abs(n / size - normal.cdf(x))) for n, x in enumerate(ordered))


__all__ = ["COLD_UNTIL_S", "Calibration", "StepFit", "calibrate_steps"]

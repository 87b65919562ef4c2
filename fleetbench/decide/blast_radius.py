"""What stays down, and what is late, when services never turn healthy: in the fleet as it is and in waves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from fleetbench.decide.change import FLOOR_S
from fleetbench.decide.paired import Paired, paired
from fleetbench.decide.trial import series
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.waves import is_waves, to_waves
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.timeline.stats import parallel_services

PAIR_SAMPLES = 6
"""Rollouts simulated for each pair: enough for an interval (see :mod:`.paired`), few enough for many pairs."""
MOST_PAIRS = 300
"""Pairs simulated at most. With more services the pairs are those that reach furthest, by what each holds up alone."""
FINE, WAVES = "fine", "waves"

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Late:
    """A service that turns Ready all the same, later than without the failure."""

    object: ObjectId
    difference: Paired


@dataclass(frozen=True)
class Radius:
    """What one failure (of one object or several) does to one layout."""

    failed: tuple[ObjectId, ...]
    layout: str
    never: tuple[ObjectId, ...]
    """Services that turn Ready without the failure and, in half of the samples or more, not with it; the failed left out."""
    never_services: tuple[ObjectId, ...]
    """Those of them that count as services."""
    late: tuple[Late, ...]
    """Later beyond noise and five seconds, the latest first."""
    up: float
    """Median share of services that are Ready when nothing more happens."""
    settled_s: float | None
    """Median seconds until the last Ready of those that get there; None = nothing does."""

    @property
    def weight(self) -> tuple[int, float]:
        """For ranking: how many stay down, then how many seconds the others lose in all."""
        return len(self.never_services), sum(late.difference.p50_s for late in self.late)


@dataclass(frozen=True)
class BlastRadius:
    """All of it."""

    services: tuple[ObjectId, ...]
    """What counts as a service."""
    without: Mapping[str, Prediction]
    """Layout -> the rollout without a failure."""
    singles: tuple[tuple[Radius, ...], ...]
    """For each object (or set of objects) asked for: its radius in each layout; the most dangerous first."""
    pairs: tuple[tuple[Radius, ...], ...] = ()
    pairs_possible: int = 0


def layouts(fleet: Fleet) -> dict[str, Fleet]:
    """The layouts to compare: the fleet as it is, and in waves unless it is in waves already."""
    return {FINE: fleet} if is_waves(fleet) else {FINE: fleet, WAVES: to_waves(fleet)}


def blast_radius(
    scenarios: Mapping[str, Scenario],
    failures: Iterable[tuple[ObjectId, ...]],
    samples: int,
    *,
    pairs: bool = False,
    progress: Progress | None = None,
) -> BlastRadius:
    """Simulate each failure with the same draws as the rollout without it.

    Args:
        scenarios: layout -> scenario without failures; the first one decides what is a service.
        failures: the objects that fail together, one tuple a question.
        samples: rollouts for each.
        pairs: also simulate pairs of the failures given, each with :data:`PAIR_SAMPLES` rollouts.
        progress: called with (done, of).
    """
    asked = list(failures)
    services = tuple(parallel_services(next(iter(scenarios.values())).fleet))
    without = {layout: predict(scenario, samples) for layout, scenario in scenarios.items()}
    of, done = len(asked) * len(scenarios), 0

    def radii(failed: tuple[ObjectId, ...], n: int, base: Mapping[str, Prediction]) -> tuple[Radius, ...]:
        nonlocal done
        found = []
        for layout, scenario in scenarios.items():
            found.append(_radius(layout, scenario, base[layout], failed, services, n))
            done += 1
            if progress is not None:
                progress(done, of)
        return tuple(found)

    singles = sorted((radii(failed, samples, without) for failed in asked), key=_danger)
    if not pairs:
        return BlastRadius(services, without, tuple(singles))
    wanted, possible = _pairs(singles)
    of += len(wanted) * len(scenarios)
    few = without if samples <= PAIR_SAMPLES else {layout: predict(s, PAIR_SAMPLES) for layout, s in scenarios.items()}
    found = [radii(pair, min(samples, PAIR_SAMPLES), few) for pair in wanted]
    return BlastRadius(services, without, tuple(singles), tuple(sorted(found, key=_danger)), possible)


def _danger(radii: Sequence[Radius]) -> tuple[float, ...]:
    """Most dangerous first, judged on the fleet as it is, ties by the other layout and by name."""
    return (*(-x for radius in radii for x in radius.weight),)


def _pairs(singles: Sequence[tuple[Radius, ...]]) -> tuple[list[tuple[ObjectId, ...]], int]:
    """Pairs to simulate: all, or those whose members together hold up most."""
    pairs = []
    for a, b in combinations(singles, 2):
        reach = len({*a[0].never_services, *b[0].never_services, *a[0].failed, *b[0].failed})
        pairs.append((-reach, tuple(sorted({*a[0].failed, *b[0].failed}))))
    return [pair for _, pair in sorted(pairs)[:MOST_PAIRS]], len(pairs)


def _radius(
    layout: str,
    scenario: Scenario,
    base: Prediction,
    failed: tuple[ObjectId, ...],
    services: Sequence[ObjectId],
    samples: int,
) -> Radius:
    broken = predict(replace(scenario, fail=scenario.fail | set(failed)), samples)
    before, after = series(base), series(broken)
    # What a failed service creates is part of the failure itself, not of what it takes down.
    down = set(failed).union(*(scenario.fleet.inside(f) for f in failed))
    never = [
        id for id in after if id not in down and base.quantile(id, 0.5) is not None and broken.quantile(id, 0.5) is None
    ]
    late: list[Late] = []
    for id in after:
        if id in down or id in never:
            continue
        difference = paired(before[id], after[id])
        if difference.later and difference.p50_s > FLOOR_S:
            late.append(Late(id, difference))
    counted = [id for id in services if id in after]
    shares = sorted(sum(not math.isinf(after[id][n]) for id in counted) / max(len(counted), 1) for n in range(samples))
    return Radius(
        failed, layout, tuple(sorted(never)), tuple(sorted(set(never) & set(services))), tuple(sorted(late, key=lambda one: (-one.difference.p50_s, one.object))),
        shares[(samples - 1) // 2], broken.total_quantile(0.5),
    )  # fmt: skip


def expected_up(singles: Sequence[tuple[Radius, ...]], layout: str) -> tuple[float, float] | None:
    """(mean, least) share of services up over all single failures of a layout; None without any."""
    shares = [radius.up for radii in singles for radius in radii if radius.layout == layout]
    return (sum(shares) / len(shares), min(shares)) if shares else None

"""What one failure does to one layout: what stays down, and what is late."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleetbench.decide.change import FLOOR_S
from fleetbench.decide.paired import Paired, paired
from fleetbench.decide.trial import series
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready, reach
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import BOOTSTRAP, Scenario
from fleetbench.prediction.predict import Prediction, Progress, predict


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
    own: tuple[ObjectId, ...]
    """Services that the failed create themselves and that are down with them: part of the failure."""
    late: tuple[Late, ...]
    """Later beyond noise and five seconds, the latest first."""
    up: float
    """Median share of services that are Ready when nothing more happens."""
    settled_s: float | None
    """Median seconds until the last Ready of those that get there; None = nothing does."""
    samples: int
    """Rollouts simulated; 0 = only what waits in vain is known, which takes none: not what is late."""

    @property
    def weight(self) -> tuple[int, float]:
        """For ranking: how many stay down, then how many seconds the others lose in all."""
        return len(self.never_services), sum(late.difference.p50_s for late in self.late)


@dataclass(frozen=True)
class Held:
    """What a failure is held against: the same in every process."""

    scenarios: Mapping[str, Scenario]
    without: Mapping[str, Prediction]
    services: tuple[ObjectId, ...]
    idle: Mapping[str, frozenset[ObjectId]] = field(default_factory=dict)
    """Layout -> :func:`idle_of` it."""


def idle_of(scenario: Scenario) -> frozenset[ObjectId]:
    """Services of which no whole reconcile ever begins in a bootstrap: that they fail is never seen, so nothing differs."""
    if scenario.kind != BOOTSTRAP:
        return frozenset()
    plan = compile_plan(scenario)
    starts = reach(plan).starts
    return frozenset(plan.items[n].id for n in plan.services if not starts[n])


def radius_of(
    held: Held,
    layout: str,
    failed: tuple[ObjectId, ...],
    samples: int,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Radius:
    """What these failures do to a layout, in so many rollouts; with none only what waits in vain."""
    scenario, base = held.scenarios[layout], held.without[layout]
    broken = replace(scenario, fail=scenario.fail | set(failed))
    # What a failed service creates is part of the failure itself, not of what it takes down.
    down = set(failed).union(*(scenario.fleet.inside(f) for f in failed))
    if not samples:
        return _reached(layout, broken, base, failed, down, held.services)
    if held.idle.get(layout, frozenset()).issuperset(failed):
        after_failure = base.first(samples)
    else:
        after_failure = predict(broken, samples, processes=processes, progress=progress)
    before, after = series(base.first(samples)), series(after_failure)
    lost = [id for id in after if base.quantile(id, 0.5) is not None and after_failure.quantile(id, 0.5) is None]
    never = [id for id in lost if id not in down]
    late: list[Late] = []
    for id in after:
        if id in down or id in never:
            continue
        difference = paired(before[id], after[id])
        if difference.later and difference.p50_s > FLOOR_S:
            late.append(Late(id, difference))
    counted = [id for id in held.services if id in after]
    shares = sorted(sum(not math.isinf(after[id][n]) for id in counted) / max(len(counted), 1) for n in range(samples))
    return Radius(
        failed, layout, tuple(sorted(never)), tuple(sorted(set(never) & set(held.services))),
        _own(lost, down, failed, held.services),
        tuple(sorted(late, key=lambda one: (-one.difference.p50_s, one.object))), shares[(samples - 1) // 2],
        after_failure.total_quantile(0.5), samples,
    )  # fmt: skip


def _reached(
    layout: str,
    broken: Scenario,
    base: Prediction,
    failed: tuple[ObjectId, ...],
    down: set[ObjectId],
    services: Sequence[ObjectId],
) -> Radius:
    """What waits in vain, without a rollout."""
    vain = never_ready(compile_plan(broken))
    lost = {id for id in vain if base.quantile(id, 0.5) is not None}
    never = lost - down
    own = _own(lost, down, failed, services)
    counted = [id for id in services if id in base.services]
    up = sum(id not in vain for id in counted) / max(len(counted), 1)
    return Radius(failed, layout, tuple(sorted(never)), tuple(sorted(never & set(services))), own, (), up, None, 0)


def _own(
    lost: Iterable[ObjectId], down: set[ObjectId], failed: tuple[ObjectId, ...], services: Sequence[ObjectId]
) -> tuple[ObjectId, ...]:
    return tuple(sorted(down.intersection(lost, services).difference(failed)))


def adds(pair: Radius, singles: Mapping[tuple[str, ObjectId], Radius]) -> bool:
    """Whether two failures at once do more than each on its own: keep more down, or make something clearly later.

    Args:
        pair: the two at once.
        singles: (layout, failed) -> what the one does.
    """
    alone = [singles[pair.layout, failed] for failed in pair.failed]
    if not set(pair.never) <= {id for one in alone for id in (*one.never, *one.failed)}:
        return True
    known = {late.object: late.difference.p50_s for one in alone for late in one.late}
    return any(late.difference.low_s > known.get(late.object, 0.0) + FLOOR_S for late in pair.late)

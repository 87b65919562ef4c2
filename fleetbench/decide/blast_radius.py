"""What stays down, and what is late, when services never turn healthy: in the fleet as it is and in waves."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from fleetbench.decide.cost import cost_of
from fleetbench.decide.paired import MIN_SAMPLES
from fleetbench.decide.radius import Held, Radius, idle_of, radius_of
from fleetbench.decide.trial import until_s_of
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.waves import FINE, WAVES, is_waves, to_waves
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.timeline.stats import parallel_services

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

PAIR_SAMPLES = 6
"""Rollouts simulated for each pair: enough for an interval (see :mod:`.paired`), few enough for many pairs."""
MOST_PAIRS = 300
"""Pairs simulated at most. With more services the pairs are those that reach furthest, by what each holds up alone."""
WORK, PAIR_WORK = 320_000, 100_000
"""What an overview simulates at most, in rollouts times services of the fleet: about a minute and a half on two
processors. A rollout takes about 0.3 ms a service, or as :func:`~.cost.cost_of` has it where there is much to reconcile."""
NAMED_WORK = 8_000
"""The same for each failure that is asked for by name. With much down and a short ``--requeue-dependency``, polls in vain
make a rollout cost several times as much as one without a failure."""
_PROBED = 8
"""Failures of which one rollout is simulated first, to see what they cost."""
_PARALLEL_FROM_S = 3.0
"""Work below this is done in this process: starting others takes about a second."""

Progress = Callable[[int, int | None], None]


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
    asked_samples: int = 0
    """Rollouts asked for; fewer were simulated where the fleet is large."""


def layouts(fleet: Fleet) -> dict[str, Fleet]:
    """The layouts to compare: the fleet as it is, and in waves unless it is in waves already."""
    return {FINE: fleet} if is_waves(fleet) else {FINE: fleet, WAVES: to_waves(fleet)}


def blast_radius(
    scenarios: Mapping[str, Scenario],
    failures: Iterable[tuple[ObjectId, ...]],
    samples: int,
    *,
    pairs: bool = False,
    bounded: bool = False,
    named: bool = False,
    progress: Progress | None = None,
) -> BlastRadius:
    """Simulate each failure with the same draws as the rollout without it.

    Args:
        scenarios: layout -> scenario without failures; the first one decides what is a service.
        failures: the objects that fail together, one tuple a question.
        samples: rollouts for each.
        pairs: also simulate pairs of the failures given, each with :data:`PAIR_SAMPLES` rollouts.
        bounded: simulate no more than :data:`WORK`: fewer rollouts of each failure, at the least
            :data:`~.paired.MIN_SAMPLES`, and where that is too much only of those that reach furthest. What waits in
            vain is known of all.
        named: no overview, so the bound is :data:`NAMED_WORK` for each failure.
        progress: called with rollouts (done, of).
    """
    asked = list(failures)
    services = tuple(parallel_services(next(iter(scenarios.values())).fleet))
    asked_samples, size = samples, sum(len(list(s.fleet.services())) for s in scenarios.values())
    if bounded and named:
        samples = min(samples, max(MIN_SAMPLES, NAMED_WORK // max(size, 1)))
    count = _Count(progress, samples * len(scenarios) * (1 + len(asked) if named else 1))
    without = {}
    for layout, scenario in scenarios.items():
        without[layout] = predict(scenario, samples, progress=count.at)
        count.add(samples)
    with _Bench(scenarios, without, services, size, count) as bench:
        if bounded and not named:
            bench.probe(asked, samples)
        singles = bench.bounded(asked, samples) if bounded and not named else bench.radii(asked, samples)
        singles.sort(key=_danger)
        if not pairs:
            return BlastRadius(services, without, tuple(singles), asked_samples=asked_samples)
        most = min(MOST_PAIRS, max(1, PAIR_WORK // (PAIR_SAMPLES * bench.size))) if bounded else MOST_PAIRS
        wanted, possible = _pairs([radii for radii in singles if radii[0].samples], most)
        found = bench.radii(wanted, min(samples, PAIR_SAMPLES))
    return BlastRadius(services, without, tuple(singles), tuple(sorted(found, key=_danger)), possible, asked_samples)


class _Count:
    """Counts rollouts for those who wait."""

    def __init__(self, progress: Progress | None, of: int):
        self._progress, self._done, self._of = progress, 0, of

    def at(self, done: int, of: int) -> None:
        """So many rollouts of what is being simulated are done."""
        if self._progress is not None:
            self._of = max(self._of, self._done + of)
            self._progress(self._done + done, self._of)

    def expect(self, rollouts: int) -> None:
        """So many are still to come."""
        self._of = max(self._of, self._done + rollouts)

    def add(self, rollouts: int) -> None:
        """So many are done."""
        self._done += rollouts
        self.at(0, 0)


class _Bench:
    """Simulates failures, in a ``with`` block with the help of other processes where that pays."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        without: Mapping[str, Prediction],
        services: tuple[ObjectId, ...],
        size: int,
        count: _Count,
    ):
        self._held = Held(
            {layout: replace(s, until_s=until_s_of(without[layout])) for layout, s in scenarios.items()},
            dict(without),
            services,
            {layout: idle_of(s) for layout, s in scenarios.items()},
        )
        self.size = size
        """What one rollout of each layout costs: services over all of them, or what :meth:`probe` found instead."""
        self._count = count
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Bench:
        return self

    def __exit__(self, *error: object) -> bool | None:
        return self._stack.__exit__(*error)  # type: ignore[arg-type]

    def probe(self, asked: Sequence[tuple[ObjectId, ...]], samples: int) -> None:
        """See what a rollout with a failure costs, by how often some of them reconcile, where that many could be too much."""
        if len(asked) * samples * self.size <= WORK / _PROBED:
            return
        some = asked[:: math.ceil(len(asked) / _PROBED)]
        cost = 0.0
        for scenario in self._held.scenarios.values():
            broken = [replace(scenario, fail=scenario.fail | set(failed)) for failed in some]
            cost += sum(map(cost_of, broken)) / len(broken)
        self.size = max(self.size, round(cost))

    def bounded(self, asked: Sequence[tuple[ObjectId, ...]], samples: int) -> list[tuple[Radius, ...]]:
        """As many samples of as many failures as :data:`WORK` allows, those that reach furthest first."""
        rollouts = WORK // max(self.size, 1)
        n = min(samples, max(MIN_SAMPLES, rollouts // max(len(asked), 1)))
        if n * len(asked) <= rollouts or n == samples:
            return self.radii(asked, n)
        reached = self.radii(asked, 0)
        reached.sort(key=_danger)
        far = [radii[0].failed for radii in reached[: max(1, rollouts // n)]]
        return [*self.radii(far, n), *reached[len(far) :]]

    def radii(self, asked: Sequence[tuple[ObjectId, ...]], samples: int) -> list[tuple[Radius, ...]]:
        """Each failure in each layout."""
        layouts = list(self._held.scenarios)
        tasks = [(layout, failed, samples) for failed in asked for layout in layouts]
        self._count.expect(sum(map(_rollouts, tasks)))
        found = list(self._results(tasks))
        return [tuple(found[n : n + len(layouts)]) for n in range(0, len(found), len(layouts))]

    def _results(self, tasks: list[_Task]) -> Iterator[Radius]:
        started_s = time.monotonic()
        for n, task in enumerate(tasks):
            if self._pool is None:
                spent_s = time.monotonic() - started_s
                if n < 3 or spent_s / n * (len(tasks) - n) < _PARALLEL_FROM_S or not self._spread():
                    yield self._counted(task, radius_of(self._held, *task, progress=self._count.at))
                    continue
            assert self._pool is not None
            for done, radius in zip(tasks[n:], self._pool.map(_in_process, tasks[n:]), strict=True):
                yield self._counted(done, radius)
            return

    def _spread(self) -> bool:
        """Start other processes, if there are processors for them."""
        workers = os.cpu_count() or 1
        if workers > 1:
            from fleetbench.prediction.processes import worker_pool

            self._pool = self._stack.enter_context(worker_pool(workers, _keep, (self._held,)))
        return self._pool is not None

    def _counted(self, task: _Task, radius: Radius) -> Radius:
        self._count.add(_rollouts(task))
        return radius


_Task = tuple[str, tuple[ObjectId, ...], int]
"""Layout, failed, samples."""


def _rollouts(task: _Task) -> int:
    """How much a task counts; what takes no rollout counts as one."""
    return max(task[2], 1)


_held: Held | None = None


def _keep(held: Held) -> None:
    global _held
    _held = held


def _in_process(task: _Task) -> Radius:
    assert _held is not None
    return radius_of(_held, *task, processes=1)


def _danger(radii: Sequence[Radius]) -> tuple[object, ...]:
    """Most dangerous first, judged on the fleet as it is, ties by the other layout and by name."""
    return *(-x for radius in radii for x in radius.weight), radii[0].failed


def _pairs(singles: Sequence[tuple[Radius, ...]], most: int) -> tuple[list[tuple[ObjectId, ...]], int]:
    """Pairs to simulate: all, or those whose members together hold up most."""
    pairs = []
    for a, b in combinations(singles, 2):
        reach = len({*a[0].never_services, *b[0].never_services, *a[0].failed, *b[0].failed})
        pairs.append((-reach, tuple(sorted({*a[0].failed, *b[0].failed}))))
    return [pair for _, pair in sorted(pairs)[:most]], len(pairs)


def expected_up(singles: Sequence[tuple[Radius, ...]], layout: str) -> tuple[float, float] | None:
    """(mean, least) share of services up over all single failures of a layout; None without any."""
    shares = [radius.up for radii in singles for radius in radii if radius.layout == layout]
    return (sum(shares) / len(shares), min(shares)) if shares else None

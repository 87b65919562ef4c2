"""Monte Carlo: samples are reduced as they come, over local processes where that pays."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from fleetbench.engine.items import Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import Sample, run_sample
from fleetbench.errors import InputError
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.timeline.stats import lower_quantile, lower_rank

QUANTILES = (0.05, 0.10, 0.50, 0.90, 0.95)
MAX_SAMPLES = 1_000_000
_PARALLEL_FROM_S = 3.0
"""Work below this is done in this process: starting others takes about a second."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prediction:
    """The distribution of a rollout over its samples."""

    scenario: Scenario
    services: tuple[ObjectId, ...]
    """Kustomizations and HelmReleases, sorted."""
    ready: tuple[array[float], ...]
    """For each service its Ready in every sample, in seconds; infinity = never."""
    totals: array[float]
    """The last Ready of every sample, over those that got there, in seconds; infinity = nothing did."""
    complete: array[int]
    """1 for each sample in which every service turned Ready that is not left out."""
    left_out: frozenset[ObjectId] = frozenset()
    """Services that nobody asks for: suspended, or in a bootstrap only created by what is."""
    kept_down: frozenset[ObjectId] = frozenset()
    """Services that an error or ``fail`` keeps from Ready; nobody holds that against a sample."""

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self.totals)

    def quantile(self, service: ObjectId, q: float) -> float | None:
        """The lower quantile of one service's Ready; None where it falls among samples without one."""
        ordered = self._sorted[self._index[service]]
        value = ordered[lower_rank(q, len(ordered))]
        return None if math.isinf(value) else value

    def ready_s(self, service: ObjectId, number: int) -> float | None:
        """One service's Ready in one sample; None = never."""
        value = self.ready[self._index[service]][number]
        return None if math.isinf(value) else value

    def total_quantile(self, q: float) -> float | None:
        """The lower quantile of the total: a real sample's; None where nothing turned Ready in that one."""
        total = self.totals[self._by_total[lower_rank(q, self.samples)]]
        return None if math.isinf(total) else total

    @cached_property
    def whole_totals(self) -> list[float]:
        """The totals, but infinity for a sample in which something was not Ready that is neither left out nor kept down."""
        spared = self.left_out | self.kept_down
        asked = [values for id, values in zip(self.services, self.ready, strict=True) if id not in spared]
        late = [math.inf if any(math.isinf(values[n]) for values in asked) else 0.0 for n in range(self.samples)]
        return [max(pair) for pair in zip(self.totals, late, strict=True)]

    def last_of(self, services: Iterable[ObjectId], q: float) -> float | None:
        """The lower quantile of the last Ready of some services; None where one of them is not Ready, or there are none."""
        asked = frozenset(services)
        if asked not in self._last:
            series = [self.ready[self._index[id]] for id in asked]
            self._last[asked] = [max(values[n] for values in series) for n in range(self.samples)] if series else []
        return lower_quantile(self._last[asked], q)

    @property
    def ordered_totals(self) -> list[float]:
        """The totals, ascending, of the samples in which something turned Ready."""
        return [self.totals[n] for n in self._by_total if not math.isinf(self.totals[n])]

    def ready_fraction(self, service: ObjectId) -> float:
        """Share of samples in which the service turned Ready."""
        values = self.ready[self._index[service]]
        return sum(not math.isinf(v) for v in values) / len(values)

    @property
    def complete_fraction(self) -> float:
        """Share of samples in which every service turned Ready that is not left out."""
        return sum(self.complete) / len(self.complete)

    @cached_property
    def median_number(self) -> int:
        """The sample whose total is the median."""
        return self._by_total[lower_rank(0.5, self.samples)]

    @cached_property
    def median(self) -> Sample:
        """That sample in full, with its timeline."""
        return next(self.recorded([self.median_number]))

    @cached_property
    def median_ready_s(self) -> dict[ObjectId, float | None]:
        """Service -> its Ready in that sample."""
        return self.by_service(self.median)

    def by_service(self, sample: Sample) -> dict[ObjectId, float | None]:
        """Service -> its Ready in a sample."""
        return dict(zip((obj.id for obj in self.scenario.fleet.services()), sample.ready_s, strict=True))

    def recorded(self, numbers: Iterable[int]) -> Iterator[Sample]:
        """Samples in full, with their timelines."""
        plan = compile_plan(self.scenario)
        return (run_sample(plan, number, record=True) for number in numbers)

    def continued(self, more: Prediction) -> Prediction:
        """These samples, and those that come after them in the same scenario (:func:`predict` ``since``)."""
        return replace(
            self,
            ready=tuple(values + later for values, later in zip(self.ready, more.ready, strict=True)),
            totals=self.totals + more.totals,
            complete=self.complete + more.complete,
        )

    def first(self, samples: int) -> Prediction:
        """The prediction that fewer samples would have come to."""
        return replace(
            self,
            ready=tuple(values[:samples] for values in self.ready),
            totals=self.totals[:samples],
            complete=self.complete[:samples],
        )

    @cached_property
    def _by_total(self) -> list[int]:
        return sorted(range(self.samples), key=lambda n: (self.totals[n], n))  # never is last

    @cached_property
    def _last(self) -> dict[frozenset[ObjectId], list[float]]:
        """Services -> the last Ready of them in each sample, as far as somebody asked."""
        return {}

    @cached_property
    def _index(self) -> dict[ObjectId, int]:
        return {id: n for n, id in enumerate(self.services)}

    @cached_property
    def _sorted(self) -> list[array[float]]:
        return [array("d", sorted(values)) for values in self.ready]  # a list of floats takes four times the memory


class InterruptedPrediction(KeyboardInterrupt):
    """Somebody interrupted while samples were drawn, at least one of which is done."""

    def __init__(self, prediction: Prediction):
        super().__init__()
        self.prediction = prediction
        """Of the samples that were done."""


def predict(
    scenario: Scenario,
    samples: int = 50,
    *,
    since: int = 0,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Simulate ``samples`` samples of a scenario; the same whatever the number of processes.

    Args:
        scenario: what to simulate.
        samples: how many, at least 1.
        since: the number of the first, where those before it are known.
        processes: how many processes at most; None = as many as there are processors, where the work is worth it.
        progress: called with (done, of) now and then.

    Raises:
        InputError: fewer than 1 sample, or more than a million.
        InterruptedPrediction: an interrupt, with what was done by then.
    """
    if not 1 <= samples <= MAX_SAMPLES:
        raise InputError(f"--samples: got {samples}, wanted 1 to {MAX_SAMPLES}")
    plan = compile_plan(scenario)
    order = sorted(range(len(plan.services)), key=lambda n: plan.items[plan.services[n]].id)
    ready = tuple(array("d", bytes(8 * samples)) for _ in order)
    totals, complete = array("d", bytes(8 * samples)), array("b", bytes(samples))
    prediction = Prediction(
        scenario,
        tuple(plan.items[plan.services[n]].id for n in order),
        ready,
        totals,
        complete,
        frozenset(plan.items[n].id for n in plan.left_out),
        frozenset(plan.items[n].id for n in plan.kept_down),
    )
    done = 0

    def take(number: int, values: array[float], total_s: float, whole: bool) -> None:
        for place, n in enumerate(order):
            ready[place][number - since] = values[n]
        totals[number - since], complete[number - since] = total_s, whole
        if progress is not None:
            progress(number - since + 1, samples)

    try:
        with closing(_batches(plan, range(since, since + samples), processes)) as batches:
            for row in chain.from_iterable(batches):  # in the order of their numbers
                take(*row)
                done += 1
    except KeyboardInterrupt:
        if not done:
            raise
        raise InterruptedPrediction(prediction.first(done)) from None
    return prediction


_Row = tuple[int, "array[float]", float, bool]
"""Number, Ready of each service and total, infinity = never; whether all that is asked for was Ready."""


def _row(sample: Sample) -> _Row:
    ready = array("d", [math.inf if t is None else t for t in sample.ready_s])
    return sample.number, ready, math.inf if sample.total_s is None else sample.total_s, sample.complete


def _batches(plan: Plan, numbers: range, processes: int | None) -> Generator[list[_Row]]:
    import time

    workers = min(processes or os.cpu_count() or 1, len(numbers))
    done, started = 0, time.monotonic()
    while done < len(numbers):
        yield [_row(run_sample(plan, numbers[done]))]
        done += 1
        spent = time.monotonic() - started
        if workers > 1 and done >= 3 and spent / done * (len(numbers) - done) > _PARALLEL_FROM_S:
            break
    if done < len(numbers):
        yield from _in_processes(plan, numbers[done:], workers, spent / done)


def _in_processes(plan: Plan, numbers: range, workers: int, sample_s: float) -> Iterable[list[_Row]]:
    from fleetbench.prediction.processes import worker_pool

    size = max(1, min(math.ceil(len(numbers) / workers / 4), round(0.5 / max(sample_s, 1e-6)) or 1))
    chunks = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    with worker_pool(workers, _keep, (plan.scenario,)) as pool:
        yield from pool.map(_run_chunk, chunks)


_plan: Plan | None = None


def _keep(scenario: Scenario) -> None:
    global _plan
    _plan = compile_plan(scenario)


def _run_chunk(numbers: range) -> list[_Row]:
    assert _plan is not None
    return [_row(run_sample(_plan, number)) for number in numbers]

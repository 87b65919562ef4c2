"""Try what-ifs: simulate a scenario and changed ones with the same draws, each only once, on all processors."""

from __future__ import annotations

import math
import os
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fleetbench.decide.effect import Effect, basis_of
from fleetbench.decide.paired import Paired, difference, of_differences
from fleetbench.decide.whatif import WhatIf, all_applied
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import MAX_UNTIL_S, Scenario
from fleetbench.prediction.predict import Prediction, predict

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Progress = Callable[[int, int | None], None]


SCREENED = 16
"""Samples after which a change that nothing speaks for is not tried any further."""
LEAST_UNTIL_S = 7_200.0
_PARALLEL_FROM_S = 3.0
"""Work below this is done in this process: starting others takes about a second."""
_TRIALS = 20
"""Trials that a search takes at the least, about."""


@dataclass(frozen=True)
class Trial:
    """Changes, what they led to, and how that differs from the scenario without them."""

    changes: tuple[WhatIf, ...]
    prediction: Prediction
    effect: Effect

    @property
    def title(self) -> str:
        """For people."""
        return "; ".join(c.title for c in self.changes)

    @property
    def total(self) -> Paired | None:
        """New minus old total over the samples that are whole in both; None = there are none."""
        return self.effect.total


def series(prediction: Prediction) -> dict[ObjectId, array[float]]:
    """Each service's Ready in every sample, in seconds; infinity = never."""
    return dict(zip(prediction.services, prediction.ready, strict=True))


def total_pairs(old: Prediction, new: Prediction) -> list[tuple[float, float]]:
    """Each sample's total before and now. One in which less turned Ready than before counts as never now, not as short.

    Less is: of what is in both, or all before and not all now. What is suspended in either is not compared.
    """
    before, after = series(old), series(new)
    asked = [id for id in before if id in after and id not in old.left_out | new.left_out]
    common = [(before[id], after[id]) for id in asked]
    pairs = []
    for n, (a, b, x, y) in enumerate(zip(old.totals, new.totals, old.whole_totals, new.whole_totals, strict=True)):
        lost = y == math.inf != x or any(now[n] == math.inf != was[n] for was, now in common)
        won = x == math.inf != y or any(was[n] == math.inf != now[n] for was, now in common)
        pairs.append((a, b) if lost == won else (a, math.inf) if lost else (math.inf, b))
    return pairs


def total_difference(old: Prediction, new: Prediction) -> Paired:
    """New minus old total, over :func:`total_pairs`."""
    return of_differences(difference(a, b) for a, b in total_pairs(old, new))


class Bench:
    """Holds the scenario as it is; every trial is against it.

    In a ``with`` block other processes help where that pays; the results are the same without.
    """

    def __init__(self, scenario: Scenario, samples: int, progress: Progress | None = None):
        self.scenario, self.samples = scenario, samples
        self._progress, self._done, self._of = progress, 0, 0
        self._known: dict[tuple[str, int], Prediction] = {}
        self._pool: ProcessPoolExecutor | None = None
        self._stack = ExitStack()
        started_s = time.monotonic()
        self.base = self._counted(predict(scenario, samples))
        self._takes_s = time.monotonic() - started_s
        self._known[repr(()), scenario.seed] = self.base
        self.basis = basis_of(self.base)
        self.limited = replace(scenario, until_s=until_s_of(self.base))
        """The scenario as trials simulate it: what has not turned Ready by far later than anything ever does counts as
        never, and what tries again for ever is not followed to the end of the day."""

    def __enter__(self) -> Bench:
        workers = os.cpu_count() or 1
        if workers > 1 and self._takes_s * _TRIALS > _PARALLEL_FROM_S:
            from fleetbench.prediction.processes import worker_pool

            self._pool = self._stack.enter_context(worker_pool(workers, _keep, (self.limited,)))
            self._ahead = workers
        return self

    def __exit__(self, *error: object) -> bool | None:
        self._pool = None
        return self._stack.__exit__(*error)  # type: ignore[arg-type]

    def try_(self, *changes: WhatIf) -> Trial:
        """Simulate the scenario with these changes and compare."""
        return self.try_all([changes])[0]

    def try_all(self, wanted: Sequence[tuple[WhatIf, ...]], samples: int | None = None) -> list[Trial]:
        """The same for each of several combinations."""
        found = self.predictions(wanted, samples or self.samples)
        return [Trial(changes, p, self.basis.effect(self.base, p)) for changes, p in zip(wanted, found, strict=True)]

    def look_ahead(self, wanted: Sequence[tuple[WhatIf, ...]]) -> None:
        """Start with what is likely to be asked next, as far as processors have nothing else to do."""
        if self._pool is not None:
            self.predictions(wanted[: self._ahead], self.samples)

    def predictions(
        self, wanted: Sequence[tuple[WhatIf, ...]], samples: int, seed: int | None = None
    ) -> list[Prediction]:
        """Predict the scenario under each of several combinations; seed None = the scenario's."""
        seed = self.scenario.seed if seed is None else seed
        asked = {(repr(changes), seed): changes for changes in wanted}
        drawn = {key: self._known[key].samples if key in self._known else 0 for key in asked}
        tasks = {
            key: (changes, range(drawn[key], samples), seed) for key, changes in asked.items() if drawn[key] < samples
        }
        made: Iterable[Prediction]
        if self._pool is None:
            made = (_predicted(self.limited, *task, None) for task in tasks.values())
        else:
            made = self._pool.map(_in_process, tasks.values())
        for key, prediction in zip(tasks, made, strict=True):
            known = self._known.get(key)
            self._known[key] = self._counted(prediction if known is None else known.continued(prediction))
        found = (self._known[repr(changes), seed] for changes in wanted)
        return [p if p.samples == samples else p.first(samples) for p in found]

    def on_more_draws(self, before: tuple[WhatIf, ...], after: tuple[WhatIf, ...]) -> Effect:
        """What the second combination does better or worse than the first, over these draws and as many others."""
        seeds = (self.scenario.seed, self.scenario.seed + 1)
        old, new = zip(*(self.predictions([before, after], self.samples, seed) for seed in seeds), strict=True)
        return self.basis.effect(old[0].continued(old[1]), new[0].continued(new[1]))

    def on_fresh_draws(self, changes: tuple[WhatIf, ...]) -> Effect:
        """What a combination does on draws that :meth:`on_more_draws` has not seen either."""
        return self.basis.effect(*self.predictions([(), changes], self.samples, self.scenario.seed + 2))

    def expect(self, trials: int) -> None:
        """At most so many trials are still to come, as far as that is known by now."""
        self._of = self._done + trials

    def _counted(self, prediction: Prediction) -> Prediction:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._of if self._of >= self._done else None)
        return prediction


def until_s_of(base: Prediction) -> float:
    """How long a trial is followed: twice as long as anything ever took, with all its timeouts on top."""
    latest = max((t for values in base.ready for t in values if t < math.inf), default=0.0)
    timeout = max((obj.effective_timeout_s for obj in base.scenario.fleet.services()), default=0.0)
    limit = MAX_UNTIL_S if base.scenario.until_s is None else base.scenario.until_s
    return min(limit, max(LEAST_UNTIL_S, 2.0 * (latest + timeout)))


_Task = tuple[tuple[WhatIf, ...], range, int]
"""Changes, the samples' numbers, seed."""
_scenario: Scenario | None = None


def _keep(scenario: Scenario) -> None:
    global _scenario
    _scenario = scenario


def _in_process(task: _Task) -> Prediction:
    assert _scenario is not None
    return _predicted(_scenario, *task, 1)


def _predicted(
    scenario: Scenario, changes: tuple[WhatIf, ...], numbers: range, seed: int, processes: int | None
) -> Prediction:
    changed = all_applied(replace(scenario, seed=seed), changes)
    return predict(changed, len(numbers), since=numbers.start, processes=processes)

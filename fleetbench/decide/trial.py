"""Try what-ifs: simulate a scenario and changed ones with the same draws, each only once."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from fleetbench.decide.paired import Paired, of_differences
from fleetbench.decide.whatif import WhatIf, all_applied
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.predict import Prediction, predict

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Trial:
    """Changes, what they led to, and how that differs from the scenario without them."""

    changes: tuple[WhatIf, ...]
    prediction: Prediction
    total: Paired
    """New minus old total: negative = seconds saved."""

    @property
    def title(self) -> str:
        """For people."""
        return "; ".join(c.title for c in self.changes)


def series(prediction: Prediction) -> dict[ObjectId, array[float]]:
    """Each service's Ready in every sample, in seconds; infinity = never."""
    return dict(zip(prediction.services, prediction.ready, strict=True))


def total_difference(old: Prediction, new: Prediction) -> Paired:
    """New minus old total. A sample in which less turned Ready than before counts as never, not as short."""
    before, after = series(old), series(new)
    common = [(before[id], after[id]) for id in before if id in after]
    differences = []
    for n, (a, b) in enumerate(zip(old.totals, new.totals, strict=True)):
        lost = any(y[n] == math.inf != x[n] for x, y in common)
        won = any(x[n] == math.inf != y[n] for x, y in common)
        differences.append(b - a if lost == won else math.inf if lost else -math.inf)
    return of_differences(differences)


def gained(old: Prediction, new: Prediction) -> float:
    """How much more of the fleet turns Ready; 0 where it is as much."""
    more = new.ready_share - old.ready_share
    return more if abs(more) > 1e-9 else 0.0


def is_better(old: Prediction, new: Prediction) -> bool:
    """More turns Ready, or as much and sooner, beyond what noise explains."""
    more = gained(old, new)
    return more > 0 or (more == 0 and total_difference(old, new).sooner)


class Bench:
    """Holds the scenario as it is; every trial is against it."""

    def __init__(self, scenario: Scenario, samples: int, progress: Progress | None = None):
        self.scenario, self.samples = scenario, samples
        self._progress, self._done = progress, 0
        self.base = self.run(scenario)

    def run(self, scenario: Scenario) -> Prediction:
        """Simulate a scenario with the bench's draws."""
        prediction = predict(scenario, self.samples)
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, None)
        return prediction

    def try_(self, *changes: WhatIf) -> Trial:
        """Simulate the scenario with these changes and compare."""
        prediction = self.run(all_applied(self.scenario, changes))
        return Trial(changes, prediction, total_difference(self.base, prediction))

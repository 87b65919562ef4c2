"""What a change does: first to how often all turns Ready that can, then to how long that takes where it does.

A sample is *whole* if everything turned Ready in it that can in the fleet as it is, whatever the timing; what an error
keeps from ever being Ready counts neither before nor after, so that no change looks good for hiding it. Totals are
compared over the samples that are whole in both: a rollout that stops half-way is no short one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fleetbench.decide.paired import Paired, of_differences
from fleetbench.decide.signs import SURE, chance_of_as_many
from fleetbench.decide.spread import Shares, shares
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.stats import lower_quantile

DOUBT = 0.2
"""Fewer whole samples are taken for real much sooner: a patch should break nothing."""
WORTH_S = 1.0
"""What saves less is worth no line in anybody's repository, however certain it is."""


@dataclass(frozen=True)
class Effect:
    """Two predictions of the same draws, the first the one without the change."""

    samples: int
    whole_before: int
    whole_after: int
    won: int
    """Samples that are whole only with the change."""
    lost: int
    """Samples that are whole only without it."""
    total: Paired | None
    """New minus old total over the samples that are whole in both; None = there are none."""
    before_s: float | None
    """The median total over those samples without the change."""
    after_s: float | None
    much: Shares
    """How many of those samples end much later and much sooner: what helps some of them alone, no median shows."""

    @property
    def surer(self) -> bool:
        """More samples are whole, beyond noise."""
        return self.won > self.lost and chance_of_as_many(self.won, self.won + self.lost) <= SURE

    @property
    def less_sure(self) -> bool:
        """Fewer samples are whole, and that is likely no noise."""
        return self.lost > self.won and chance_of_as_many(self.lost, self.won + self.lost) <= DOUBT

    @property
    def sooner(self) -> bool:
        """It takes less time where it ends, in the middle or much less in some samples, beyond noise."""
        return self.total is not None and (self.total.sooner or (self.much_sooner and not self.total.later))

    @property
    def much_sooner(self) -> bool:
        """More samples end much sooner than much later, beyond noise."""
        return self.much.trails()

    @property
    def better(self) -> bool:
        """Surer, or sooner and not less sure."""
        return not self.less_sure and (self.surer or self.sooner)

    @property
    def worth_a_line(self) -> bool:
        """Surer, or sooner by what is worth a line."""
        return self.better and (self.surer or self.much_sooner or self.saves_s >= WORTH_S)

    @property
    def saves_s(self) -> float:
        """Seconds saved at the median; negative = it takes longer; 0 where nothing can be compared."""
        return 0.0 if self.total is None else -self.total.p50_s


def effect_of(before: Sequence[float], after: Sequence[float]) -> Effect:
    """Compare two series of totals of the same draws; infinity = not whole."""
    both = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a < math.inf and b < math.inf]
    won = sum(a == math.inf != b for a, b in zip(before, after, strict=True))
    lost = sum(b == math.inf != a for a, b in zip(before, after, strict=True))
    total = of_differences(after[n] - before[n] for n in both) if both else None
    old_s, new_s = (lower_quantile([series[n] for n in both], 0.5) for series in (before, after))
    much = shares([(before[n], after[n]) for n in both], 0.0)
    return Effect(len(before), len(both) + lost, len(both) + won, won, lost, total, old_s, new_s, much)


@dataclass(frozen=True)
class Basis:
    """The services of a fleet as it is, by which every change of it is judged."""

    services: frozenset[ObjectId]
    never: frozenset[ObjectId]
    """Those that can never turn Ready, whatever the timing."""

    def totals(self, prediction: Prediction, spared: frozenset[ObjectId] = frozenset()) -> list[float]:
        """The last Ready of each sample of a prediction, in seconds; infinity = the sample is not whole.

        What the change itself brings (the Kustomizations of waves) counts where it can be Ready; what is spared does not.
        """
        never = self.never | spared
        if any(id not in self.services for id in prediction.services):
            never |= never_ready(compile_plan(prediction.scenario)) - self.services
        counted = [ready for id, ready in zip(prediction.services, prediction.ready, strict=True) if id not in never]
        return [max((ready[n] for ready in counted), default=math.inf) for n in range(prediction.samples)]

    def effect(self, before: Prediction, after: Prediction) -> Effect:
        """What the second prediction does better or worse than the first, over as many samples as both have.

        A Kustomization that no longer waits in one of them does not count: its Ready comes sooner because it says less.
        """
        samples = min(before.samples, after.samples)
        spared = (_waits(before) ^ _waits(after)) & frozenset(before.services) & frozenset(after.services)
        return effect_of(*(self.totals(p.first(samples), spared) for p in (before, after)))


def _waits(prediction: Prediction) -> frozenset[ObjectId]:
    """The Kustomizations whose Ready covers all that they apply."""
    return frozenset(k.id for k in prediction.scenario.fleet.kustomizations if k.wait)


def basis_of(base: Prediction) -> Basis:
    """The basis for changes of what a prediction is of."""
    return Basis(frozenset(base.services), never_ready(compile_plan(base.scenario)))


def share_of(totals: Sequence[float]) -> float:
    """Share of the samples that are whole."""
    return sum(t < math.inf for t in totals) / len(totals)

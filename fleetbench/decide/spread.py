"""What a median of paired differences does not show: a later quantile, and a share of samples that get much later.

A change may leave the middle sample as it was and send four in ten to the next retry, ten minutes later. So two more
things are asked of the same pairs (sample *n* of both saw the same draws):

- by how much the named quantile moved, with an interval by the bootstrap: pairs, not values, are drawn again and
  again with a fixed seed, and the interval is between the quantiles of what the redrawn pairs come to (Efron and
  Tibshirani, An Introduction to the Bootstrap, 1993, 13.3);
- how many samples got much later and how many much sooner. Were the two as likely, a lead of the later ones as large as
  this would be no accident (the sign test, as for :class:`~fleetbench.decide.effect.Effect`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fleetbench.decide.paired import CONFIDENCE, MIN_SAMPLES, difference
from fleetbench.decide.signs import SURE, chance_of_as_many
from fleetbench.timeline.stats import lower_rank

REDRAWN = 2_000
"""Bootstrap replicates: the ends of a 95 % interval then rest on 50 each."""
METHOD = f"percentile bootstrap of the paired samples, {REDRAWN} replicates, seed 0"

MUCH_S = 60.0
"""Much later is by more than this (two dependency polls of Flux's default), and by more than :data:`MUCH`."""
MUCH = 0.25
"""... than this share of what the sample took before, or than the tolerance where that is more."""
LEAST_SHARE = 0.05
"""A lead of much later samples below this share never counts, however many samples tell it from noise."""

Pair = tuple[float, float]
"""(before, now) of one sample, in seconds; infinity = never."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A quantile of the same samples before and now, in seconds; infinity = it falls among samples without a Ready."""

    quantile: float
    before_s: float
    now_s: float
    low_s: float
    """Of the difference: the lower end of its interval."""
    high_s: float

    @property
    def by_s(self) -> float:
        """Now minus before."""
        return difference(self.before_s, self.now_s)

    def to_json(self) -> dict[str, Any]:
        """As documents hold it; infinite values, which JSON lacks, are null."""
        at = {"before_s": self.before_s, "now_s": self.now_s, "difference_s": self.by_s}
        at |= {"low_s": self.low_s, "high_s": self.high_s}
        known = {name: round(value, 6) if abs(value) < float("inf") else None for name, value in at.items()}
        return {"quantile": f"p{round(self.quantile * 100)}", **known, "method": METHOD}


def moved(pairs: Sequence[Pair], quantile: float, confidence: float = CONFIDENCE) -> Moved:
    """How far a quantile moved, and between which differences that lies with this confidence."""
    rank = lower_rank(quantile, len(pairs))
    before, now = _at(pairs, rank)
    if all(a == b for a, b in pairs):
        return Moved(quantile, before, now, 0.0, 0.0)
    if len(pairs) < MIN_SAMPLES:
        return Moved(quantile, before, now, float("-inf"), float("inf"))
    rng = random.Random(0)
    found = sorted(difference(*_at(rng.choices(pairs, k=len(pairs)), rank)) for _ in range(REDRAWN))
    beyond = int(REDRAWN * (1 - confidence) / 2)
    return Moved(quantile, before, now, found[beyond], found[-1 - beyond])


def _at(pairs: Sequence[Pair], rank: int) -> Pair:
    return sorted(a for a, _ in pairs)[rank], sorted(b for _, b in pairs)[rank]


@dataclass(frozen=True, slots=True)
class Shares:
    """How many samples got much later, and how many much sooner; one that never gets there any more is much later."""

    samples: int
    later: int
    sooner: int
    share: float
    """By what share of the time before, at least, that is much."""

    def leads(self, sure: float = SURE) -> bool:
        """More samples got much later than much sooner, by a share that matters and beyond noise."""
        return self._is_ahead(self.later, self.sooner, sure)

    def trails(self) -> bool:
        """More samples got much sooner than much later, as surely."""
        return self._is_ahead(self.sooner, self.later, SURE)

    def _is_ahead(self, more: int, less: int, sure: float) -> bool:
        return more - less >= LEAST_SHARE * self.samples and chance_of_as_many(more, more + less) <= sure

    def to_json(self) -> dict[str, Any]:
        """As documents hold it."""
        much = {"more_than_s": MUCH_S, "more_than_share": self.share}
        return {"samples": self.samples, "later": self.later, "sooner": self.sooner, **much}


def shares(pairs: Sequence[Pair], tolerance: float) -> Shares:
    """Count the samples that got much later and much sooner."""
    share = max(MUCH, tolerance)
    later = sum(difference(a, b) > max(MUCH_S, share * a) for a, b in pairs if a < float("inf"))
    sooner = sum(-difference(a, b) > max(MUCH_S, share * b) for a, b in pairs if b < float("inf"))
    return Shares(len(pairs), later, sooner, share)

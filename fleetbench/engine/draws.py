"""Common random numbers: every draw is a function of (seed, sample, object, phase, attempt).

Nothing is consumed in order, so two strategies or two what-ifs of one seed see the same draws, and adding an object
does not reshuffle the others.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from math import exp

from fleetbench.model.distributions import inverse_normal
from fleetbench.model.steps import Step

MASK = (1 << 64) - 1


def key_of(text: str) -> int:
    """A 64-bit key for an object, stable over runs and machines."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mix(z: int) -> int:
    """The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection that passes BigCrush."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


Bins = tuple[float, ...]
BINS = 1024
"""Values a step's distribution is cut into: equally likely, each the quantile in its bin's middle."""
NOTHING: Bins = (0.0,) * BINS
"""Of a step that costs nothing."""
MULTIPLIER, SHIFT = 0x9E3779B97F4A7C15, 64 - BINS.bit_length() + 1
"""The bin of one phase of an attempt is ``((stream ^ phase_key) * MULTIPLIER & MASK) >> SHIFT``.

The stream is mixed already, so one multiplication by an odd constant (Knuth's for 64 bits) does.
"""


@lru_cache(maxsize=256)
def bins(step: Step, outlier: Step, outlier_share: float) -> Bins:
    """A step's distribution as :data:`BINS` values in seconds, the last ``outlier_share`` of them stalled.

    A draw is then one look-up.
    """
    found = []
    for n in range(BINS):
        u = (n + 0.5) / BINS
        seconds = step.p50_s * exp(step.sigma * inverse_normal(u))
        if u > 1.0 - outlier_share:
            rest = min(max((u - 1.0 + outlier_share) / outlier_share, 1e-3), 1.0 - 1e-3)
            seconds += outlier.p50_s * exp(outlier.sigma * inverse_normal(rest))
        found.append(seconds)
    return tuple(found)


def phase_key(phase: int) -> int:
    """The constant of a phase."""
    return _mix(phase + 1)


class Draws:
    """The random numbers of one sample."""

    __slots__ = ("base",)

    def __init__(self, seed: int, sample: int):
        self.base = _mix(_mix(seed & MASK) + sample * 0x9E3779B97F4A7C15 & MASK)

    def uniform(self, key: int, phase: int, attempt: int = 0) -> float:
        """A number strictly between 0 and 1."""
        z = (self.base ^ key) + phase * 0x9E3779B97F4A7C15 + attempt * 0xD1342543DE82EF95 & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 1.1102230246251565e-16 + 5.551115123125783e-17

    def stream(self, key: int, attempt: int) -> int:
        """The number from which an object's draws of one attempt are made (:data:`MULTIPLIER`)."""
        return _mix((self.base ^ key) + attempt * 0xD1342543DE82EF95 & MASK)

    def lognormal(self, step: Step, key: int, phase: int, attempt: int = 0) -> float:
        """A draw of a step, without outliers, in seconds."""
        if step.sigma == 0.0:
            return step.p50_s
        return step.p50_s * exp(step.sigma * inverse_normal(self.uniform(key, phase, attempt)))

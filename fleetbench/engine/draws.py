"""Common random numbers: every draw is a function of (seed, sample, object, phase, attempt).

Nothing is consumed in order, so two strategies or two what-ifs of one seed see the same draws, and adding an object
does not reshuffle the others.
"""

from __future__ import annotations

from hashlib import blake2b
from math import exp
from statistics import NormalDist

from fleetbench.model.steps import Step

_MASK = (1 << 64) - 1
_inverse_normal = NormalDist().inv_cdf


def key_of(text: str) -> int:
    """A 64-bit key for an object, stable over runs and machines."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mix(z: int) -> int:
    """The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection that passes BigCrush."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Draws:
    """The random numbers of one sample."""

    __slots__ = ("base",)

    def __init__(self, seed: int, sample: int):
        self.base = _mix(_mix(seed & _MASK) + sample * 0x9E3779B97F4A7C15 & _MASK)

    def uniform(self, key: int, phase: int, attempt: int = 0) -> float:
        """A number strictly between 0 and 1."""
        z = (self.base ^ key) + phase * 0x9E3779B97F4A7C15 + attempt * 0xD1342543DE82EF95 & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) >> 11) * 1.1102230246251565e-16 + 5.551115123125783e-17

    def lognormal(self, step: Step, key: int, phase: int, attempt: int = 0) -> float:
        """A draw of a step, without outliers, in seconds."""
        if step.sigma == 0.0:
            return step.p50_s
        return step.p50_s * exp(step.sigma * _inverse_normal(self.uniform(key, phase, attempt)))

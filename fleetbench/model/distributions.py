"""Distributions that are drawn by inverse transform: one uniform number in, one value out.

They keep no state and draw nothing themselves, so the engine's keyed streams decide every value: two runs that share
a key share the value. A quantity's unit is that of the field that holds the distribution (seconds unless its name
says otherwise).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Protocol

inverse_normal = NormalDist().inv_cdf
_Z90 = inverse_normal(0.9)
_MAX_RATIO = 1e6
"""p90 over p50; beyond it nobody states a time, and the far tail leaves the floats."""


def _check_value(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name}: got {value!r}, wanted a number that is finite and not negative")


class Distribution(Protocol):
    """Anything that turns a uniform number into a value."""

    def quantile(self, u: float) -> float:
        """The value below which a share ``u`` of all draws falls; ``u`` strictly between 0 and 1."""
        ...

    def to_json(self) -> Any:
        """As a profile or durations file writes it."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same value."""

    value: float
    """Finite and not negative."""

    def __post_init__(self) -> None:
        _check_value("value", self.value)

    def quantile(self, u: float) -> float:
        """The value, whatever ``u`` is."""
        return self.value

    def to_json(self) -> float:
        """A number."""
        return self.value


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal, stated by its median and its 90 % quantile: positive, with a tail to the late side only.

    Why this one: what a start or a pull takes has a floor near its median and no ceiling, and the two figures are
    what people can state and check.
    """

    p50: float
    """Median; above zero."""
    p90: float
    """90 % quantile; not below the median."""
    sigma: float = field(init=False, repr=False, compare=False)
    """Standard deviation of the logarithm, from the two quantiles."""

    def __post_init__(self) -> None:
        _check_value("p50", self.p50)
        _check_value("p90", self.p90)
        if self.p50 <= 0:
            raise ValueError(f"p50: got {self.p50:g}, wanted a number above zero")
        if self.p90 < self.p50:
            raise ValueError(f"p90: got {self.p90:g}, wanted at least p50 ({self.p50:g})")
        if self.p90 > self.p50 * _MAX_RATIO:
            raise ValueError(f"p90: got {self.p90:g}, wanted at most a million times p50 ({self.p50:g})")
        object.__setattr__(self, "sigma", (math.log(self.p90) - math.log(self.p50)) / _Z90)

    def quantile(self, u: float) -> float:
        """``p50 * exp(sigma * z(u))``."""
        return self.p50 * math.exp(self.sigma * inverse_normal(u))

    def to_json(self) -> dict[str, float]:
        """``{p50_s, p90_s}``, as files state seconds."""
        return {"p50_s": self.p50, "p90_s": self.p90}


@dataclass(frozen=True, slots=True)
class Empirical:
    """Measured values, each as likely as the other; nothing is interpolated, so every draw was really seen."""

    samples: tuple[float, ...]
    """At least one; kept sorted."""

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("samples: got none, wanted at least one")
        for sample in self.samples:
            _check_value("samples", sample)
        object.__setattr__(self, "samples", tuple(sorted(self.samples)))

    def quantile(self, u: float) -> float:
        """The lower quantile: a sample, never a value between two."""
        return self.samples[min(max(math.ceil(u * len(self.samples)) - 1, 0), len(self.samples) - 1)]

    def to_json(self) -> list[float]:
        """The samples, sorted."""
        return list(self.samples)


@dataclass(frozen=True, slots=True)
class Shifted:
    """Another distribution, later by a constant: what ``minReadySeconds`` does to a start time."""

    base: Distribution
    by: float

    def __post_init__(self) -> None:
        _check_value("by", self.by)

    def quantile(self, u: float) -> float:
        """The base's quantile plus the constant."""
        return self.base.quantile(u) + self.by

    def to_json(self) -> dict[str, Any]:
        """``{base, by_s}``; only for people: no file holds it."""
        return {"base": self.base.to_json(), "by_s": self.by}


NOTHING = Fixed(0.0)
"""No time at all."""

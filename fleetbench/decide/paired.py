"""The difference between two predictions of the same draws, with its uncertainty.

Sample *n* of both saw the same random numbers, so the difference sample by sample is free of most of the noise that
the two totals carry. Quantiles are of the lower kind. The interval is that of the median difference, from order
statistics: the ranks between which the median lies with at least 95 % by the binomial distribution (the sign test's
interval). It assumes nothing about the shape of the differences, takes a "never" as an infinite one, and draws no
random numbers itself, so the same predictions always give the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetbench.errors import InputError
from fleetbench.timeline.stats import lower_rank
from fleetbench.units import format_duration

CONFIDENCE = 0.95
METHOD = "95 % interval of the median paired difference, from order statistics (binomial ranks)"
MIN_SAMPLES = 6
"""Below this even the smallest and the largest difference enclose the median with less than 95 %: 1 - 2 / 2^5 = 0.94."""


@dataclass(frozen=True, slots=True)
class Paired:
    """New minus old, in seconds, over samples of the same draws; infinite where only one of them ever happened."""

    samples: int
    p5_s: float
    p50_s: float
    p95_s: float
    low_s: float
    """Lower end of the interval of the median; minus infinity with too few samples to have one."""
    high_s: float

    @property
    def later(self) -> bool:
        """The interval lies above zero: the new one is later, and that is no noise."""
        return self.low_s > 0

    @property
    def sooner(self) -> bool:
        """The interval lies below zero."""
        return self.high_s < 0

    def to_json(self) -> dict[str, float | int | str | None]:
        """As documents hold it; infinite values, which JSON lacks, are null."""
        at = {name: _finite(getattr(self, name)) for name in ("p5_s", "p50_s", "p95_s", "low_s", "high_s")}
        return {"samples": self.samples, **at, "method": METHOD}


def paired(old: Sequence[float], new: Sequence[float]) -> Paired:
    """Compare two series sample by sample.

    Args:
        old: seconds in each sample; infinity = never.
        new: the same samples of the other prediction.

    Raises:
        ValueError: there are none, or they are not as many.
    """
    if len(old) != len(new) or not len(old):
        raise ValueError(f"got {len(old)} and {len(new)} samples, wanted as many of both, at least one")
    return of_differences(difference(a, b) for a, b in zip(old, new, strict=True))


def of_differences(differences: Iterable[float]) -> Paired:
    """The summary of differences that are at hand already."""
    ordered = sorted(differences)
    n = len(ordered)
    rank = _interval_rank(n)
    low, high = (-math.inf, math.inf) if rank is None else (ordered[rank - 1], ordered[n - rank])
    p5_s, p50_s, p95_s = (ordered[lower_rank(q, n)] for q in (0.05, 0.5, 0.95))
    return Paired(n, p5_s, p50_s, p95_s, low, high)


def require_samples(samples: int) -> None:
    """Refuse a comparison in which nothing could ever count as a change.

    Raises:
        InputError: fewer than :data:`MIN_SAMPLES`.
    """
    if samples < MIN_SAMPLES:
        raise InputError(
            f"--samples: got {samples}, wanted at least {MIN_SAMPLES}",
            "with fewer no difference can be told from noise, so nothing would ever fail or be proposed",
        )


def signed(seconds: float) -> str:
    """A difference for people: ``+1m35s``; ``never`` for an infinite delay."""
    if math.isinf(seconds):
        return "never" if seconds > 0 else "was never"
    return ("+" if seconds >= 0 else "") + format_duration(seconds)


def interval(difference: Paired) -> str:
    """``+1m20s to +1m50s``."""
    if difference.low_s == -math.inf and difference.high_s == math.inf:
        return f"unknown below {MIN_SAMPLES} samples" if difference.samples < MIN_SAMPLES else "unknown"
    if difference.low_s == difference.high_s and math.isinf(difference.low_s):
        return "-"  # in all samples one of the two was never
    return span(difference.low_s, difference.high_s)


def span(low_s: float, high_s: float) -> str:
    """``+1m20s to +1m50s``."""
    return f"{signed(low_s)} to {signed(high_s)}"


def difference(old: float, new: float) -> float:
    """New minus old, in seconds, infinity = never: inf - inf is no number, never in both is no difference."""
    return 0.0 if old == new else new - old


def _interval_rank(n: int) -> int | None:
    """Largest r with P(r <= Binomial(n, 1/2) <= n - r) >= 95 %, so that x(r) .. x(n-r+1) is the interval.

    >>> _interval_rank(5), _interval_rank(6), _interval_rank(50)
    (None, 1, 18)
    """
    if n < MIN_SAMPLES:
        return None
    if n > 1000:  # the normal approximation of the binomial is exact to a rank here
        return math.floor((n + 1) / 2 - 1.959964 * math.sqrt(n) / 2)
    below, rank = 0, 0
    whole = 2**n
    while True:
        below += math.comb(n, rank)
        if 1 - 2 * below / whole < CONFIDENCE:
            return rank or None
        rank += 1


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None

"""The sign test: are there more samples that speak for one side than chance would have it?"""

from __future__ import annotations

import math

SURE = 0.025
"""A lead is no luck: as many wins, or more, among the samples that differ would be this unlikely at most if both were
as good (as sharp as the 95 % interval of a median)."""


def chance_of_as_many(number: int, of: int) -> float:
    """Chance of as many heads, or more, among so many tosses.

    >>> chance_of_as_many(6, 6), chance_of_as_many(0, 0)
    (0.015625, 1.0)
    """
    if of > 1000:  # the normal approximation is exact enough here
        return math.erfc((number - 0.5 - of / 2) / math.sqrt(of / 2)) / 2
    return float(sum(math.comb(of, k) for k in range(number, of + 1)) / 2**of)

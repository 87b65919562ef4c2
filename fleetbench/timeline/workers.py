"""Who holds a controller's workers, and when all of them are held: inferred from the rows.

A worker is held from the first row of a run to the row that ends it. Checks and finalizers hold one for
milliseconds that no row shows; they are left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleetbench.ids import ObjectId

DIP_S = 0.5
"""Between one object's last row and the next one's first row the worker is not idle, it works without a row: the
object's last patches, the queue, the check of dependencies. Measured 5-60 ms, more under load."""

SLOW_S = 2.0
"""With a worker to be had, a reconcile shows its first row this soon, also on a loaded machine; what takes longer has
been in the queue. (Measured: 10-300 ms, single outliers to 1.6 s.)"""


class Held(NamedTuple):
    """One object holding one worker."""

    from_s: float
    to_s: float
    object: ObjectId


def steps_of(held: Iterable[Held]) -> list[tuple[float, int]]:
    """How many workers are held, as a step function: (from this second on, so many)."""
    changes: dict[float, int] = {}
    for start, end, _ in held:
        if end > start:
            changes[start] = changes.get(start, 0) + 1
            changes[end] = changes.get(end, 0) - 1
    found, count = [], 0
    for at in sorted(changes):
        if changes[at]:
            count += changes[at]
            found.append((at, count))
    return found


class Pool:
    """The workers of one controller.

    Args:
        held: who held one when, in order of time.
        workers: how many there are.
        waited: stretches in which something surely waited in the queue; so all workers were held, whatever rows show.
    """

    def __init__(self, held: Sequence[Held], workers: int, waited: Sequence[tuple[float, float]] = ()):
        self.held, self.workers = held, workers
        self._steps = steps_of(held)
        self._full = _union([*_full_spans(self._steps, workers), *waited])
        self._starts = [start for start, _ in self._full]

    def full_until(self, at_s: float) -> float:
        """When a worker is next to be had: ``at_s`` itself unless all are held then."""
        n = bisect_right(self._starts, at_s) - 1
        return max(self._full[n][1], at_s) if n >= 0 else at_s

    def full_before(self, from_s: float, at_s: float) -> float | None:
        """Since when, not before ``from_s``, all workers were held up to about ``at_s``; None = they were not."""
        n = bisect_left(self._starts, at_s) - 1
        if n < 0 or self._full[n][1] < max(at_s - SLOW_S, from_s):
            return None
        return max(from_s, self._starts[n])

    def holders(self, at_s: float) -> list[ObjectId]:
        """Who holds a worker at a moment, sorted."""
        begun = self.held[: bisect_right(self.held, at_s, key=lambda h: h.from_s)]
        return sorted(h.object for h in begun if h.to_s > at_s)

    def most_holders(self, from_s: float, to_s: float) -> list[ObjectId]:
        """Who holds a worker at that moment of a stretch when most do, the earliest of several; sorted."""
        within = self._steps[
            bisect_right(self._steps, from_s, key=lambda s: s[0]) : bisect_left(self._steps, to_s, key=lambda s: s[0])
        ]
        first = self.holders(from_s)
        if len(first) >= self.workers or not within:
            return first
        at_s, most = max(within, key=lambda step: step[1])
        return self.holders(at_s) if most > len(first) else first

    def longest_holders(self, from_s: float, to_s: float) -> list[ObjectId]:
        """Who held workers during a stretch, who did so longest first, to the second; by name where that is equal."""
        within: dict[ObjectId, float] = {}
        for h in self.held[: bisect_left(self.held, to_s, key=lambda h: h.from_s)]:
            overlap_s = min(h.to_s, to_s) - max(h.from_s, from_s)
            if overlap_s > 0.0:
                within[h.object] = within.get(h.object, 0.0) + overlap_s
        return sorted(within, key=lambda id: (-round(within[id]), id))


def _full_spans(steps: list[tuple[float, int]], workers: int) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for at, count in steps:
        if count >= workers and since is None:
            since = at
        elif count < workers and since is not None:
            spans.append((since, at))
            since = None
    return spans


def _union(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans joined where they overlap or leave no more than a dip between them."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] < DIP_S:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found

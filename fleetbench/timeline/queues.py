"""One controller's queue, replayed from the rows of everything that went through it.

It is first in, first out. So a look that no row shows (it found the same dependency not ready) was taken from the
queue no later than the first object that was due after it and whose start a row does show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from fleetbench.ids import ObjectId
from fleetbench.timeline.fold import RUN
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.triggers import Step, Trigger, steps, trigger
from fleetbench.timeline.workers import SLOW_S, Held, Pool


class Queue:
    """The queue of one controller and shard.

    Args:
        rollout: what happened.
        ids: the services that this controller reconciles.
        workers: how many workers it has.
    """

    def __init__(self, rollout: Rollout, ids: Iterable[ObjectId], workers: int):
        self.triggers: dict[ObjectId, list[tuple[Step, Trigger]]] = {}
        self._starts: list[float] = []
        self._entered: list[float] = []
        every = [s for id in ids if rollout.rows(id) for s in steps(rollout, id)]
        every.sort(key=lambda s: s.begun_s)
        sure: dict[Step, Trigger] = {}
        for step in every:
            if not step.checks and step.reconcile is not None:
                found = trigger(rollout, step, self._served)
                if found.latest_s is None:
                    sure[step] = found
        waited = [(t.due_s, s.begun_s) for s, t in sure.items() if s.begun_s - t.due_s > SLOW_S]
        self.pool = Pool(held(rollout, {s.id for s in every}), workers, waited)
        for step in every:
            found = sure.get(step) or trigger(rollout, step, self._served)
            self.triggers.setdefault(step.id, []).append((step, found))
            if step.reconcile is not None:
                self._starts.append(step.begun_s)
                self._entered.append(found.due_s if found.entered_s is None else found.entered_s)

    def _served(self, due_s: float, by_s: float) -> float:
        until = min(self.pool.full_until(due_s), by_s)
        for n in range(bisect_left(self._starts, due_s), len(self._starts)):
            if self._starts[n] >= until:
                break
            if self._entered[n] > due_s:
                return self._starts[n]
        return until


def held(rollout: Rollout, ids: Iterable[ObjectId]) -> list[Held]:
    """The stretches in which each of these services held a worker, in order of time."""
    until = rollout.timeline.until_s
    found = [
        Held(r.from_s, until if r.to_s is None else r.to_s, id)
        for id in ids
        for r in rollout.reconciles(id)
        if r.kind == RUN
    ]
    return sorted(found)

"""One controller's queue, replayed from the rows of everything that went through it.

It is first in, first out. So a look that no row shows (it found the same dependency not ready) was taken from the
queue no later than the first object that was due after it and whose start a row does show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from fleetbench import phases
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.timeline.fold import RUN
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.triggers import Step, Trigger, steps, trigger
from fleetbench.timeline.workers import SLOW_S, Held, Pool


class _Entry:
    """A step, and what made it due once that is worked out."""

    __slots__ = ("step", "trigger")

    def __init__(self, step: Step):
        self.step = step
        self.trigger: Trigger | None = None


class Queue:
    """The queue of one controller and shard.

    Args:
        rollout: what happened.
        ids: the services that this controller reconciles.
        workers: how many workers it has.
    """

    def __init__(self, rollout: Rollout, ids: Iterable[ObjectId], workers: int):
        self._rollout = rollout
        self._starts: list[float] = []
        self._entered: list[float] = []
        self._of: dict[ObjectId, list[_Entry]] = {id: [] for id in ids}
        every: list[_Entry] = []
        for id, entries in self._of.items():
            if rollout.rows(id):
                entries += [_Entry(step) for step in steps(rollout, id)]
                every += entries
        every.sort(key=lambda entry: entry.step.begun_s)
        waited = []
        for entry in every:
            step = entry.step
            if step.checks or step.reconcile is None or self._is_routine(step):
                continue
            found = trigger(rollout, step, self._served)
            if found.latest_s is None:
                entry.trigger = found
                if step.begun_s - found.due_s > SLOW_S:
                    waited.append((found.due_s, step.begun_s))
        self.pool = Pool(held(rollout, self._of), workers, waited)
        for entry in every:
            if entry.step.reconcile is None:
                continue
            self._starts.append(entry.step.begun_s)
            if self._is_routine(entry.step):
                self._entered.append(entry.step.begun_s)
                continue
            found = self._trigger(entry)
            self._entered.append(found.due_s if found.entered_s is None else found.entered_s)

    def triggers(self, id: ObjectId) -> list[tuple[Step, Trigger]]:
        """An object's reconciles in order, each with what made it due."""
        return [(entry.step, self._trigger(entry)) for entry in self._of[id]]

    def _trigger(self, entry: _Entry) -> Trigger:
        if entry.trigger is None:
            entry.trigger = trigger(self._rollout, entry.step, self._served)
        return entry.trigger

    def _is_routine(self, step: Step) -> bool:
        """A Kustomization reconciled again at its interval: most reconciles of a long rollout, and of no interest here."""
        if step.last is None or not step.last.ok or step.id.kind != KUSTOMIZATION:
            return False
        source = self._rollout.chart_or_source(step.id)
        artifacts = self._rollout.artifacts(source) if source is not None else []
        return not artifacts or artifacts[-1] <= step.last.from_s

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
        if r.kind == RUN or (rollout.parameters.events_refused_s and r.reason == phases.DEPENDENCY_NOT_READY)
    ]
    return sorted(found)

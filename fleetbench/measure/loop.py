"""The loop of a run: changes in, events on disk, progress shown, until all that can be Ready is."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fleetbench.measure.fold import Fold, Folded
from fleetbench.measure.progress import Progress
from fleetbench.measure.protocols import Clock, Seen, Trouble
from fleetbench.measure.recorder import Recorder
from fleetbench.timeline.events import Event

TICK_S = 0.5
"""How often the clock is looked at, and the view redrawn, while nothing happens."""
SETTLE_S = 1.0
"""Watched on after the last Ready: observedGeneration follows the condition by some milliseconds."""


class View(Protocol):
    """Where progress is shown."""

    def event(self, event: Event, progress: Progress, first_ready: bool) -> None:
        """Something happened."""
        ...

    def trouble(self, text: str) -> None:
        """The watch has trouble."""
        ...

    def tick(self, t_s: float, progress: Progress) -> None:
        """Time went by."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    until_s: float
    """Seconds since t0."""
    complete: bool
    """Every service that is not suspended turned Ready."""
    timed_out_s: float | None
    """How long was watched where time ran out; None = it did not."""

    @property
    def timed_out(self) -> bool:
        """Whether time ran out."""
        return self.timed_out_s is not None


class Loop:
    """One run's loop.

    Args:
        changes: what the watch brings.
        settle_s: seconds to go on after the last one that can be Ready is.
        timeout_s: seconds to go on at most, from when it is run.
        observe: called with every event, before it counts.
    """

    def __init__(
        self,
        changes: queue.SimpleQueue[Seen | Trouble],
        fold: Fold,
        recorder: Recorder,
        progress: Progress,
        view: View,
        clock: Clock,
        *,
        timeout_s: float,
        settle_s: float = SETTLE_S,
        observe: Callable[[Event], None] | None = None,
    ):
        self._changes, self._fold, self._recorder = changes, fold, recorder
        self._progress, self._view, self._clock = progress, view, clock
        self._settle_s, self._observe = settle_s, observe
        self._timeout_s = timeout_s

    @property
    def t_s(self) -> float:
        """Seconds since t0."""
        return self._clock.monotonic_s() - self._fold.t0_s

    def run(self) -> Outcome:
        """Go on until all that can be Ready has been for a moment, or time is up.

        Raises:
            KeyboardInterrupt: the user stopped it; what was seen is recorded.
        """
        settled_at_s: float | None = None
        end_s = self.t_s + self._timeout_s  # t0 may lie hours back
        while True:
            self._take()
            t_s = self.t_s
            self._view.tick(t_s - self._progress.since_s, self._progress)
            if not self._progress.all_that_can:
                settled_at_s = None
            elif settled_at_s is None:
                settled_at_s = t_s + self._settle_s
            if settled_at_s is not None and t_s >= settled_at_s:
                return self._outcome(t_s, timed_out=False)
            if t_s >= end_s:
                return self._outcome(t_s, timed_out=True)

    def drain(self) -> None:
        """Record what is in the queue, without waiting."""
        while True:
            try:
                self.add(self._changes.get_nowait())
            except queue.Empty:
                return

    def _outcome(self, t_s: float, timed_out: bool) -> Outcome:
        self.drain()
        return Outcome(t_s, self._progress.all_ready, self._timeout_s if timed_out else None)

    def _take(self) -> None:
        """Wait for one change, a tick at most, and take what came with it."""
        try:
            self.add(self._changes.get(timeout=TICK_S))
        except queue.Empty:
            return
        self.drain()

    def add(self, change: Seen | Trouble) -> None:
        """Record one change."""
        if isinstance(change, Trouble):
            self._trouble(change)
            return
        folded: Folded = self._fold.add(change)
        if folded.note is not None:
            self._recorder.note(folded.note)
        if folded.event is not None:
            self._recorder.event(folded.event, folded.api_time)
            if self._observe is not None:
                self._observe(folded.event)
            first_ready = self._progress.add(folded.event)
            self._view.event(folded.event, self._progress, first_ready)

    def _trouble(self, trouble: Trouble) -> None:
        note = {"kind": trouble.kind.kind, "why": trouble.why, "t_s": round(trouble.at_s - self._fold.t0_s, 3)}
        if trouble.lasted_s is not None:
            note["lasted_s"] = round(trouble.lasted_s, 3)
        self._recorder.note({"watch": note})
        if trouble.why == "disconnected":
            self._view.trouble(
                f"the watch of {trouble.kind.plural} was cut for {trouble.lasted_s or 0:.1f} s and went on"
            )
        elif trouble.why == "forbidden":
            self._view.trouble(f"not watched: no permission to {trouble.detail}")

"""A commit that is timed: what runs before it, when its revision comes, and what it rolls out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetbench.errors import EnvironmentLacks
from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, some
from fleetbench.measure.loop import Loop
from fleetbench.measure.progress import Progress
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.subject import State
from fleetbench.runs.touched import touched_by
from fleetbench.timeline.events import Event
from fleetbench.units import format_duration


@dataclass(frozen=True)
class NextCommit:
    """A commit between two states of a repository."""

    before: State
    """What the cluster runs when it comes."""
    changes: Commit
    hopeless: frozenset[ObjectId] = frozenset()
    """Services that cannot turn Ready with it: the API server refuses what it changes, or they wait for such a one."""


class CommitObserver:
    """Notes the next revision of the root's source, from where on Ready with it counts, and what it rolls out.

    Args:
        fleet: after the commit.
        progress: of the commit; told when it comes.
        recorder: told as well.
        brought: what the commit adds, so that it cannot be there before.
    """

    def __init__(self, fleet: Fleet, progress: Progress, recorder: Recorder, changes: Commit | None = None):
        assert fleet.root_source is not None
        self._fleet, self._source, self._progress, self._recorder = fleet, fleet.root_source, progress, recorder
        self._revision: str | None = None
        self._events: list[Event] = []
        self._commit: str | None = None
        progress.waits_for = f"a new revision of {self._source}"
        progress.brought = frozenset() if changes is None else changes.added

    def about(self) -> dict[str, Any]:
        """What ``meta.json`` says of it: ``commit`` (its revision) and ``touched`` (what it changed); empty until it came."""
        if self._commit is None:
            return {}
        touched = touched_by(self._fleet, self._events, self._progress.since_s)
        return {"commit": self._commit, "touched": [str(id) for id in touched]}

    def event(self, event: Event) -> None:
        """Look at one event."""
        self._events.append(event)
        if event.object != self._source or not event.revision:
            return
        if self._revision is not None and event.revision != self._revision:
            # When it was pushed cannot be seen from the cluster: t_s is when its artifact was there.
            self._recorder.note({"commit": {"t_s": round(event.t_s, 3), "revision": event.revision, "source_s": 0.0}})
            self._progress.expect(event.t_s, event.revision, self._fleet.users(self._source))
            self._commit = event.revision
        self._revision = event.revision


def bring_up(before: State, commit: Progress, observer: CommitObserver, loop_of: Callable[..., Loop]) -> None:
    """Roll out what runs before a commit, to the last Ready.

    Args:
        before: that state.
        commit: of the commit that follows; it sees all that happens.
        observer: of that commit as well.
        loop_of: (progress, observe) -> the loop.

    Raises:
        EnvironmentLacks: something that can be Ready is not in time.
    """

    def observe(event: Event) -> None:
        observer.event(event)
        commit.add(event)

    progress = Progress(before.fleet, before.hopeless)
    outcome = loop_of(progress, observe=observe).run()
    if outcome.timed_out_s is None:
        return
    late = [str(row.object) for row in progress.rows() if row.ready_s is None and row.object not in before.hopeless]
    raise EnvironmentLacks(
        f"what runs before the commit was not Ready within {format_duration(outcome.timed_out_s)} (--timeout), so no commit "
        f"was timed: {some(late, 5)}",
        "the run folder holds how far it came; give it longer, or see `fleetbench graph` for what keeps it",
    )

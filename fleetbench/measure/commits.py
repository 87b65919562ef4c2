"""A commit that is timed: what runs before it, when its revision comes, and what it rolls out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetbench.errors import EnvironmentLacks
from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, some
from fleetbench.measure.loop import Loop
from fleetbench.measure.progress import SUSPENDED, WORKING, Progress
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.subject import State
from fleetbench.runs.touched import touched_by, untold
from fleetbench.timeline.events import Event
from fleetbench.units import format_duration


@dataclass(frozen=True)
class NextCommit:
    """A commit between two states of a repository."""

    before: State
    """What the cluster runs when it comes."""
    changes: Commit
    hopeless: frozenset[ObjectId] = frozenset()
    """Services that cannot turn Ready with it: the API server refuses what it changes, they never came up before it, or
    they wait for such a one."""


class CommitObserver:
    """Notes the next revision of the root's source, from where on Ready with it counts, and what it rolls out.

    Args:
        fleet: after the commit.
        progress: of the commit; told when it comes.
        recorder: told as well.
        changes: what two revisions of the repository say of it; None = nothing is known before it comes.
        revision: the one that the source shows now; None = its first event tells.
    """

    def __init__(
        self,
        fleet: Fleet,
        progress: Progress,
        recorder: Recorder,
        changes: Commit | None = None,
        revision: str | None = None,
    ):
        assert fleet.root_source is not None
        self._fleet, self._source, self._progress, self._recorder = fleet, fleet.root_source, progress, recorder
        self._revision, self._changes = revision, changes
        self._events: list[Event] = []
        self._commit: str | None = None
        progress.waits_for = f"a new revision of {self._source}"
        if changes is not None:
            progress.brought, progress.taken_away = changes.added, frozenset(changes.removed)

    @property
    def folder(self) -> Path:
        """Where the run is recorded."""
        return self._recorder.folder

    def about(self) -> dict[str, Any]:
        """What ``meta.json`` says of it; empty until it came.

        ``commit``: its revision; ``touched``: what it changed; ``untold``: what of that two revisions do not tell, if anything.
        """
        if self._commit is None:
            return {}
        touched = touched_by(self._fleet, self._events, self._progress.since_s)
        others = () if self._changes is None else untold(touched, self._changes, self._fleet)
        found = {"commit": self._commit, "touched": [str(id) for id in touched]}
        return {**found, "untold": [str(id) for id in others]} if others else found

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


def bring_up(
    before: State, commit: Progress, observer: CommitObserver, loop_of: Callable[..., Loop]
) -> frozenset[ObjectId]:
    """Roll out what runs before a commit, to the last Ready.

    Args:
        before: that state.
        commit: of the commit that follows; it sees all that happens.
        observer: of that commit as well.
        loop_of: (progress, observe) -> the loop.

    Returns:
        What time ran out for without anything being at work on it: it does not come up by itself.

    Raises:
        EnvironmentLacks: time ran out while something was at work.
    """

    def observe(event: Event) -> None:
        observer.event(event)
        commit.add(event)

    progress = Progress(before.fleet, before.hopeless)
    outcome = loop_of(progress, observe=observe).run()
    if outcome.timed_out_s is None:
        return frozenset()
    down = {r.object: r.state for r in progress.rows() if r.ready_s is None and r.state != SUSPENDED}
    late = [str(id) for id, state in down.items() if state == WORKING]
    if late or not progress.ready_s:
        raise EnvironmentLacks(
            f"what runs before the commit was still coming up after {format_duration(outcome.timed_out_s)} (--timeout), so no "
            f"commit was timed: {some(late or [str(id) for id in down], 5)}",
            f"give it longer; {observer.folder} holds how far it came",
        )
    return frozenset(down) - progress.hopeless

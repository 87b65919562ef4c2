"""Why a rollout took as long as it did: the causal chain behind a Ready, computed from events alone.

The chain is walked backwards. At each moment it stands at one object and takes the cause that this object's life
shows; where the object waited for another one (a dependency, a child, a source, the parent that creates it), the
chain goes on there, at the same moment. So its pieces touch, and each second has one cause.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import OPERATOR_REQUEUE_S
from fleetbench.ids import HELM_CHART, SOURCE_KINDS, ObjectId
from fleetbench.timeline import causes
from fleetbench.timeline.causes import Piece, Segment
from fleetbench.timeline.events import Timeline
from fleetbench.timeline.fold import RUN
from fleetbench.timeline.lives import Life, source_life, wanting
from fleetbench.timeline.queues import Queue
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.triggers import SKEW_S
from fleetbench.timeline.workers import DIP_S

if TYPE_CHECKING:
    from fleetbench.model.parameters import Parameters


def why(
    fleet: Fleet,
    timeline: Timeline,
    target: ObjectId | None = None,
    *,
    parameters: Parameters,
    since_s: float = 0.0,
    revision: str | None = None,
    ready_s: Mapping[ObjectId, float | None] | None = None,
) -> tuple[Piece, ...]:
    """The causal chain behind an object's Ready, or behind the last Ready of all.

    Args:
        fleet: what was rolled out.
        timeline: predicted or measured events.
        target: the object; None = the one that was Ready last.
        parameters: the controllers' flags of that rollout.
        since_s: where the chain starts: 0, or the moment of the commit.
        revision: the revision that the object must show to count as Ready; None = any.
        ready_s: when each service was Ready, where the caller knows it (the engine does); None = as the rows show.

    Returns:
        Pieces in order of time: they touch, start at ``since_s`` and end at the object's Ready exactly (at the end of
        the timeline for an object that did not get there). Empty if nothing turned Ready and no target is named.
    """
    return Explanation(Rollout(fleet, timeline, parameters, since_s, revision, ready_s)).chain(target)


@dataclass(frozen=True, slots=True)
class CauseSeconds:
    """Seconds by cause."""

    chain: dict[str, float]
    """Of the causal chain behind the last Ready: they add up to the rollout's time."""
    objects: dict[str, float]
    """Of all services' lives from created to Ready, added up."""


class Explanation:
    """Answers every question about one rollout; each object's life is worked out once."""

    def __init__(self, rollout: Rollout):
        self.rollout = rollout
        self._lives: dict[ObjectId, tuple[list[Segment], list[float]]] = {}

    def life(self, id: ObjectId) -> list[Segment]:
        """An object's life, from created to the end of the timeline; empty if no row shows it."""
        return self._life(id)[0]

    def _life(self, id: ObjectId) -> tuple[list[Segment], list[float]]:
        if id not in self._lives:
            obj, rows = self.rollout.service(id), self.rollout.rows(id)
            idle = self.rollout.left_alone(id)
            if not rows:
                segments = []
            elif idle is not None:
                segments = [Segment(rows[0].t_s, self.rollout.timeline.until_s, *idle)]
            elif obj is not None:
                segments = Life(self.rollout, self.queue(id), obj).build()
            else:
                segments = source_life(self.rollout, id)
            self._lives[id] = segments, [s.to_s for s in segments]
        return self._lives[id]

    def queue(self, id: ObjectId) -> Queue:
        """The queue of the controller that reconciles a service."""
        return self._queues[id.kind, self._shard(id)]

    @cached_property
    def _queues(self) -> dict[tuple[str, str | None], Queue]:
        ids: dict[tuple[str, str | None], list[ObjectId]] = {}
        for id in self.rollout.services:
            ids.setdefault((id.kind, self._shard(id)), []).append(id)
        return {key: Queue(self.rollout, found, self.rollout.workers_of(found[0])) for key, found in ids.items()}

    def _shard(self, id: ObjectId) -> str | None:
        obj = self.rollout.service(id)
        return None if obj is None else obj.shard

    def chain(self, target: ObjectId | None = None) -> tuple[Piece, ...]:
        """See :func:`why`."""
        target = self.rollout.last_ready if target is None else target
        if target is None:
            return ()
        end = self.rollout.ready_s(target)
        return self._walk(target, self.rollout.timeline.until_s if end is None else end)

    def wait(self, id: ObjectId, from_s: float, to_s: float) -> tuple[Piece, ...]:
        """What an object waited for between two moments: as a chain, which goes on behind a timeout at what was not there."""
        return self._walk(id, to_s, from_s, behind_timeouts=True)

    def _walk(
        self, at: ObjectId, to_s: float, since_s: float | None = None, behind_timeouts: bool = False
    ) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        since = self.rollout.since_s if since_s is None else since_s
        seen: set[ObjectId] = set()
        while to_s > since:
            piece, at = self._step(at, to_s, seen, behind_timeouts)
            if piece is None:
                continue
            from_s = max(piece.from_s, since)
            if pieces and (pieces[-1].object, pieces[-1].cause) == (piece.object, piece.cause):
                pieces[-1] = pieces[-1]._replace(from_s=from_s)
            else:
                pieces.append(piece._replace(from_s=from_s))
            to_s = from_s
            seen.clear()
        return tuple(reversed(pieces))

    def _step(
        self, id: ObjectId, to_s: float, seen: set[ObjectId], behind_timeouts: bool
    ) -> tuple[Piece | None, ObjectId]:
        """What an object was at just before ``to_s``, and where to go on; no piece = the same moment elsewhere."""
        segment = self._segment(id, to_s)
        if segment is None:
            return self._creation(id, to_s, seen)
        if behind_timeouts and segment.cause == causes.TIMEOUT:
            segment = wanting(self.rollout, id, segment)
        on = self._kept_from(id) if segment.on is None and segment.cause == causes.READY else segment.on
        if on is not None and on not in seen and (self.life(on) or self.rollout.parent(on) is not None):
            seen.add(id)
            return None, on
        cause = {causes.READY: causes.INTERVAL}.get(segment.cause, segment.cause)
        detail = segment.detail
        if cause == causes.QUEUE:
            detail = self._holders(id, segment)
        elif cause == causes.HEALTH_POLL:
            detail = f"looks every {self.rollout.poll_s(id):g} s"
        return Piece(id, cause, segment.from_s, to_s, detail), id

    def _holders(self, id: ObjectId, segment: Segment) -> str:
        """How many held workers at the moment of the stretch when most are seen to, and who did so longest, those first.

        A moment after the start at the soonest, when the one that was let go is taken again. Rows need not show all of them.
        """
        pool = self.queue(id).pool
        first = min(segment.from_s + DIP_S, (segment.from_s + segment.to_s) / 2)
        n = len(pool.most_holders(first, segment.to_s))
        longest = pool.longest_holders(first, segment.to_s)
        names = ", ".join(h.key for h in longest[:8]) + (" ..." if len(longest) > 8 else "")
        said = (
            f"{n} of {pool.workers} workers held" if n >= pool.workers else f"{n} of {pool.workers} workers seen held"
        )
        return said + (f": {names}" if names else "")

    def _segment(self, id: ObjectId, to_s: float) -> Segment | None:
        segments, ends = self._life(id)
        n = bisect_left(ends, to_s)
        return segments[n] if n < len(segments) and segments[n].from_s < to_s else None

    def _kept_from(self, id: ObjectId) -> ObjectId | None:
        """The suspended source that keeps a new revision from what is Ready; None = nothing does."""
        obj = self.rollout.service(id)
        if obj is None or self.rollout.ready_s(id) is not None:
            return None
        source = self.rollout.fleet.suspended_source(obj)
        return None if source is None else source.id

    def _creation(self, id: ObjectId, to_s: float, seen: set[ObjectId]) -> tuple[Piece | None, ObjectId]:
        """Before an object existed: its parent's apply."""
        seen.add(id)
        gate = self._gate(id, to_s)
        if gate is not None and gate not in seen:
            since = self.rollout.turns(gate)[:1]
            if not since or since[0] >= to_s:
                return None, gate
            detail = f"flux-operator looks every {OPERATOR_REQUEUE_S:g} s"
            return Piece(id, causes.DEPENDENCY_POLL, since[0], to_s, detail), gate
        parent = self.rollout.parent(id)
        if id.kind == HELM_CHART and parent is not None and self._segment(parent, to_s) is not None:
            return None, parent
        if parent is not None:
            runs = [r for r in self.rollout.reconciles(parent) if r.kind == RUN and r.from_s < to_s]
            ended_s = runs[-1].to_s if runs and runs[-1].applied_s is None and not runs[-1].ok else None
            failed = ended_s is not None and (ended_s + SKEW_S < to_s or not self.rollout.rows(id))
            if runs and not failed:  # else nothing was applied: the parent's own story
                unpacking = self.rollout.unpacking(parent, runs[-1], to_s)
                detail = f"applies {id}" + (f"; {unpacking}" if unpacking else "")
                return Piece(parent, causes.FETCH_BUILD_APPLY, runs[-1].from_s, to_s, detail), parent
            if parent not in seen and (self.life(parent) or self.rollout.parent(parent) is not None):
                return None, parent
        cause = causes.SOURCE if id.kind in SOURCE_KINDS else causes.PARENT
        return Piece(id, cause, self.rollout.since_s, to_s, "until it was created"), id

    def _gate(self, id: ObjectId, to_s: float) -> ObjectId | None:
        """What flux-operator waited for last before it made an object; None = the parent's apply came after that."""
        made = self.rollout.fleet.made(id)
        if made is None or not made.after:
            return None
        first = {gate: turns[0] if (turns := self.rollout.turns(gate)) else inf for gate in made.after}
        gate = max(made.after, key=lambda g: (first[g], g))
        parent = self.rollout.parent(id)
        runs = [] if parent is None else [r for r in self.rollout.reconciles(parent) if r.kind == RUN]
        applying = next((r.from_s for r in runs if r.ok or r.to_s is None or r.applied_s is not None), inf)
        return gate if min(first[gate], to_s) > applying else None

    # --- sums ------------------------------------------------------------------------------------------------------

    def seconds_by_cause(self) -> CauseSeconds:
        """See :func:`seconds_by_cause`."""
        objects: dict[str, float] = {}
        for id in self.rollout.services:
            for segment in self.until_ready(id):
                objects[segment.cause] = objects.get(segment.cause, 0.0) + segment.to_s - segment.from_s
        return CauseSeconds(_in_order(causes.seconds_of(self.chain())), _in_order(objects))

    def until_ready(self, id: ObjectId) -> list[Segment]:
        """A service's life from created (or ``since_s``) to Ready, or to the end of the timeline."""
        end = self.rollout.ready_s(id)
        end = self.rollout.timeline.until_s if end is None else end
        return [
            s._replace(from_s=max(s.from_s, self.rollout.since_s), to_s=min(s.to_s, end))
            for s in self.life(id)
            if s.to_s > self.rollout.since_s and s.from_s < end
        ]


def seconds_by_cause(
    fleet: Fleet,
    timeline: Timeline,
    *,
    parameters: Parameters,
    since_s: float = 0.0,
    revision: str | None = None,
    ready_s: Mapping[ObjectId, float | None] | None = None,
) -> CauseSeconds:
    """The seconds of a rollout by cause: of its causal chain, and added up over all services.

    Args: as :func:`why`.
    """
    return Explanation(Rollout(fleet, timeline, parameters, since_s, revision, ready_s)).seconds_by_cause()


def critical_objects(chain: tuple[Piece, ...]) -> list[tuple[ObjectId, float]]:
    """The objects of a chain with the seconds it spent at each, in the order in which it comes to them."""
    found: dict[ObjectId, float] = {}
    for piece in chain:
        found[piece.object] = found.get(piece.object, 0.0) + piece.seconds
    return list(found.items())


def _in_order(seconds: Mapping[str, float]) -> dict[str, float]:
    return {cause: seconds[cause] for cause in causes.MEANING if cause in seconds}

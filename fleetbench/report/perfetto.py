"""Rollouts as a trace that Perfetto and chrome://tracing open: a track a worker, then a track an object.

Trace Event Format: complete events ("X") with microseconds; a process a controller of a rollout, its workers the
threads; one more process holds the objects, in order of Ready, with their states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.report.inert import inert
from fleetbench.timeline.workers import Held

if TYPE_CHECKING:
    from fleetbench.prediction.strategies import Simulated
    from fleetbench.report.result import RolloutResult

_CONTROLLERS = ((KUSTOMIZATION, "kustomize-controller"), (HELM_RELEASE, "helm-controller"))


def perfetto(result: Simulated) -> dict[str, Any]:
    """The median sample of each strategy."""
    from fleetbench.report.simulated import result_of

    return trace(result_of(result).rollouts)


def trace(rollouts: Sequence[RolloutResult]) -> dict[str, Any]:
    """All these rollouts in one trace; those without events are left out."""
    events: list[dict[str, Any]] = []
    process = 0
    for rollout in rollouts:
        if rollout.explanation is None:
            continue
        for name, tracks in (*_workers(rollout), ("objects", _objects(rollout))):
            process += 1
            events += _process(process, inert(f"{rollout.label}: {name}"), tracks)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


_Slice = tuple[float, float, str, str]
"""From, to (seconds), name, category."""
_Track = tuple[str, list[_Slice]]


def _process(process: int, name: str, tracks: Iterable[_Track]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        _meta("process_name", process, 0, {"name": name}),
        _meta("process_sort_index", process, 0, {"sort_index": process}),
    ]
    for number, (label, slices) in enumerate(tracks, start=1):
        found.append(_meta("thread_name", process, number, {"name": label}))
        found.append(_meta("thread_sort_index", process, number, {"sort_index": number}))
        for from_s, to_s, what, category in slices:
            start = round(from_s * 1e6)
            found.append(
                {
                    "ph": "X",
                    "pid": process,
                    "tid": number,
                    "name": what,
                    "cat": category,
                    "ts": start,
                    "dur": round(to_s * 1e6) - start,
                }
            )
    return found


def _meta(name: str, process: int, track: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "pid": process, "tid": track, "name": name, "args": args}


def _workers(rollout: RolloutResult) -> list[tuple[str, list[_Track]]]:
    """A controller (each of its shards) -> its workers' tracks."""
    found = []
    for kind, controller in _CONTROLLERS:
        pools = rollout.pools(kind)
        for number, pool in enumerate(pools, start=1):
            held = [Held(h.from_s - rollout.since_s, h.to_s - rollout.since_s, h.object) for h in pool.held]
            name = f"{controller} workers" + (f" (shard {number})" if len(pools) > 1 else "")
            found.append((name, _lanes([h for h in held if h.to_s > 0], pool.workers)))
    return found


def _lanes(held: Sequence[Held], workers: int) -> list[_Track]:
    """Who held which worker: the events do not number them, so each takes the first one that is free."""
    lanes: list[list[_Slice]] = [[] for _ in range(min(workers, max(len(held), 1)))]
    for h in sorted(held):
        lane = next((lane for lane in lanes if not lane or lane[-1][1] <= h.from_s + 1e-6), None)
        if lane is None:  # rows of a cluster may lap over each other by some milliseconds
            lane = min(lanes, key=lambda slices: slices[-1][1])
            if lane[-1][1] > h.to_s:
                lanes.append(lane := [])
        start = max(h.from_s, lane[-1][1] if lane else 0.0, 0.0)
        lane.append((start, h.to_s, inert(h.object.key), h.object.kind))
    return [(f"worker {n}", lane) for n, lane in enumerate(lanes, start=1)]


def _objects(rollout: RolloutResult) -> list[_Track]:
    """Every service's states, in order of Ready."""
    intervals = rollout.intervals
    ids: list[ObjectId] = [o.id for o in rollout.in_order if o.id in intervals]
    return [(inert(str(id)), [(s.from_s, s.to_s, s.state, s.state) for s in intervals[id]]) for id in ids]

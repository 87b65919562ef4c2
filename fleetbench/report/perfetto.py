"""A rollout as a trace that Perfetto and chrome://tracing open: objects as tracks, states as slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleetbench.graph.fleet import Fleet
from fleetbench.report.inert import inert
from fleetbench.timeline.events import Timeline
from fleetbench.timeline.stats import intervals

if TYPE_CHECKING:
    from fleetbench.prediction.strategies import Simulated


def perfetto(result: Simulated) -> dict[str, Any]:
    """The median sample of each strategy, a process a strategy (Trace Event Format, microseconds)."""
    events: list[dict[str, Any]] = []
    for number, (name, prediction) in enumerate(result.predictions.items(), start=1):
        timeline = prediction.median.timeline
        assert timeline is not None
        events += timeline_events(prediction.scenario.fleet, timeline, name, number)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def timeline_events(fleet: Fleet, timeline: Timeline, name: str, process: int) -> list[dict[str, Any]]:
    """The slices of one timeline."""
    found: list[dict[str, Any]] = [{"ph": "M", "pid": process, "name": "process_name", "args": {"name": name}}]
    for track, (id, parts) in enumerate(sorted(intervals(fleet, timeline).items()), start=1):
        found.append({"ph": "M", "pid": process, "tid": track, "name": "thread_name", "args": {"name": inert(str(id))}})
        for start, end, state in parts:
            found.append(
                {"ph": "X", "pid": process, "tid": track, "name": state, "cat": state, "ts": round(start * 1e6), "dur": round((end - start) * 1e6)}
            )
    return found

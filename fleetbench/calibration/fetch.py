"""How long sources waited for the servers that hold them, from measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fleetbench import phases
from fleetbench.runs.run import Run
from fleetbench.timeline.events import Event


def fetch_section(runs: Sequence[Run]) -> dict[str, Any]:
    """A profile's ``fetch``: of each kind of source that a run fetched from afar how long its first artifact took."""
    found: dict[str, list[float]] = {}
    for run in runs:
        # An artifact shows once its event is posted, or given up where nobody takes it.
        for id in sorted(run.from_afar) if not run.flags.get("events_refused_s") else ():
            seconds = first_fetch_s(run.timeline.by_object.get(id, ()))
            if seconds is not None:
                found.setdefault(id.kind, []).append(round(seconds, 3))
    return {kind: {"seconds": sorted(s), "source": f"{len(s)} measured"} for kind, s in sorted(found.items())}


def first_fetch_s(events: Sequence[Event]) -> float | None:
    """From the moment that a worker holds a source (Progressing) to its first artifact; None = the rows do not say.

    Of a fetch that failed before, the one that succeeded counts. The controller's own work is in it, a tenth of a second or two.
    """
    started: float | None = None
    for event in events:
        if event.status == phases.UNKNOWN:
            started = event.t_s if started is None else started
        elif event.status == phases.TRUE:
            return None if started is None else event.t_s - started
        else:
            started = None
    return None

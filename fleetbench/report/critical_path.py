"""The critical path of a fleet as it is shown: what typical durations say of the longest chain and of the slack beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.paths import critical_path, slack
from fleetbench.ids import ObjectId
from fleetbench.model.typical import typical_durations


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Objects along it, and how long each object of the fleet takes and may take."""

    objects: Mapping[ObjectId, float]
    """In order, each with the seconds of the path that pass there; they add up to the total."""
    total_s: float
    durations_s: Mapping[ObjectId, float]
    slack_s: Mapping[ObjectId, float]


def path_of(fleet: Fleet, never: Collection[ObjectId] = ()) -> CriticalPath:
    """The critical path; where nothing is known to take time, the longest chain, which is still worth showing.

    Args:
        fleet: the fleet.
        never: what can never turn Ready in a bootstrap.
    """
    durations = typical_durations(fleet)
    objects, total_s = critical_path(fleet, durations, never)
    if not total_s:
        objects = dict.fromkeys(critical_path(fleet, dict.fromkeys(durations, 1.0), never)[0], 0.0)
    return CriticalPath(objects, total_s, durations, slack(fleet, durations, never))


def to_document(path: CriticalPath) -> dict[str, Any]:
    """As ``fleetbench graph --format json --critical-path`` adds it to the graph document."""
    return {
        "total_s": path.total_s,
        "objects": [{"object": str(id), "takes_s": takes_s} for id, takes_s in path.objects.items()],
        "slack_s": {str(id): path.slack_s[id] for id in sorted(path.slack_s)},
    }

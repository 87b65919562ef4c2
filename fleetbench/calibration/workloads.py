"""Workload times from measured runs: per object, per chart and per kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fleetbench import phases
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.runs.run import Run


def observed_workloads(
    runs: Sequence[Run],
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, list[float]]]:
    """Seconds from applied to Current.

    Returns:
        Three mappings to lists of samples: OBJECT (Kustomization as ``ns/name``, HelmRelease with its kind), chart
        name, and kind of workload.
    """
    objects: dict[str, list[float]] = {}
    charts: dict[str, list[float]] = {}
    kinds: dict[str, list[float]] = {}
    for run in runs:
        for service in run.fleet.services():
            longest = None
            for w in service.workloads:
                took_s = _start_s(run, service.id, w.object)
                if took_s is None:
                    longest = None
                    break
                seconds = round(took_s, 3)
                kinds.setdefault(w.object.kind, []).append(seconds)
                longest = seconds if longest is None else max(longest, seconds)
            if longest is None:
                continue
            name = service.id.key if service.id.kind == KUSTOMIZATION else str(service.id)
            objects.setdefault(name, []).append(longest)
            if isinstance(service, HelmRelease) and service.chart:
                charts.setdefault(service.chart.rsplit("/", 1)[-1], []).append(longest)
    return objects, charts, kinds


def _start_s(run: Run, service: ObjectId, workload: ObjectId) -> float | None:
    """From when a workload is first seen, or changed by the commit that is timed, to Current.

    None where it never was, or was before t0: then nothing is known of its start.
    """
    events = run.timeline.by_object.get(workload, ())
    if run.commit is not None and service in run.commit.told.changed:
        events = tuple(e for e in events if e.t_s >= run.commit.artifact_s)
    if not events or (events[0].status == phases.TRUE and events[0].t_s <= 0.0):
        return None
    current = next((e.t_s for e in events if e.status == phases.TRUE), None)
    return None if current is None else current - events[0].t_s


def as_totals(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Lists of samples as a profile's charts and kinds hold them: the whole time, nothing added."""
    return {
        name: {"total": sorted(values), "source": f"{len(values)} measured"} for name, values in sorted(samples.items())
    }

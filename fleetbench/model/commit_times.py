"""What a commit starts of a Kustomization's workloads: which of its pods go on, and which start as the first time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId
from fleetbench.model.workload_time import PodTime, WorkloadTime

LEFT_ALONE = "the commit leaves its pods alone"


def times_after(
    fleet: Fleet, times: Mapping[ObjectId, WorkloadTime], commit: Commit
) -> Mapping[ObjectId, WorkloadTime]:
    """The workload times of a scenario in which a commit changes some of the fleet's Kustomizations.

    A time that is known only as a whole holds as soon as one of the workloads is not left alone.

    Args:
        fleet: after the commit.
        times: what each object's workloads take when all of them start.
        commit: what of them it changes.
    """
    found = dict(times)
    for k in fleet.kustomizations:
        time = times.get(k.id)
        if k.id not in commit.changed or k.id in commit.added or time is None:
            continue
        if time.total is not None:
            if k.workloads and all(commit.kept.get(w.object, 0) >= w.replicas for w in k.workloads):
                found[k.id] = WorkloadTime(k.id, LEFT_ALONE)
        elif commit.kept or commit.started:
            found[k.id] = _without_kept(time, commit)
    return found


def _without_kept(time: WorkloadTime, commit: Commit) -> WorkloadTime:
    new_place: dict[int, int] = {}
    pods: list[PodTime] = []
    for place, pod in enumerate(time.pods):
        if pod.replica < commit.kept.get(pod.workload, 0):
            continue
        new_place[place] = len(pods)
        starts = pod.workload in commit.kept or pod.workload in commit.started  # what is scaled up starts more pods
        at_once = None if starts else pod.at_once
        pods.append(replace(pod, after=None if pod.after is None else new_place.get(pod.after), at_once=at_once))
    if not pods and time.pods:
        return WorkloadTime(time.object, LEFT_ALONE)
    return replace(time, pods=tuple(pods))

"""One number for a workload time, where a path is to be judged without drawing samples."""

from __future__ import annotations

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import checks_health
from fleetbench.ids import ObjectId
from fleetbench.model.profile import PullPrior, load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.workload_time import PodTime, WorkloadTime


def typical_durations(fleet: Fleet) -> dict[ObjectId, float]:
    """Median seconds from applied until an object's own workloads are Current, by the shipped priors.

    0 where its Ready does not wait for them. Medians of the parts, summed along the pods that wait for each other; each
    pod's images are pulled one after another, but pods do not queue for a node's pulls, and Flux's own time is not in
    it.
    """
    default = load_profile("default")
    times = resolve(fleet, None, None, default)
    return {obj.id: typical_s(times[obj.id], default.pull) if checks_health(obj) else 0.0 for obj in fleet.services()}


def typical_s(time: WorkloadTime, pull: PullPrior | None) -> float:
    """The median of one workload time, in seconds."""
    if time.total is not None:
        return time.total.quantile(0.5)
    hooks_s = max((_pod_s(pod, pull) for pod in time.pods if pod.hook), default=0.0)
    ends: list[float] = []
    for pod in time.pods:
        start_s = 0.0 if pod.hook else hooks_s
        if pod.after is not None:
            start_s = max(start_s, ends[pod.after])
        ends.append(start_s + _pod_s(pod, pull))
    return max(ends, default=0.0)


def _pod_s(pod: PodTime, pull: PullPrior | None) -> float:
    pulls_s = 0.0
    if pull is not None:
        megabytes = sum(image.megabytes.quantile(0.5) for image in pod.pulls)
        pulls_s = megabytes / pull.bandwidth_mb_s.quantile(0.5) if megabytes else 0.0
    return pod.start.quantile(0.5) + pulls_s + pod.ready.quantile(0.5)

"""One number for a workload time, where a path is to be judged without drawing samples."""

from __future__ import annotations

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.graph.order import checks_health, watched
from fleetbench.ids import ObjectId
from fleetbench.model.profile import PullPrior, load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.workload_time import PodTime, WorkloadTime


def typical_durations(fleet: Fleet) -> dict[ObjectId, float]:
    """Median seconds from applied until those of an object's own workloads are Current that its Ready waits for.

    By the shipped priors: medians of the parts, summed along the pods that wait for each other; each pod's images are
    pulled one after another, but pods do not queue for a node's pulls, and Flux's own time is not in it. All workloads
    with ``wait``, those that ``healthChecks`` names (:func:`fleetbench.graph.order.watched`), none without either. A workload that
    another Kustomization's health check names has an entry of its own: seconds from its owner's apply.
    """
    default = load_profile("default")
    times = resolve(fleet, None, None, default)
    found = {}
    for obj in fleet.services():
        found[obj.id] = typical_s(times[obj.id], default.pull) if checks_health(obj) else 0.0
        if isinstance(obj, Kustomization) and not obj.wait and obj.health_checks:
            named = watched(fleet, obj).workloads
            own = frozenset(workload for owner, workload in named if owner == obj.id)
            found[obj.id] = typical_s(times[obj.id], default.pull, own)
            found |= {w: typical_s(times[o], default.pull, frozenset({w})) for o, w in named if o != obj.id}
    return found


def typical_s(time: WorkloadTime, pull: PullPrior | None, only: frozenset[ObjectId] | None = None) -> float:
    """The median of one workload time, in seconds; of some of its workloads alone, where they are named."""
    if time.total is not None:
        return 0.0 if only is not None and not only else time.total.quantile(0.5)
    hooks_s = max((_pod_s(pod, pull) for pod in time.pods if pod.hook), default=0.0)
    ends: list[float] = []
    for pod in time.pods:
        start_s = 0.0 if pod.hook else hooks_s
        if pod.after is not None:
            start_s = max(start_s, ends[pod.after])
        ends.append(start_s + _pod_s(pod, pull))
    counted = (end for pod, end in zip(time.pods, ends, strict=True) if only is None or pod.workload in only)
    return max(counted, default=0.0)


def _pod_s(pod: PodTime, pull: PullPrior | None) -> float:
    pulls_s = 0.0
    if pull is not None:
        megabytes = sum(image.megabytes.quantile(0.5) for image in pod.pulls)
        pulls_s = megabytes / pull.bandwidth_mb_s.quantile(0.5) if megabytes else 0.0
    return pod.start.quantile(0.5) + pulls_s + pod.ready.quantile(0.5)

"""The least time that what an object waits for is known to take: what templates state, never a guess."""

from __future__ import annotations

from typing import NamedTuple

from fleetbench.graph.fleet import Fleet, HelmRelease, Kustomization, Workload
from fleetbench.graph.order import checks_health, watched
from fleetbench.ids import ObjectId


class Least(NamedTuple):
    """A time that is surely needed, and for what."""

    seconds: float
    of: ObjectId


def least_s(fleet: Fleet, obj: Kustomization | HelmRelease, above: frozenset[ObjectId] = frozenset()) -> Least | None:
    """From applied to the earliest moment at which all that an object waits for can be Current.

    Args:
        fleet: the fleet.
        obj: the object; what does not wait needs no time.
        above: the objects that led here by waiting, so that a cycle of parents ends.

    Returns:
        The time and the workload that takes it; None where nothing is stated.
    """
    if obj.id in above or obj.suspend or not checks_health(obj):
        return None
    if isinstance(obj, HelmRelease):
        hooks_s = max((_of(w) for w in obj.workloads if w.hook), default=0.0)
        found = [Least(_of(w) + (0.0 if w.hook else hooks_s), w.object) for w in obj.workloads]
    else:
        seen = watched(fleet, obj)
        # What others apply may have started long before.
        own = {workload for owner, workload in seen.workloads if owner == obj.id}
        found = [Least(_of(w), w.object) for w in obj.workloads if w.object in own]
        kids = (fleet.service(id) for id in seen.objects)
        below = [least_s(fleet, kid, above | {obj.id}) for kid in kids if kid is not None and kid.parent == obj.id]
        found += [least for least in below if least is not None]
    return max((least for least in found if least.seconds > 0.0), default=None)


def _of(workload: Workload) -> float:
    """What a workload's template states, for all of its pods; zero where it states nothing.

    The pods of a StatefulSet come one after the other, unless its podManagementPolicy is Parallel
    (Kubernetes pkg/controller/statefulset/stateful_set_utils.go allowsBurst).
    """
    in_turn = workload.object.kind == "StatefulSet" and not workload.parallel
    return (workload.stated_ready_s or 0.0) * (workload.replicas if in_turn else min(workload.replicas, 1))

"""What an object could not do without and had to wait for: a Secret, a claim, a class that another one brings."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.graph.objects import HelmRelease, Kustomization, Need
from fleetbench.graph.order import watches
from fleetbench.ids import KUSTOMIZATION, ObjectId, say
from fleetbench.timeline.fold import RUN
from fleetbench.timeline.rollout import Rollout


def needs_of_pods(obj: Kustomization | HelmRelease, workload: ObjectId | None = None) -> Iterator[Need]:
    """What an object's health check waits for as its pods need it and another one brings it.

    Args:
        obj: the object.
        workload: only what this one of its workloads needs, or nobody knows which one does.
    """
    own = {w.object for w in obj.workloads}
    for need in (n for n in obj.needs if n.blocks == "workload" and n.provided_by not in (None, obj.id)):
        concerns = workload is None or need.wanted_by == workload or need.wanted_by not in own
        if concerns and watches(obj, need):
            yield need


def came_s(rollout: Rollout, need: Need) -> float | None:
    """When what is needed was in the cluster: as the first apply of who brings it was over; None = not in the timeline."""
    by = need.provided_by
    if by is None:
        return None
    if by.kind == KUSTOMIZATION:
        runs = [r for r in rollout.reconciles(by) if r.kind == RUN]
        applied = (r.applied_s if r.applied_s is not None else r.to_s if r.ok else None for r in runs)
        return next((at for at in applied if at is not None), None)
    started = [start for _, start, _ in rollout.workloads(by)]
    return min([*started, *rollout.turns(by)], default=None)


def last_to_come(
    rollout: Rollout, obj: Kustomization | HelmRelease, workload: ObjectId | None, since_s: float, until_s: float
) -> tuple[float, Need] | None:
    """Of what was not there yet at a moment the last to come, and when, at the latest ``until_s``; None = all was there."""
    found = []
    for need in needs_of_pods(obj, workload):
        came = came_s(rollout, need)
        at = until_s if came is None else min(came, until_s)
        if at > since_s:
            found.append((at, need.what, need))
    if not found:
        return None
    at, _, need = max(found, key=lambda f: f[:2])
    return at, need


def lacking(rollout: Rollout, obj: Kustomization | HelmRelease, workload: ObjectId, at_s: float) -> list[str]:
    """What a workload still lacked at a moment, for people."""
    late = [n for n in needs_of_pods(obj, workload) if (came := came_s(rollout, n)) is None or came > at_s]
    return list(dict.fromkeys(what_of(need) for need in late))


def what_of(need: Need) -> str:
    """``Secret apps/db``; of an ExternalSecret's store what it makes from that."""
    return f"what {say(need.wanted_by)} makes from {need.what}" if need.of_store else need.what

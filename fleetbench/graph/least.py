"""The least time that what an object waits for is known to take: measured, given or stated, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Workload
from fleetbench.graph.order import checks_health, watched
from fleetbench.ids import ObjectId


class Least(NamedTuple):
    """A time that is surely needed, and for what."""

    seconds: float
    of: ObjectId
    by: str = "stated"
    """How it is known: ``stated`` by the template, or ``given`` (measured, or by the user)."""
    turns: int = 1
    """How many times a pod starts only once another one is ready."""


def least_s(
    fleet: Fleet,
    obj: Kustomization | HelmRelease,
    known_s: Mapping[ObjectId, float],
    above: frozenset[ObjectId] = frozenset(),
    *,
    update: bool = False,
) -> Least | None:
    """From applied to the earliest moment at which all that an object waits for can be Current.

    Args:
        fleet: the fleet.
        obj: the object; what does not wait needs no time.
        known_s: what objects, with all that they apply themselves, and workloads take at least; it goes before templates.
        above: the objects that led here by waiting, so that a cycle of parents ends.
        update: pods of an older template are there, and are replaced so many at one time.

    Returns:
        The time and what takes it; None where nothing is known.
    """
    if obj.id in above or obj.suspend or not checks_health(obj):
        return None
    kids: list[Kustomization | HelmRelease] = []
    if isinstance(obj, HelmRelease):
        each = [(w, _of(w, known_s, update)) for w in obj.workloads]
        hooks_s = max((least.seconds for w, least in each if w.hook), default=0.0)
        found = [least if w.hook else least._replace(seconds=least.seconds + hooks_s) for w, least in each]
    else:
        seen = watched(fleet, obj)
        # What others apply may have started long before.
        own = {workload for owner, workload in seen.workloads if owner == obj.id}
        found = [_of(w, known_s, update) for w in obj.workloads if w.object in own]
        kids = [kid for id in seen.objects if (kid := fleet.service(id)) is not None and kid.parent == obj.id]
    if obj.id in known_s:
        found = [Least(known_s[obj.id], obj.id, "given")]
    below = (least_s(fleet, kid, known_s, above | {obj.id}, update=update) for kid in kids)
    found += [least for least in below if least is not None]
    return max((least for least in found if least.seconds > 0.0), default=None)


def _of(workload: Workload, known_s: Mapping[ObjectId, float], update: bool) -> Least:
    """What is known of a workload, for all of its pods; zero where that is nothing.

    The pods of a StatefulSet come one after the other, unless its podManagementPolicy is Parallel
    (Kubernetes pkg/controller/statefulset/stateful_set_utils.go allowsBurst).
    """
    if workload.object in known_s:
        return Least(known_s[workload.object], workload.object, "given")
    in_turn = workload.object.kind == "StatefulSet" and not workload.parallel
    turns = workload.replicas if in_turn else min(workload.replicas, 1)
    if update and workload.replaced_at_once is not None:
        turns = ceil(workload.replicas / workload.replaced_at_once) if workload.replaced_at_once else 0
    return Least((workload.stated_ready_s or 0.0) * turns, workload.object, turns=turns)

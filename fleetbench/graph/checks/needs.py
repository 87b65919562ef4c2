"""What objects need of each other, declared or not: CRDs, namespaces, Secrets, ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import networkx as nx

from fleetbench.findings import CRD_DEADLOCK, NEED_UNDECLARED, SELF_DEPENDENCY_LOOP, Finding, Shared
from fleetbench.graph.changes import narrowest
from fleetbench.graph.checks.about import about, said
from fleetbench.graph.checks.circles import (
    Before,
    Edge,
    Lack,
    circle,
    contradictory,
    contradicts,
    knots,
    needed_order,
    same_knot,
)
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import RUN_TIME, HelmRelease, Kustomization, Need
from fleetbench.graph.order import Moment, applied, checks_health, enforced_order, ready, watches
from fleetbench.ids import KUSTOMIZATION, ObjectId, say
from fleetbench.units import go_duration

NEEDING = "what needs it"
"""What lacks the edge, said of several objects."""


class _Orders(NamedTuple):
    """What the needs of a fleet are held against."""

    before: Before
    """Whether the enforced order alone puts one moment before another."""
    needed: nx.DiGraph
    """The enforced order with the needs that block an apply, or a Ready that waits for pods."""
    in_knot: dict[Moment, int]
    """Of that: what lies on cycles."""
    refused: set[Edge]
    """dependsOn edges that would make a cycle beside the others that are proposed."""


def check_needs(fleet: Fleet) -> Iterator[Finding]:
    """Needs that deadlock, alone or in a circle, and needs that nothing orders.

    A Kustomization's provision is there once it is applied, a HelmRelease's (its chart's CRDs, what its operator
    makes) once it is Ready. A need is met for sure if the enforced order puts that before the needing object's apply.
    A Service that is only named as a host is left out: to come before it costs nobody a reconcile.
    """
    lacks = list(_lacks(fleet))
    orders, _ = _orders(fleet, lacks)
    for lack in lacks:
        found = _judge(fleet, lack, orders)
        if found is not None:
            yield found


def missing_edges(fleet: Fleet) -> list[tuple[ObjectId, ObjectId]]:
    """The edges (dependant, dependency) that would declare what an apply or a build needs, as things are: FB201's fixes."""
    lacks = list(_lacks(fleet))
    orders, edges = _orders(fleet, lacks)
    holders = {edge: lack for lack, edge in edges if lack.blocking and edge not in orders.refused}
    return sorted(
        (edge.dependant, edge.holder) for edge, lack in holders.items() if not _waits(fleet, lack, edge.holder)
    )


def _orders(fleet: Fleet, lacks: list[Lack]) -> tuple[_Orders, list[tuple[Lack, Edge]]]:
    """What the needs are held against, and the edges that would be proposed, those of what fails an apply first."""
    order = enforced_order(fleet)

    @cache
    def after(moment: Moment) -> frozenset[Moment]:
        return frozenset(nx.descendants(order, moment)) if moment in order else frozenset()

    def before(first: Moment, second: Moment) -> bool:
        return second in after(first)

    needed = needed_order(fleet, lacks, order, before)
    in_knot = knots(needed)
    missing = [lack for lack in lacks if not before(lack.there, applied(lack.obj.id)) and not _blocked(lack, in_knot)]
    edges = [
        (lack, edge)
        for lack in sorted(missing, key=lambda lack: not lack.blocking)
        if (edge := _edge(fleet, lack, before)) is not None
    ]
    refused = contradictory(fleet, [edge for _, edge in edges], lacks, needed, before)
    return _Orders(before, needed, in_knot, refused), edges


def _lacks(fleet: Fleet) -> Iterator[Lack]:
    for obj in fleet.services():
        groups: dict[tuple[ObjectId, str], list[Need]] = {}
        for need in obj.needs:
            if _is_told_of_another(fleet, obj, need):
                continue
            if need.provided_by is not None and need.provided_by in fleet and need.blocks != RUN_TIME:
                groups.setdefault((need.provided_by, need.blocks), []).append(need)
        for (provider, blocks), needs in groups.items():
            yield Lack(obj, provider, blocks, tuple(needs))


def _is_told_of_another(fleet: Fleet, obj: Kustomization | HelmRelease, need: Need) -> bool:
    """Whether the Kustomization that applies what needs it has the same need: of an ExternalSecret that a release reads."""
    by = {fleet.creators.get(need.wanted_by), obj.parent if isinstance(obj, HelmRelease) else None} - {None, obj.id}
    holders = [k for id in by if id is not None and (k := fleet.kustomization(id)) is not None]
    return any((n.what, n.wanted_by) == (need.what, need.wanted_by) for k in holders for n in k.needs)


def _blocked(lack: Lack, in_knot: dict[Moment, int]) -> bool:
    """Whether a need hangs in a circle of needs and enforced order."""
    return (lack.blocking or lack.waited) and same_knot(in_knot, lack.soonest, lack.holds_back)


def _judge(fleet: Fleet, lack: Lack, orders: _Orders) -> Finding | None:
    obj, provider, blocks = lack.obj, lack.provider, lack.blocks
    what, wanting, wanted = lack.what, lack.wanting, lack.wanted
    if provider == obj.id:
        # What a Kustomization brings itself is there in time (CRDs and namespaces are applied first), except for
        # its own build, which comes before any of it.
        if blocks != "build":
            return None
        message = f"its build needs {what}, which only its own apply brings: it can never be built in a bootstrap."
        fix = "move it into a Kustomization that this one depends on; if the cluster has it before Flux comes, say so with "
        return about(SELF_DEPENDENCY_LOOP, obj, message, f"{fix}{_told(lack)}")
    before = orders.before
    if before(lack.there, applied(obj.id)):
        return None
    holder, called = _holder(fleet, provider), say(_kustomization(obj))
    if contradicts(lack, before) and (lack.blocking or obj.id not in fleet.asleep):
        if lack.blocking and holder == obj.id:
            return about(
                CRD_DEADLOCK,
                obj,
                f"{wanted}, and both are in {say(obj.id)}. Its dry-run fails as long as {what} is not there, and a failed "
                f"dry-run applies nothing, not even {say(provider)}: a deadlock, tried again every "
                f"{go_duration(obj.effective_retry_s)} for ever.",
                f"{_parted(fleet, lack)}; if the cluster has it before Flux comes, say so with {_told(lack)}",
            )
        return about(
            SELF_DEPENDENCY_LOOP,
            obj,
            f"{wanted}{'' if lack.blocking else ', and a health check waits for that'}, but {say(provider)} can only follow "
            f"{say(obj.id)}: a deadlock in a bootstrap.",
            f"{_apart(fleet, lack, wanting, holder, called)}; if the cluster has it before Flux comes, say so with {_told(lack)}",
        )
    if obj.id in fleet.asleep:
        return None  # it is not reconciled, so nothing of it fails and no time is lost
    if _blocked(lack, orders.in_knot):
        steps, caught = circle(fleet, orders.needed, lack)
        return about(
            SELF_DEPENDENCY_LOOP,
            obj,
            f"{'; '.join(steps)}: a circle, a deadlock in a bootstrap. None of {said(caught)} can turn Ready.",
            f"{_apart(fleet, lack, wanting, holder, called)} (one move ends the circle); if the cluster has it before Flux comes, say "
            f"so with {_told(lack)}",
        )
    cost = f"no edge puts that first: {_cost(fleet, lack)}."
    fix = _fix(fleet, lack, holder, orders, called, wanting)
    shared = Shared(
        f"need {what}, which {say(provider)} brings; {cost}",
        _fix(fleet, lack, holder, orders, "each", NEEDING),
    )
    return about(NEED_UNDECLARED, obj, f"{wanted}; {cost}", fix, shared)


def _told(lack: Lack) -> str:
    """The narrowest options that say that the cluster has what is lacking."""
    return " ".join(f"--installed {name}" for name in dict.fromkeys(map(narrowest, lack.needs)))


def _parted(fleet: Fleet, lack: Lack) -> str:
    """How to part a custom resource from the release beside it.

    Whoever applies the new Kustomization must not be what that waits for: of the root that is the root itself.
    """
    first, then = say(lack.provider), f"{lack.wanting}, and what else needs it,"
    if lack.obj.id == fleet.root:
        return _two(first, then)
    return f"move {then} into a Kustomization of its own that depends on {say(lack.obj.id)}, with wait: true here"


def _two(first: str, then: str) -> str:
    return f"put {first} into a Kustomization of its own with wait: true, and {then} into a second one that depends on that"


def _moved(fleet: Fleet, lack: Lack, wanting: str, holder: ObjectId | None) -> str:
    """What to move for a need that no edge can declare."""
    if any(need.wanted_by == lack.obj.id for need in lack.needs) and isinstance(lack.obj, Kustomization):
        # Its own build wants it: that cannot be moved, what it wants can.
        return f"move {lack.what}{_namespace(fleet, lack)} into a Kustomization of its own that {say(lack.obj.id)} depends on"
    rest = "" if wanting == NEEDING else ", and what else needs it,"
    if holder == fleet.root:
        return _two(say(lack.provider), f"{wanting}{rest}")
    on = say(holder or lack.provider)
    return f"move {wanting}{rest} into a Kustomization of its own that depends on {on}{_waits(fleet, lack, holder)}"


def _apart(fleet: Fleet, lack: Lack, wanting: str, holder: ObjectId | None, called: str) -> str:
    """What to move so that neither waits for the other.

    Who needs it of pods cannot simply come after all of the holder, which may in turn wait for those: what is needed comes
    first, alone.
    """
    if lack.waited and lack.provider.kind == KUSTOMIZATION and _kustomization(lack.obj) != fleet.root:
        return f"move {lack.what}{_namespace(fleet, lack)} into a Kustomization of its own that {called} depends on"
    return _moved(fleet, lack, wanting, holder)


def _namespace(fleet: Fleet, lack: Lack) -> str:
    """What else must move, as what is needed lies in a namespace that only who waits for it would bring."""
    own = fleet.kustomization(_kustomization(lack.obj))
    brought = {id.name for id in own.objects if id.kind == "Namespace"} if own is not None else set()
    spaces = {need.what.rpartition(" ")[2].partition("/")[0] for need in lack.needs if "/" in need.what}
    return "".join(f", with Namespace {name}," for name in sorted(brought & spaces))


def _kustomization(obj: Kustomization | HelmRelease) -> ObjectId:
    """The Kustomization that an object is or lies in; the object itself where nothing here creates it."""
    return obj.id if isinstance(obj, Kustomization) else obj.parent or obj.id


def _holder(fleet: Fleet, provider: ObjectId) -> ObjectId | None:
    """The Kustomization to depend on for what the provider brings."""
    release = fleet.helmrelease(provider)
    return provider if release is None else release.parent


def _cost(fleet: Fleet, lack: Lack) -> str:
    obj, blocks = lack.obj, lack.blocks
    if blocks == "workload":
        # Custom resources whose status tells something are workloads, too; only pods have images.
        own = isinstance(obj, HelmRelease) or any(w.images for w in obj.workloads)
        has_pods = own or any(h.parent == obj.id for h in fleet.helmreleases)
        waited_for = any(watches(obj, need) for need in lack.needs)
        late = "its pods only start then" if has_pods else "what needs it only turns Ready then"
        return f"if it comes late {late}{', and a health check waits for that' if waited_for else ''}"
    if isinstance(obj, Kustomization):
        step = "build" if blocks == "build" else "dry-run"
        lost = go_duration(obj.effective_retry_s)
        return f"if it comes late the {step} fails and a whole retryInterval is lost ({lost})"
    if not any(need.kind == "Namespace" for need in lack.needs):
        step = "values cannot be read" if blocks == "build" else "chart cannot be built for the cluster"
        return f"as long as it is not there the {step}, which is tried again after 0.75 s, then twice as long each time"
    if obj.strategy == "RetryOnFailure":
        return f"if it comes late the install fails and is tried again after {go_duration(obj.retry_interval_s)}"
    if obj.retries == 0:
        return "if it comes late the install fails, and without retries that is final"
    return "if it comes late the install fails and costs one of its retries"


def _waits(fleet: Fleet, lack: Lack, holder: ObjectId | None) -> str:
    """What to add of a holder whose Ready does not cover what a release in it brings; what it applies itself it covers."""
    found = None if holder is None or holder == lack.provider else fleet.kustomization(holder)
    covers = found is None or checks_health(found) or found.id == fleet.root
    return "" if found is None or covers else f", and set wait: true on {say(found.id)}"


def _edge(fleet: Fleet, lack: Lack, before: Before) -> Edge | None:
    """The dependsOn edge that would declare a need, where one can as things are."""
    own, holder = _kustomization(lack.obj), _holder(fleet, lack.provider)
    found = None if holder is None else fleet.kustomization(holder)
    if lack.obj.id in fleet.asleep or own.kind != KUSTOMIZATION or found is None or found.id in (own, fleet.root):
        return None
    if before(ready(found.id), applied(own)) or before(applied(own), ready(found.id)):
        return None
    return Edge(own, found.id)


def _fix(fleet: Fleet, lack: Lack, holder: ObjectId | None, orders: _Orders, called: str, wanting: str) -> str:
    """What to change; ``called`` is what lacks the edge, ``wanting`` what in it needs the other."""
    own, before = _kustomization(lack.obj), orders.before
    found = None if holder is None else fleet.kustomization(holder)
    if own.kind != KUSTOMIZATION or found is None or own == found.id:
        return "order them with dependsOn"
    if found.id == fleet.root:
        # Its Ready says no more than "applied", or waits for all below it.
        return f"put {say(lack.provider)} into a Kustomization of its own with wait: true, and add that to the dependsOn of {called}"
    if before(ready(found.id), applied(own)):
        # The edge is there, but it leads to a Ready that says no more than "applied".
        return f"set wait: true on {say(found.id)}, so that its Ready covers what it brings"
    if before(applied(own), applied(found.id)):
        # A child, or what depends on it: it can only follow, whatever is split.
        return _moved(fleet, lack, wanting, found.id)
    if before(applied(own), ready(found.id)):
        return f"split {say(found.id)}: it waits for {called} itself, so {called} cannot depend on it"
    if Edge(own, found.id) in orders.refused:
        moved = _apart(fleet, lack, wanting, found.id, called)
        return f"{moved}: with other needs here, an edge of {called} itself would close a cycle"
    return f"add {say(found.id)} to the dependsOn of {called}{_waits(fleet, lack, found.id)}"

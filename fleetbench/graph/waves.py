"""The same services laid out in waves, as Flux users do where they do not use fine-grained dependsOn."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Kustomization, Need
from fleetbench.graph.order import checks_health
from fleetbench.graph.wave_order import constraints, dependencies_of, levels, namespace_maker, of_member, owners
from fleetbench.ids import KUSTOMIZATION, ObjectId

WAVE_MARGIN_S = 60.0
"""How much longer than its slowest child a wave may take: it starts to wait before that child does."""

FINE, WAVES = "fine", "waves"
"""The layouts, as options and documents call them: as the repository has it, and regrouped."""


def to_waves(fleet: Fleet) -> Fleet:
    """Regroup the services: one Kustomization a layer of the dependsOn graph, each waiting, each after the last.

    *Services* are the Kustomizations the root creates, and those that a parent creates which itself neither waits
    nor checks health (such a parent only groups them; what else it applies stays with it), or which stands in a line of
    waves that dependsOn orders inside. Deeper ones stay in their parent. A service keeps its path, waits and durations;
    its dependsOn goes, as its wave replaces it. A suspended one goes into no wave, which would wait for it in vain: it
    stays where it is. What a ResourceSet makes is applied by its wave instead, after the waves of what the ResourceSet
    waits for.

    Kept as they are: dependsOn between HelmReleases and of deeper Kustomizations; dependsOn that no wave can
    replace: to an object that exists nowhere, to the root, or within a cycle. So what is never Ready fine-grained
    is never Ready here, and holds up all later waves too. Where something of a service needs what another brings
    (a deeper dependsOn, a source, a CRD), that other is put in an earlier wave or the same one: the layout must
    not add a deadlock that the fleet does not have. So who makes the namespace of a service goes an earlier wave, and the
    service stays with its parent where the order that is stated allows none.

    A wave's timeout is that of its slowest child plus a minute, rounded up to minutes, so that it outlasts them;
    its interval is the longest and its retryInterval the shortest among them; its source is the root's.

    Returns:
        The fleet in waves ``wave-0`` ...; the fleet itself if it is in waves already or has no service.
    """
    if is_waves(fleet):
        return fleet
    homebound: set[ObjectId] = set()
    while True:
        groups, services = _services(fleet, homebound)
        members = [*groups, *services]
        if not members:
            return fleet
        owner = owners(fleet, set(members))
        graph = constraints(fleet, members, owner, groups)
        part_of, level = levels(graph)
        too_early = {id for id in members if _before_its_namespace(fleet, id, owner, part_of)}
        if not too_early:
            break
        homebound |= too_early
    names = _wave_names(fleet, max(level.values()) + 1)
    moved = {}
    for id in members:
        k = fleet.kustomization(id)
        assert k is not None
        kept = [
            d
            for d in dependencies_of(fleet, k, groups)
            if _stays(d.target, id, owner, part_of) or not _seen_through(fleet, d.target, owner)
        ]
        moved[id] = replace(k, parent=names[level[part_of[id]]], depends_on=tuple(dict.fromkeys(kept)), made=None)
    layers = [sorted(id for id in members if level[part_of[id]] == n) for n in range(len(names))]
    needs: dict[ObjectId, list[Need]] = {}
    for k in fleet.kustomizations:
        for need in k.needs:
            if of_member(need, k.id, owner):
                needs.setdefault(need.wanted_by, []).append(need)
    waves = [
        _wave(fleet, name, names[n - 1] if n else None, [moved[id] for id in layers[n]], needs)
        for n, name in enumerate(names)
    ]
    kustomizations = tuple(
        _without_children(moved.get(k.id, k), owner, names if k.id == fleet.root else []) for k in fleet.kustomizations
    )
    return replace(fleet, kustomizations=(*kustomizations, *waves), name=f"{fleet.name}-waves")


def is_waves(fleet: Fleet) -> bool:
    """Whether the fleet is laid out in waves already.

    It is if each but the first of the root's Kustomizations depends on the one before (and so all are in one line), those
    but the last check the health of what they hold, and no dependsOn orders the Kustomizations inside one of them. What
    only configures (it holds no service and brings no workload, as between controllers and apps) may stand in the line.
    A single one counts if it checks the health of services of its own: one wave.
    """
    line = _top_line(fleet)
    return _in_line(fleet, line) and not any(_ordered_inside(fleet, k) for k in line)


def _in_line(fleet: Fleet, line: Sequence[Kustomization]) -> bool:
    """Whether these are waves, whatever the order inside them."""
    holding = [k for k in line if _holds_services(fleet, k)]
    if not holding or any(k.workloads for k in line if k not in holding):
        return False
    ids = {k.id for k in line}
    graph = nx.DiGraph()
    graph.add_nodes_from(ids)
    graph.add_edges_from((d.target, k.id) for k in line for d in k.depends_on if d.target in ids)
    if not nx.is_directed_acyclic_graph(graph):
        return False
    order = list(nx.topological_sort(graph))
    if any(not graph.has_edge(a, b) for a, b in pairwise(order)):
        return False
    return all(checks_health(k) for k in holding if k.id != order[-1] or len(order) == 1)


def _top_line(fleet: Fleet) -> list[Kustomization]:
    """What would be the waves: the Kustomizations of the root, or of the one below it that only groups them.

    What stays away from waves is none of them.
    """
    top, seen = fleet.root, {fleet.root}
    while True:
        found = (fleet.kustomization(id) for id in fleet.children.get(top, ()) if id not in seen)
        line = [k for k in found if k is not None and not _stays_away(fleet, k)]
        only = line[0] if len(line) == 1 else None
        if (
            only is None
            or checks_health(only)
            or not any(id.kind == KUSTOMIZATION for id in fleet.children.get(only.id, ()))
        ):
            return line
        top = only.id
        seen.add(top)


def _holds_services(fleet: Fleet, k: Kustomization) -> bool:
    return any(fleet.service(id) for id in fleet.children.get(k.id, ()) if id != k.id)


def _ordered_inside(fleet: Fleet, k: Kustomization) -> bool:
    """Whether waves could part what it holds: a dependsOn between two of its Kustomizations that are in no circle."""
    found = (fleet.kustomization(id) for id in fleet.children.get(k.id, ()) if id != k.id)
    kids = {kid.id: kid for kid in found if kid is not None}
    edges = [(d.target, id) for id, kid in kids.items() for d in kid.depends_on if d.target in kids]
    if not edges:
        return False
    part_of, _ = levels(constraints(fleet, list(kids), owners(fleet, set(kids)), ()))
    return any(part_of[first] != part_of[second] for first, second in edges)


def _services(fleet: Fleet, homebound: Collection[ObjectId]) -> tuple[list[ObjectId], list[ObjectId]]:
    """Parents that only group, and the services: what goes into the waves, each sorted; the homebound stay where they are.

    A waiting parent that alone holds a whole fleet with an order of its own groups, too, as do all of a line of them
    where one has: as one service it would make a single wave of what several layers are.
    """
    line = _top_line(fleet)
    apart = _in_line(fleet, line) and any(_ordered_inside(fleet, k) for k in line)
    to_part = {k.id for k in line} if apart else set()
    groups: list[ObjectId] = []
    services: list[ObjectId] = []
    seen = {fleet.root}
    below = [fleet.root]
    while below:
        found = (fleet.kustomization(id) for id in fleet.children.get(below.pop(), ()))
        for k in (k for k in found if k is not None and not _stays_away(fleet, k)):
            id = k.id
            if id in seen or id in homebound:
                continue
            seen.add(id)
            kids = [kid for kid in fleet.children.get(id, ()) if kid.kind == KUSTOMIZATION and kid not in homebound]
            if kids != [id] and kids and (id in to_part or not checks_health(k)):
                groups.append(id)
                below.append(id)
            else:
                services.append(id)
    return sorted(groups), sorted(services)


def _stays_away(fleet: Fleet, k: Kustomization) -> bool:
    """Whether it is suspended, or its source is: not where that is the root's, without which nothing comes at all."""
    source = fleet.suspended_source(k)
    return k.suspend or (source is not None and source.id != fleet.root_source)


def _stays(target: ObjectId, id: ObjectId, owner: dict[ObjectId, ObjectId], part_of: dict[ObjectId, int]) -> bool:
    """Whether a service keeps a dependsOn entry: no wave can replace it."""
    holder = owner.get(target)
    return holder is None or part_of[holder] == part_of[id]


def _seen_through(fleet: Fleet, target: ObjectId, owner: Mapping[ObjectId, ObjectId]) -> bool:
    """Whether the wave of what holds an object waits for the object: each parent between them checks health."""
    at, top, seen = target, owner.get(target), set()
    while at != top and at not in seen:
        seen.add(at)
        k = fleet.kustomization(at)
        above = None if k is None or k.parent is None else fleet.kustomization(k.parent)
        if above is None or not checks_health(above):
            return False
        at = above.id
    return True


def _before_its_namespace(
    fleet: Fleet, id: ObjectId, owner: Mapping[ObjectId, ObjectId], part_of: Mapping[ObjectId, int]
) -> bool:
    """Whether a circle of what must come before what puts a service into the wave of who makes its namespace."""
    k = fleet.kustomization(id)
    maker = None if k is None else namespace_maker(fleet, k)
    holder = None if maker is None else owner.get(maker)
    return holder is not None and part_of[holder] == part_of[id]


def _wave_names(fleet: Fleet, count: int) -> list[ObjectId]:
    prefix = "wave"
    while any(k.id.name.startswith(f"{prefix}-") for k in fleet.kustomizations):
        prefix = f"rollout-{prefix}"
    return [ObjectId(KUSTOMIZATION, fleet.root.namespace, f"{prefix}-{n}") for n in range(count)]


def _wave(
    fleet: Fleet,
    id: ObjectId,
    before: ObjectId | None,
    members: list[Kustomization],
    needs: Mapping[ObjectId, Sequence[Need]],
) -> Kustomization:
    """A wave; ``needs``: member -> what its parent needed to apply it."""
    root = fleet.kustomization(fleet.root)
    slowest_s = max(k.effective_timeout_s for k in members)
    return Kustomization(
        id,
        path=f"./waves/{id.name}",
        parent=fleet.root,
        depends_on=() if before is None else (Dependency(before),),
        wait=True,
        interval_s=max(k.interval_s for k in members),
        timeout_s=math.ceil((slowest_s + WAVE_MARGIN_S) / 60.0) * 60.0,
        retry_interval_s=min(k.effective_retry_s for k in members),
        source=None if root is None else root.source,
        applies=len(members),
        objects=tuple(k.id for k in members),
        needs=tuple(need for k in members for need in needs.get(k.id, ())),
    )


def _without_children(k: Kustomization, moved: Mapping[ObjectId, ObjectId], waves: list[ObjectId]) -> Kustomization:
    """A parent whose services went into waves; the root applies the waves instead."""
    left = tuple(id for id in k.objects if moved.get(id) != id)
    gone = len(k.objects) - len(left)
    needs = tuple(need for need in k.needs if not of_member(need, k.id, moved))
    return replace(k, objects=(*left, *waves), applies=max(k.applies - gone, 0) + len(waves), needs=needs)

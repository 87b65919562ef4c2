"""The same services laid out in waves, as Flux users do where they do not use fine-grained dependsOn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import RUN_TIME, Dependency, HelmRelease, Kustomization, Need
from fleetbench.graph.order import checks_health
from fleetbench.ids import KUSTOMIZATION, ObjectId

WAVE_MARGIN_S = 60.0
"""How much longer than its slowest child a wave may take: it starts to wait before that child does."""


def to_waves(fleet: Fleet) -> Fleet:
    """Regroup the services: one Kustomization a layer of the dependsOn graph, each waiting, each after the last.

    *Services* are the Kustomizations the root creates, and those that a parent creates which itself neither waits
    nor checks health (such a parent only groups them; what else it applies stays with it). Deeper ones stay in
    their parent. A service keeps its path, waits and durations; its dependsOn goes, as its wave replaces it. A
    suspended one goes into no wave, which would wait for it in vain: it stays where it is. What a ResourceSet makes is
    applied by its wave instead, after the waves of what the ResourceSet waits for.

    Kept as they are: dependsOn between HelmReleases and of deeper Kustomizations; dependsOn that no wave can
    replace: to an object that exists nowhere, to the root, or within a cycle. So what is never Ready fine-grained
    is never Ready here, and holds up all later waves too. Where something of a service needs what another brings
    (a deeper dependsOn, a source, a CRD), that other is put in an earlier wave or the same one: the layout must
    not add a deadlock that the fleet does not have.

    A wave's timeout is that of its slowest child plus a minute, rounded up to minutes, so that it outlasts them;
    its interval is the longest and its retryInterval the shortest among them; its source is the root's.

    Returns:
        The fleet in waves ``wave-0`` ...; the fleet itself if it is in waves already or has no service.
    """
    if is_waves(fleet):
        return fleet
    groups, services = _services(fleet)
    members = [*groups, *services]
    if not members:
        return fleet
    owner = _owners(fleet, set(members))
    graph = _constraints(fleet, members, owner, groups)
    part_of, level = _levels(graph)
    names = _wave_names(fleet, max(level.values()) + 1)
    moved = {}
    for id in members:
        k = fleet.kustomization(id)
        assert k is not None
        kept = [d for d in _all_dependencies(fleet, k, groups) if _stays(d.target, id, owner, part_of)]
        moved[id] = replace(k, parent=names[level[part_of[id]]], depends_on=tuple(dict.fromkeys(kept)), made=None)
    layers = [sorted(id for id in members if level[part_of[id]] == n) for n in range(len(names))]
    waves = [
        _wave(fleet, name, names[n - 1] if n else None, [moved[id] for id in layers[n]]) for n, name in enumerate(names)
    ]
    kustomizations = tuple(
        _without_children(moved.get(k.id, k), set(members), names if k.id == fleet.root else [])
        for k in fleet.kustomizations
    )
    return replace(fleet, kustomizations=(*kustomizations, *waves), name=f"{fleet.name}-waves")


def is_waves(fleet: Fleet) -> bool:
    """Whether the fleet is laid out in waves already.

    It is if each service holds Kustomizations or HelmReleases of its own, each but the first depends on the one
    before (and so all are in one line), and each but the last checks their health. A single one counts if it checks
    their health and nothing in it depends on anything else in it: one wave.
    """
    line = _top_line(fleet)
    if not line or any(not _holds_services(fleet, k) for k in line):
        return False
    if len(line) == 1:
        return checks_health(line[0]) and not _ordered_inside(fleet, line[0])
    ids = {k.id for k in line}
    graph = nx.DiGraph()
    graph.add_nodes_from(ids)
    graph.add_edges_from((d.target, k.id) for k in line for d in k.depends_on if d.target in ids)
    if not nx.is_directed_acyclic_graph(graph):
        return False
    order = list(nx.topological_sort(graph))
    if any(not graph.has_edge(a, b) for a, b in pairwise(order)):
        return False
    return all(checks_health(k) for k in line if k.id != order[-1])


def _top_line(fleet: Fleet) -> list[Kustomization]:
    """What would be the waves: the Kustomizations of the root, or of the one below it that only groups them."""
    top, seen = fleet.root, {fleet.root}
    while True:
        line = [
            k for id in fleet.children.get(top, ()) if (k := fleet.kustomization(id)) is not None and id not in seen
        ]
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
    kids = set(fleet.children.get(k.id, ()))
    return any(d.target in kids for kid in kids if (c := fleet.kustomization(kid)) is not None for d in c.depends_on)


def _services(fleet: Fleet) -> tuple[list[ObjectId], list[ObjectId]]:
    """Parents that only group, and the services: what goes into the waves, each sorted.

    A waiting parent that alone holds a whole fleet with an order of its own groups, too: as one service it would
    make a single wave of everything.
    """
    groups: list[ObjectId] = []
    services: list[ObjectId] = []
    seen = {fleet.root}
    below = [fleet.root]
    while below:
        found = (fleet.kustomization(id) for id in fleet.children.get(below.pop(), ()))
        level = [k for k in found if k is not None and not _stays_away(fleet, k)]
        for k in level:
            id = k.id
            if id in seen:
                continue
            seen.add(id)
            kids = [kid for kid in fleet.children.get(id, ()) if kid.kind == KUSTOMIZATION and kid != id]
            alone = len(level) == 1 and not below and not services and _ordered_inside(fleet, k)
            if kids and (alone or not checks_health(k)):
                groups.append(id)
                below.append(id)
            else:
                services.append(id)
    return sorted(groups), sorted(services)


def _stays_away(fleet: Fleet, k: Kustomization) -> bool:
    """Whether it is suspended, or its source is: not where that is the root's, without which nothing comes at all."""
    source = fleet.suspended_source(k)
    return k.suspend or (source is not None and source.id != fleet.root_source)


def _owners(fleet: Fleet, members: set[ObjectId]) -> dict[ObjectId, ObjectId]:
    """Every object below a member -> the nearest member above it, a member being its own."""
    owner = {id: id for id in members}
    for obj in fleet.objects():
        trail = []
        at: ObjectId | None = obj.id
        while at is not None and at not in owner and at not in trail:
            trail.append(at)
            parent_of = fleet.service(at) or fleet.source(at)
            at = None if parent_of is None else parent_of.parent
        if at is not None and at in owner:
            owner.update(dict.fromkeys(trail, owner[at]))
    return owner


def _all_dependencies(fleet: Fleet, k: Kustomization, groups: list[ObjectId]) -> list[Dependency]:
    """The dependsOn of a service and of the grouping parents above it: it exists only once those are met."""
    found = list(k.depends_on)
    at, seen = k.parent, set()
    while at is not None and at in groups and at not in seen:
        seen.add(at)
        group = fleet.kustomization(at)
        assert group is not None
        found += group.depends_on
        at = group.parent
    return found


def _constraints(
    fleet: Fleet, members: list[ObjectId], owner: dict[ObjectId, ObjectId], groups: list[ObjectId]
) -> nx.DiGraph:
    """Edges first -> second between members; ``step`` 1 = an earlier wave, 0 = an earlier or the same one."""
    graph = nx.DiGraph()
    graph.add_nodes_from(members)

    def put(first: ObjectId | None, second: ObjectId, step: int) -> None:
        before = None if first is None else owner.get(first)
        if before is not None and (before != second or step):
            known = graph.edges[before, second]["step"] if graph.has_edge(before, second) else 0
            graph.add_edge(before, second, step=max(step, known))

    for obj in fleet.services():
        second = owner.get(obj.id)
        if second is None:
            continue
        if isinstance(obj, Kustomization) and second == obj.id:
            for dependency in _all_dependencies(fleet, obj, groups):
                put(dependency.target, second, 1)
            for gate in () if obj.made is None else obj.made.after:
                put(gate, second, 1)
            put(obj.parent, second, 0)
        else:
            for dependency in obj.depends_on:
                put(dependency.target, second, 0)
            for gate in () if obj.made is None else obj.made.after:
                put(gate, second, 0)
        for needed in _brought_by_others(fleet, obj, obj.needs):
            put(needed, second, 0)
    return graph


def _brought_by_others(fleet: Fleet, obj: Kustomization | HelmRelease, needs: Iterable[Need]) -> list[ObjectId]:
    # Services name each other in both directions; which comes first, if it matters, the edges say.
    found = [need.provided_by for need in needs if need.provided_by is not None and need.blocks != RUN_TIME]
    source = None if obj.source is None else fleet.source(obj.source)
    if source is not None and source.parent is not None and source.id != fleet.root_source:
        found.append(source.parent)
    return found


def _levels(graph: nx.DiGraph) -> tuple[dict[ObjectId, int], dict[int, int]]:
    """Member -> its strongly connected part, and part -> its wave."""
    condensed = nx.condensation(graph)
    part_of: dict[ObjectId, int] = condensed.graph["mapping"]
    level = dict.fromkeys(condensed, 0)
    steps: dict[int, list[tuple[int, int]]] = {}
    for before, after, step in graph.edges(data="step"):
        if part_of[before] != part_of[after]:
            steps.setdefault(part_of[after], []).append((part_of[before], step))
    for part in nx.topological_sort(condensed):
        level[part] = max((level[before] + step for before, step in steps.get(part, ())), default=0)
    return part_of, level


def _stays(target: ObjectId, id: ObjectId, owner: dict[ObjectId, ObjectId], part_of: dict[ObjectId, int]) -> bool:
    """Whether a service keeps a dependsOn entry: no wave can replace it."""
    holder = owner.get(target)
    return holder is None or part_of[holder] == part_of[id]


def _wave_names(fleet: Fleet, count: int) -> list[ObjectId]:
    prefix = "wave"
    while any(k.id.name.startswith(f"{prefix}-") for k in fleet.kustomizations):
        prefix = f"rollout-{prefix}"
    return [ObjectId(KUSTOMIZATION, fleet.root.namespace, f"{prefix}-{n}") for n in range(count)]


def _wave(fleet: Fleet, id: ObjectId, before: ObjectId | None, members: list[Kustomization]) -> Kustomization:
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
    )


def _without_children(k: Kustomization, moved: set[ObjectId], waves: list[ObjectId]) -> Kustomization:
    """A parent whose services went into waves; the root applies the waves instead."""
    left = tuple(id for id in k.objects if id not in moved)
    gone = len(k.objects) - len(left)
    if not gone and not waves:
        return k
    return replace(k, objects=(*left, *waves), applies=max(k.applies - gone, 0) + len(waves))

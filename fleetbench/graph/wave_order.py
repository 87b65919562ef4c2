"""What must come before what where services are laid out in waves: the order that dependsOn and grouping parents state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import ALWAYS_THERE, RUN_TIME, Dependency, HelmRelease, Kustomization, Need
from fleetbench.graph.order import checks_health, watched
from fleetbench.ids import KUSTOMIZATION, ObjectId

NAMESPACE = "Namespace"


def namespace_maker(fleet: Fleet, k: Kustomization) -> ObjectId | None:
    """Who makes the namespace that a Kustomization lies in; None = the root, somebody outside, or it is there before.

    Whoever applies the Kustomization cannot apply anything beside it before that namespace is there: the dry-run fails.
    In one apply namespaces come first, so who makes it itself need not wait.

    Source: fluxcd/pkg ssa v0.76.1 manager_apply.go ApplyAllStaged (cluster definitions are a stage of their own),
    ApplyAll (one failed dry-run ends the stage).
    """
    wanted = ObjectId(NAMESPACE, "", k.id.namespace)
    if (
        wanted not in fleet.creators
        or wanted.name in (*ALWAYS_THERE, fleet.root.namespace)
        or f"{NAMESPACE}/{wanted.name}" in fleet.installed
    ):
        return None
    makers = [by.id for by in fleet.kustomizations if by.id != k.id and wanted in by.objects]
    if fleet.root in makers:
        return None
    at, seen = k.parent, set()
    while at is not None and at not in seen:
        if at in makers:
            return at
        seen.add(at)
        above = fleet.kustomization(at)
        at = None if above is None else above.parent
    return makers[0] if makers else None


def owners(fleet: Fleet, members: set[ObjectId]) -> dict[ObjectId, ObjectId]:
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


def dependencies_of(fleet: Fleet, k: Kustomization, groups: Collection[ObjectId]) -> list[Dependency]:
    """The dependsOn of a service and of the grouping parents above it: it exists only once those are met.

    A grouping parent among them that checks health is Ready only once what it watches is: that comes before, too.
    """
    found = list(k.depends_on)
    at, seen = k.parent, set()
    while at is not None and at in groups and at not in seen:
        seen.add(at)
        group = fleet.kustomization(at)
        assert group is not None
        found += group.depends_on
        at = group.parent
    for dependency in found:  # grows on the way
        group = fleet.kustomization(dependency.target) if dependency.target in groups else None
        known = {d.target for d in found}
        found += [] if group is None else [Dependency(id) for id in watched_children(fleet, group) if id not in known]
    return found


def watched_children(fleet: Fleet, group: Kustomization) -> list[ObjectId]:
    """The Kustomizations that the health check of a grouping parent waits for, be it for what they bring."""
    if not checks_health(group):
        return []
    found = watched(fleet, group)
    ids = [*found.objects, *(owner for owner, _ in found.workloads), *found.others]
    return [id for id in dict.fromkeys(ids) if id.kind == KUSTOMIZATION and id != group.id]


def constraints(
    fleet: Fleet, members: Sequence[ObjectId], owner: dict[ObjectId, ObjectId], groups: Sequence[ObjectId]
) -> nx.DiGraph:
    """Edges first -> second between members; ``step`` 1 = an earlier wave, 0 = an earlier or the same one.

    Who makes a member's namespace is in an earlier wave: the wave of both could not be applied.
    """
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
            for dependency in dependencies_of(fleet, obj, groups):
                put(dependency.target, second, 1)
            for gate in () if obj.made is None else obj.made.after:
                put(gate, second, 1)
            put(obj.parent, second, 0)
            put(namespace_maker(fleet, obj), second, 1)
        else:
            for dependency in obj.depends_on:
                put(dependency.target, second, 0)
            for gate in () if obj.made is None else obj.made.after:
                put(gate, second, 0)
        if isinstance(obj, Kustomization) and not obj.wait:
            for checked in watched_children(fleet, obj):
                put(checked, second, 0)
        own = [need for need in obj.needs if not of_member(need, obj.id, owner)]
        for needed in _brought_by_others(fleet, obj, own):
            put(needed, second, 0)
    return graph


def of_member(need: Need, obj: ObjectId, members: Mapping[ObjectId, ObjectId]) -> bool:
    """Whether an object's need is that of a member among what it applies, so that it goes with the member."""
    return need.wanted_by != obj and members.get(need.wanted_by) == need.wanted_by


def _brought_by_others(fleet: Fleet, obj: Kustomization | HelmRelease, needs: Iterable[Need]) -> list[ObjectId]:
    # Services name each other in both directions; which comes first, if it matters, the edges say.
    found = [need.provided_by for need in needs if need.provided_by is not None and need.blocks != RUN_TIME]
    source = None if obj.source is None else fleet.source(obj.source)
    if source is not None and source.parent is not None and source.id != fleet.root_source:
        found.append(source.parent)
    return found


def levels(graph: nx.DiGraph) -> tuple[dict[ObjectId, int], dict[int, int]]:
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

"""What must happen before what in a bootstrap: the order that the controllers enforce, as a graph of moments.

Every Kustomization and HelmRelease has two moments: it is *applied* (past its dependencies, its content created)
and it is *Ready*. An edge says that one moment cannot come before another; a cycle therefore never ends, and what
no path orders may happen in either order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import ALWAYS_THERE, NO_PATH, HelmRelease, Kustomization, Made, Need
from fleetbench.graph.operators import may_make
from fleetbench.graph.release import FLUX_COMPONENTS
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS, ObjectId, say

APPLIED, READY = "applied", "ready"
RESOURCE_SET = "ResourceSet"
"""flux-operator's, which makes objects of its templates: fleetbench/repo/resource_sets/expand.py."""


class Moment(NamedTuple):
    """An object being applied, or turning Ready."""

    phase: str
    object: ObjectId


def applied(id: ObjectId) -> Moment:
    """The moment at which the object is past its dependencies and its content is created."""
    return Moment(APPLIED, id)


def ready(id: ObjectId) -> Moment:
    """The moment of the object's first Ready=True."""
    return Moment(READY, id)


class Watched(NamedTuple):
    """What the health check of a Kustomization watches."""

    objects: tuple[ObjectId, ...]
    """Flux objects whose Ready it waits for: Kustomizations, HelmReleases and sources."""
    workloads: tuple[tuple[ObjectId, ObjectId], ...]
    """Workloads, each with the Kustomization that brings it: (owner, workload)."""
    others: tuple[ObjectId, ...]
    """Kustomizations that apply something else it names."""
    nowhere: tuple[ObjectId, ...]
    """What it names and nothing creates, or what is never found as it is named."""


def watched(fleet: Fleet, k: Kustomization) -> Watched:
    """What the health check of a Kustomization watches; itself never.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go checkHealth: all objects
    applied with ``wait: true``, otherwise those of ``healthChecks``; a Kustomization never waits for itself. What has no REST
    mapping is Unknown until the timeout: cli-utils v1.2.2 pkg/kstatus/polling/statusreaders/common.go
    errIdentifierToResourceStatus.
    """
    own = [w.object for w in k.workloads]
    if k.wait:
        # of what a ResourceSet makes it waits for what the ResourceSet itself waits for
        made = {id: fleet.made(id) for id in fleet.children.get(k.id, ()) if id != k.id}
        children = tuple(id for id, how in made.items() if how is None or how.waited)
        return Watched(children, tuple((k.id, workload) for workload in own), (), ())
    objects: list[ObjectId] = []
    workloads: list[tuple[ObjectId, ObjectId]] = []
    others: list[ObjectId] = []
    nowhere: list[ObjectId] = []
    never, given = k.never_found, {check.object for check in k.given_checks}
    for target in k.health_checks:
        owner = k.id if target in own else fleet.workload_owners.get(target)
        if target in never:
            nowhere.append(target)
        elif target.kind == RESOURCE_SET and target in k.objects:
            objects += fleet.made_and_waited_for.get(target, ())
        elif target in fleet:
            objects += [target] if target != k.id else []
        elif owner is not None and owner.kind == HELM_RELEASE:
            objects.append(owner)
        elif owner is not None:
            workloads.append((owner, target))
        elif target in k.objects:
            continue  # a kind that is Current as soon as it is applied
        elif target in fleet.creators:
            others.append(fleet.creators[target])
        elif unread := [h.id for h in fleet.helmreleases if h.parent == k.id and may_bring(h, target)]:
            objects += unread
        elif not (target in given or _is_there_anyway(fleet, target) or may_exist(fleet, target)):
            nowhere.append(target)
    return Watched(tuple(dict.fromkeys(objects)), tuple(workloads), tuple(dict.fromkeys(others)), tuple(nowhere))


def health_checked(fleet: Fleet, k: Kustomization) -> tuple[ObjectId, ...]:
    """Kustomizations and HelmReleases whose Ready the health check of ``k`` waits for."""
    return tuple(id for id in watched(fleet, k).objects if fleet.service(id))


_OF_CLUSTERS = {("Deployment", "kube-system", "coredns"), ("DaemonSet", "kube-system", "kube-proxy")}
"""What kubeadm, and most who sell clusters, set up."""


def _is_there_anyway(fleet: Fleet, named: ObjectId) -> bool:
    """Whether a cluster has it before anything of the fleet is applied: of Kubernetes', or the Flux that reconciles."""
    if named.kind == "Namespace":
        return named.name in (*ALWAYS_THERE, fleet.root.namespace)
    flux = named.kind == "Deployment" and named.namespace == fleet.root.namespace and named.name in FLUX_COMPONENTS
    return flux or (named.kind, named.namespace, named.name) in _OF_CLUSTERS


def may_exist(fleet: Fleet, named: ObjectId) -> bool:
    """Whether something that could not be read to the end may create an object that nothing here is seen to create."""
    return (
        any(_may_hold(fleet, k, named) for k in fleet.kustomizations)
        or any(may_bring(h, named) for h in fleet.helmreleases)
        or any(may_make(id, named) for k in fleet.kustomizations for id in k.objects)
    )


def _may_hold(fleet: Fleet, k: Kustomization, named: ObjectId) -> bool:
    """Whether a Kustomization applies more than is known of it, or something that makes more, and the object among that."""
    if not k.expanded:
        source = None if k.source is None else fleet.source(k.source)
        return k.may_hold_unread(named) and source is not None and source.defined
    if k.unexpanded or (k.broken and not k.broken.startswith(NO_PATH)):
        return True
    return len({*k.objects, *fleet.children.get(k.id, ())}) < k.applies


def may_bring(h: HelmRelease, named: ObjectId) -> bool:
    """Whether a release's chart, as far as it could not be read, may hold that object."""
    if named.kind in (KUSTOMIZATION, HELM_RELEASE, *SOURCE_KINDS):
        return False
    return not h.workloads_known and named.namespace in (h.release_namespace, "")


def checks_health(obj: Kustomization | HelmRelease) -> bool:
    """Whether the object waits for anything it applied, so that its Ready means more than "applied"."""
    return obj.wait or bool(obj.health_checks) if isinstance(obj, Kustomization) else not obj.disable_wait


def watches(obj: Kustomization | HelmRelease, need: Need) -> bool:
    """Whether the object's health check watches what cannot run before the need is met.

    Without ``wait`` a Kustomization's watches what ``healthChecks`` name and nothing beside it.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go checkHealth.
    """
    if isinstance(obj, Kustomization) and not obj.wait:
        return need.wanted_by in obj.health_checks
    return checks_health(obj)


def enforced_order(fleet: Fleet, *, without: frozenset[tuple[ObjectId, ObjectId]] = frozenset()) -> nx.DiGraph:
    """The graph of moments; each edge carries ``why``, a sentence about it ("" for applied -> ready of one object).

    Args:
        fleet: the fleet.
        without: dependsOn edges (dependency, dependant) to leave out.
    """
    graph = nx.DiGraph()
    for obj in fleet.services():
        graph.add_edge(applied(obj.id), ready(obj.id), why="")
    for obj in fleet.services():
        for dependency in obj.depends_on:
            target = dependency.target
            if ready(target) in graph and (target, obj.id) not in without:
                graph.add_edge(ready(target), applied(obj.id), why=f"{say(obj.id)} depends on {say(target)}")
        if obj.parent is not None and obj.parent != obj.id and applied(obj.parent) in graph:
            why = f"{say(obj.id)} exists only once {say(obj.parent)} is applied"
            _add(graph, applied(obj.parent), applied(obj.id), why)
        _add_made(graph, obj.made, applied(obj.id), say(obj.id))
    _add_health_checks(fleet, graph)
    _add_sources(fleet, graph)
    return graph


def _add(graph: nx.DiGraph, before: Moment, after: Moment, why: str) -> None:
    if not graph.has_edge(before, after):
        graph.add_edge(before, after, why=why)


def _add_made(graph: nx.DiGraph, made: Made | None, then: Moment, what: str) -> None:
    """What flux-operator waits for before it makes an object."""
    if made is None:
        return
    for gate in made.after:
        if ready(gate) in graph:
            _add(graph, ready(gate), then, f"{say(made.by)} waits for {say(gate)} before it makes {what}")


def _add_health_checks(fleet: Fleet, graph: nx.DiGraph) -> None:
    for k in fleet.kustomizations:
        word = "wait: true" if k.wait else "healthChecks"
        found = watched(fleet, k)
        for checked in found.objects:
            if fleet.service(checked):
                _add(graph, ready(checked), ready(k.id), f"{say(k.id)} waits for {say(checked)} ({word})")
        for creator in (*found.others, *(owner for owner, _ in found.workloads)):
            if creator != k.id:
                why = f"{say(k.id)} waits for what {say(creator)} creates (healthChecks)"
                _add(graph, applied(creator), ready(k.id), why)


def _add_sources(fleet: Fleet, graph: nx.DiGraph) -> None:
    there_before = fleet.root_source
    for obj in fleet.services():
        source = None if obj.source is None else fleet.source(obj.source)
        if source is None or source.id == there_before or source.parent in (None, obj.id) or source.also_by:
            continue  # one that several apply is there once any of them is applied, so that none must come first
        creator = applied(source.parent)
        if creator in graph:
            # A Kustomization needs the artifact before it is applied; a HelmRelease only to get its chart.
            needs_it = applied(obj.id) if obj.id.kind == KUSTOMIZATION else ready(obj.id)
            _add(graph, creator, needs_it, f"{say(obj.id)} needs {source.id}, which {say(source.parent)} creates")
            _add_made(graph, source.made, needs_it, str(source.id))


def marks_after(graph: nx.DiGraph, marks: Sequence[Any]) -> dict[Any, int]:
    """For each node the marks that a path leads to, as bits: bit i set = ``marks[i]`` comes after the node.

    One pass over the graph, whatever the number of marks; nodes on a cycle come after themselves.
    """
    bit = {node: 1 << i for i, node in enumerate(marks)}
    condensed = nx.condensation(graph)
    after: dict[int, int] = {}
    found: dict[Any, int] = {}
    for part in reversed(list(nx.topological_sort(condensed))):
        members = condensed.nodes[part]["members"]
        own = sum(bit.get(node, 0) for node in members)
        later = 0
        for successor in condensed.successors(part):
            later |= after[successor]
        on_cycle = len(members) > 1 or any(graph.has_edge(node, node) for node in members)
        found.update(dict.fromkeys(members, later | (own if on_cycle else 0)))
        after[part] = later | own
    return found


def shortest_cycle(graph: nx.DiGraph, members: set[Any]) -> list[Any]:
    """A shortest cycle within a strongly connected component, starting at its smallest node.

    Args:
        graph: any graph of sortable nodes.
        members: the nodes of one strongly connected component.
    """
    part = graph.subgraph(members)
    best: list[Any] = []
    # Each start costs a search of the component; beyond some hundreds one good cycle is as telling as the best.
    for start in sorted(part)[:300]:
        parents = {start: start}
        level = [start]
        found = None
        while level and found is None:
            following = []
            for node in level:
                for successor in sorted(part.successors(node)):
                    if successor == start:
                        found = node
                        break
                    if successor not in parents:
                        parents[successor] = node
                        following.append(successor)
                if found is not None:
                    break
            level = following
        path = [found]
        while path[-1] != start:
            path.append(parents[path[-1]])
        if not best or len(path) < len(best):
            best = path[::-1]
    return best

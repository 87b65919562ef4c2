"""Paths through the fleet: the longest one, the slack beside it, and what an object holds up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import APPLIED, READY, Moment, applied, enforced_order, ready, watched
from fleetbench.ids import ObjectId


def critical_path(
    fleet: Fleet, durations: Mapping[ObjectId, float], never: Collection[ObjectId] = ()
) -> tuple[dict[ObjectId, float], float]:
    """The longest path from the root to the last Ready: no rollout is faster, whatever the workers and polls.

    Args:
        fleet: the fleet; what can never turn Ready (in a cycle, broken, suspended ... or behind it) is left out.
        durations: seconds from applied to Ready that an object takes itself, for what its health check waits for; of a
            workload that another Kustomization's health check names, from its owner's apply; 0 where it is missing.
        never: what else is known never to turn Ready, as in a bootstrap that waits for itself.

    Returns:
        The objects along it in order, each with the seconds of it that pass there, and its length in seconds. Empty and
        0.0 if nothing can turn Ready.
    """
    graph = _weighted(fleet, durations, never)
    if not graph:
        return {}, 0.0
    path: list[Moment] = nx.dag_longest_path(graph, weight="seconds")
    found = dict.fromkeys((moment.object for moment in path), 0.0)
    for before, after in pairwise(path):
        found[after.object] += graph.edges[before, after]["seconds"]
    return found, sum(found.values())


def slack(fleet: Fleet, durations: Mapping[ObjectId, float], never: Collection[ObjectId] = ()) -> dict[ObjectId, float]:
    """Seconds by which an object could be applied or Ready later without making the whole longer; 0 on the critical path.

    Of the two moments the one with less to spare counts: of a parent that does not wait, what it creates may be late.
    Objects that never turn Ready are left out.
    """
    graph = _weighted(fleet, durations, never)
    order = list(nx.topological_sort(graph))
    earliest = dict.fromkeys(order, 0.0)
    for moment in order:
        for _, after, seconds in graph.out_edges(moment, data="seconds"):
            earliest[after] = max(earliest[after], earliest[moment] + seconds)
    end = max(earliest.values(), default=0.0)
    latest = dict.fromkeys(order, end)
    for moment in reversed(order):
        for before, _, seconds in graph.in_edges(moment, data="seconds"):
            latest[before] = min(latest[before], latest[moment] - seconds)
    return {
        m.object: min(latest[at] - earliest[at] for at in (applied(m.object), m))
        for m in order
        if m.phase == READY and applied(m.object) in earliest
    }


def blocked_by(fleet: Fleet, *ids: ObjectId) -> dict[ObjectId, set[ObjectId]]:
    """Each of some objects -> those that cannot turn Ready in a bootstrap as long as it does not, itself left out."""
    order = enforced_order(fleet)
    behind = {id: nx.descendants(order, ready(id)) if ready(id) in order else set() for id in ids}
    return {id: {m.object for m in moments if m.phase == READY} - {id} for id, moments in behind.items()}


def never_applied(fleet: Fleet) -> frozenset[ObjectId]:
    """The services that errors keep from ever being applied, and what comes after them; what is suspended may be resumed."""
    graph = enforced_order(fleet)
    stuck = _stuck(graph, _never_applied(fleet, suspended=False))
    return frozenset(moment.object for moment in stuck if moment.phase == APPLIED)


def never_created(fleet: Fleet, never: Collection[ObjectId]) -> frozenset[ObjectId]:
    """The services that can never exist, as what creates them is among what is :func:`never_applied`."""
    return frozenset(obj.id for obj in fleet.services() if obj.parent in never and obj.id != fleet.root)


def _stuck(graph: nx.DiGraph, ids: list[ObjectId]) -> set[Moment]:
    """The moments that never come, as some objects are never applied or wait in a circle, with all that follow them."""
    stuck = {moment for id in ids for moment in (applied(id), ready(id))}
    for component in nx.strongly_connected_components(graph):
        if len(component) > 1:
            stuck |= component
    return {moment for layer in nx.bfs_layers(graph, stuck) for moment in layer}


def _weighted(fleet: Fleet, durations: Mapping[ObjectId, float], never: Collection[ObjectId]) -> nx.DiGraph:
    """The enforced order without what never happens, nor leads to what does, with ``seconds`` on each edge."""
    graph = enforced_order(fleet)
    graph.remove_nodes_from(_stuck(graph, _never_applied(fleet)))
    if never:
        graph.remove_nodes_from([moment for moment in graph if moment.phase == READY and moment.object in never])
        turn = [moment for moment in graph if moment.phase == READY]
        graph.remove_nodes_from({*graph}.difference(turn, *(nx.ancestors(graph, moment) for moment in turn)))
    for before, after, data in graph.edges(data=True):
        data["seconds"] = float(durations.get(before.object, 0.0)) if before.object == after.object else 0.0
    for k in fleet.kustomizations:
        for owner, workload in watched(fleet, k).workloads:
            if owner != k.id and graph.has_edge(applied(owner), ready(k.id)):
                data = graph.edges[applied(owner), ready(k.id)]
                data["seconds"] = max(data["seconds"], float(durations.get(workload, 0.0)))
    return graph


def _never_applied(fleet: Fleet, suspended: bool = True) -> list[ObjectId]:
    """What cannot be built, is suspended or its source is, has no source, or depends on what does not exist."""
    found = []
    for obj in fleet.services():
        source = None if obj.source is None else fleet.source(obj.source)
        without_source = source is not None and not source.defined and not source.assumed
        if (
            (suspended and (obj.suspend or fleet.suspended_source(obj) is not None))
            or obj.obstacle is not None
            or without_source
            or any(d.target not in fleet or d.never is not None for d in fleet.waited_for(obj))
        ):
            found.append(obj.id)
    return found

"""Layers of the dependsOn graph: 0 has no dependency, n waits for something in n - 1."""

from __future__ import annotations

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId


def dependency_graph(fleet: Fleet) -> nx.DiGraph:
    """Edges dependency -> dependant over Kustomizations and HelmReleases; edges to nothing are left out."""
    graph = nx.DiGraph()
    for obj in fleet.services():
        graph.add_node(obj.id)
    for obj in fleet.services():
        for dependency in obj.depends_on:
            if dependency.target in graph:
                graph.add_edge(dependency.target, obj.id)
    return graph


def layers(fleet: Fleet) -> dict[ObjectId, int | None]:
    """Layer of every Kustomization and HelmRelease; None for what is in a cycle or behind one.

    An edge to an object that does not exist adds no layer.
    """
    graph = dependency_graph(fleet)
    found: dict[ObjectId, int | None] = dict.fromkeys(graph, None)
    waiting = {node: graph.in_degree(node) for node in graph}
    ready = sorted(node for node, count in waiting.items() if count == 0)
    level = 0
    while ready:
        following = []
        for node in ready:
            found[node] = level
            for successor in graph.successors(node):
                waiting[successor] -= 1
                if waiting[successor] == 0:
                    following.append(successor)
        ready, level = sorted(following), level + 1
    return found

"""Which dependsOn edges the others imply: a transitive reduction, as far as the controllers' own check allows one."""

from __future__ import annotations

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import dependency_graph
from fleetbench.graph.order import marks_after
from fleetbench.ids import ObjectId


class Implied:
    """The dependsOn edges of a fleet and the detours beside them.

    An edge X -> A is implied by X -> B when B itself depends, directly or not, on A. In a new commit a dependency
    counts only at the source's current revision, and only where both have the same source (kustomize-controller v1.9.4
    checkDependencies): so within one source a chain implies an edge only if every link has that source. An edge with a
    readyExpr says something of its own and is left out, as are members of cycles.
    """

    def __init__(self, fleet: Fleet):
        self._source = {obj.id: obj.source for obj in fleet.services()}
        self._edges = nx.DiGraph()
        self._edges.add_nodes_from(self._source)
        self._edges.add_edges_from(
            (d.target, obj.id)
            for obj in fleet.services()
            for d in obj.depends_on
            if d.target in self._source and not d.ready_expr
        )
        self._edges.remove_nodes_from(_on_cycles(dependency_graph(fleet)))
        sources = {None, *self._source.values()}
        parts = {one: self._edges if one is None else self._within(one) for one in sources}
        self._reach = {one: _Reach(part) for one, part in parts.items()}

    def _within(self, source: ObjectId) -> nx.DiGraph:
        return self._edges.subgraph([id for id in self._edges if self._source[id] == source])

    def dependencies(self, dependant: ObjectId) -> list[ObjectId]:
        """Its direct dependencies, sorted; none for a member of a cycle."""
        return sorted(self._edges.predecessors(dependant)) if dependant in self._edges else []

    def chain(self, dependant: ObjectId, dependency: ObjectId) -> list[ObjectId] | None:
        """The chain that implies an edge, from the dependency to a direct dependency of the dependant; None = none."""
        source = self._source[dependant]
        reach = self._reach[source if self._source[dependency] == source else None]
        vias = (b for b in self.dependencies(dependant) if b != dependency and reach.depends(b, dependency))
        via = next(vias, None)
        return None if via is None else nx.shortest_path(reach.graph, dependency, via)

    def edges(self) -> set[tuple[ObjectId, ObjectId]]:
        """(dependant, dependency) of every implied edge; all of them can go together."""
        return {(o, d) for o in self._edges for d in self.dependencies(o) if self.chain(o, d) is not None}


class _Reach:
    """Who depends on whom, directly or not, within one graph of edges dependency -> dependant."""

    def __init__(self, graph: nx.DiGraph):
        self.graph = graph
        self._bit = {id: 1 << i for i, id in enumerate(graph)}
        self._after = marks_after(graph, list(graph))

    def depends(self, later: ObjectId, earlier: ObjectId) -> bool:
        """Whether ``later`` depends on ``earlier``, directly or not."""
        return later in self._bit and bool(self._after.get(earlier, 0) & self._bit[later])


def _on_cycles(graph: nx.DiGraph) -> set[ObjectId]:
    knots = (part for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return set(nx.nodes_with_selfloops(graph)).union(*knots)

"""dependsOn edges that other edges imply."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from fleetbench.findings import EDGE_REDUNDANT, Finding
from fleetbench.graph.checks.about import about
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import marks_after, say
from fleetbench.ids import ObjectId


class _Reach:
    """Who depends on whom, directly or not, within one graph of edges dependency -> dependant."""

    def __init__(self, graph: nx.DiGraph):
        self.graph = graph
        self._bit = {id: 1 << i for i, id in enumerate(graph)}
        self._after = marks_after(graph, list(graph))

    def depends(self, later: ObjectId, earlier: ObjectId) -> bool:
        """Whether ``later`` depends on ``earlier``, directly or not."""
        return later in self._bit and bool(self._after.get(earlier, 0) & self._bit[later])


def redundant(fleet: Fleet, knotted: set[ObjectId]) -> Iterator[Finding]:
    """The edges that a transitive reduction leaves out, as far as the controllers' check makes them implied.

    An edge X -> A is implied by X -> B when B itself depends, directly or not, on A. In a new commit a dependency
    counts only at the source's current revision, and only where both have the same source: so a chain implies an
    edge within one source only if every link has that source. An edge with a readyExpr says something of its own.

    Args:
        fleet: the fleet.
        knotted: members of cycles, about whose edges nothing useful can be said.
    """
    everywhere = nx.DiGraph()
    everywhere.add_nodes_from(obj.id for obj in fleet.services())
    everywhere.add_edges_from(
        (d.target, obj.id)
        for obj in fleet.services()
        for d in obj.depends_on
        if d.target in everywhere and not d.ready_expr
    )
    everywhere.remove_nodes_from(knotted)
    source_of = {obj.id: obj.source for obj in fleet.services()}
    reach: dict[ObjectId | None, _Reach] = {None: _Reach(everywhere)}
    for source in set(source_of.values()) - {None}:
        reach[source] = _Reach(everywhere.subgraph([id for id in everywhere if source_of[id] == source]))
    for obj in fleet.services():
        targets = [d.target for d in obj.depends_on]
        for target in sorted({t for t in targets if targets.count(t) > 1}):
            yield about(EDGE_REDUNDANT, obj, f"depends on {say(target)} twice.", "drop one of the two entries")
        direct = sorted(everywhere.predecessors(obj.id)) if obj.id in everywhere else []
        for target in direct:
            within = reach[obj.source if source_of[target] == obj.source else None]
            via = next((b for b in direct if b != target and within.depends(b, target)), None)
            if via is not None:
                chain = nx.shortest_path(within.graph, target, via)
                spelled = " -> ".join(say(id) for id in [obj.id, *reversed(chain)])
                yield about(
                    EDGE_REDUNDANT,
                    obj,
                    f"depends on {say(target)}, which {spelled} already implies. It costs no time, only a look-up a poll.",
                    f"drop {say(target)} from dependsOn, unless it is there to outlive {say(via)}",
                )

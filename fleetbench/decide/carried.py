"""The order that grouping parents enforce, as dependsOn of the services below them: what it is once they are one flat list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Kustomization
from fleetbench.graph.order import applied, enforced_order, ready
from fleetbench.graph.wave_order import watched_children
from fleetbench.ids import ObjectId


def carried(
    fleet: Fleet, moved: Collection[ObjectId], gone: Collection[ObjectId], tied: Collection[ObjectId] = ()
) -> Mapping[ObjectId, tuple[Dependency, ...]]:
    """For each service that leaves its parent the entries that its own dependsOn lacks, so that it starts no earlier.

    A service exists only once its parent is applied, which is once the parent's dependsOn are met; and who depends on a
    parent waits for what that parent's health check watches. An entry that others imply is left out.

    Args:
        fleet: as it is.
        moved: the services that leave their parents, and the parents that stay.
        gone: parents that hold nothing any more: nothing can depend on them.
        tied: the services that can only come back to their parent, which orders them again.
    """
    moving = [k for id in moved if (k := fleet.kustomization(id)) is not None and id not in gone]
    parents = {k.parent for k in fleet.kustomizations if k.id in moved and k.parent is not None}
    order = _Order(fleet, frozenset(parents - {fleet.root}), frozenset(gone), frozenset(tied))
    own = {k.id: {d.target for d in k.depends_on} - order.gone for k in moving}
    wanted = {
        k.id: {d.target: d for d in order.before(k, ()) if d.target != k.id and d.target not in own[k.id]}
        for k in moving
    }
    graph = enforced_order(_flat(fleet, {id: {*own[id], *wanted[id]} for id in own}, order.gone))
    for id, targets in wanted.items():
        for target in sorted(targets):
            ends = ready(target), applied(id)
            if targets[target].ready_expr is None and graph.has_edge(*ends):
                graph.remove_edge(*ends)
                if nx.has_path(graph, *ends):
                    del targets[target]
                else:
                    graph.add_edge(*ends)
    return {id: tuple(targets[target] for target in sorted(targets)) for id, targets in wanted.items()}


def _flat(fleet: Fleet, edges: Mapping[ObjectId, Collection[ObjectId]], gone: Collection[ObjectId]) -> Fleet:
    """The services below the root, with these dependsOn."""
    kept = (k for k in fleet.kustomizations if k.id not in gone)
    return replace(
        fleet,
        kustomizations=tuple(
            replace(k, parent=fleet.root, depends_on=tuple(Dependency(id) for id in sorted(edges[k.id])))
            if k.id in edges
            else k
            for k in kept
        ),
    )


def still_there(depends_on: Any, gone: Collection[ObjectId], namespace: str) -> list[Any]:
    """The entries of a ``spec.dependsOn`` as it is written, but for those on what goes."""
    keys = {(id.namespace, id.name) for id in gone}
    return [
        entry
        for entry in depends_on or []
        if not (isinstance(entry, dict) and (entry.get("namespace", namespace), entry.get("name")) in keys)
    ]


@dataclass(frozen=True)
class _Order:
    fleet: Fleet
    parents: frozenset[ObjectId]
    """Those that services leave."""
    gone: frozenset[ObjectId]
    tied: frozenset[ObjectId]

    def before(self, k: Kustomization, trail: tuple[ObjectId, ...]) -> list[Dependency]:
        """What must be Ready before it is applied: of each parent what stands for it now."""
        found = [new for d in k.depends_on for new in self._instead(d, trail)]
        above = self.fleet.kustomization(k.parent) if k.parent in self.parents and k.parent is not None else None
        if above is None or above.id in trail or k.id in self.tied:
            return found
        if above.id not in self.gone and (above.wait or not watched_children(self.fleet, above)):
            return [*found, Dependency(above.id)]
        return [*found, *self.before(above, (*trail, above.id))]

    def _instead(self, d: Dependency, trail: tuple[ObjectId, ...]) -> list[Dependency]:
        parent = self.fleet.kustomization(d.target) if d.target in self.parents else None
        if parent is None or parent.id in trail:
            return [d]
        trail = (*trail, parent.id)
        stays = parent.id not in self.gone
        found = [d] if stays else []
        if parent.wait or not stays:
            inside = watched_children(self.fleet, parent)
            found += [new for id in inside for new in self._instead(Dependency(id), trail)]
        return found or self.before(parent, trail)

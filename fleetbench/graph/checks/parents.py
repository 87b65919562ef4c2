"""Parents: what no Kustomization can ever create, because its parent is not there or comes after it."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import NEVER_CREATED, Finding
from fleetbench.graph.checks.about import about, said, similar
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, say


def check_parents(fleet: Fleet) -> Iterator[Finding]:
    """A finding for each object whose parent is not in the fleet, and one for each cycle of parents."""
    known = {k.id for k in fleet.kustomizations}
    for obj in fleet.services():
        if obj.id == fleet.root or obj.parent is None or obj.parent in known:
            continue
        near = similar(obj.parent, sorted(known - {obj.id, *fleet.inside(obj.id)}))
        yield about(
            NEVER_CREATED,
            obj,
            f"its parent {say(obj.parent)} is no Kustomization of this fleet: in a bootstrap nothing creates it.",
            f"did you mean {say(near)}?" if near else f"define {say(obj.parent)}, or name the one that applies it",
        )
    for cycle in parent_cycles(fleet):
        k = fleet.kustomization(min(cycle))
        assert k is not None
        holder = "itself" if len(cycle) == 1 else "another of them"
        yield about(
            NEVER_CREATED,
            k,
            f"{said(cycle)}: to be created by {holder}, so in a bootstrap never.",
            "let one of them be applied by the root, or by a Kustomization that the root leads to",
        )


def parent_cycles(fleet: Fleet) -> list[frozenset[ObjectId]]:
    """Kustomizations that are, by way of others or not, their own parents."""
    parents = {k.id: k.parent for k in fleet.kustomizations if k.id != fleet.root}
    found: dict[frozenset[ObjectId], None] = {}
    done: set[ObjectId] = set()
    for id in sorted(parents):
        way: list[ObjectId] = []
        at: ObjectId | None = id
        while at in parents and at not in done:
            done.add(at)
            way.append(at)
            at = parents[at]
        if at in way:
            found[frozenset(way[way.index(at) :])] = None
    return list(found)

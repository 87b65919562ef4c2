"""The fleet's edges as text for other programs: DOT (Graphviz), Mermaid, GraphML."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.ids import KUSTOMIZATION, ObjectId

DEPENDS_ON, CREATES, MADE_AFTER = "dependsOn", "creates", "madeAfter"


class Edge(NamedTuple):
    """``first`` comes before ``second``: a dependency before its dependant, a parent before what it creates.

    What a ResourceSet waits for comes before what it makes, too.
    """

    first: ObjectId
    second: ObjectId
    kind: str


def edges(fleet: Fleet) -> Iterator[Edge]:
    """All edges of the fleet, sorted by the object they lead to; targets that do not exist included."""
    for obj in sorted(fleet.services(), key=lambda o: (o.id.kind != KUSTOMIZATION, o.id)):
        if obj.parent is not None:
            yield Edge(obj.parent, obj.id, CREATES)
        for target in dict.fromkeys(d.target for d in obj.depends_on):
            yield Edge(target, obj.id, DEPENDS_ON)
        for gate in () if obj.made is None else obj.made.gates:
            yield Edge(gate, obj.id, MADE_AFTER)


def nodes(fleet: Fleet) -> list[tuple[ObjectId, bool]]:
    """Every object that an edge or the fleet names, Kustomizations first, and whether it exists."""
    known = {obj.id for obj in fleet.services()}
    named = known | {id for edge in edges(fleet) for id in (edge.first, edge.second)}
    return [(id, id in known) for id in sorted(named, key=lambda i: (i.kind != KUSTOMIZATION, i))]


def to_dot(fleet: Fleet, bold: Collection[ObjectId] = ()) -> str:
    """Graphviz DOT: dependsOn solid, parent to child and what is made after it dashed, one rank a layer, missing targets red.

    Args:
        fleet: the fleet.
        bold: objects to draw with a heavy line, such as the critical path.
    """
    level = layers(fleet)
    lines = ["digraph fleet {", "  rankdir=LR;", "  node [shape=box, fontname=Helvetica];"]
    for id, exists in nodes(fleet):
        style = "" if exists else ", style=dashed, color=red"
        style += ", penwidth=3" if id in bold else ""
        shape = ", shape=ellipse" if id.kind != KUSTOMIZATION else ""
        lines.append(f"  {_dot(str(id))} [label={_dot(_label(id))}{shape}{style}];")
    for number in sorted({n for n in level.values() if n is not None}):
        same = "; ".join(_dot(str(id)) for id in sorted(level) if level[id] == number and id.kind == KUSTOMIZATION)
        if same:
            lines.append(f"  {{ rank=same; {same} }}")
    for edge in edges(fleet):
        style = "" if edge.kind == DEPENDS_ON else " [style=dashed, color=gray, constraint=false]"
        lines.append(f"  {_dot(str(edge.first))} -> {_dot(str(edge.second))}{style};")
    return "\n".join([*lines, "}", ""])


def to_mermaid(fleet: Fleet, bold: Collection[ObjectId] = ()) -> str:
    """A Mermaid flowchart: dependsOn solid, parent to child and what is made after it dotted, missing targets in red, ``bold`` heavy."""
    number = {id: f"n{i}" for i, (id, _) in enumerate(nodes(fleet))}
    lines = ["flowchart LR"]
    for id, exists in nodes(fleet):
        left, right = ("[", "]") if id.kind == KUSTOMIZATION else ("([", "])")
        lines.append(f"  {number[id]}{left}{_mermaid(_label(id))}{right}{'' if exists else ':::missing'}")
    for edge in edges(fleet):
        arrow = "-->" if edge.kind == DEPENDS_ON else "-.->"
        lines.append(f"  {number[edge.first]} {arrow} {number[edge.second]}")
    heavy = [number[id] for id in number if id in bold]
    if heavy:
        lines += [f"  class {','.join(heavy)} critical", "  classDef critical stroke-width:4px"]
    if any(not exists for _, exists in nodes(fleet)):
        lines.append("  classDef missing stroke:#c00,stroke-dasharray:4")
    return "\n".join([*lines, ""])


def to_graphml(fleet: Fleet, bold: Collection[ObjectId] = ()) -> str:
    """GraphML: nodes with kind, namespace, name, layer, exists and critical (in ``bold``), edges with their kind."""
    import networkx as nx

    level = layers(fleet)
    graph = nx.MultiDiGraph(id="fleet")
    for id, exists in nodes(fleet):
        layer = level.get(id)
        known = {} if layer is None else {"layer": layer}
        known |= {"exists": exists, "critical": id in bold}
        graph.add_node(_xml(str(id)), kind=_xml(id.kind), namespace=_xml(id.namespace), name=_xml(id.name), **known)
    for edge in edges(fleet):
        graph.add_edge(_xml(str(edge.first)), _xml(str(edge.second)), kind=edge.kind)
    return "\n".join(nx.generate_graphml(graph)) + "\n"


def _label(id: ObjectId) -> str:
    return id.key if id.kind == KUSTOMIZATION else f"{id.kind} {id.key}"


def _xml(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold, whatever the escaping."""
    return "".join(
        c if c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff" else "\ufffd" for c in text
    )


def _dot(text: str) -> str:
    """A DOT string: quotes and backslashes escaped, controls replaced, so that nothing ends it early."""
    return '"' + _xml(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid(text: str) -> str:
    """A Mermaid label: everything with a meaning of its own as an entity code."""
    return '"' + "".join(c if c.isalnum() or c in " -_./" else f"#{ord(c)};" for c in _xml(text)) + '"'

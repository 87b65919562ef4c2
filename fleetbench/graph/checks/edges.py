"""dependsOn: cycles, edges to nothing, suspended dependencies, edges that others imply."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from fleetbench.findings import (
    CYCLE,
    DEPENDENCY_MISSING,
    DEPENDENCY_OTHER_KIND,
    DEPENDENCY_OTHER_NAMESPACE,
    DEPENDENCY_SUSPENDED,
    DEPENDENCY_UNREAD,
    SELF_DEPENDENCY_LOOP,
    Finding,
)
from fleetbench.graph.checks.about import about, said, similar
from fleetbench.graph.checks.parents import parent_cycles
from fleetbench.graph.checks.redundant import redundant
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import dependency_graph
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.graph.order import enforced_order, shortest_cycle, watched
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, say
from fleetbench.units import counted

Service = Kustomization | HelmRelease


def check_edges(fleet: Fleet) -> Iterator[Finding]:
    """All findings about dependsOn edges."""
    graph = dependency_graph(fleet)
    knots = [set(c) for c in nx.strongly_connected_components(graph) if len(c) > 1]
    knots += [{id} for id in nx.nodes_with_selfloops(graph) if not any(id in knot for knot in knots)]
    yield from _cycles(fleet, graph, knots)
    yield from _wait_loops(fleet, graph, knots)
    known = [service.id for service in fleet.services()]
    for obj in fleet.services():
        # What is itself or waits for it already would be a cycle: nobody meant that.
        after = {obj.id, *fleet.inside(obj.id), *(nx.descendants(graph, obj.id) if obj.id in graph else ())}
        yield from _targets(fleet, obj, [id for id in known if id not in after])
    yield from _suspended_children(fleet)
    yield from redundant(fleet)


def _service(fleet: Fleet, id: ObjectId) -> Service:
    found = fleet.service(id)
    assert found is not None
    return found


def _cycles(fleet: Fleet, graph: nx.DiGraph, knots: list[set[ObjectId]]) -> Iterator[Finding]:
    for knot in knots:
        # Edges run from dependency to dependant; people read "a depends on b".
        cycle = shortest_cycle(graph.reverse(copy=False), set(knot))
        spelled = " -> ".join(say(id) for id in [*cycle, cycle[0]])
        behind = nx.descendants(graph, cycle[0]) - knot
        message = f"dependsOn forms a cycle: {spelled}. None of them can ever turn Ready"
        if len(knot) > len(cycle):
            message += f"; {len(knot)} objects are caught in cycles here: {said(knot)}"
        if behind:
            message += f"; behind it wait {counted(len(behind), 'more object')}: {said(behind)}"
        first, second = cycle[0], cycle[1 % len(cycle)]
        yield about(
            CYCLE,
            _service(fleet, first),
            message + ".",
            f"remove one edge, e.g. {say(second)} from the dependsOn of {say(first)}",
        )


def _unless_by_hand(fleet: Fleet, caught: set[ObjectId]) -> str:
    """What to say where the root depends on what it creates: who applies both by hand, once, never meets the circle."""
    root = fleet.kustomization(fleet.root)
    if root is None or not any(d.target in caught for d in root.depends_on) or root.id not in caught:
        return ""
    return f"; if both are applied by hand, look at the rest with --set-depends-on {say(root.id)}="


def _wait_loops(fleet: Fleet, graph: nx.DiGraph, knots: list[set[ObjectId]]) -> Iterator[Finding]:
    """Cycles through more than dependsOn: through creation by a parent, or through what a health check waits for."""
    reported = frozenset((a, b) for knot in knots for a, b in graph.subgraph(knot).edges)
    order = enforced_order(fleet, without=reported)
    never_created = parent_cycles(fleet)
    for component in nx.strongly_connected_components(order):
        if len(component) < 2:
            continue
        cycle = shortest_cycle(order, set(component))
        steps = [order.edges[a, b]["why"] for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True)]
        steps = [step for step in steps if step]
        objects = {moment.object for moment in cycle}
        if objects in never_created:
            continue
        first = _service(fleet, min(objects))
        yield about(
            SELF_DEPENDENCY_LOOP,
            first,
            f"{'; '.join(steps)}. In a bootstrap none of {said(objects)} can turn Ready.",
            "drop one of these: the dependsOn edge, or the wait (or health check) on what can only follow"
            + _unless_by_hand(fleet, objects),
        )


def _targets(fleet: Fleet, obj: Service, known: list[ObjectId]) -> Iterator[Finding]:
    for target, maker in {d.target: d.maker for d in obj.depends_on}.items():
        found = fleet.service(target)
        if found is not None:
            source = fleet.suspended_source(found)
            if (found.suspend or source is not None) and obj.id not in fleet.asleep:
                suspended, whose = (target, "which") if source is None or found.suspend else (source.id, "whose source")
                unless = "it" if suspended == target else say(target)
                yield about(
                    DEPENDENCY_SUSPENDED,
                    obj,
                    f"depends on {say(target)}, {whose} is suspended: in a bootstrap that never turns Ready, and "
                    "this polls for ever.",
                    f"resume {say(suspended)} or drop {unless} from dependsOn",
                )
            continue
        waits = "it polls for ever and never turns Ready"
        other_kind = target._replace(kind=HELM_RELEASE if target.kind == KUSTOMIZATION else KUSTOMIZATION)
        elsewhere = sorted(id for id in known if id.kind == target.kind and id.name == target.name)
        if other_kind in fleet:
            holder = fleet.helmrelease(other_kind)
            instead = (
                f"the Kustomization that holds it, {holder.parent.key}" if holder and holder.parent else "one of them"
            )
            yield about(
                DEPENDENCY_OTHER_KIND,
                obj,
                f"depends on {target.kind} {target.key}, but {target.key} is a {other_kind.kind}; dependsOn only "
                f"reaches objects of its own kind: {waits}.",
                f"depend on {instead if target.kind == KUSTOMIZATION else 'a HelmRelease inside it'}",
            )
        elif elsewhere:
            yield about(
                DEPENDENCY_OTHER_NAMESPACE,
                obj,
                f"depends on {say(target)}, but {target.name} lives in namespace {elsewhere[0].namespace}: {waits}.",
                f"add namespace: {elsewhere[0].namespace} to this dependsOn entry",
            )
        elif maker is not None:
            near = similar(target, known)
            yield about(
                DEPENDENCY_UNREAD,
                obj,
                f"depends on {say(target)}, which nothing here is seen to make; {say(maker)} may, but what that makes could "
                "not be read: it counts as there, and no time is predicted for it.",
                f"nothing to do if {say(maker)} makes it; else {f'did you mean {say(near)}?' if near else 'correct the name'}",
            )
        else:
            near = similar(target, known)
            yield about(
                DEPENDENCY_MISSING,
                obj,
                f"depends on {say(target)}, which exists nowhere: {waits}.",
                f"did you mean {say(near)}?"
                if near
                else f"define {target.kind} {target.key} or drop it from dependsOn",
            )


def _suspended_children(fleet: Fleet) -> Iterator[Finding]:
    for k in fleet.kustomizations:
        if k.id in fleet.asleep:
            continue
        objects = watched(fleet, k).objects
        behind = [
            id for id in objects if (obj := fleet.service(id)) and not obj.suspend and fleet.suspended_source(obj)
        ]
        for found, of in (
            ([id for id in objects if _never_current(fleet, id)], "suspended"),
            (behind, "whose source is suspended"),
        ):
            if found:
                yield about(
                    DEPENDENCY_SUSPENDED,
                    k,
                    f"waits for {said(found)}, {of}: in a bootstrap its health check runs into its timeout.",
                    "resume it, or leave it out of what is waited for (healthChecks instead of wait: true)",
                )


def _never_current(fleet: Fleet, id: ObjectId) -> bool:
    """Whether a suspended object is none that kstatus calls Current where it was never Ready.

    It calls a HelmRelease so, as helm-controller sets its observedGeneration all the same. A source has no condition
    then, so source-controller sets none.

    Source: source-controller v1.9.3 internal/reconcile/reconcile.go addPatchOptionWithStatusObservedGeneration.
    """
    found = fleet.source(id) or fleet.kustomization(id)
    return found is not None and found.suspend

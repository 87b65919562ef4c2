"""Needs in circles: those that deadlock a bootstrap, and those whose edges would make a cycle if all were declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import networkx as nx

from fleetbench.graph.checks.about import listed
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Need
from fleetbench.graph.order import Moment, applied, checks_health, ready, watches
from fleetbench.ids import CRD, HELM_RELEASE, KUSTOMIZATION, ObjectId, say

STAGED = "staged"
"""The phase of a Kustomization between its build and the apply of all that is no CRD and no namespace."""
Before = Callable[[Moment, Moment], bool]


def staged(id: ObjectId) -> Moment:
    """The moment at which a Kustomization has applied its CRDs and namespaces."""
    return Moment(STAGED, id)


class Lack(NamedTuple):
    """What one object needs of one provider, told as one."""

    obj: Kustomization | HelmRelease
    provider: ObjectId
    blocks: str
    """``apply``, ``build`` or ``workload``: :attr:`Need.blocks`."""
    needs: tuple[Need, ...]

    @property
    def there(self) -> Moment:
        """When the provider has brought it: a Kustomization once applied, a HelmRelease once Ready."""
        return ready(self.provider) if self.provider.kind == HELM_RELEASE else applied(self.provider)

    @property
    def soonest(self) -> Moment:
        """When it may be there already.

        CRDs, namespaces and classes that a Kustomization applies itself are its first stages; what a HelmRelease brings
        may be there while it waits for its pods.
        """
        return staged(self.provider) if all(need.in_first_stage for need in self.needs) else applied(self.provider)

    @property
    def holds_back(self) -> Moment:
        """What cannot come before it.

        Of a build all of the apply, else all but the first stages; of pods a Ready that waits for them (:attr:`waited`).
        """
        if not self.blocking:
            return ready(self.obj.id)
        if self.blocks == "build" and self.obj.id.kind == KUSTOMIZATION:
            return staged(self.obj.id)
        return applied(self.obj.id)

    @property
    def blocking(self) -> bool:
        """Whether nothing of the object is applied before it is there."""
        return self.blocks != "workload"

    @property
    def waited(self) -> bool:
        """Whether the health check of the object watches what cannot run before it is there."""
        return not self.blocking and any(watches(self.obj, need) for need in self.needs)

    @property
    def what(self) -> str:
        """What is needed, for people."""
        return listed(sorted({_said(need.what) for need in self.needs}), 3)

    @property
    def wanting(self) -> str:
        """What wants it, for people."""
        return listed(sorted({say(need.wanted_by) for need in self.needs}), 3)

    @property
    def wanted(self) -> str:
        """``Certificate/default/c needs the CRD of ..., which HelmRelease/default/cert-manager brings``."""
        return f"{self._needs}, which {say(self.provider)} brings"

    def wanted_where(self, fleet: Fleet) -> str:
        """The same with the Kustomization that holds the provider, which says why one comes with the other."""
        holder = None if (found := fleet.helmrelease(self.provider)) is None else found.parent
        return f"{self._needs}, which {say(self.provider)}{f' in {say(holder)}' if holder else ''} brings"

    @property
    def _needs(self) -> str:
        several = len({need.wanted_by for need in self.needs}) > 1
        return f"{self.wanting} {'need' if several else 'needs'} {self.what}"


def needed_order(fleet: Fleet, lacks: Iterable[Lack], enforced: nx.DiGraph, before: Before) -> nx.DiGraph:
    """The enforced order, and what must come before an apply, or a waited-for Ready, because that cannot be without it.

    A custom resource whose CRD is missing fails the dry-run, and a failed dry-run applies nothing of its stage (fluxcd/pkg
    ssa manager_apply.go ApplyAll): not even the release beside it that brings another's CRD. Left out is what already
    contradicts the enforced order, a deadlock of its own, and the needs of what is not reconciled.
    """
    graph = enforced.copy()
    for k in fleet.kustomizations:
        for first in list(graph.predecessors(applied(k.id))):
            graph.add_edge(first, staged(k.id), why=enforced.edges[first, applied(k.id)]["why"])
        graph.add_edge(staged(k.id), applied(k.id), why="")
    for lack in lacks:
        own = lack.provider == lack.obj.id or lack.obj.id in fleet.asleep
        if own or not (lack.blocking or lack.waited) or contradicts(lack, before):
            continue
        if not graph.has_edge(lack.soonest, lack.holds_back):
            graph.add_edge(lack.soonest, lack.holds_back, why=lack.wanted_where(fleet))
    return graph


def contradicts(lack: Lack, before: Before) -> bool:
    """Whether the enforced order alone lets what is needed come only after what cannot be without it."""
    if lack.blocking:
        return before(applied(lack.obj.id), lack.there)
    return lack.waited and before(ready(lack.obj.id), applied(lack.provider))


def knots(graph: nx.DiGraph) -> dict[Moment, int]:
    """Each moment that lies on a cycle, with the number of its strongly connected component."""
    found = (part for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return {moment: number for number, part in enumerate(found) for moment in part}


def same_knot(in_knot: dict[Moment, int], first: Moment, second: Moment) -> bool:
    """Whether two moments lie in one strongly connected component."""
    return first in in_knot and in_knot[first] == in_knot.get(second)


def circle(fleet: Fleet, graph: nx.DiGraph, lack: Lack) -> tuple[list[str], list[ObjectId]]:
    """The shortest circle that a need closes: why each comes after the next, and which objects it keeps from Ready.

    Of a release that exists only once its parent is applied nothing is said: the needs name both.
    """
    path = nx.shortest_path(graph, lack.holds_back, lack.soonest)
    steps = [lack.wanted_where(fleet)]
    for first, then in reversed(list(pairwise(path))):
        obj = fleet.service(then.object)
        held = isinstance(obj, HelmRelease) and obj.parent == first.object
        steps += [] if held else [graph.edges[first, then]["why"]]
    objects = {moment.object for moment in path}
    kustomizations = [id for id in objects if id.kind == KUSTOMIZATION]
    return [step for step in steps if step], kustomizations or list(objects)


class Edge(NamedTuple):
    """A dependsOn edge that a finding would propose."""

    dependant: ObjectId
    holder: ObjectId


def contradictory(
    fleet: Fleet, edges: list[Edge], lacks: Iterable[Lack], graph: nx.DiGraph, before: Before
) -> set[Edge]:
    """The edges that cannot be declared beside the others: with them something would wait for itself.

    Args:
        fleet: the fleet.
        edges: all that would be proposed, those first that save most; each is kept if it can be beside those before it.
        lacks: all needs; what waits for its workloads is Ready only after what those need.
        graph: the order that needs and controllers make (:func:`needed_order`).
        before: whether the enforced order alone puts one moment before another.
    """
    order = graph.copy()
    holders = {edge.holder for edge in edges}
    for lack in lacks:
        # A holder is to wait, if it does not yet.
        waits = any(watches(lack.obj, need) for need in lack.needs) or lack.obj.id in holders
        if waits and lack.provider != lack.obj.id and not before(ready(lack.obj.id), lack.there):
            order.add_edge(lack.there, ready(lack.obj.id))
    for holder in holders - {fleet.root}:
        found = fleet.kustomization(holder)
        if found is not None and not checks_health(found):
            children = (id for id in fleet.children.get(holder, ()) if id != holder and fleet.service(id))
            order.add_edges_from((ready(child), ready(holder)) for child in children)
    whole = order.copy()
    whole.add_edges_from((ready(edge.holder), applied(edge.dependant)) for edge in edges)
    in_knot, without_any = knots(whole), knots(order)
    refused: set[Edge] = set()
    for edge in edges:
        first, then = ready(edge.holder), applied(edge.dependant)
        if same_knot(without_any, first, then):
            refused.add(edge)
            continue
        # Only what lies in one component with all edges can lie on a cycle with some.
        if same_knot(in_knot, first, then) and nx.has_path(order, then, first):
            refused.add(edge)
            continue
        order.add_edge(first, then)
    return refused


def _said(what: str) -> str:
    """A need for people: one of a kind does not know its CRD's name, which has the plural.

    >>> _said("CustomResourceDefinition Certificate.cert-manager.io")
    'the CRD of Certificate.cert-manager.io'
    """
    kind, _, name = what.partition(" ")
    return f"the CRD of {name}" if kind == CRD and name[:1].isupper() else what

"""Which dependsOn edges can go: those others imply, and those nothing in the manifests needs.

An edge is kept where taking it away would lose an order that a need relies on, be it direct (the edge leads to what
brings the CRD, the Secret ...) or through what the edge guarantees further up. What was read decides: an edge whose
dependant's or dependency's content is not known (a chart that was not rendered, another repository) can only be
called *unproven*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import networkx as nx

from fleetbench.decide.whatif import changed, service
from fleetbench.graph.fleet import Fleet, HelmRelease, Kustomization, Need
from fleetbench.graph.order import applied, enforced_order, ready
from fleetbench.ids import HELM_RELEASE, ObjectId

Edge = tuple[ObjectId, ObjectId]
"""(dependant, dependency)."""

IMPLIED, UNNEEDED, UNPROVEN, NEEDED, DELIBERATE = "implied", "unneeded", "unproven", "needed", "deliberate"
MEANING = {
    IMPLIED: "others imply it",
    UNNEEDED: "all content was read, and nothing in it needs the dependency",
    UNPROVEN: "no need was found, but not all content could be read: somebody who knows the service must decide",
    NEEDED: "something in the manifests needs it",
    DELIBERATE: "it has a readyExpr",
}


@dataclass(frozen=True, slots=True)
class Satisfied:
    """A need that the order of the rollout meets for sure."""

    object: ObjectId
    need: Need


def edges(fleet: Fleet) -> list[Edge]:
    """All dependsOn edges between services of the fleet, sorted."""
    known = {obj.id for obj in fleet.services()}
    return sorted({(obj.id, d.target) for obj in fleet.services() for d in obj.depends_on if d.target in known})


def without(fleet: Fleet, gone: Iterable[Edge]) -> Fleet:
    """The fleet without these edges."""
    gone = set(gone)
    drop = {
        dependant: lambda o: replace(o, depends_on=tuple(d for d in o.depends_on if (o.id, d.target) not in gone))
        for dependant, _ in gone
    }
    return changed(fleet, drop)


def satisfied(fleet: Fleet) -> set[Satisfied]:
    """Every need whose provision the enforced order puts before whom it is needed by.

    A Kustomization's provision is there once it is applied, a HelmRelease's once it is Ready. Needs of what a
    Kustomization creates count, too: they have their own entry.
    """
    order = enforced_order(fleet)
    after: dict[object, set[object]] = {}
    met = set()
    for obj in fleet.services():
        for need in obj.needs:
            provider = need.provided_by
            if provider is None or provider == obj.id or provider not in fleet:
                continue
            there = ready(provider) if provider.kind == HELM_RELEASE else applied(provider)
            if there not in after:
                after[there] = nx.descendants(order, there) if there in order else set()
            if applied(obj.id) in after[there]:
                met.add(Satisfied(obj.id, need))
    return met


def implied(fleet: Fleet) -> set[Edge]:
    """Edges of which every one is implied by the rest, all taken away together (transitive reduction).

    Within one source a chain implies an edge only if every link has that source: a new revision is asked for only
    between objects of the same source (kustomize-controller v1.9.4 checkDependencies).
    """
    found: set[Edge] = set()
    graph = nx.DiGraph((d.target, o.id) for o in fleet.services() for d in o.depends_on if d.target in fleet and not d.ready_expr)
    graph.remove_nodes_from([n for part in nx.strongly_connected_components(graph) if len(part) > 1 for n in part])
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    source = {o.id: o.source for o in fleet.services()}
    for dependency, dependant in sorted(graph.edges):
        part = graph
        if source[dependency] is not None and source[dependency] == source[dependant]:
            part = graph.subgraph([n for n in graph if source[n] == source[dependency]])
        graph_without = nx.restricted_view(part, [], [(dependency, dependant)])
        if nx.has_path(graph_without, dependency, dependant):
            found.add((dependant, dependency))
    return found


def classify(fleet: Fleet) -> dict[Edge, str]:
    """Each edge -> one of :data:`MEANING`."""
    met = satisfied(fleet)
    others_imply = implied(fleet)
    exprs = {(o.id, d.target) for o in fleet.services() for d in o.depends_on if d.ready_expr}
    unread = _unread(fleet)
    found = {}
    for edge in edges(fleet):
        if edge in exprs:
            found[edge] = DELIBERATE
        elif edge in others_imply:
            found[edge] = IMPLIED
        elif not met <= satisfied(without(fleet, [edge])):
            found[edge] = NEEDED
        else:
            found[edge] = UNPROVEN if _may_need(fleet, edge, unread) else UNNEEDED
    return found


def keeps_needs(before: Fleet, after: Fleet) -> bool:
    """Whether every need that was met for sure still is."""
    return satisfied(before) <= satisfied(after)


_BUILT_IN_NAMES = (
    "APIService ClusterRole ClusterRoleBinding ConfigMap ControllerRevision CronJob CSIDriver CustomResourceDefinition "
    "DaemonSet Deployment Endpoints EndpointSlice FlowSchema HorizontalPodAutoscaler Ingress IngressClass Job Lease LimitRange "
    "MutatingWebhookConfiguration Namespace NetworkPolicy PersistentVolume PersistentVolumeClaim Pod PodDisruptionBudget "
    "PriorityClass PriorityLevelConfiguration ReplicaSet ReplicationController ResourceQuota Role RoleBinding RuntimeClass "
    "Secret Service ServiceAccount StatefulSet StorageClass ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration VolumeAttachment "
    "Kustomization HelmRelease GitRepository OCIRepository HelmRepository HelmChart Bucket ExternalArtifact"
)
_BUILT_IN = frozenset(_BUILT_IN_NAMES.split())
"""Kinds of Kubernetes and Flux themselves: they need no CRD that a fleet brings."""


def _custom_without_need(k: Kustomization) -> bool:
    """It holds a custom resource of which no need says where its CRD comes from."""
    explained = {need.wanted_by for need in k.needs}
    brought = {w.object for w in k.workloads} | set(k.objects)
    return any(id.kind not in _BUILT_IN and id not in explained for id in brought)


def _unread(fleet: Fleet) -> set[ObjectId]:
    """Services whose content is not fully known, each parent of one included."""
    found = {
        k.id
        for k in fleet.kustomizations
        if not k.expanded or k.broken is not None or (k.applies and not k.objects) or _custom_without_need(k)
    }
    found |= {h.id for h in fleet.helmreleases if not h.workloads_known}
    for id in list(found):
        obj = service(fleet, id)
        seen = {id}
        while obj is not None and obj.parent is not None and obj.parent != fleet.root and obj.parent not in seen:
            seen.add(obj.parent)
            found.add(obj.parent)
            obj = fleet.kustomization(obj.parent)
    return found


def _may_need(fleet: Fleet, edge: Edge, unread: set[ObjectId]) -> bool:
    """The dependant's content is unknown, or it wants something of unknown origin that the dependency may bring."""
    dependant, dependency = edge
    if dependant in unread:
        return True
    wanting = [service(fleet, id) for id in (dependant, *fleet.children.get(dependant, ()))]
    return dependency in unread and any(_wants_unknown(obj) for obj in wanting if obj is not None)


def _wants_unknown(obj: Kustomization | HelmRelease) -> bool:
    return any(need.provided_by is None for need in obj.needs)

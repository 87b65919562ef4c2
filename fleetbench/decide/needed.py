"""Which dependsOn edges can go: those others imply, and those nothing in the manifests needs.

An edge is kept where taking it away would lose an order that a need relies on, be it direct (the edge leads to what
brings the CRD, the Secret, the Service that a client names ...) or through what the edge guarantees further up. Where
content is not known (a chart that was not rendered, another repository, a custom resource of unknown origin) anything
may be needed: such an *opaque* service keeps everything that is Ready before it starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import networkx as nx

from fleetbench.decide.whatif import Edge, without
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.implied import Implied
from fleetbench.graph.objects import RUN_TIME, HelmRelease, Kustomization, Need
from fleetbench.graph.order import READY, Moment, applied, enforced_order, marks_after, ready
from fleetbench.ids import HELM_RELEASE, ObjectId

IMPLIED, UNNEEDED, UNPROVEN, NEEDED, DELIBERATE = "implied", "unneeded", "unproven", "needed", "deliberate"
MEANING = {
    IMPLIED: "others imply it",
    UNNEEDED: "nothing needs it in the manifests, all of which were read: somebody who knows the service must decide",
    UNPROVEN: "no need was found, but not all content could be read: somebody who knows the service must decide",
    NEEDED: "something in the manifests needs it",
    DELIBERATE: "it has a readyExpr",
}


@dataclass(frozen=True)
class Guarantees:
    """What the order of a rollout ensures."""

    needs: frozenset[tuple[ObjectId, Need, Moment]]
    """Needs whose provision, at that moment, comes before whom it is needed by, for sure."""
    before_opaque: frozenset[tuple[ObjectId, ObjectId]]
    """(opaque service, service that is Ready before it starts)."""
    stated: frozenset[Edge]
    """The dependsOn edges whose order is kept, be it by others."""


def stated_edges(fleet: Fleet) -> list[Edge]:
    """All dependsOn edges between services of the fleet, sorted."""
    known = {obj.id for obj in fleet.services()}
    return sorted({(obj.id, d.target) for obj in fleet.services() for d in obj.depends_on if d.target in known})


def guarantees(fleet: Fleet, promised: Iterable[Edge] | None = None) -> Guarantees:
    """What the enforced order ensures; see :class:`Guarantees`.

    A Kustomization's provision is there once it is applied, a HelmRelease's once it is Ready; for a Service that a
    client names every step on the way to it counts.

    Args:
        fleet: the fleet.
        promised: the dependsOn edges whose order is asked for; None = the fleet's own.
    """
    order = enforced_order(fleet)
    hidden = sorted(opaque(fleet))
    wanted = stated_edges(fleet) if promised is None else promised
    asked = sorted({*hidden, *(obj.id for obj in fleet.services() if obj.needs), *(id for id, _ in wanted)})
    after = marks_after(order, [applied(id) for id in asked])
    bit = {id: 1 << n for n, id in enumerate(asked)}
    met: set[tuple[ObjectId, Need, Moment]] = set()
    for obj in fleet.services():
        for need in obj.needs:
            met |= {(obj.id, need, at) for at in _there(fleet, obj.id, need) if after.get(at, 0) & bit[obj.id]}
    firsts = frozenset(
        (id, moment.object)
        for moment, bits in after.items()
        if moment.phase == READY and bits
        for id in hidden
        if bits & bit[id]
    )
    stated = frozenset((id, first) for id, first in wanted if after.get(ready(first), 0) & bit[id])
    return Guarantees(frozenset(met), firsts, stated)


def _there(fleet: Fleet, id: ObjectId, need: Need) -> tuple[Moment, ...]:
    """The moments at which what an object needs is there; none where it brings that itself, or nothing here does.

    A Service answers once what brings it is Ready. Where no health check waits for that the edge, which still puts its
    making first, was stated for it all the same.
    """
    provider = need.provided_by
    if provider is None or provider == id:
        return ()
    if need.blocks != RUN_TIME:
        return (ready(provider) if provider.kind == HELM_RELEASE else applied(provider),)
    bringer = fleet.service(provider)
    above = None if bringer is None or bringer.parent in (None, fleet.root) else bringer.parent
    return ready(provider), applied(provider), *(() if above is None else (ready(above), applied(above)))


def lost_needs(before: Guarantees, after: Guarantees) -> bool:
    """Whether a need that was met for sure no longer is."""
    return not before.needs <= after.needs


def lost_anything(before: Guarantees, after: Guarantees) -> bool:
    """Whether a need, or a service of unknown content, lost an order it had."""
    return lost_needs(before, after) or not before.before_opaque <= after.before_opaque


def lost_order(before: Guarantees, after: Guarantees) -> bool:
    """Whether any order is lost that a dependsOn states, needed or not."""
    return lost_anything(before, after) or not before.stated <= after.stated


def classify(fleet: Fleet) -> dict[Edge, str]:
    """Each edge -> one of :data:`MEANING`."""
    others_imply = Implied(fleet).edges()
    exprs = {(o.id, d.target) for o in fleet.services() for d in o.depends_on if d.ready_expr}
    order = enforced_order(fleet)
    hidden = {applied(id) for id in opaque(fleet)}
    wanting = _wanting(fleet)
    found = {}
    for edge in stated_edges(fleet):
        if edge in exprs:
            found[edge] = DELIBERATE
        elif edge in others_imply:
            found[edge] = IMPLIED
        else:
            found[edge] = _without_it(order, edge, hidden, wanting)
    return found


def _wanting(fleet: Fleet) -> dict[Moment, set[Moment]]:
    """Who needs something before it is applied -> the moments at which that something is there."""
    found: dict[Moment, set[Moment]] = {}
    for obj in fleet.services():
        for need in obj.needs:
            found.setdefault(applied(obj.id), set()).update(_there(fleet, obj.id, need))
    return found


def _without_it(order: nx.DiGraph, edge: Edge, hidden: set[Moment], wanting: dict[Moment, set[Moment]]) -> str:
    """What an edge that nothing implies is for: the same answer as comparing :func:`guarantees`, in one search.

    What comes after the dependency only because of the edge is lost to everything before the dependency as well, unless
    that has a way of its own.
    """
    dependant, dependency = edge
    cut = (ready(dependency), applied(dependant))
    lost = _after(order, cut[0]) - _after(order, cut[0], cut)
    for needing in lost & wanting.keys():
        for there in wanting[needing]:
            if there in order and needing in _after(order, there) and needing not in _after(order, there, cut):
                return NEEDED
    return UNPROVEN if lost & hidden else UNNEEDED


def _after(order: nx.DiGraph, first: Any, cut: tuple[Any, Any] | None = None) -> set[Any]:
    """All that a path leads to, by ways that avoid one edge."""
    successors = order.adj
    seen: set[Any] = set()
    stack = [first]
    while stack:
        at = stack.pop()
        for after in successors[at]:
            if after not in seen and (at, after) != cut:
                seen.add(after)
                stack.append(after)
    return seen


def droppable(fleet: Fleet, wanted: Iterable[Edge], *, unproven: bool = False) -> list[Edge]:
    """The edges among those wanted that can go *together*: each alone may be backed by another that goes as well."""
    now = guarantees(fleet)
    lost = lost_needs if unproven else lost_anything
    gone: list[Edge] = []
    batches = [list(wanted)]
    while batches:
        batch = batches.pop()
        if not batch:
            continue
        if not lost(now, guarantees(without(fleet, [*gone, *batch]))):
            gone += batch
        elif len(batch) > 1:
            half = len(batch) // 2
            batches += [batch[half:], batch[:half]]
    return sorted(gone)


_BUILT_IN_NAMES = (
    "APIService ClusterRole ClusterRoleBinding ConfigMap ControllerRevision CronJob CSIDriver CustomResourceDefinition "
    "DaemonSet Deployment Endpoints EndpointSlice FlowSchema HorizontalPodAutoscaler IngressClass Job Lease LimitRange "
    "MutatingWebhookConfiguration Namespace NetworkPolicy PersistentVolume PersistentVolumeClaim Pod PodDisruptionBudget "
    "PriorityClass PriorityLevelConfiguration ReplicaSet ReplicationController ResourceQuota Role RoleBinding RuntimeClass "
    "Secret Service ServiceAccount StatefulSet StorageClass ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration VolumeAttachment "
    "Kustomization HelmRelease GitRepository OCIRepository HelmRepository HelmChart Bucket ExternalArtifact"
)
_BUILT_IN = frozenset(_BUILT_IN_NAMES.split())
"""Kinds of Kubernetes and Flux themselves: they need no CRD that a fleet brings. Ingress is left out: its class and the
issuer in its annotations are somebody's, and no need says whose."""


def opaque(fleet: Fleet) -> set[ObjectId]:
    """Services whose needs are not fully known, each parent below the root included."""
    found = {k.id for k in fleet.kustomizations if k.id != fleet.root and _hides_needs(k)}
    found |= {h.id for h in fleet.helmreleases if not h.workloads_known or _wants_unknown(h)}
    for id in list(found):
        obj = fleet.service(id)
        parent = None if obj is None else obj.parent
        while parent is not None and parent != fleet.root and parent not in found:
            found.add(parent)
            above = fleet.kustomization(parent)
            parent = None if above is None else above.parent
    return found


def _hides_needs(k: Kustomization) -> bool:
    if not k.expanded or k.broken is not None or (k.applies and not k.objects) or _wants_unknown(k):
        return True
    explained = {need.wanted_by for need in k.needs if need.blocks != RUN_TIME}
    custom = {w.object for w in k.workloads} | set(k.objects)
    return any(id.kind not in _BUILT_IN and id not in explained for id in custom)


def _wants_unknown(obj: Kustomization | HelmRelease) -> bool:
    return any(need.provided_by is None for need in obj.needs)

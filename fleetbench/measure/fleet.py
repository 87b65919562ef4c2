"""The fleet of a live cluster, from its Flux objects, for those whose manifests no repository holds. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fleetbench.errors import EnvironmentLacks
from fleetbench.findings import EVENTS_REFUSED, SEVERAL_ROOTS, Finding
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import (
    FluxVersion,
    HelmRelease,
    Kustomization,
    Source,
    Workload,
)
from fleetbench.graph.release import FLUX_COMPONENTS
from fleetbench.graph.root import with_root
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, NOTIFICATION_CONTROLLER, SOURCE_KINDS, ObjectId
from fleetbench.measure.controllers import takes_events, timing_flags, with_pods
from fleetbench.measure.kinds import DEPLOYMENT, EVENT, POD, WATCHED, WORKLOAD_KINDS, WatchedKind
from fleetbench.measure.permissions import readable
from fleetbench.measure.protocols import ClusterApi, Manifest
from fleetbench.repo.install.flux_version import flux_of_controllers
from fleetbench.repo.manifest import Manifest as RepositoryManifest
from fleetbench.repo.objects import (
    CHART_KINDS,
    other_cluster,
    read_helmrelease,
    read_kustomization,
    read_source,
    with_chart_of,
)
from fleetbench.repo.workloads import starts_at_once, stated_at_once

KUSTOMIZE_LABELS = ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name")
"""Set by kustomize-controller on all it applies (fluxcd/pkg/ssa SetOwnerLabels)."""
HELM_LABELS = ("helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/name")
"""Set by helm-controller on all it installs (helm-controller v1.6.3 internal/postrender)."""


FLEET_KINDS = tuple(kind for kind in WATCHED if kind.kind not in (POD, EVENT))
"""What a fleet is built from; its pods and events are not asked for."""


def read_cluster(context: str | None = None) -> tuple[Fleet, list[Finding], list[str]]:
    """Build the fleet of the cluster of a kubeconfig context.

    Args:
        context: the context; None = the current one.

    Returns:
        The fleet, findings, and what could not be read and so is missing in it, for people.

    Raises:
        EnvironmentLacks: no cluster, no Flux in it, no Kustomization, or no permission to read them.
    """
    from fleetbench.measure.api import KubernetesApi

    api = KubernetesApi(None, context)
    try:
        return fleet_of(api, context or "cluster")
    finally:
        api.close()


def fleet_of(api: ClusterApi, name: str) -> tuple[Fleet, list[Finding], list[str]]:
    """Build the fleet of a cluster (see :func:`read_cluster`)."""
    objects, lacking = readable(api, FLEET_KINDS)
    return *fleet_from(objects, name), lacking


def fleet_from(objects: Mapping[WatchedKind, list[Manifest]], name: str) -> tuple[Fleet, list[Finding]]:
    """Build the fleet from a cluster's objects.

    Raises:
        EnvironmentLacks: there is no Kustomization among them.
    """
    listed = {kind.kind: items for kind, items in objects.items()}
    if not listed.get(KUSTOMIZATION):
        raise EnvironmentLacks(
            "the cluster holds no Kustomization", "bootstrap it first, or name the fleet with --repo or --graph"
        )
    findings: list[Finding] = []
    workloads = _workloads(listed)
    kustomizations = [_kustomization(obj, workloads, findings) for obj in listed[KUSTOMIZATION]]
    charts = {id_of(o, k): RepositoryManifest({**o, "kind": k}) for k in CHART_KINDS for o in listed.get(k, [])}
    releases = [_release(obj, workloads, charts, findings) for obj in listed.get(HELM_RELEASE, [])]
    sources = [s for kind in SOURCE_KINDS for s in _sources(kind, listed.get(kind, []), findings)]
    made = {h.chart_id for h in releases}
    sources = [s for s in sources if s.id not in made]
    flux = flux_among(listed.get(DEPLOYMENT, []))
    fleet = with_root(
        kustomizations,
        releases,
        sources,
        _root(kustomizations),
        flags=tuple(timing_flags(flux)),
        name=name,
        flux=_flux(listed.get(DEPLOYMENT, [])),
    )
    findings += _no_pod_now(flux)
    root = fleet.kustomization(fleet.root)
    if root is not None and root.assumed:
        text = (
            f"the cluster has several Kustomizations that no other one applies: {fleet.root.key} is assumed above them"
        )
        findings.append(
            Finding(SEVERAL_ROOTS, text, "nothing, if their order does not depend on one another", fleet.root)
        )
    return fleet, findings


def owner(obj: Manifest, labels: tuple[str, str], kind: str) -> ObjectId | None:
    """The Flux object that labels say an object belongs to."""
    found = (obj.get("metadata") or {}).get("labels") or {}
    namespace, name = found.get(labels[0]), found.get(labels[1])
    return ObjectId(kind, namespace, name) if namespace and name else None


def id_of(obj: Manifest, kind: str) -> ObjectId:
    """Kind, namespace and name of a listed object; lists leave the kind out."""
    meta = obj.get("metadata") or {}
    return ObjectId(kind, meta.get("namespace", ""), meta.get("name", ""))


def inventory(obj: Manifest) -> list[ObjectId]:
    """What a Kustomization or HelmRelease says it applied: ``status.inventory``, ids ``namespace_name_group_kind``."""
    found = []
    for entry in ((obj.get("status") or {}).get("inventory") or {}).get("entries") or []:
        parts = str(entry.get("id", "")).split("_")
        if len(parts) == 4:
            found.append(ObjectId(parts[3], parts[0], parts[1].replace("__", ":")))
    return found


def _parent(obj: Manifest, kind: str) -> ObjectId | None:
    parent = owner(obj, KUSTOMIZE_LABELS, KUSTOMIZATION)
    return None if parent == id_of(obj, kind) else parent


def _kustomization(
    obj: Manifest, workloads: Mapping[ObjectId, list[Workload]], findings: list[Finding]
) -> Kustomization:
    id = id_of(obj, KUSTOMIZATION)
    read, found = read_kustomization(
        RepositoryManifest({**obj, "kind": KUSTOMIZATION}), id, _parent(obj, KUSTOMIZATION)
    )
    findings += found
    objects = inventory(obj)
    cluster = other_cluster(RepositoryManifest(obj))
    return replace(
        read,
        objects=tuple(objects),
        applies=len(objects),
        workloads=tuple(workloads.get(id, ())),
        cluster=cluster,
        expanded=cluster is None,
        not_expanded="spec.kubeConfig: it applies to another cluster" if cluster else None,
    )


def _release(
    obj: Manifest,
    workloads: Mapping[ObjectId, list[Workload]],
    charts: Mapping[ObjectId, RepositoryManifest],
    findings: list[Finding],
) -> HelmRelease:
    id = id_of(obj, HELM_RELEASE)
    read, found = read_helmrelease(RepositoryManifest({**obj, "kind": HELM_RELEASE}), id, _parent(obj, HELM_RELEASE))
    findings += found
    own = tuple(workloads.get(id, ()))
    read = with_chart_of(read, None if read.source is None else charts.get(read.source))
    return replace(read, workloads=own, workloads_known=bool(own))


def _sources(kind: str, items: Iterable[Manifest], findings: list[Finding]) -> Iterable[Source]:
    for obj in items:
        read, found = read_source(RepositoryManifest({**obj, "kind": kind}), id_of(obj, kind), _parent(obj, kind))
        findings += found
        yield read


def _root(kustomizations: list[Kustomization]) -> ObjectId | None:
    """The one that no other applies; several or none: not known."""
    known = {k.id for k in kustomizations}
    tops = [k.id for k in kustomizations if k.parent is None or k.parent not in known]
    parents = {k.parent for k in kustomizations}
    leading = [id for id in tops if id in parents]
    if len(tops) == 1:
        return tops[0]
    return leading[0] if len(leading) == 1 else None


def _workloads(listed: Mapping[str, list[Manifest]]) -> dict[ObjectId, list[Workload]]:
    found: dict[ObjectId, list[Workload]] = {}
    for kind in WORKLOAD_KINDS:
        if kind == POD:
            continue
        for obj in listed.get(kind, []):
            by = owner(obj, HELM_LABELS, HELM_RELEASE) or owner(obj, KUSTOMIZE_LABELS, KUSTOMIZATION)
            if by is not None:
                found.setdefault(by, []).append(_workload(obj, kind))
    return found


def _workload(obj: Manifest, kind: str) -> Workload:
    spec = obj.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    images = tuple(c["image"] for c in template.get("containers") or [] if c.get("image"))
    replicas = 1 if spec.get("replicas") is None else spec["replicas"]
    stated = spec.get("minReadySeconds") or None
    return Workload(
        id_of(obj, kind),
        replicas=replicas,
        images=images,
        stated_ready_s=None if stated is None else float(stated),
        stated_by=None if stated is None else "minReadySeconds",
        deadline_s=spec.get("progressDeadlineSeconds") or spec.get("activeDeadlineSeconds"),
        group="batch" if kind == "Job" else "apps",
        parallel=starts_at_once(spec),
        at_once=stated_at_once(kind, spec, replicas),
    )


def flux_among(deployments: Iterable[Manifest]) -> list[Manifest]:
    """Flux's own Deployments, whatever namespace they are in."""
    return [d for d in deployments if (d.get("metadata") or {}).get("name") in FLUX_COMPONENTS]


def _no_pod_now(flux: Sequence[Manifest]) -> Iterable[Finding]:
    """notification-controller is to run and has no pod available at the moment, which no prediction goes by."""
    for deployment in with_pods(flux) if takes_events(flux) else ():
        status = deployment.get("status")
        if (
            deployment["metadata"]["name"] == NOTIFICATION_CONTROLLER
            and status is not None
            and not status.get("availableReplicas")
        ):
            text = (
                "no pod of it is available at the moment: while none is, each event that the controllers post holds a worker for "
                "15s to 40s"
            )
            fix = "bring it up; `fleetbench simulate --notification-controller down` says what it costs meanwhile"
            yield Finding(EVENTS_REFUSED, text, fix, id_of(deployment, DEPLOYMENT))


def _flux(deployments: list[Manifest]) -> FluxVersion | None:
    """The Flux that runs, and the Deployment that says so."""
    by_file = (RepositoryManifest(d, str(id_of(d, DEPLOYMENT))) for d in deployments)
    return flux_of_controllers(by_file)

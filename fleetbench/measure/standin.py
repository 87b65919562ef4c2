"""A fleet whose workloads are replaced by pauses: the same Flux objects, paths and edges, no image to pull.

Every Kustomization and HelmRelease that has workloads gets one Deployment of the sandbox (pause) image with
``minReadySeconds`` set to the duration that the profile holds for it, so a run shows what Flux itself costs. A commit
changes of each stand-in what it changes of all that this stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetbench.graph.commit import Commit, upgraded
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
NAMESPACE = "default"
"""Where the stand-ins of Kustomizations run; it exists in every cluster."""
DEADLINE_S = 3600
"""progressDeadlineSeconds: above any stand-in's duration, so that none turns Failed while it waits."""


APPLIED, REPLACED, REFUSED = "applied", "replaced", "refused"
"""An apply changes it, its pods go on; its pods are replaced, or the release is upgraded; the API server refuses it."""


@dataclass(frozen=True)
class StandIn:
    """What is served in place of the fleet, and what was left out."""

    fleet: Fleet
    """The fleet as it is really deployed: what a prediction of this run must start from."""
    namespaces: tuple[str, ...]
    """Those that must exist before the rollout, as no object of the fleet brings them."""
    failing: frozenset[ObjectId]
    """Stand-ins (Deployments) that never turn Ready."""
    changed: Mapping[ObjectId, str]
    """Stand-in, HelmRelease or HelmChart -> what a commit changes of it: :data:`APPLIED`, :data:`REPLACED` or
    :data:`REFUSED`."""
    dropped: tuple[str, ...]
    """For people: what the stand-in has not."""


def stand_in(
    fleet: Fleet,
    seconds: Mapping[ObjectId, float],
    fail: frozenset[ObjectId] = frozenset(),
    image: str = PAUSE_IMAGE,
    changes: Commit | None = None,
) -> StandIn:
    """Replace a fleet's workloads.

    Args:
        fleet: the fleet, fine or in waves.
        seconds: how long each Kustomization's and HelmRelease's own workloads take; rounded to whole seconds.
        fail: Kustomizations or HelmReleases whose stand-in never turns Ready.
        image: the pause image that the nodes hold.
        changes: what the commit that leads to this fleet changes; None = none does.
    """
    source = _served_source(fleet)
    dropped = [
        f"{s.id}: its objects come from the served repository" for s in fleet.sources if s.id.kind != GIT_REPOSITORY
    ]
    own = {obj.id: _workloads(obj, seconds.get(obj.id, 0.0), obj.id in fail, image) for obj in fleet.services()}
    sources = _sources(fleet, source)
    releases = tuple(_release(h, source, own[h.id]) for h in fleet.helmreleases)
    kept = {s.id for s in sources} | {h.id for h in releases} | {k.id for k in fleet.kustomizations}
    paths = _paths(fleet)
    kustomizations = tuple(
        _kustomization(k, source, paths[k.id], own[k.id], fleet, kept, dropped) for k in fleet.kustomizations
    )
    sources = tuple(replace(s, files=_files(kustomizations, releases)) for s in sources)
    served = replace(fleet, kustomizations=kustomizations, helmreleases=releases, sources=sources)
    failing = frozenset(w.object for id in fail if id in own for w in own[id])
    changed = {} if changes is None else _changed(fleet, own, changes)
    refused = frozenset() if changes is None else changes.refused
    dropped += [f"{id}: what the API server refuses of the commit" for id in sorted(refused) if not own.get(id)]
    return StandIn(served, _missing_namespaces(served), failing, changed, tuple(dict.fromkeys(dropped)))


def _changed(fleet: Fleet, own: Mapping[ObjectId, tuple[Workload, ...]], changes: Commit) -> dict[ObjectId, str]:
    """What a commit changes of the stand-ins; those that it brings differ from nothing."""
    charts = {h.chart_object for h in fleet.helmreleases if h.chart_object is not None} & changes.changed
    found = dict.fromkeys((*upgraded(changes, fleet), *charts), REPLACED)
    for k in fleet.kustomizations:
        if k.id in changes.changed - changes.added:
            goes_on = all(changes.kept.get(w.object, 0) >= w.replicas for w in k.workloads)
            how = REFUSED if k.id in changes.refused else APPLIED if goes_on else REPLACED
            found |= dict.fromkeys((w.object for w in own[k.id]), how)
    return found


def _served_source(fleet: Fleet) -> ObjectId:
    named = fleet.root_source or ObjectId(GIT_REPOSITORY, fleet.root.namespace, fleet.root.name)
    return replace_kind(named)


def replace_kind(source: ObjectId) -> ObjectId:
    """The GitRepository that stands for a source of any kind."""
    return source._replace(kind=GIT_REPOSITORY)


def _sources(fleet: Fleet, served: ObjectId) -> tuple[Source, ...]:
    interval = {replace_kind(s.id): s.interval_s for s in fleet.sources}
    return (Source(served, interval_s=interval.get(served, 60.0), this_repository=True),)


def _files(kustomizations: tuple[Kustomization, ...], releases: tuple[HelmRelease, ...]) -> int:
    """Files and folders that :mod:`fleetbench.measure.manifests` writes, which every reconcile unpacks."""
    charts = sum(4 for h in releases if h.obstacle is None)
    return sum(2 + bool(k.objects) for k in kustomizations if k.obstacle is None) + charts


def _paths(fleet: Fleet) -> dict[ObjectId, str]:
    """Each Kustomization's own folder: its path, with a suffix where two share one (they would differ)."""
    found: dict[ObjectId, str] = {}
    taken: set[str] = set()
    for k in sorted(fleet.kustomizations, key=lambda k: (k.id != fleet.root, k.id)):
        path = "./" + "/".join(p for p in k.path.split("/") if p not in ("", ".", ".."))
        if path in taken:
            path = f"{path.rstrip('/')}/.{k.id.namespace}.{k.id.name}"
        taken.add(path)
        found[k.id] = path
    return found


def _workloads(obj: Kustomization | HelmRelease, takes_s: float, fails: bool, image: str) -> tuple[Workload, ...]:
    seconds = round(takes_s)
    if not seconds and not fails and not obj.workloads:
        return ()
    namespace = obj.release_namespace if isinstance(obj, HelmRelease) else NAMESPACE
    id = ObjectId("Deployment", namespace, stand_in_name(obj.id))
    stated = {"stated_ready_s": float(seconds), "stated_by": "minReadySeconds"} if seconds else {}
    return (Workload(id, images=(image,), deadline_s=float(DEADLINE_S), group="apps", **stated),)  # type: ignore[arg-type]


def stand_in_name(id: ObjectId) -> str:
    """The name of an object's Deployment; unique, and short enough for the labels that carry it."""
    name = f"{id.namespace}-{id.name}" if id.kind == KUSTOMIZATION else f"hr-{id.namespace}-{id.name}"
    if len(name) <= 50:
        return name
    return f"{name[:41]}-{hashlib.sha256(str(id).encode()).hexdigest()[:8]}"


def _release(h: HelmRelease, source: ObjectId, workloads: tuple[Workload, ...]) -> HelmRelease:
    return replace(
        h,
        source=source,
        chart=f"./{chart_path(h.id)}",
        chart_version=None,
        chart_ref=False,
        chart_of_revision=False,
        workloads=workloads,
        workloads_known=True,
        cluster=None,
    )


def chart_path(id: ObjectId) -> str:
    """Where the served repository holds a release's chart."""
    return f".fleetbench/charts/{id.namespace}/{id.name}"


def _kustomization(
    k: Kustomization,
    source: ObjectId,
    path: str,
    workloads: tuple[Workload, ...],
    fleet: Fleet,
    kept: set[ObjectId],
    dropped: list[str],
) -> Kustomization:
    children = [id for id in fleet.children.get(k.id, ()) if id.kind in (KUSTOMIZATION, HELM_RELEASE) and id in kept]
    namespaces = [id for id in k.objects if id.kind == "Namespace"]
    checks = _health_checks(k, workloads, kept)
    if k.substitute_from:
        dropped.append(f"{k.id}: postBuild.substituteFrom")
    if k.health_check_exprs:
        dropped.append(f"{k.id}: healthCheckExprs")
    if k.misnamed_checks and not k.wait:
        dropped.append(f"{k.id}: the apiVersion of its healthChecks, which finds nothing")
    objects = (*namespaces, *children, *(w.object for w in workloads))
    return replace(
        k,
        path=path,
        source=source,
        health_checks=checks,
        misnamed_checks=(),
        health_check_exprs=False,
        workloads=workloads,
        objects=objects,
        applies=len(objects),
        needs=(),
        substitute_from=(),
        expanded=True,
        not_expanded=None,
        cluster=None,
        assumed=False,
    )


def _health_checks(k: Kustomization, workloads: tuple[Workload, ...], kept: set[ObjectId]) -> tuple[ObjectId, ...]:
    """Health checks of Flux objects stay; one of a workload becomes that of the stand-in."""
    found = []
    for check in k.health_checks:
        if check in kept:
            found.append(check)
        else:
            found += [w.object for w in workloads]
    return tuple(dict.fromkeys(found))


def _missing_namespaces(fleet: Fleet) -> tuple[str, ...]:
    brought = {id.name for k in fleet.kustomizations for id in k.objects if id.kind == "Namespace"}
    wanted = {obj.id.namespace for obj in (*fleet.services(), *fleet.sources)}
    wanted |= {w.object.namespace for obj in fleet.services() for w in obj.workloads}
    return tuple(sorted(wanted - brought - {"default", "kube-system", "flux-system", ""}))

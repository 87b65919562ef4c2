"""What is named but not there, what cannot be built, and what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fleetbench.findings import (
    ACCESS_DENIED,
    APPLY_REFUSED,
    BUILD_FAILED,
    CHART_MISSING,
    EVENTS_REFUSED,
    HEALTH_CHECK_MISSING,
    NEVER_FOUND,
    NEVER_RECONCILED,
    NODE_CAPACITY,
    NOT_WATCHED,
    PATH_MISSING,
    SOURCE_MISSING,
    VARIABLE_UNSET,
    Finding,
    Shared,
)
from fleetbench.graph.checks.about import about, listed, said, similar
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import (
    CHECKED_AS,
    EVENTS_ADDR,
    NO_PATH,
    WITH_HELM,
    WITHOUT_HELM,
    HelmRelease,
    Kustomization,
    MisnamedCheck,
)
from fleetbench.graph.order import watched
from fleetbench.graph.release import SET_IT
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_CHART, ObjectId, say
from fleetbench.units import counted

_WITHOUT_PODS_THAT_STAY = frozenset(
    {"PersistentVolumeClaim", "ExternalSecret", "SecretStore", "ClusterSecretStore", "Certificate", "Job"}
)
"""Kinds that take time to become Current and start no pod, or one that ends."""
_WITHOUT_HELM = Shared(
    "are watched by nobody, as this Flux has no helm-controller: they never turn Ready.",
    f"install helm-controller ({WITH_HELM})",
)


def check_presence(fleet: Fleet, node_pods: int, nodes: int) -> Iterator[Finding]:
    """All findings about missing sources, broken builds, unknown health checks and full nodes."""
    for obj in fleet.services():
        yield from _source(fleet, obj)
        yield from _access(fleet, obj)
    for source in fleet.sources:
        if source.unwatched:
            yield Finding(NOT_WATCHED, *_unwatched(source.unwatched), source.id, source.file, source.line)
    yield from _events(fleet)
    created = fleet.creators.keys() | fleet.workload_owners.keys()
    for k in fleet.kustomizations:
        if k.broken:
            code = PATH_MISSING if k.broken.startswith(NO_PATH) else BUILD_FAILED
            fix = (
                "correct spec.path or add the folder"
                if code == PATH_MISSING
                else "mend it: kustomize build must succeed"
            )
            yield about(code, k, f"cannot be built, so it never turns Ready: {k.broken}", fix)
        if k.unset_variables:
            message = (
                f"nothing sets {listed(k.unset_variables)} in its build, which fails for that: it never turns Ready."
            )
            yield about(VARIABLE_UNSET, k, message, SET_IT)
        if k.refused:
            message = f"its apply fails as a whole, so nothing of it turns Ready. Refused is {k.refused}"
            yield about(APPLY_REFUSED, k, message, "correct that object: one that is refused keeps back all beside it")
        yield from _health_checks(fleet, k, created)
    yield from _suspended(fleet)
    for h in fleet.helmreleases:
        if h.lacks_values:
            yield about(NEVER_FOUND, h, f"{h.broken}: it never turns Ready", "correct what its valuesFrom names")
        elif h.broken:
            message = f"gets no chart, so it never turns Ready: {h.broken}"
            yield about(CHART_MISSING, h, message, "correct the chart's path or add the chart")
    yield from _capacity(fleet, node_pods, nodes)


def _source(fleet: Fleet, obj: Kustomization | HelmRelease) -> Iterator[Finding]:
    source = None if obj.source is None else fleet.source(obj.source)
    if source is not None and source.id.kind == HELM_CHART and source.copied_from is not None:
        source = fleet.source(source.copied_from)
    if source is None or source.defined or source.assumed:
        return
    near = similar(source.id, [s.id for s in fleet.sources if s.defined])
    so = "is defined nowhere: it never gets an artifact and never turns Ready."
    fix = f"did you mean {near}?" if near else f"define {source.id} or correct the reference"
    yield about(
        SOURCE_MISSING,
        obj,
        f"its source {source.id} {so}",
        fix,
        Shared(f"have the source {source.id}, which {so}", fix),
    )


def _access(fleet: Fleet, obj: Kustomization | HelmRelease) -> Iterator[Finding]:
    """A source that the controller may not read, and labels that it does not watch."""
    source = obj.source
    if obj.denied and source is not None and source.kind == EXTERNAL_ARTIFACT and not _is_locked(fleet, obj):
        message = (
            f"its source {obj.denied} is an ExternalArtifact, which its controller takes only with the feature gate "
        )
        fix = "install source-watcher (--components-extra=source-watcher sets the gate too), or set the gate yourself"
        yield about(ACCESS_DENIED, obj, f"{message}ExternalArtifact: it is denied access and never turns Ready.", fix)
    elif obj.denied:
        message = f"its source {obj.denied} lies in another namespace, which --no-cross-namespace-refs forbids"
        fix = f"define a source in namespace {obj.id.namespace}, or give the controller back its access"
        yield about(ACCESS_DENIED, obj, f"{message}: it is denied access and never turns Ready.", fix)
    if obj.unwatched and not obj.suspend:
        yield about(
            NOT_WATCHED, obj, *_unwatched(obj.unwatched), _WITHOUT_HELM if obj.unwatched == WITHOUT_HELM else None
        )


def _is_locked(fleet: Fleet, obj: Kustomization | HelmRelease) -> bool:
    """Whether it is the other namespace that its source is denied for, which the controllers look at first."""
    locked = any(flag.flag == "no-cross-namespace-refs" for flag in fleet.flags)
    return locked and obj.source is not None and obj.source.namespace != obj.id.namespace


def _unwatched(labels: str) -> tuple[str, str]:
    """Message and fix."""
    if labels == WITHOUT_HELM:
        return "is watched by nobody, as this Flux has no helm-controller: it never turns Ready.", _WITHOUT_HELM.fix
    message = f"has {labels}: nobody reconciles it, so it never turns Ready."
    return message, "correct its labels, or run a controller with a --watch-label-selector for them"


def _events(fleet: Fleet) -> Iterator[Finding]:
    """That the controllers post to nobody, in the midst of each reconcile."""
    for flag in [f for f in fleet.flags if f.flag == EVENTS_ADDR][:1]:
        yield Finding(
            EVENTS_REFUSED,
            f"the controllers post their events to {flag.value}, and no notification-controller runs there: each event is tried "
            "for 15s to 40s while its worker waits, some three in every reconcile.",
            "run notification-controller, or leave --events-addr empty (as flux install does without that component)",
            file=flag.file,
            line=flag.line,
        )


def _suspended(fleet: Fleet) -> Iterator[Finding]:
    """The root, of which nothing is reconciled, and sources that never fetch (both return before they do anything)."""
    root = fleet.kustomization(fleet.root)
    if root is not None and root.suspend:
        message = "is the root and suspended: in a bootstrap nothing that it holds is ever applied."
        yield about(NEVER_RECONCILED, root, message, f"resume {say(root.id)}: drop spec.suspend")
    for source in (s for s in fleet.sources if s.suspend):
        users = [obj.id for obj in fleet.services() if fleet.suspended_source(obj) is source]
        if users:
            verb = "never turns" if len(users) == 1 else "never turn"
            message = f"is suspended: in a bootstrap it never gets an artifact, and {said(users)} {verb} Ready."
            fix = f"resume {source.id}: drop spec.suspend"
            yield Finding(NEVER_RECONCILED, message, fix, source.id, source.file, source.line)


def _health_checks(fleet: Fleet, k: Kustomization, created: set[ObjectId]) -> Iterator[Finding]:
    for named in watched(fleet, k).nowhere:
        if named in k.never_found:
            yield about(HEALTH_CHECK_MISSING, k, *_misnamed(k.never_found[named]))
            continue
        near = similar(named, [id for id in (*created, *(s.id for s in fleet.services())) if id != k.id])
        yield about(
            HEALTH_CHECK_MISSING,
            k,
            f"its health check names {say(named)}, which nothing here creates: it waits until its timeout and fails.",
            f"did you mean {say(near)}?"
            if near
            else f"correct the name, or drop the health check; {_IF_THERE.format(named)}",
        )
    for check in () if k.wait else k.given_checks:
        named = check.object
        text = f"its health check names {say(named)}, which nothing here creates: it counts as there, as {check.why}"
        fix = f"nothing to do if somebody makes it by hand (--installed {named}); else have a Kustomization apply it"
        yield replace(about(HEALTH_CHECK_MISSING, k, text, fix), given=True)


_IF_THERE = "where the cluster has it: --installed {}"


def _misnamed(check: MisnamedCheck) -> tuple[str, str]:
    """Message and fix."""
    kind, stated = check.object.kind, check.api_version
    how = f"is {stated}" if stated else "is missing"
    looked = f"apiVersion {how}, so it is looked for as {stated or CHECKED_AS} {kind}, which no cluster has"
    message = f"its health check names {say(check.object)}; {looked}: it waits until its timeout and fails."
    return message, f"state the apiVersion of {kind} in spec.healthChecks"


def _capacity(fleet: Fleet, node_pods: int, nodes: int) -> Iterator[Finding]:
    pods = 0
    for obj in fleet.services():
        if not obj.suspend and obj.cluster is None:
            stay = [w for w in obj.workloads if not w.hook and w.object.kind not in _WITHOUT_PODS_THAT_STAY]
            pods += sum(nodes if w.object.kind == "DaemonSet" else w.replicas for w in stay)
    room = node_pods * nodes
    if pods <= room:
        return
    unknown = [h.id for h in fleet.helmreleases if not h.workloads_known and not h.suspend]
    more = (
        f", not counting {counted(len(unknown), 'chart')} whose pods are not known ({said(unknown, 3)})"
        if unknown
        else ""
    )
    yield Finding(
        NODE_CAPACITY,
        f"the fleet starts {pods} pods{more}, but {counted(nodes, 'node')} of {node_pods} pods hold {room}: the rest stay "
        "Pending and what waits for them runs into its timeout.",
        f"use at least {-(-pods // node_pods)} nodes, raise maxPods, or run fewer replicas; if you have more nodes, say so in a "
        "profile (`nodes: {count: 3, max_pods: 110}`, --profile of simulate, check and optimize): one is taken where none does",
    )

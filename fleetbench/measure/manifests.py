"""The Flux objects and stand-ins that a served repository holds, written from the fleet."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.measure.standin import APPLIED, DEADLINE_S, REFUSED, REPLACED, StandIn, chart_path
from fleetbench.repo.kinds import HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP
from fleetbench.units import go_duration

_API_VERSIONS = {
    GIT_REPOSITORY: f"{SOURCE_GROUP}/v1",
    KUSTOMIZATION: f"{KUSTOMIZE_GROUP}/v1",
    HELM_RELEASE: f"{HELM_GROUP}/v2",
    "Deployment": "apps/v1",
}
"""What the served repository holds; a cluster of an older Flux may need others for the two roots."""


def write_repository(stand_in: StandIn, folder: Path) -> None:
    """Write the repository that holds a stand-in fleet: every path, and the charts of its releases."""
    for path, text in repository_files(stand_in):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def repository_files(stand_in: StandIn) -> Iterator[tuple[str, str]]:
    """(path, content) of every file; what has no folder or no chart in the fleet has none here."""
    fleet = stand_in.fleet
    for k in fleet.kustomizations:
        if k.obstacle is not None:
            continue
        objects = [
            *_namespaces(k),
            *_children(stand_in, k),
            *(_deployment(w, stand_in) for w in k.workloads),
        ]
        folder = k.path.removeprefix("./")
        prefix = f"{folder}/" if folder else ""
        yield (
            f"{prefix}kustomization.yaml",
            _dump(
                {
                    "apiVersion": "kustomize.config.k8s.io/v1beta1",
                    "kind": "Kustomization",
                    "resources": ["fleetbench.yaml"] if objects else [],
                }
            ),
        )
        if objects:
            yield f"{prefix}fleetbench.yaml", "---\n".join(_dump(o) for o in objects)
    for h in fleet.helmreleases:
        if h.obstacle is not None:
            continue
        chart = chart_path(h.id)
        packaged = h.chart_object is not None and h.chart_object in stand_in.changed
        pods = [_of_release(_deployment(w, stand_in), packaged) for w in h.workloads]
        template = "---\n".join(map(_dump, pods)) or "# nothing to run\n"
        # source-controller packages a chart anew for another version alone.
        version = f"1.0.{zlib.crc32(template.encode())}"
        yield f"{chart}/Chart.yaml", _dump({"apiVersion": "v2", "name": h.id.name, "version": version})
        yield f"{chart}/templates/stand-in.yaml", template


def kustomization(k: Kustomization, api_version: str | None = None) -> dict[str, Any]:
    """A Kustomization of a stand-in, or one that no repository holds, as the fleet states it."""
    assert k.source is not None
    spec: dict[str, Any] = {
        "interval": go_duration(k.interval_s),
        "path": k.path,
        "prune": True,
        "sourceRef": _reference(k.source, k.id),
        "wait": k.wait,
    }
    if k.timeout_s is not None:
        spec["timeout"] = go_duration(k.timeout_s)
    if k.retry_interval_s is not None:
        spec["retryInterval"] = go_duration(k.retry_interval_s)
    if k.suspend:
        spec["suspend"] = True
    if k.depends_on:
        spec["dependsOn"] = _depends_on(k.depends_on, k.id)
    if k.health_checks:
        spec["healthChecks"] = [_health_check(id) for id in k.health_checks]
    return flux_object(k.id, spec, api_version)


def helm_release(h: HelmRelease) -> dict[str, Any]:
    """A HelmRelease whose chart lies in the served repository."""
    assert h.source is not None
    spec: dict[str, Any] = {
        "interval": go_duration(h.interval_s),
        "timeout": go_duration(h.timeout_s),
        "chart": {
            "spec": {"chart": h.chart, "sourceRef": _reference(h.source, h.id), "interval": go_duration(h.interval_s)}
        },
    }
    install: dict[str, Any] = {}
    if h.retries:
        install["remediation"] = {"retries": h.retries}
        if h.remediate_last_failure:
            install["remediation"]["remediateLastFailure"] = True
    if h.strategy == "RetryOnFailure":
        install["strategy"] = {"name": h.strategy, "retryInterval": go_duration(h.retry_interval_s)}
        install.pop("remediation", None)
    elif h.strategy:
        install["strategy"] = {"name": h.strategy}
    if h.disable_wait:
        install["disableWait"] = True
    if install:
        spec["install"] = install
    # Of an upgrade the fleet knows how often it is tried again; whether it waits is taken from the install.
    upgrade: dict[str, Any] = {"disableWait": True} if h.disable_wait else {}
    if h.upgrade_retries:
        upgrade["remediation"] = {"retries": h.upgrade_retries}
    if upgrade:
        spec["upgrade"] = upgrade
    if h.suspend:
        spec["suspend"] = True
    if h.target_namespace:
        spec["targetNamespace"] = h.target_namespace
        spec["storageNamespace"] = h.id.namespace
    if h.wait_strategy:
        spec["waitStrategy"] = {"name": h.wait_strategy}
    if h.depends_on:
        spec["dependsOn"] = _depends_on(h.depends_on, h.id)
    return flux_object(h.id, spec)


def namespace(name: str) -> dict[str, Any]:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _children(stand_in: StandIn, k: Kustomization) -> Iterator[dict[str, Any]]:
    fleet = stand_in.fleet
    for id in fleet.children.get(k.id, ()):
        if id.kind == KUSTOMIZATION:
            child = fleet.kustomization(id)
            if child is not None:
                yield kustomization(child)
        elif id.kind == HELM_RELEASE:
            release = fleet.helmrelease(id)
            if release is not None:
                body = helm_release(release)
                yield _with(body, "spec", values={"commit": _SECOND}) if id in stand_in.changed else body


def _namespaces(k: Kustomization) -> list[dict[str, Any]]:
    return [namespace(id.name) for id in k.objects if id.kind == "Namespace"]


_COMMIT, _FIRST, _SECOND = "fleetbench/commit", "1", "2"
"""The mark of what a commit changes."""


def _deployment(w: Workload, stand_in: StandIn) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": w.object.name}
    marked, changed = {"annotations": {_COMMIT: _SECOND}}, stand_in.changed.get(w.object)
    if changed == REFUSED:
        labels[_COMMIT] = _SECOND  # of the selector, which nobody may change
    container: dict[str, Any] = {"name": "pause", "image": w.images[0], "imagePullPolicy": "IfNotPresent"}
    if w.object in stand_in.failing:
        # Nothing listens there, so the pod runs but is never Ready.
        container["readinessProbe"] = {"tcpSocket": {"port": 1}, "periodSeconds": 5}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": w.object.name, "namespace": w.object.namespace, **(marked if changed == APPLIED else {}),
        },
        "spec": {
            "replicas": 1,
            "minReadySeconds": int(w.stated_ready_s or 0),
            "progressDeadlineSeconds": DEADLINE_S,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, **(marked if changed == REPLACED else {})},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [container],
                },
            },
        },
    }  # fmt: skip


def _of_release(deployment: dict[str, Any], packaged: bool) -> dict[str, Any]:
    """As a template whose pods an upgrade replaces: the mark comes with the release's values, or with the chart itself."""
    value = _SECOND if packaged else f"{{{{ .Values.commit | default {_FIRST} | quote }}}}"
    pods = _with(deployment["spec"]["template"], "metadata", annotations={_COMMIT: value})
    return _with(deployment, "spec", template=pods)


def _with(body: dict[str, Any], field: str, **more: Any) -> dict[str, Any]:
    return {**body, field: {**body[field], **more}}


def flux_object(id: ObjectId, spec: dict[str, Any], api_version: str | None = None) -> dict[str, Any]:
    """One of Flux's objects, of the apiVersion that the served repository has where none is given."""
    return {
        "apiVersion": api_version or _API_VERSIONS[id.kind],
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        "spec": spec,
    }


def _reference(id: ObjectId, owner: ObjectId) -> dict[str, Any]:
    found = {"kind": id.kind, "name": id.name}
    return found if id.namespace == owner.namespace else {**found, "namespace": id.namespace}


def _depends_on(dependencies: Iterable[Dependency], owner: ObjectId) -> list[dict[str, Any]]:
    found = []
    for d in dependencies:
        entry: dict[str, Any] = {"name": d.target.name}
        if d.target.namespace != owner.namespace:
            entry["namespace"] = d.target.namespace
        if d.ready_expr:
            entry["readyExpr"] = d.ready_expr
        found.append(entry)
    return found


def _health_check(id: ObjectId) -> dict[str, Any]:
    return {"apiVersion": _API_VERSIONS[id.kind], "kind": id.kind, "name": id.name, "namespace": id.namespace}


def _dump(document: Any) -> str:
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))

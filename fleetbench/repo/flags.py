"""Controller flags, and what else of their Deployments tells on the timing, that the repository itself sets: patched Deployments, a FluxInstance, Helm values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleetbench.graph.fleet import CPU_LIMIT, TEMP_MEDIUM, ControllerFlag
from fleetbench.repo.charts import coalesced, values_of
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping, mappings
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import is_helmrelease
from fleetbench.repo.tree import Tree, Unreadable
from fleetbench.repo.yamltext import decode, line_of, load

INSTANCE_GROUP = "fluxcd.controlplane.io"
_USUAL = frozenset(
    {
        "events-addr",
        "watch-all-namespaces",
        "log-level",
        "log-encoding",
        "enable-leader-election",
        "storage-path",
        "storage-addr",
        "storage-adv-addr",
    }
)
"""Arguments that every ``flux install`` writes; they say nothing about timing."""
_USUAL_CPU = ("1000m", "1")
"""The CPU limit that it writes."""
_SIZES: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "small": {
        "kustomize-controller": (("concurrent", "5"), ("requeue-dependency", "10s")),
        "helm-controller": (("concurrent", "5"), ("requeue-dependency", "10s")),
    },
    "medium": {
        "kustomize-controller": (("concurrent", "10"), ("requeue-dependency", "5s")),
        "helm-controller": (("concurrent", "10"), ("requeue-dependency", "5s")),
        "source-controller": (("concurrent", "5"),),
    },
    "large": {
        "kustomize-controller": (("concurrent", "20"), ("requeue-dependency", "5s")),
        "helm-controller": (("concurrent", "20"), ("requeue-dependency", "5s")),
        "source-controller": (("concurrent", "10"),),
    },
}
"""flux-operator internal/builder/profiles.go profileClusterSize*: what ``spec.cluster.size`` of a FluxInstance adds."""
_HELM_VALUES = {
    "kustomizeController": "kustomize-controller",
    "helmController": "helm-controller",
    "sourceController": "source-controller",
}
"""fluxcd-community flux2 chart: values.<controller>.container.additionalArgs."""

_Set = tuple[str, str, str]
"""Controller, flag, value."""


def flags_of(walk: Walk, tree: Tree) -> tuple[ControllerFlag, ...]:
    """Every flag the fleet's objects set on the three controllers; of two values for one flag the later holds."""
    found: dict[tuple[str, str], ControllerFlag] = {}
    for node, manifest in walk.manifests():
        for controller, flag, value in _flags(node, manifest, walk):
            file, line = _place(node, manifest, tree, flag, value)
            found[controller, flag] = ControllerFlag(controller, flag, value, file, line)
    return tuple(sorted(found.values(), key=lambda f: (CONTROLLERS.index(f.controller), f.flag)))


def _flags(node: Node, manifest: Manifest, walk: Walk) -> Iterable[_Set]:
    if manifest.kind == "Deployment" and manifest.name in CONTROLLERS:
        for container in mappings(manifest.spec, "template", "spec", "containers"):
            yield from ((manifest.name, *f) for f in _arguments(container.get("args")) if f[0] not in _USUAL)
        yield from ((manifest.name, *s) for s in _settings(mapping(manifest.spec, "template", "spec")))
    elif manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
        yield from _instance(manifest.spec)
    elif is_helmrelease(manifest):
        chart = mapping(manifest.spec, "chart", "spec").get("chart") or mapping(manifest.spec, "chartRef").get("name")
        if chart not in ("flux-instance", "flux2", "flux"):
            return
        values = coalesced(values_of(manifest, manifest.namespace or node.id.namespace, walk.store))
        yield from _instance(mapping(values, "instance"))
        for key, controller in _HELM_VALUES.items():
            container = mapping(values, key, "container")
            yield from ((controller, *f) for f in _arguments(container.get("additionalArgs")))


def _instance(spec: Mapping[str, Any]) -> Iterable[_Set]:
    """What a FluxInstance sets: first its size's profile, then its own patches, as flux-operator orders them."""
    for controller, flags in _SIZES.get(str(mapping(spec, "cluster").get("size")), {}).items():
        yield from ((controller, *flag) for flag in flags)
    for patch in mappings(spec, "kustomize", "patches"):
        try:
            body = load(str(patch.get("patch") or ""), "patch")
        except Unreadable:
            continue
        target = mapping(patch, "target")
        if target.get("kind") not in (None, "", "Deployment"):
            continue
        name = str(
            target.get("name") or (mapping(body, "metadata").get("name") if isinstance(body, Mapping) else "") or ""
        )
        for controller in CONTROLLERS:
            if not target.get("labelSelector") and not _selects(name, controller, bool(target)):
                continue
            yield from ((controller, *f) for f in _arguments(_patched(body)))
            yield from ((controller, *s) for s in _settings(_pod(body)))


def _settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments, and does not say after ``flux install``."""
    return (s for s in pod_settings(pod) if s[0] != CPU_LIMIT or s[1] not in _USUAL_CPU)


def pod_settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments: its CPU limit, and where its temporary folder is."""
    for container in mappings(pod, "containers"):
        limit = mapping(container, "resources", "limits").get("cpu")
        if limit is not None:
            yield CPU_LIMIT, str(limit)
    for volume in mappings(pod, "volumes"):
        medium = mapping(volume, "emptyDir").get("medium")
        if volume.get("name") == "temp" and medium:
            yield TEMP_MEDIUM, str(medium)


def _pod(body: Any) -> Mapping[str, Any]:
    """What a patch puts into the pod beside arguments, as a pod: a JSON 6902 list or a strategic merge."""
    if isinstance(body, Mapping):
        return mapping(body, "spec", "template", "spec")
    limits: dict[str, Any] = {}
    volumes: list[Any] = []
    for operation in body if isinstance(body, list) else ():
        if not isinstance(operation, Mapping) or operation.get("op") not in ("add", "replace"):
            continue
        path, value = str(operation.get("path") or ""), operation.get("value")
        if path.endswith("/resources/limits/cpu"):
            limits["cpu"] = value
        elif path.endswith("/resources/limits") and isinstance(value, Mapping):
            limits.update(value)
        elif path.endswith("/resources") and isinstance(value, Mapping):
            limits.update(mapping(value, "limits"))
        elif re.search(r"/volumes(/[\d-]+)?$", path):
            volumes += value if isinstance(value, list) else [value]
    return {"containers": [{"resources": {"limits": limits}}], "volumes": volumes}


def _selects(name: str, controller: str, targeted: bool) -> bool:
    if not name:
        return targeted
    try:
        return re.fullmatch(name, controller) is not None
    except re.error:
        return name == controller


def _patched(body: Any) -> list[Any]:
    """The arguments that a patch puts in: a JSON 6902 list or a strategic merge."""
    found: list[Any] = []
    if isinstance(body, list):
        for operation in body:
            if isinstance(operation, Mapping) and operation.get("op") in ("add", "replace"):
                path, value = str(operation.get("path") or ""), operation.get("value")
                if re.search(r"/args(/|$)", path):
                    found += value if isinstance(value, list) else [value]
    elif isinstance(body, Mapping):
        for container in mappings(body, "spec", "template", "spec", "containers"):
            arguments = container.get("args")
            found += arguments if isinstance(arguments, list) else []
    return found


def _arguments(arguments: object) -> list[tuple[str, str]]:
    """``--flag=value`` and ``--flag`` texts as pairs; the last of a repeated flag holds."""
    found: dict[str, str] = {}
    for argument in arguments if isinstance(arguments, Sequence) and not isinstance(arguments, str) else ():
        match = re.match(r"^--?([a-zA-Z][\w-]*)(?:=(.*))?$", str(argument), re.S)
        if match:
            found.pop(match[1], None)
            found[match[1]] = "true" if match[2] is None else match[2]
    return list(found.items())


def _place(node: Node, manifest: Manifest, tree: Tree, flag: str, value: str) -> tuple[str | None, int | None]:
    """File and line where a flag is written, among the files its build read; else those of the object."""
    names = [*(node.build.files if node.build else ()), *([node.manifest.file] if node.manifest.file else [])]
    for needle in (f"{flag}={value}", "size:" if manifest.kind in ("FluxInstance", "HelmRelease") else None):
        for path in names if needle else ():
            try:
                text = decode(tree.read(path), path)
            except Unreadable:
                continue
            line = line_of(text, str(needle))
            if line is not None:
                return tree.name(path), line
    return manifest.file or node.manifest.file, manifest.line or node.manifest.line

"""What of the controllers the repository itself sets: flags, and what else of their Deployments tells on the timing.

It does so by patches on the Deployments, a FluxInstance or Helm values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM, ControllerFlag
from fleetbench.repo.arguments import flags_among, together
from fleetbench.repo.controllers import HELM_VALUES, patched_by
from fleetbench.repo.flag_places import Setting, place_of
from fleetbench.repo.instance import flux_values
from fleetbench.repo.manifest import CONTROLLERS, INSTANCE_GROUP, Manifest, mapping, mappings
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.tree import Tree, Unreadable
from fleetbench.repo.yamltext import load

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
        "kustomize-controller": (("concurrent", "10"), ("requeue-dependency", "5s"), (CPU_LIMIT, "2000m")),
        "helm-controller": (("concurrent", "10"), ("requeue-dependency", "5s"), (CPU_LIMIT, "2000m")),
        "source-controller": (("concurrent", "5"), (CPU_LIMIT, "2000m")),
    },
    "large": {
        "kustomize-controller": (("concurrent", "20"), ("requeue-dependency", "5s"), (CPU_LIMIT, "3000m")),
        "helm-controller": (("concurrent", "20"), ("requeue-dependency", "5s"), (CPU_LIMIT, "3000m")),
        "source-controller": (("concurrent", "10"), (CPU_LIMIT, "2000m")),
    },
}
"""What ``spec.cluster.size`` of a FluxInstance adds: controlplaneio-fluxcd/flux-operator internal/builder/profiles.go
GetProfileClusterSize. The CPU limit of ``small`` is the one that is there without it."""


def flags_of(walk: Walk, tree: Tree) -> tuple[ControllerFlag, ...]:
    """Every flag the fleet's objects set on the three controllers; of two values for one flag the later holds."""
    found: dict[tuple[str, str], ControllerFlag] = {}
    for node, manifest in walk.manifests():
        for setting in _set(node, manifest, walk):
            controller, flag = setting.controller, setting.flag
            before = found.get((controller, flag))
            value = together(flag, None if before is None else before.value, setting.value)
            found[controller, flag] = ControllerFlag(controller, flag, value, *place_of(setting, node, manifest, tree))
    return tuple(sorted(found.values(), key=lambda f: (CONTROLLERS.index(f.controller), f.flag)))


def _set(node: Node, manifest: Manifest, walk: Walk) -> Iterable[Setting]:
    if manifest.kind == "Deployment" and manifest.name in CONTROLLERS:
        for container in mappings(manifest.spec, "template", "spec", "containers"):
            own = (f for f in flags_among(container.get("args")) if f[0] not in _USUAL)
            yield from (Setting(manifest.name, *f) for f in own)
        yield from (Setting(manifest.name, *s) for s in _settings(mapping(manifest.spec, "template", "spec")))
    elif manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
        yield from _instance(manifest.spec)
    else:
        values = flux_values(node, manifest, walk)
        yield from _instance(mapping(values, "instance"))
        for key, controller in HELM_VALUES.items():
            container = mapping(values, key, "container")
            yield from (Setting(controller, *f) for f in flags_among(container.get("additionalArgs")))


def _instance(spec: Mapping[str, Any]) -> Iterable[Setting]:
    """What a FluxInstance sets: first its profiles (size, tenants), then its own patches, as flux-operator orders them.

    Source: controlplaneio-fluxcd/flux-operator internal/builder/profiles.go, also GetProfileMultitenant.
    """
    size = str(mapping(spec, "cluster").get("size"))
    for controller, flags in _SIZES.get(size, {}).items():
        yield from (Setting(controller, *flag, size) for flag in flags)
    if mapping(spec, "cluster").get("multitenant") is True:
        account = str(mapping(spec, "cluster").get("tenantDefaultServiceAccount") or "default")
        for controller in ("kustomize-controller", "helm-controller"):
            yield Setting(controller, "no-cross-namespace-refs", "true")
            yield Setting(controller, "default-service-account", account)
    for patch in mappings(spec, "kustomize", "patches"):
        try:
            body = load(str(patch.get("patch") or ""), "patch")
        except Unreadable:
            continue
        for controller in patched_by(mapping(patch, "target"), body):
            yield from (Setting(controller, *f) for f in flags_among(_patched(body)))
            yield from (Setting(controller, *s) for s in _settings(_pod(body)))


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

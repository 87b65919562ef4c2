"""What flux-operator makes of a FluxInstance's controllers: the arguments of Flux's own manifests, patched in its order.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 internal/controller/fluxinstance_controller.go (size, tenants, then
the instance's own patches), internal/builder/profiles.go, templates.go kustomizationTmpl and kustomizationShardTmpl,
config/data/flux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fleetbench.graph.objects import CPU_LIMIT
from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import load
from fleetbench.repo.install.arguments import flags_at
from fleetbench.repo.install.controllers import WATCH, Deployment, is_patched, pod_settings
from fleetbench.repo.install.flag_places import Setting
from fleetbench.repo.manifest import CONTROLLERS, mapping, mappings
from fleetbench.repo.objects import SHARD_LABEL

_FIRST = (
    "--events-addr=",
    "--watch-all-namespaces",
    "--log-level=info",
    "--log-encoding=json",
    "--enable-leader-election",
)
"""The arguments that every controller has before any patch; source-controller has two more."""
_STORAGE = ("--storage-path=/data", "--storage-adv-addr=")
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
"""What ``spec.cluster.size`` adds: GetProfileClusterSize; source-controller's Helm cache aside, which is not modelled.
The CPU limit of ``small`` is the one that is there without it."""


_Patch = tuple[Mapping[str, Any], Any]
"""Target and body."""


class _Argument(NamedTuple):
    text: str
    size: str | None = None
    """The size of the instance that stands for it."""
    told: bool = True
    """False: every controller has it, or it says nothing about timing."""


class Made(NamedTuple):
    """A controller of a FluxInstance."""

    controller: str
    shard: str | None
    """None = the main one."""
    watches: str
    """Its ``--watch-label-selector``; empty = all."""
    settings: tuple[Setting, ...]
    """Its flags in order, and what else of its pod is set."""


def made_of(spec: Mapping[str, Any]) -> Iterator[Made]:
    """The controllers of a FluxInstance, with those of its shards (``spec.sharding``)."""
    patches = list(_patches(spec))
    listed = mapping(spec, "sharding").get("shards")
    shards = [str(name) for name in listed] if isinstance(listed, list) else []
    for controller in CONTROLLERS:
        for shard in (None, *shards):
            yield _made(Deployment(controller, shard), spec, patches, sharded=bool(shards))


def patched(controller: str, patches: Iterable[tuple[Mapping[str, Any], Any]]) -> tuple[Setting, ...]:
    """What patches (target, body) set on a controller, put on its Deployment as Flux's own manifests have it."""
    return _made(Deployment(controller), {}, patches, sharded=False).settings


def _made(deployment: Deployment, spec: Mapping[str, Any], patches: Iterable[_Patch], *, sharded: bool) -> Made:
    controller, shard = deployment
    size = str(mapping(spec, "cluster").get("size"))
    sized = _SIZES.get(size, {}).get(controller, ())
    settings = [Setting(controller, *flag, size) for flag in sized if flag[0] == CPU_LIMIT]
    arguments = [_Argument(text, told=False) for text in _before(deployment, spec, sharded=sharded)]
    arguments += [_Argument(f"--{flag}={value}", size) for flag, value in sized if flag != CPU_LIMIT]
    arguments += _of_tenants(spec, controller)
    for target, body in patches:
        if is_patched(deployment, target, body):
            _patch(arguments, body)
            settings += [Setting(controller, *setting) for setting in pod_settings(_pod(body))]
    watches = ""
    for flag, value, last in flags_at([argument.text for argument in arguments]):
        if flag == WATCH:
            watches = value
        if arguments[last].told:
            settings.append(Setting(controller, flag, value, arguments[last].size))
    return Made(controller, shard, watches, tuple(s._replace(shard=shard) for s in settings))


def _before(deployment: Deployment, spec: Mapping[str, Any], *, sharded: bool) -> Iterator[str]:
    """The arguments before any patch of a profile: those of Flux's manifests, and what the controller watches."""
    yield from _FIRST
    if deployment.controller == "source-controller":
        yield from _STORAGE if deployment.shard is None else (*_STORAGE, _STORAGE[-1])
    key = str(mapping(spec, "sharding").get("key") or SHARD_LABEL)
    if deployment.shard is not None:
        yield f"--{WATCH}={key}={deployment.shard}"
    elif sharded:
        yield f"--{WATCH}=!{key}"


def _of_tenants(spec: Mapping[str, Any], controller: str) -> Iterator[_Argument]:
    """What ``spec.cluster.multitenant`` adds: GetProfileMultitenant."""
    cluster = mapping(spec, "cluster")
    if cluster.get("multitenant") is True and controller != "source-controller":
        yield _Argument("--no-cross-namespace-refs=true")
        if controller == "kustomize-controller":
            yield _Argument("--no-remote-bases=true", told=False)
        account = str(cluster.get("tenantDefaultServiceAccount") or "default")
        yield _Argument(f"--default-service-account={account}")


def _patches(spec: Mapping[str, Any]) -> Iterator[_Patch]:
    """Target and body of the instance's own patches; one that cannot be read is left out."""
    for patch in mappings(spec, "kustomize", "patches"):
        try:
            yield mapping(patch, "target"), load(str(patch.get("patch") or ""), "patch")
        except Unreadable:
            continue


def _patch(arguments: list[_Argument], body: Any) -> None:
    """Do what a patch does to the arguments: a strategic merge replaces them all, a JSON 6902 operation one or all.

    They are a list without a merge key (Kubernetes api/core/v1 types.go Container: ``listType=atomic``). An operation on
    an argument that is not there fails the build, so that nothing is patched.
    """
    if isinstance(body, Mapping):
        for container in mappings(body, "spec", "template", "spec", "containers"):
            if "args" in container:
                arguments[:] = _all(container["args"])
        return
    for operation in body if isinstance(body, list) else ():
        path = re.search(r"/args(?:/(\d+|-))?$", str(operation.get("path"))) if isinstance(operation, Mapping) else None
        if path is None:
            continue
        op, value = operation.get("op"), operation.get("value")
        at = len(arguments) if path[1] == "-" else None if path[1] is None else int(path[1])
        if at is None:
            arguments[:] = _all(value if op in ("add", "replace") else None)
        elif op == "add" and at <= len(arguments):
            arguments.insert(at, _Argument(str(value)))
        elif op in ("replace", "remove") and at < len(arguments):
            arguments[at : at + 1] = [_Argument(str(value))] if op == "replace" else []


def _all(arguments: Any) -> Iterable[_Argument]:
    return [_Argument(str(argument)) for argument in arguments] if isinstance(arguments, list) else []


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

"""Fields that the API server lets nobody change once an object is there, and what Flux makes of that.

Source: Kubernetes v1.34.4 pkg/apis/*/validation/validation.go (the update rule of each kind below); fluxcd/pkg ssa v0.76.1
manager_apply.go ApplyAll (a dry-run that fails ends the apply) and shouldForceApply (deleted and made anew).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetbench.findings import IMMUTABLE, Finding
from fleetbench.graph.commit import Commit
from fleetbench.ids import say
from fleetbench.repo.kinds import KUSTOMIZE_GROUP
from fleetbench.repo.kustomize.variables import COPY_FROM
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.units import parse_quantity

HOLDS = ("PersistentVolumeClaim", "PersistentVolume")
_LOSES = "; what is deleted loses what it holds"
_DEFAULTS = {
    "podManagementPolicy": "OrderedReady", "completionMode": "NonIndexed", "volumeMode": "Filesystem", "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate", "preemptionPolicy": "PreemptLowerPriority", "type": "Opaque", "value": 0,
}  # fmt: skip
"""What the API server takes for a field that is not stated, so that stating it is no change."""
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "StatefulSet"): ("spec.selector", "spec.serviceName", "spec.podManagementPolicy"),
    ("batch", "Job"): (
        "spec.completionMode", "spec.podFailurePolicy", "spec.backoffLimitPerIndex", "spec.managedBy",
        "spec.successPolicy",
    ),
    ("storage.k8s.io", "StorageClass"): ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.volumeMode", "spec.selector"),
    ("", "Secret"): ("type",),
}  # fmt: skip
_FILLED_IN = {
    ("", "PersistentVolumeClaim"): (
        "spec.storageClassName",
        "spec.volumeName",
        "spec.dataSource",
        "spec.dataSourceRef",
    ),
    ("batch", "Job"): ("spec.selector",),
}
"""What the cluster fills in where a manifest leaves it out: a change only where both versions state it."""


def immutable_field(before: Manifest, after: Manifest) -> str | None:
    """The first field in which a new version of an object differs and may not; None = it may be applied.

    Args:
        before: as the cluster has it.
        after: the same kind and name.
    """
    kind = (after.group, after.kind)
    if COPY_FROM in mapping(after.metadata, "annotations"):
        return None
    for field in _FIELDS.get(kind, ()):
        if _stated(before, field) != _stated(after, field):
            return field
    for field in _FILLED_IN.get(kind, ()):
        was, becomes = _stated(before, field), _stated(after, field)
        if was is not None and becomes is not None and was != becomes:
            return field
    special = _SPECIAL.get(kind)
    return None if special is None else special(before, after)


def refusals(commit: Commit) -> list[Finding]:
    """A finding for each object that the API server does not let the commit change."""
    return [
        Finding(
            IMMUTABLE,
            f"the commit changes {i.field} of {say(i.object)}, which the API server refuses: its dry-run fails, and with it "
            "the apply of all beside it",
            f"set spec.force, or the annotation {KUSTOMIZE_GROUP}/force: enabled on the object, which then is deleted and made anew; or give "
            f"it another name{_LOSES if i.object.kind in HOLDS else ''}",
            i.by,
            i.file,
            i.line,
        )
        for i in commit.immutable
    ]


def is_made_anew(after: Manifest, before: Manifest, spec: Mapping[str, Any]) -> bool:
    """Whether Flux deletes an object whose change is refused and applies it again.

    Args:
        after: its new version.
        before: its old one: the label or annotation of either counts.
        spec: of the Kustomization that applies it (``force``).
    """
    # What an admission plugin forbids is no error that Flux takes for an immutable field: a claim without a class that grows.
    forbidden = after.kind == "PersistentVolumeClaim" and _grows_by(before, after) > 0
    return not forbidden and (spec.get("force") is True or after.is_forced or before.is_forced)


def _stated(manifest: Manifest, field: str) -> Any:
    *path, name = field.split(".")
    value = mapping(manifest.body, *path).get(name)
    return _DEFAULTS.get(name) if value in (None, "", {}, []) else value


def _job(before: Manifest, after: Manifest) -> str | None:
    """Its pods' template, but for where they may run while it is suspended; completions but for Indexed in tandem."""
    templates = [mapping(m.spec, "template") for m in (before, after)]
    if before.spec.get("suspend") is True:
        templates = list(map(_without_directives, templates))
    if templates[0] != templates[1]:
        return "spec.template"
    was, becomes = map(_completions, (before, after))
    in_tandem = _stated(after, "spec.completionMode") == "Indexed" and becomes == after.spec.get("parallelism", 1)
    return None if was == becomes or in_tandem else "spec.completions"


def _without_directives(template: Mapping[str, Any]) -> Any:
    """A template without what says where its pods may run (AllowMutableSchedulingDirectives)."""
    directives = ("affinity", "nodeSelector", "tolerations", "schedulingGates")
    metadata = {k: v for k, v in mapping(template, "metadata").items() if k not in ("labels", "annotations")}
    return metadata, {k: v for k, v in mapping(template, "spec").items() if k not in directives}


def _completions(job: Manifest) -> Any:
    """Source: Kubernetes v1.34.4 pkg/apis/batch/v1/defaults.go SetDefaults_Job (1 where parallelism is not stated either)."""
    stated = job.spec.get("completions")
    return 1 if stated is None and job.spec.get("parallelism") is None else stated


def _stateful_set(before: Manifest, after: Manifest) -> str | None:
    was, becomes = (mappings(m.body, "spec", "volumeClaimTemplates") for m in (before, after))
    same = len(was) == len(becomes) and all(map(_is_same_claim, was, becomes))
    return None if same else "spec.volumeClaimTemplates"


def _is_same_claim(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    def shape(claim: Mapping[str, Any]) -> Any:
        metadata, spec = mapping(claim, "metadata"), mapping(claim, "spec")
        said = {key: metadata.get(key) or {} for key in ("name", "labels", "annotations")}
        sizes = {name: _size(size) for name, size in mapping(spec, "resources", "requests").items()}
        rest = {k: v for k, v in spec.items() if k != "resources"} | {"limits": mapping(spec, "resources", "limits")}
        return said, sizes, {"volumeMode": "Filesystem", **rest}

    return bool(shape(before) == shape(after))


def _binding(before: Manifest, after: Manifest) -> str | None:
    was, becomes = ({"apiGroup": after.group, **mapping(m.body, "roleRef")} for m in (before, after))
    return None if was == becomes else "roleRef"


def _size(stated: object) -> object:
    try:
        return parse_quantity(stated)
    except ValueError:
        return stated


def _constant(before: Manifest, after: Manifest) -> str | None:
    """A ConfigMap or Secret with ``immutable: true``; what is encrypted in the repository may read otherwise and be the same."""
    if before.body.get("immutable") is not True:
        return None
    if after.body.get("immutable") is not True:
        return "immutable"
    if "sops" in before.body or "sops" in after.body:
        return None
    fields = ("data", "stringData", "binaryData")
    return next((f for f in fields if (before.body.get(f) or {}) != (after.body.get(f) or {})), None)


def _service(before: Manifest, after: Manifest) -> str | None:
    """A Service that has an address may not become headless, nor the other way round where it states one."""
    was, becomes = before.spec.get("clusterIP"), after.spec.get("clusterIP")
    if "ExternalName" in (before.spec.get("type"), after.spec.get("type")) or becomes is None:
        return None
    return "spec.clusterIP" if was != becomes else None


def _pod(before: Manifest, after: Manifest) -> str | None:
    """Of a Pod's spec little but its images may change."""

    def shape(manifest: Manifest) -> dict[str, Any]:
        spec = {k: v for k, v in manifest.spec.items() if k not in ("activeDeadlineSeconds", "tolerations")}
        for part in ("initContainers", "containers"):
            spec[part] = [{k: v for k, v in c.items() if k != "image"} for c in mappings(manifest.body, "spec", part)]
        return spec

    return None if shape(before) == shape(after) else "spec"


_SIZE = "spec.resources.requests.storage"


def _claim(before: Manifest, after: Manifest) -> str | None:
    """A volume may grow, if a class made it that allows so, and never shrink."""
    grows_by = _grows_by(before, after)
    return _SIZE if grows_by < 0 or (grows_by > 0 and after.spec.get("storageClassName") == "") else None


def _grows_by(before: Manifest, after: Manifest) -> float:
    sizes = [mapping(m.spec, "resources", "requests").get("storage") for m in (before, after)]
    try:
        was, becomes = map(parse_quantity, sizes)
    except ValueError:
        return 0.0
    return becomes - was


def _volume(before: Manifest, after: Manifest) -> str | None:
    """Where a volume lies (PersistentVolumeSource); the rest of its spec may change, or is the cluster's."""
    was, becomes = ({k: v for k, v in m.spec.items() if k not in _NO_SOURCE} for m in (before, after))
    return None if was == becomes else "spec.persistentvolumesource"


_NO_SOURCE = (
    "capacity", "accessModes", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions", "claimRef", "nodeAffinity",
    "volumeMode", "volumeAttributesClassName",
)  # fmt: skip


_SPECIAL: dict[tuple[str, str], Callable[[Manifest, Manifest], str | None]] = {
    ("batch", "Job"): _job,
    ("apps", "StatefulSet"): _stateful_set,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _binding,
    ("", "ConfigMap"): _constant,
    ("", "Secret"): _constant,
    ("", "Service"): _service,
    ("", "Pod"): _pod,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
}

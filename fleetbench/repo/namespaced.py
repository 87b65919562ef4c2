"""Objects of namespaced kinds that name no namespace: nothing in Flux gives them one.

``spec.targetNamespace`` and a kustomization.yaml's ``namespace`` do, while it is built. What then still has none is sent
to the API server outside every namespace, where its kind is not served, and its apply fails with all beside it:
"namespace not specified".

Source: fluxcd/pkg ssa v0.76.1 errors/errors.go DryRunErr, manager_apply_test.go TestApply_MissingNamespaceErr;
kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply sets none.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import NAMESPACE_MISSING, Finding
from fleetbench.ids import some
from fleetbench.repo.manifest import FLUX_GROUPS, Manifest
from fleetbench.repo.nodes import Walk
from fleetbench.units import counted

_NAMESPACED = {
    "": (
        "ConfigMap", "Endpoints", "Event", "LimitRange", "PersistentVolumeClaim", "Pod", "PodTemplate",
        "ReplicationController", "ResourceQuota", "Secret", "Service", "ServiceAccount",
    ),
    "apps": ("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "autoscaling": ("HorizontalPodAutoscaler",),
    "batch": ("CronJob", "Job"),
    "coordination.k8s.io": ("Lease",),
    "discovery.k8s.io": ("EndpointSlice",),
    "networking.k8s.io": ("Ingress", "NetworkPolicy"),
    "policy": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io": ("Role", "RoleBinding"),
}  # fmt: skip
"""API group -> its kinds that live in namespaces (Kubernetes API reference). Flux's own all do."""


def without_namespace(walk: Walk) -> Iterator[Finding]:
    """What has no namespace of what each Kustomization applies, one finding a Kustomization."""
    for node in walk.nodes.values():
        found = [m for m in node.rendered if not m.namespace and _is_namespaced(m)]
        if not found:
            continue
        first, names = found[0], [f"{m.kind}/{m.name}" for m in found]
        text = (
            f"applies {counted(len(found), 'object')} without a namespace ({some(names, 4)}), which Flux cannot: namespace "
            f"not specified; here they count as in namespace {node.id.namespace}"
        )
        fix = "state metadata.namespace, spec.targetNamespace here, or namespace in its kustomization.yaml"
        yield Finding(NAMESPACE_MISSING, text, fix, node.id, first.file, first.line)


def _is_namespaced(manifest: Manifest) -> bool:
    return manifest.group in FLUX_GROUPS or manifest.kind in _NAMESPACED.get(manifest.group, ())

"""What kinds are told apart by, where no cluster can be asked: who serves them, and whether they live in namespaces."""

from __future__ import annotations

from collections.abc import Mapping

from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS

KUSTOMIZE_GROUP = "kustomize.toolkit.fluxcd.io"
HELM_GROUP = "helm.toolkit.fluxcd.io"
SOURCE_GROUP = "source.toolkit.fluxcd.io"
FLUX_GROUPS = (KUSTOMIZE_GROUP, HELM_GROUP, SOURCE_GROUP)
INSTANCE_GROUP = "fluxcd.controlplane.io"
"""flux-operator's: FluxInstance, ResourceSet and the like."""
WATCHER_GROUP = "source.extensions.fluxcd.io"
"""source-watcher's: ArtifactGenerator."""
CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "ComponentStatus",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "DeviceClass",
        "IPAddress",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ResourceSlice",
        "ServiceCIDR",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeSnapshotClass",
        "ClusterIssuer",
        "ClusterSecretStore",
        "ClusterExternalSecret",
        "ClusterPolicy",
        "GatewayClass",
    ]
)
"""Kinds outside namespaces: the built-in ones, and those of widely used operators that this tool looks at."""
_NAMESPACED = {
    "": (
        "Binding", "ConfigMap", "Endpoints", "Event", "LimitRange", "PersistentVolumeClaim", "Pod", "PodTemplate",
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
    "resource.k8s.io": ("ResourceClaim", "ResourceClaimTemplate"),
    "storage.k8s.io": ("CSIStorageCapacity",),
}  # fmt: skip
"""API group -> its kinds that live in namespaces (Kubernetes API reference). Flux's own, and flux-operator's, all do."""
BUILT_IN = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})
"""API groups of Kubernetes itself, beside those that end in ``.k8s.io`` and are not extensions."""
_EXTENSIONS = (
    "gateway.networking.k8s.io",
    "snapshot.storage.k8s.io",
    "cluster.x-k8s.io",
    "metrics.k8s.io",
)


def is_built_in(group: str) -> bool:
    """Whether Kubernetes itself serves that API group."""
    return group in BUILT_IN or (group.endswith(".k8s.io") and not group.endswith(_EXTENSIONS))


def is_flux(group: str) -> bool:
    """Whether Flux's controllers, source-watcher or flux-operator serve that API group; others' end in ``fluxcd.io``, too."""
    return group in (INSTANCE_GROUP, WATCHER_GROUP) or group.endswith(".toolkit.fluxcd.io")


_KINDS: Mapping[str, frozenset[str]] = {
    "": frozenset({*_NAMESPACED[""], "ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "apps": frozenset(_NAMESPACED["apps"]),
    "batch": frozenset(_NAMESPACED["batch"]),
    KUSTOMIZE_GROUP: frozenset({KUSTOMIZATION}),
    HELM_GROUP: frozenset({HELM_RELEASE}),
    SOURCE_GROUP: frozenset(SOURCE_KINDS),
}
"""API group -> its kinds, those of Kubernetes' all of them: k8s.io/api v0.34.4 core/v1, apps/v1 and batch/v1 register.go."""


def lacks(group: str, kind: str) -> bool:
    """Whether an API group surely has no such kind; a later release of Flux may have some that are not known here."""
    own = _KINDS.get(group)
    if own is None or kind in own:
        return False
    return not is_flux(group) or any(kind in kinds for kinds in _KINDS.values())


def is_namespaced(group: str, kind: str) -> bool:
    """Whether objects of that kind live in namespaces, as far as that is known: of other groups' it is not."""
    return is_flux(group) or kind in _NAMESPACED.get(group, ())

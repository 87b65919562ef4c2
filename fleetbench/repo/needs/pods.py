"""What pods and volume claims cannot do without: Secrets, ConfigMaps, claims, accounts, and the classes that they name.

Source: Kubernetes plugin/pkg/admission/priority/admission.go admitPod, plugin/pkg/admission/runtimeclass/admission.go
prepareObjects (a pod that names a class which is not there is forbidden, so its controller tries again and again);
pkg/controller/volume/persistentvolume/pv_controller.go syncUnboundClaim, provisionClaim (a claim stays Pending, and
its pods with it); pkg/kubelet/kubelet_pods.go getPullSecretsForPod (an image is pulled without a Secret that is not
there, which a private registry refuses). fluxcd/cli-utils v1.2.2 pkg/kstatus/status/core.go pvcConditions: a claim that
is not Bound is InProgress.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.needs.providers import Key

STORAGE_CLASS, PRIORITY_CLASS, RUNTIME_CLASS = "StorageClass", "PriorityClass", "RuntimeClass"
ADMITTED_BY = frozenset({PRIORITY_CLASS, RUNTIME_CLASS})
"""Without these a pod is refused: a bare one fails the dry-run, one of a Deployment keeps that from turning ready."""
_BUILT_IN_PRIORITIES = frozenset({"system-node-critical", "system-cluster-critical"})
"""Kubernetes pkg/apis/scheduling/v1/helpers.go systemPriorityClasses: the API server makes them."""


def workload_wants(manifest: Manifest, namespace: str) -> Iterator[Key]:
    """What an object that runs pods, or claims a volume, needs before it turns ready.

    Args:
        manifest: the object; of a kind that does neither nothing is wanted.
        namespace: where it goes.
    """
    if manifest.kind == "PersistentVolumeClaim" and manifest.group == "":
        yield from _claim_wants(manifest.spec)
    if manifest.kind == "StatefulSet" and manifest.group == "apps":
        for template in mappings(manifest.spec, "volumeClaimTemplates"):
            yield from _claim_wants(mapping(template, "spec"))
    yield from _pod_wants(_pod(manifest), namespace)


def named_class(kind: str, name: object) -> Iterator[Key]:
    """The class of that kind and name, if it is one that somebody has to make."""
    if isinstance(name, str) and name and not (kind == PRIORITY_CLASS and name in _BUILT_IN_PRIORITIES):
        yield kind, "", name


def _claim_wants(claim: Mapping[str, Any]) -> Iterator[Key]:
    """The class of a claim, unless it names its volume: that one is bound to it, whether the class is there or not."""
    if not claim.get("volumeName"):
        yield from named_class(STORAGE_CLASS, claim.get("storageClassName"))


def _pod(manifest: Manifest) -> Mapping[str, Any]:
    if manifest.group not in ("", "apps", "batch"):
        return {}
    if manifest.kind == "Pod":
        return manifest.spec
    if manifest.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"):
        return mapping(manifest.spec, "template", "spec")
    return {}


def _pod_wants(pod: Mapping[str, Any], namespace: str) -> Iterator[Key]:
    account = pod.get("serviceAccountName")
    if account and account != "default":
        yield "ServiceAccount", namespace, str(account)
    yield from named_class(PRIORITY_CLASS, pod.get("priorityClassName"))
    yield from named_class(RUNTIME_CLASS, pod.get("runtimeClassName"))
    for secret in mappings(pod, "imagePullSecrets"):
        yield from _referenced(secret, "Secret", namespace)
    for volume in mappings(pod, "volumes"):
        yield from _claim_wants(mapping(volume, "ephemeral", "volumeClaimTemplate", "spec"))
        for kind, field, name in (
            ("Secret", "secret", "secretName"),
            ("ConfigMap", "configMap", "name"),
            ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
        ):
            named = mapping(volume, field)
            if named.get(name) and not named.get("optional"):
                yield kind, namespace, str(named[name])
    for part in ("initContainers", "containers"):
        for container in mappings(pod, part):
            for source in mappings(container, "envFrom"):
                yield from _referenced(mapping(source, "secretRef"), "Secret", namespace)
                yield from _referenced(mapping(source, "configMapRef"), "ConfigMap", namespace)
            for variable in mappings(container, "env"):
                yield from _referenced(mapping(variable, "valueFrom", "secretKeyRef"), "Secret", namespace)
                yield from _referenced(mapping(variable, "valueFrom", "configMapKeyRef"), "ConfigMap", namespace)


def _referenced(reference: Mapping[str, Any], kind: str, namespace: str) -> Iterator[Key]:
    if reference.get("name") and not reference.get("optional"):
        yield kind, namespace, str(reference["name"])

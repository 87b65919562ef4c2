"""Which fields of an object a commit may not change."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.repo.commits.immutable import immutable_field, is_made_anew
from fleetbench.repo.manifest import Manifest

POD = {"containers": [{"name": "c", "image": "app:1"}]}
CLAIM = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}


def manifest(api_version: str, kind: str, **body: Any) -> Manifest:
    return Manifest({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **body})


def requests(text: str) -> dict[str, Any]:
    return {"resources": {"requests": {"storage": text}}}


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


@pytest.mark.parametrize(
    ("api_version", "kind", "before", "after", "field"),
    [
        ("batch/v1", "Job", spec(template={"spec": POD}), spec(template={"spec": {**POD, "nodeName": "n"}}), "spec.template"),
        ("batch/v1", "Job", spec(template={"spec": POD}), spec(template={"spec": POD}, backoffLimit=3), None),
        ("batch/v1", "Job", spec(template={"spec": POD}), spec(template={"spec": POD}, completions=3), "spec.completions"),
        ("batch/v1", "Job", spec(completions=1, completionMode="Indexed"), spec(completions=3, completionMode="Indexed"), "spec.completions"),
        ("batch/v1", "Job", spec(completions=1, completionMode="Indexed"), spec(completions=3, parallelism=3, completionMode="Indexed"), None),
        ("batch/v1", "Job", spec(template={"spec": POD}), spec(template={"spec": POD}, completions=1), None),
        ("batch/v1", "Job", spec(suspend=True, template={}), spec(suspend=True, template={"spec": POD}), "spec.template"),
        ("batch/v1", "Job", spec(suspend=True, template={"spec": POD}), spec(template={"spec": {**POD, "nodeSelector": {"a": "b"}}}), None),
        ("apps/v1", "Deployment", spec(template={"spec": POD}), spec(template={}), None),
        ("apps/v1", "Deployment", spec(selector={"matchLabels": {"a": "b"}}), spec(selector={"matchLabels": {"a": "c"}}), "spec.selector"),
        ("apps/v1", "StatefulSet", spec(replicas=1), spec(replicas=2, podManagementPolicy="OrderedReady"), None),
        ("apps/v1", "StatefulSet", spec(serviceName="a"), spec(serviceName="b"), "spec.serviceName"),
        ("apps/v1", "StatefulSet", spec(volumeClaimTemplates=[CLAIM]), spec(volumeClaimTemplates=[CLAIM, CLAIM]), "spec.volumeClaimTemplates"),
        ("apps/v1", "StatefulSet", spec(volumeClaimTemplates=[CLAIM]), spec(volumeClaimTemplates=[{"kind": "PersistentVolumeClaim", **CLAIM}]), None),
        ("v1", "PersistentVolumeClaim", spec(resources={"requests": {"storage": "1Gi"}}), spec(resources={"requests": {"storage": "2Gi"}}), None),
        ("v1", "PersistentVolumeClaim", spec(storageClassName="a"), spec(storageClassName="b"), "spec.storageClassName"),
        ("v1", "PersistentVolumeClaim", spec(), spec(storageClassName="b", volumeMode="Filesystem"), None),
        ("v1", "PersistentVolumeClaim", spec(accessModes=["ReadWriteOnce"]), spec(accessModes=["ReadWriteMany"]), "spec.accessModes"),
        ("v1", "PersistentVolumeClaim", spec(resources={"requests": {"storage": "1Gi"}}), spec(resources={"requests": {"storage": "1G"}}), "spec.resources.requests.storage"),
        ("v1", "PersistentVolumeClaim", spec(storageClassName="", **requests("1Gi")), spec(storageClassName="", **requests("2Gi")), "spec.resources.requests.storage"),
        ("v1", "PersistentVolumeClaim", spec(storageClassName="", **requests("1Gi")), spec(storageClassName="", **requests("1024Mi")), None),
        ("v1", "PersistentVolume", spec(nfs={"path": "/a"}), spec(nfs={"path": "/b"}), "spec.persistentvolumesource"),
        ("v1", "PersistentVolume", spec(nfs={"path": "/a"}, capacity={"storage": "1Gi"}), spec(nfs={"path": "/a"}), None),
        ("apps/v1", "StatefulSet", spec(volumeClaimTemplates=[CLAIM]), spec(volumeClaimTemplates=[{**CLAIM, "spec": requests("1024Mi")}]), None),
        ("v1", "Secret", {}, {"type": "kubernetes.io/tls", "metadata": {"annotations": {"fluxcd.controlplane.io/copyFrom": "a/b"}}}, None),
        ("v1", "ConfigMap", {"immutable": True, "data": {"a": "1"}}, {"immutable": True, "data": {"a": "2"}}, "data"),
        ("v1", "ConfigMap", {"immutable": True, "data": {"a": "1"}}, {"data": {"a": "1"}}, "immutable"),
        ("v1", "ConfigMap", {"data": {"a": "1"}}, {"immutable": True, "data": {"a": "2"}}, None),
        ("v1", "Secret", {"immutable": True, "data": {"a": "1"}, "sops": {}}, {"immutable": True, "data": {"a": "2"}, "sops": {}}, None),
        ("v1", "Secret", {}, {"type": "Opaque"}, None),
        ("v1", "Secret", {}, {"type": "kubernetes.io/tls"}, "type"),
        ("v1", "Service", spec(), spec(clusterIP="None"), "spec.clusterIP"),
        ("v1", "Service", spec(clusterIP="None"), spec(), None),
        ("v1", "Pod", {"spec": POD}, spec(containers=[{"name": "c", "image": "app:2"}]), None),
        ("v1", "Pod", {"spec": POD}, spec(containers=[{"name": "c", "image": "app:1", "command": ["x"]}]), "spec"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "a", "apiGroup": "rbac.authorization.k8s.io"}}, None),
        ("storage.k8s.io/v1", "StorageClass", {"parameters": {}}, {}, None),
        ("v1", "PersistentVolumeClaim", spec(dataSource={"name": "a"}), spec(dataSource={"name": "a"}, dataSourceRef={"name": "a"}), None),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}, "roleRef"),
        ("storage.k8s.io/v1", "StorageClass", {"parameters": {"a": "1"}}, {"parameters": {"a": "2"}}, "parameters"),
        ("storage.k8s.io/v1", "StorageClass", {}, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}, None),
        ("scheduling.k8s.io/v1", "PriorityClass", {"value": 1}, {"value": 2}, "value"),
        ("example.test/v1", "Job", spec(template={}), spec(template={"spec": POD}), None),
    ],
)  # fmt: skip
def test_the_api_server_refuses_a_change(api_version, kind, before, after, field):
    assert immutable_field(manifest(api_version, kind, **before), manifest(api_version, kind, **after)) == field


def noted(**annotations: str) -> Manifest:
    group = "kustomize.toolkit.fluxcd.io"
    return Manifest({"kind": "Job", "metadata": {"annotations": {f"{group}/{k}": v for k, v in annotations.items()}}})


def test_force_has_flux_delete_it_and_apply_it_again():
    plain = noted()
    assert not is_made_anew(plain, plain, {})
    assert is_made_anew(plain, plain, {"force": True})
    grown = [
        manifest("v1", "PersistentVolumeClaim", **spec(storageClassName="", **requests(s))) for s in ("1Gi", "2Gi")
    ]
    assert not is_made_anew(grown[1], grown[0], {"force": True})  # forbidden by an admission plugin, not immutable
    assert is_made_anew(noted(force="enabled"), plain, {}) and is_made_anew(plain, noted(force="Enabled"), {})


def test_flux_leaves_some_objects_of_a_build_alone():
    assert noted(reconcile="disabled").is_left_alone and noted(ssa="Ignore").is_left_alone
    assert noted(ssa="IfNotPresent").is_only_created
    assert not noted(ssa="Merge").is_left_alone and not noted(ssa="Merge").is_only_created

"""What objects state about their own readiness."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.repo.manifest import Manifest
from fleetbench.repo.workloads import KWOK_DELAY, stated_ready, workload_of
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, obj


def _template(*containers: dict[str, Any], delay: object = None) -> dict[str, Any]:
    annotations = {} if delay is None else {KWOK_DELAY: delay}
    return {"metadata": {"annotations": annotations}, "spec": {"containers": list(containers)}}


@pytest.mark.parametrize(
    ("template", "min_ready_s", "stated"),
    [
        (_template(delay="2400ms"), 0, (2.4, "annotation")),
        (_template(delay="24900ms"), 0, (24.9, "annotation")),
        (_template(delay="1m30s"), 0, (90.0, "annotation")),
        (_template(delay=1500), 0, (1.5, "annotation")),
        (_template(delay="2s"), 10, (12.0, "annotation")),
        (_template({"readinessProbe": {"initialDelaySeconds": 30}}, delay="2s"), 0, (2.0, "annotation")),
        (_template(delay="soon"), 0, (None, None)),
        (_template({}), 0, (None, None)),
        (_template({}), 15, (15.0, "minReadySeconds")),
        (_template({"readinessProbe": {"initialDelaySeconds": 20}}), 0, (20.0, "probes")),
        (_template({"readinessProbe": {"initialDelaySeconds": 20}}), 5, (25.0, "probes")),
        (_template({"readinessProbe": {"periodSeconds": 5, "successThreshold": 3}}), 0, (10.0, "probes")),
        (
            _template({"startupProbe": {"initialDelaySeconds": 12}, "readinessProbe": {"periodSeconds": 5}}),
            0,
            (15.0, "probes"),
        ),
        (_template({"startupProbe": {"initialDelaySeconds": 12}}), 0, (12.0, "probes")),
        (
            _template({"readinessProbe": {"initialDelaySeconds": 5}}, {"readinessProbe": {"initialDelaySeconds": 9}}),
            0,
            (9.0, "probes"),
        ),
        (_template({"readinessProbe": {"httpGet": {"path": "/"}}}), 0, (None, None)),
    ],
)
def test_a_pod_template_states(
    template: dict[str, Any], min_ready_s: float, stated: tuple[float | None, str | None]
) -> None:
    assert stated_ready(template, min_ready_s) == stated


def _workload(api_version: str, kind: str, spec: dict[str, Any], **metadata: Any) -> Any:
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "w", **metadata}, "spec": spec}
    return workload_of(Manifest(body), "ns")


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "replicas"),
    [
        ("apps/v1", "Deployment", {}, 1),
        ("apps/v1", "Deployment", {"replicas": 3}, 3),
        ("apps/v1", "StatefulSet", {"replicas": 0}, 0),
        ("apps/v1", "DaemonSet", {}, 1),
        ("batch/v1", "Job", {"parallelism": 2}, 2),
        ("batch/v1", "Job", {"suspend": True}, 0),
        ("v1", "Pod", {}, 1),
        ("postgresql.cnpg.io/v1", "Cluster", {"instances": 3}, 3),
        ("scylla.scylladb.com/v1", "ScyllaCluster", {"datacenter": {"racks": [{"members": 2}, {"members": 1}]}}, 3),
        ("external-secrets.io/v1", "ExternalSecret", {}, 1),
        ("v1", "PersistentVolumeClaim", {}, 1),
    ],
)
def test_a_workload_and_its_replicas(api_version: str, kind: str, spec: dict[str, Any], replicas: int) -> None:
    found = _workload(api_version, kind, spec)
    assert found is not None and found.replicas == replicas and found.object.namespace == "ns"
    assert found.group == api_version.rpartition("/")[0]


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("batch/v1", "CronJob"),
        ("cluster.x-k8s.io/v1beta1", "Cluster"),
        ("example.test/v1", "Deployment"),
    ],
)
def test_what_is_current_at_once_is_no_workload(api_version: str, kind: str) -> None:
    assert _workload(api_version, kind, {}) is None


@pytest.mark.parametrize(("policy", "parallel"), [(None, False), ("OrderedReady", False), ("Parallel", True)])
def test_a_statefulset_says_whether_its_pods_start_at_once(policy: str | None, parallel: bool) -> None:
    assert _workload("apps/v1", "StatefulSet", {"replicas": 3, "podManagementPolicy": policy}).parallel is parallel


def test_an_update_strategy_is_kept_where_it_is_not_the_default_of_the_kind() -> None:
    all_at_once = {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}
    stated = _workload("apps/v1", "Deployment", {"replicas": 4, "strategy": all_at_once})
    assert (stated.at_once, stated.replaced_at_once) == (4, 4)
    default = _workload("apps/v1", "Deployment", {"replicas": 4, "strategy": {"type": "RollingUpdate"}})
    assert (default.at_once, default.replaced_at_once) == (None, 2)


def test_images_deadlines_and_hooks_are_read() -> None:
    pod = {"spec": {"initContainers": [{"image": "init:1"}], "containers": [{"image": "main:1"}, {"image": "init:1"}]}}
    found = _workload(
        "batch/v1",
        "Job",
        {"template": pod, "activeDeadlineSeconds": 90},
        annotations={"helm.sh/hook": "pre-install,pre-upgrade"},
    )
    assert found.images == ("init:1", "main:1") and found.deadline_s == 90.0 and found.hook
    assert found.at_once is None
    installing = _workload("batch/v1", "Job", {}, annotations={"helm.sh/hook": "pre-install"})
    assert installing.hook and installing.at_once == 0  # an upgrade does not run it
    found = _workload("apps/v1", "Deployment", {"progressDeadlineSeconds": 3600})
    assert found.deadline_s == 3600.0 and not found.hook


@pytest.mark.parametrize(
    "spec", [{"replicas": "two"}, {"replicas": True}, {"template": []}, {"template": {"spec": {"containers": "x"}}}]
)
def test_nonsense_in_a_template_is_no_traceback(spec: dict[str, Any]) -> None:
    found = _workload("apps/v1", "Deployment", spec)
    assert found is not None and found.replicas == 1


@pytest.mark.parametrize(
    ("name", "image", "runs"),
    [
        ("kustomize-controller", "ghcr.io/fluxcd/kustomize-controller:v1.9.4", True),
        ("flux-notifications", "mirror.example.org/fluxcd/notification-controller:v1.9.0", True),
        ("web", "ghcr.io/stefanprodan/podinfo:6.9.0", False),
    ],
)
def test_the_controllers_that_reconcile_the_fleet_are_no_workloads_of_it(
    read: Read, name: str, image: str, runs: bool
) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "manager", "image": image}]}}}
    deployment = obj("apps/v1", "Deployment", name, namespace="flux-system", spec=spec)
    root = both(git(), flux("flux-system", "./clusters/c"))
    (k,) = read({"clusters/c/all.yaml": both(root, deployment)}).fleet.kustomizations
    assert (len(k.workloads), len(k.objects)) == (0 if runs else 1, 3)

"""The classes that volumes and pods name, and the Secrets that images are pulled with: who needs which of whom."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.decide.needed import NEEDED, classify
from fleetbench.graph.checks.needs import missing_edges
from fleetbench.graph.fleet import Fleet
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, ks_id, obj, release

FAST = obj("storage.k8s.io/v1", "StorageClass", "fast", provisioner="driver.example.test")
HIGH = obj("scheduling.k8s.io/v1", "PriorityClass", "high", value=1000)
NODE_CRITICAL = obj("scheduling.k8s.io/v1", "PriorityClass", "system-node-critical", value=2000001000)
SANDBOX = obj("node.k8s.io/v1", "RuntimeClass", "sandbox", handler="runsc")
LOGIN = obj("v1", "Secret", "login", namespace="default")
CLASSES = both(FAST, HIGH, NODE_CRITICAL, SANDBOX, LOGIN)


def _needs(read: Read, wanting: str) -> list[str]:
    entry = both(flux("a", "./a"), flux("b", "./b"))
    reading = read({"clusters/c/all.yaml": entry, "a/classes.yaml": CLASSES, "b/it.yaml": wanting})
    b = reading.fleet.kustomization(ks_id("b"))
    assert b is not None and {n.provided_by for n in b.needs} <= {ks_id("a")}
    return [f"{n.blocks}: {n.what}" for n in b.needs]


def _claim(**spec: Any) -> str:
    return obj("v1", "PersistentVolumeClaim", "data", namespace="default", spec=spec)


def _deployment(**pod: Any) -> str:
    return obj("apps/v1", "Deployment", "web", namespace="default", spec={"template": {"spec": pod}})


def test_a_claim_is_not_bound_before_its_class_is_there(read: Read) -> None:
    assert _needs(read, _claim(storageClassName="fast")) == ["workload: StorageClass fast"]


@pytest.mark.parametrize(
    "spec",
    [{}, {"storageClassName": ""}, {"storageClassName": "slow"}, {"storageClassName": "fast", "volumeName": "v"}],
)
def test_a_claim_needs_no_class_that_it_does_not_name_or_that_others_bring_or_where_it_names_its_volume(
    read: Read, spec: dict[str, Any]
) -> None:
    assert _needs(read, _claim(**spec)) == []


def test_a_stateful_set_needs_the_classes_of_its_claims(read: Read) -> None:
    spec = {"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"storageClassName": "fast"}}]}
    wanting = obj("apps/v1", "StatefulSet", "db", namespace="default", spec=spec)
    assert _needs(read, wanting) == ["workload: StorageClass fast"]


@pytest.mark.parametrize(
    ("pod", "wanted"),
    [
        ({"priorityClassName": "high"}, "PriorityClass high"),
        ({"runtimeClassName": "sandbox"}, "RuntimeClass sandbox"),
        ({"imagePullSecrets": [{"name": "login"}]}, "Secret default/login"),
        (
            {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}}]},
            "StorageClass fast",
        ),
    ],
)
def test_pods_need_the_classes_and_the_pull_secrets_that_they_name(
    read: Read, pod: dict[str, Any], wanted: str
) -> None:
    assert _needs(read, _deployment(**pod)) == [f"workload: {wanted}"]


@pytest.mark.parametrize("name", ["system-node-critical", "system-cluster-critical", "elsewhere"])
def test_the_priorities_that_kubernetes_makes_and_those_that_nothing_here_brings_are_there(
    read: Read, name: str
) -> None:
    assert _needs(read, _deployment(priorityClassName=name)) == []


def test_a_bare_pod_is_refused_in_the_dry_run_for_want_of_its_priority(read: Read) -> None:
    pod = {"priorityClassName": "high", "imagePullSecrets": [{"name": "login"}]}
    wanting = obj("v1", "Pod", "one", namespace="default", spec=pod)
    assert _needs(read, wanting) == ["apply: PriorityClass high", "workload: Secret default/login"]


def _of_values(read: Read, values: dict[str, Any]) -> list[tuple[str, str]]:
    files = {
        "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
        "a/classes.yaml": CLASSES,
        "b/app.yaml": release("app", namespace="default", values=values),
    }
    return [(n.blocks, n.what) for n in read(files).fleet.helmreleases[0].needs]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"grafana": {"persistence": {"enabled": True, "storageClassName": "fast"}}}, "StorageClass fast"),
        ({"global": {"storageClass": "fast"}}, "StorageClass fast"),
        ({"nodes": [{"claim": {"storageClass": "fast"}}]}, "StorageClass fast"),
        ({"priorityClassName": "high"}, "PriorityClass high"),
        ({"agent": {"runtimeClassName": "sandbox"}}, "RuntimeClass sandbox"),
    ],
)
def test_the_values_of_a_release_name_the_classes_that_it_waits_for(
    read: Read, values: dict[str, Any], wanted: str
) -> None:
    assert _of_values(read, values) == [("workload", wanted)]


@pytest.mark.parametrize(
    "values",
    [
        {"persistence": {"enabled": False, "storageClass": "fast"}},
        {"storageClass": {"name": "fast", "create": True}},
        {"storageClassName": "elsewhere"},
        {"priorityClassName": "system-cluster-critical"},
        {"class": "fast"},
    ],
)
def test_classes_that_values_switch_off_or_make_or_that_others_bring_hold_no_release_up(
    read: Read, values: dict[str, Any]
) -> None:
    assert _of_values(read, values) == []


def test_an_edge_to_what_brings_the_class_is_needed_and_one_against_it_is_never_proposed(read: Read) -> None:
    widget = {"group": "example.test", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced"}
    crd = obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.test", spec=widget)
    custom = obj("example.test/v1", "Widget", "w", namespace="default", spec={})

    def reading(beside: str, **fields: Any) -> Fleet:
        entry = both(flux("a", "./a"), flux("b", "./b", wait=True, **fields))
        files = {"a/it.yaml": both(FAST, beside), "b/it.yaml": both(crd, _claim(storageClassName="fast"))}
        return read({"clusters/c/all.yaml": entry, **files}).fleet

    # The widget would have a depend on b, whose claim is only bound once a has brought its class.
    assert missing_edges(reading(custom)) == []
    assert classify(reading(LOGIN, dependsOn=[{"name": "a"}])) == {(ks_id("b"), ks_id("a")): NEEDED}

"""Kinds, versions and service accounts that the cluster may not have."""

from __future__ import annotations

import pytest

from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, ks_id, obj, release


def _said(read: Read, *objects: str, **files: str) -> list[tuple[str, str]]:
    there = {"clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), *objects)}
    found = read(there | {path.replace("__", "/"): text for path, text in files.items()}).findings
    return [(f.code, f.message) for f in found if f.code in ("FB119", "FB314", "FB315", "FB316")]


@pytest.mark.parametrize(
    ("version", "kind", "instead"),
    [
        ("batch/v1beta1", "CronJob", "write it as batch/v1"),
        ("policy/v1beta1", "PodSecurityPolicy", "take it out"),
        ("networking.k8s.io/v1beta1", "IPAddress", None),
        ("batch/v1", "CronJob", None),
    ],
)
def test_a_version_that_kubernetes_serves_no_more_fails_the_apply(
    read: Read, version: str, kind: str, instead: str | None
) -> None:
    files = {"clusters/c/a.yaml": flux("a", "./a"), "a/x.yaml": obj(version, kind, "x", namespace="default")}
    reading = read(files)
    fixes = [f.fix.partition(":")[0] for f in reading.findings if f.code == "FB119"]
    assert fixes == ([] if instead is None else [instead])
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and (a.refused is not None) == (instead is not None)


FOO = obj("foo.example.com/v1", "Foo", "x", namespace="default")


def test_a_kind_that_nothing_brings_is_warned_of_once_for_its_group(read: Read) -> None:
    bar = obj("foo.example.com/v1", "Bar", "x", namespace="default")
    ((code, message),) = _said(read, FOO, bar)
    assert code == "FB315" and "foo.example.com (with 1 more object of that group" in message and "Bar, Foo" in message
    crd = obj(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "foos.foo.example.com",
        spec={"group": "foo.example.com", "names": {"kind": "Foo"}},
    )  # fmt: skip
    assert _said(read, FOO, crd) == []


def test_where_something_unread_may_bring_it_that_is_said_once_for_all(read: Read) -> None:
    assert [code for code, _ in _said(read, FOO, release("plain", chart="app-template"))] == ["FB315"]
    ((code, message),) = _said(read, FOO, release("operator", chart="foo-operator"))
    assert code == "FB316" and "foo.example.com" in message and "chart foo-operator" in message
    assert [code for code, _ in _said(read, FOO, flux("theirs", "./x", source="theirs"))] == ["FB316"]
    known = git("theirs", url="https://github.com/kubernetes-sigs/gateway-api")
    assert [code for code, _ in _said(read, FOO, known, flux("theirs", "./config/crd", source="theirs"))] == ["FB315"]


def test_an_account_that_nothing_creates_is_warned_of_where_its_namespace_is_created(read: Read) -> None:
    namespace, account = obj("v1", "Namespace", "team"), obj("v1", "ServiceAccount", "team", namespace="team")
    reference = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    child = flux("a", "./apps", namespace="team", sourceRef=reference, serviceAccountName="team")
    files = {"apps__m.yaml": config_map("m", "team")}
    ((code, message),) = _said(read, namespace, child, **files)
    assert code == "FB314" and message.startswith("is applied as ServiceAccount/team/team, which nothing here creates")
    assert _said(read, namespace, account, child, **files) == []
    assert _said(read, child, **files) == []


@pytest.mark.parametrize(
    ("kind", "version", "told"),
    [
        ("Deployment", "apps/v1", True),
        ("ClusterRole", "rbac.authorization.k8s.io/v1", False),
        ("Widget", "x.test/v1", False),
    ],
)
def test_an_object_of_a_namespaced_kind_without_a_namespace_is_told_of_its_kustomization(
    read: Read, kind: str, version: str, told: bool
) -> None:
    files = {"clusters/c/a.yaml": flux("a", "./a"), "a/x.yaml": both(obj(version, kind, "x"), config_map("m", "apps"))}
    found = [f for f in read(files).findings if f.code == "FB318"]
    assert [(f.object, f.message[:50]) for f in found] == [
        (ks_id("a"), f"applies 1 object without a namespace ({kind}/x), wh"[:50])
    ] * told


def test_a_target_namespace_gives_one_to_all(read: Read) -> None:
    files = {"clusters/c/a.yaml": flux("a", "./a", targetNamespace="apps"), "a/x.yaml": obj("v1", "Secret", "x")}
    assert [f for f in read(files).findings if f.code == "FB318"] == []

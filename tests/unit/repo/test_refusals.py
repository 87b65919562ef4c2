"""What the API server refuses of Flux's objects, judged by the CRDs of the release that the repository states."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fleetbench.graph.checks import check, combined
from fleetbench.graph.objects import FluxVersion
from fleetbench.ids import KUSTOMIZATION
from fleetbench.repo import Reading
from fleetbench.repo.flux_api import Release, known_releases, release_of
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, codes, config_map, flux, ks_id, obj, release

KUSTOMIZE, HELM, SOURCE, NOTIFY = (
    f"{name}.toolkit.fluxcd.io" for name in ("kustomize", "helm", "source", "notification")
)
REF = {"kind": "GitRepository", "name": "flux-system"}
CHILD = {"interval": "1h", "path": "./ok", "prune": True, "sourceRef": REF}
FLUX = {"app.kubernetes.io/part-of": "flux"}


def _reading(read: Read, *objects: str, version: str | None = None, instance: str | None = None) -> Reading:
    """A Kustomization ``a`` that applies the objects beside a ConfigMap."""
    files = {
        "clusters/c/a.yaml": flux("a", "./apps"),
        "apps/all.yaml": both(*objects, config_map("m", "default", there="a: b")),
        "ok/m.yaml": config_map("n", "default"),
    }
    if version is not None:
        labels = FLUX | {"app.kubernetes.io/version": version}
        metadata = {"name": "kustomize-controller", "namespace": "flux-system", "labels": labels}
        files["clusters/c/flux.yaml"] = obj("apps/v1", "Deployment", "", metadata=metadata, spec={})
    if instance is not None:
        spec = {"distribution": {"version": instance}}
        files["clusters/c/flux.yaml"] = obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", spec=spec)
    return read(files)


def _refused(reading: Reading) -> list[str]:
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None
    found = [f.message for f in reading.findings if f.code == "FB114"]
    assert bool(found) is (a.refused is not None), (found, a.refused)
    assert all(k.refused is None for k in reading.fleet.kustomizations if k is not a)
    return found


def _child(api: str = f"{KUSTOMIZE}/v1", kind: str = KUSTOMIZATION, **changes: Any) -> str:
    spec = {key: value for key, value in (CHILD | changes).items() if value is not ...}
    return obj(api, kind, "child", namespace="flux-system", spec=spec)


def _at_the_top(manifest: str, **fields: Any) -> str:
    return json.dumps(json.loads(manifest) | fields) + "\n"


def test_a_version_that_is_served_no_more_says_which_to_write_and_what_rewrites_it(read: Read) -> None:
    (found,) = [
        f for f in _reading(read, _child(f"{KUSTOMIZE}/v1beta2"), version="v2.9.1").findings if f.code == "FB114"
    ]
    assert found.fix.startswith(f"write apiVersion: {KUSTOMIZE}/v1 (`flux migrate -f .`, from CLI 2.7.1 on, rewrites")
    assert (
        found.shared is not None and found.shared.message == f"have {found.message}"
    )  # near-identical ones share a line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_child(kind="Kustomisation"), "kind: Flux 2.9 serves no Kustomisation in kustomize.toolkit.fluxcd.io; did you mean Kustomization?"),
        (_child(dependOn=[{"name": "ok"}]), "spec.dependOn: a Kustomization of Flux 2.9 has no such field; did you mean dependsOn?"),
        (_child(wiat=True), "spec.wiat: a Kustomization of Flux 2.9 has no such field; did you mean wait?"),
        (_child(interval=...), "spec.interval: got nothing; a Kustomization of Flux 2.9 requires it"),
        (_child(prune=...), "spec.prune: got nothing; a Kustomization of Flux 2.9 requires it"),
        (_child(api=f"{KUSTOMIZE}/v1beta2"), "apiVersion: Flux 2.9 serves Kustomization as kustomize.toolkit.fluxcd.io/v1, not as v1beta2"),
        (_child(sourceRef=REF | {"branch": "x"}), "spec.sourceRef.branch: a Kustomization of Flux 2.9 has no such field"),
        (_child(sourceRef=REF | {"kind": "GitRepo"}), "spec.sourceRef.kind: got 'GitRepo', wanted one of 'OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact'"),
        (_child(patches=[{"target": {"kind": "Job"}, "ptach": "x"}]), "spec.patches[0].ptach: a Kustomization of Flux 2.9 has no such field; did you mean patch?"),
        (release("r", namespace="default", upgrade={"timeout": "2 minutes"}), "spec.upgrade.timeout: got '2 minutes', wanted a duration such as 1m30s"),
        (_child(api="kustomise.toolkit.fluxcd.io/v1"), "apiVersion: Flux 2.9 serves no API group kustomise.toolkit.fluxcd.io; did you mean kustomize.toolkit.fluxcd.io?"),
        (obj(f"{HELM}/v2", "HelmReleas", "r", namespace="default"), "kind: Flux 2.9 serves no HelmReleas in helm.toolkit.fluxcd.io; did you mean HelmRelease?"),
        (obj(f"{HELM}/v2", "HelmRelease", "r", namespace="default", spec={"interval": "1h"}), "spec: got neither chart nor chartRef, wanted one of them"),
        (release("r", namespace="default", chartRef={"kind": "OCIRepository", "name": "x"}), "spec: got both chart and chartRef, wanted one of them"),
        (obj(f"{SOURCE}/v1", "OCIRepository", "o", namespace="default", spec={"interval": "1h", "url": "https://x"}), "spec.url: got 'https://x', wanted text that matches ^oci://.*$"),
    ],
)  # fmt: skip
def test_what_the_api_server_does_not_take_is_an_error_and_keeps_back_all_beside_it(
    read: Read, text: str, said: str
) -> None:
    reading = _reading(read, text, version="v2.9.1")
    assert said in _refused(reading)
    (found,) = [f for f in reading.findings if f.message == said]
    assert (found.severity, found.file) == ("error", "apps/all.yaml") and found.object is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_child(sourceRef=..., sourceReff=REF), "spec.sourceReff: a Kustomization of Flux 2.9 has no such field; did you mean sourceRef?"),
        (_child(interval=..., intervall="1h"), "spec.intervall: a Kustomization of Flux 2.9 has no such field; did you mean interval?"),
        (_at_the_top(_child(), postBuild={"substitute": {"a": "b"}}), "postBuild: a Kustomization of Flux 2.9 has no such field at the top level; did you mean spec.postBuild?"),
        (_at_the_top(_child(sourceRef=...), sourceRef=REF), "sourceRef: a Kustomization of Flux 2.9 has no such field at the top level; did you mean spec.sourceRef?"),
        (_child(interval="1 hour"), "spec.interval: got '1 hour', wanted a duration such as 1m30s"),
        (_child(sourceRef=...), "spec.sourceRef: got nothing; a Kustomization of Flux 2.9 requires it"),
        (_child(sourceRef={"kind": "GitRepository", "nam": "x"}), "spec.sourceRef: got \"{'kind': 'GitRepository', 'nam': 'x'}\", wanted a source's kind and name"),
        (obj(f"{HELM}/v2", "HelmRelease", "r", namespace="default", spec={"interval": "1h", "chrat": {}}), "spec.chrat: a HelmRelease of Flux 2.9 has no such field; did you mean chart?"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_error(read: Read, text: str, said: str) -> None:
    reading = _reading(read, text)
    (found,) = [f for f in combined(reading.findings, check(reading.fleet), reading.fleet) if f.severity == "error"]
    assert found.message == said and found.code in ("FB108", "FB114")
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.refused == f"{found.object}: {said}"


def test_a_field_is_not_taken_for_another_that_begins_like_it(read: Read) -> None:
    reading = _reading(read, _child(wait="yes", waitt=True))
    assert [f.code for f in reading.findings] == ["FB108", "FB114"]


@pytest.mark.parametrize(
    "text",
    [
        _child(postBuild={"substitute": {"any_name": "x"}, "substituteFrom": [{"kind": "ConfigMap", "name": "v"}]}),
        _child(patches=[{"patch": "a: {b: c}"}], commonMetadata={"labels": {"any": "x"}}, timeout=None),
        _child(sourceRef=REF | {"kind": "${KIND}"}),
        release("r", namespace="default", values={"anything": {"at": ["all"]}}),
        obj(f"{SOURCE}/v1", "ExternalArtifact", "x", namespace="default", spec={}),
        obj("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator", "x", namespace="default", spec={"sources": [], "artifacts": []}),
        obj("fluxcd.controlplane.io/v1", "ResourceSet", "x", namespace="default", spec={"resourcs": []}),
        obj("infra.contrib.fluxcd.io/v1", "Terraform", "x", namespace="default", spec={"anything": 1}),
        # flux-operator adds its own kinds to those that the CRD lists
        obj(f"{NOTIFY}/v1beta3", "Alert", "x", namespace="default", spec={"providerRef": {"name": "p"}, "eventSources": [{"kind": "FluxInstance", "name": "*"}]}),
    ],
)  # fmt: skip
def test_what_is_free_in_form_or_another_projects_is_let_pass(read: Read, text: str) -> None:
    assert _refused(_reading(read, text)) == []


@pytest.mark.parametrize(
    ("version", "instance", "refused"),
    [
        ("v2.6.4", None, False),
        ("v2.7.5", None, False),
        ("v2.8.0", None, True),
        (None, "2.7.x", False),
        (None, "2.x", True),
    ],
)
def test_the_release_that_the_repository_states_decides(
    read: Read, version: str | None, instance: str | None, refused: bool
) -> None:
    reading = _reading(read, _child(api=f"{KUSTOMIZE}/v1beta2"), version=version, instance=instance)
    assert bool(_refused(reading)) is refused


def test_without_a_stated_release_the_one_that_is_simulated_decides(read: Read) -> None:
    reading = _reading(read, _child(api=f"{KUSTOMIZE}/v1beta2"))
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.refused_by == ("2.8", "2.9")
    assert (a.is_refused_by("2.7"), a.is_refused_by("2.9")) == (False, True)
    assert _reading(read, _child(wiat=True)).fleet.kustomization(ks_id("a")).refused_by == ()  # type: ignore[union-attr]


ENCRYPTED = {"data": {"key": "ENC[AES256_GCM,data:x]"}}


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (lambda: _secret(**ENCRYPTED), "Secret/default/s: SOPS encrypted it, and spec.decryption is not set"),
        (
            lambda: obj(f"{SOURCE}/v1", "OCIRepository", "o", namespace="default", spec={"interval": "1h", "url": "x"}),
            "OCIRepository/default/o: spec.url: got 'x', wanted text that matches ^oci://.*$",
        ),
    ],
)
def test_what_every_release_refuses_is_the_reason_whatever_only_some_refuse_beside_it(
    read: Read, beside: Callable[[], str], said: str
) -> None:
    a = _reading(read, _child(api=f"{KUSTOMIZE}/v1beta2"), beside()).fleet.kustomization(ks_id("a"))
    assert a is not None and a.refused == said and a.refused_by == () and a.is_refused_by("2.6")


@pytest.mark.parametrize(
    ("version", "text", "code"),
    [
        (None, obj(f"{SOURCE}/v1", "Nova", "x", namespace="default"), "FB311"),
        ("v2.9.1", obj(f"{SOURCE}/v1", "Nova", "x", namespace="default"), "FB114"),
        (None, obj(f"{NOTIFY}/v1", "Alert", "x", namespace="default"), "FB311"),
        (None, _child(api=f"{KUSTOMIZE}/v2"), "FB311"),
        ("v2.10.0", _child(novelty=1), "FB311"),
        ("v2.10.0", _child(dependOn=[]), "FB114"),
        ("v2.9.1", _child(novelty=1), "FB114"),
    ],
)
def test_what_a_release_newer_than_the_data_may_have_is_a_warning(
    read: Read, version: str | None, text: str, code: str
) -> None:
    assert [c for c in codes(_reading(read, text, version=version)) if c in ("FB114", "FB311")] == [code]


def test_a_kind_whose_crd_the_repository_brings_is_known(read: Read) -> None:
    crd = obj(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "novas.source.toolkit.fluxcd.io",
        spec={"group": SOURCE, "names": {"kind": "Nova"}},
    )
    assert codes(_reading(read, both(crd, obj(f"{SOURCE}/v1", "Nova", "x", namespace="default")))) == []


def test_the_newest_release_holds_where_none_is_stated() -> None:
    assert release_of(None) == release_of(FluxVersion("2.x")) == Release(known_releases()[-1])
    assert release_of(FluxVersion("v2.2.0")) == Release("2.6", stated=True, older=True)


# --- what comes from elsewhere ------------------------------------------------------------------------------------


def test_a_namespace_that_nothing_creates_is_a_warning(read: Read) -> None:
    files = {
        "clusters/c/a.yaml": flux("a", "./apps"),
        "apps/m.yaml": both(config_map("m", "web"), config_map("n", "web")),
    }
    (found,) = read(files, namespaces=True).findings
    assert (found.code, found.severity, found.file) == ("FB310", "warning", "apps/m.yaml")
    assert "namespace web (and 1 more object), which nothing here creates" in found.message
    made = obj("v1", "Namespace", "web")
    assert read(files | {"apps/ns.yaml": made}, namespaces=True).findings == ()


@pytest.mark.parametrize("install", [{}, {"createNamespace": True}])
def test_a_release_whose_target_namespace_nothing_creates_is_a_warning(read: Read, install: dict[str, Any]) -> None:
    charts = obj(f"{SOURCE}/v1", "HelmRepository", "charts", namespace="default", spec={"url": "https://x.test"})
    text = both(charts, release("r", namespace="default", targetNamespace="web", install=install))
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/r.yaml": text}, namespaces=True)
    assert codes(reading) == ([] if install else ["FB310"])
    assert all("installs into namespace" in f.message and "install.createNamespace" in f.fix for f in reading.findings)


def test_values_from_an_object_that_nothing_creates_are_told_like_variables(read: Read) -> None:
    charts = obj(f"{SOURCE}/v1", "HelmRepository", "charts", namespace="default", spec={"url": "https://x.test"})
    values = [
        {"kind": "Secret", "name": "s"},
        {"kind": "ConfigMap", "name": "o", "optional": True},
        {"kind": "ConfigMap", "name": "m", "valuesKey": "there"},
    ]
    reading = _reading(read, charts, release("r", namespace="default", valuesFrom=values))
    (found,) = reading.findings
    assert found.code == "FB309" and "takes values from Secret/default/s" in found.message


def _secret(**fields: Any) -> str:
    return obj("v1", "Secret", "s", namespace="default", sops={"version": "3.9.0"}, **fields)


@pytest.mark.parametrize(
    ("secret", "decryption", "refused"),
    [
        ({"data": {"key": "ENC[AES256_GCM,data:x]"}}, None, True),
        ({"data": {"key": "ENC[AES256_GCM,data:x]"}}, {"provider": "sops"}, False),
        ({"stringData": {"key": "ENC[AES256_GCM,data:x]"}}, None, False),
        ({"data": {"key": "eA=="}}, None, False),
    ],
)
def test_an_encrypted_secret_that_nothing_decrypts_fails_the_apply(
    read: Read, secret: dict[str, Any], decryption: dict[str, str] | None, refused: bool
) -> None:
    of = {} if decryption is None else {"decryption": decryption}
    reading = read({"clusters/c/a.yaml": flux("a", "./apps", **of), "apps/all.yaml": _secret(**secret)})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None
    wanted = "Secret/default/s: SOPS encrypted it, and spec.decryption is not set" if refused else None
    assert a.refused == wanted and ("FB113" in [f.code for f in check(reading.fleet)]) is refused


def _crd(scope: str) -> str:
    spec = {"group": "example.test", "names": {"kind": "Nova"}, "scope": scope}
    return obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "novae.example.test", spec=spec)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (obj("networking.istio.io/v1", "EnvoyFilter", "f", namespace="istio-system"), True),
        (both(_crd("Namespaced"), obj("example.test/v1", "Nova", "n", namespace="istio-system")), True),
        (both(_crd("Cluster"), obj("example.test/v1", "Nova", "n", namespace="istio-system")), False),
        (obj("cert-manager.io/v1", "ClusterIssuer", "i", namespace="istio-system"), False),
        (obj("networking.istio.io/v1", "EnvoyFilter", "f"), False),
    ],
)
def test_an_object_of_a_custom_kind_that_states_a_namespace_goes_there(read: Read, text: str, told: bool) -> None:
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/all.yaml": text}, namespaces=True)
    assert ("FB310" in codes(reading)) is told

"""What depends on an object that a ResourceSet, or another repository, may make."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.graph.checks import check
from fleetbench.graph.document import from_document, to_document
from tests.builders import scenario
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, ks_id, obj, release

KUSTOMIZE = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}


def _set(**spec: Any) -> str:
    return obj("fluxcd.controlplane.io/v1", "ResourceSet", "tenants", namespace="flux-system", spec=spec)


def _named(name: str, **metadata: str) -> dict[str, Any]:
    return {**KUSTOMIZE, "metadata": {"name": name, **metadata}}


BY_SET = "ResourceSet/flux-system/tenants"


@pytest.mark.parametrize(
    ("resource_set", "maker"),
    [
        ({"resources": [_named("<< inputs.tenant >>", namespace="flux-system")]}, BY_SET),
        ({"resources": [_named("<< inputs.tenant >>1")]}, BY_SET),
        ({"resources": [_named("other-<< inputs.tenant >>")]}, None),
        ({"resources": [_named("<< inputs.tenant >>", namespace="apps")]}, None),
        ({"resources": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "<< inputs.x >>"}}]}, None),
        ({"resourcesTemplate": "kind: Kustomization\nmetadata: {name: << inputs.tenant | slugify >>}\n"}, BY_SET),
        ({"resourcesTemplate": "kind: ConfigMap\nmetadata: {name: << inputs.tenant >>}\n"}, None),
        ({"steps": [{"name": "a", "resources": [_named("team1")]}]}, BY_SET),
    ],
)
def test_who_depends_on_what_a_resourceset_may_make_is_warned_of_and_predicted(
    read: Read, resource_set: dict[str, Any], maker: str | None
) -> None:
    files = {
        "clusters/c/all.yaml": both(_set(**resource_set), flux("after", "./after", dependsOn=[{"name": "team1"}])),
        "after/x.yaml": obj("v1", "ConfigMap", "x", namespace="flux-system"),
    }
    fleet = read(files).fleet
    dependency = fleet.kustomizations[1].depends_on[0]
    assert (None if dependency.maker is None else str(dependency.maker)) == maker
    found = [f.code for f in check(fleet) if f.object == ks_id("after") and f.code in ("FB102", "FB313")]
    assert found == (["FB102"] if maker is None else ["FB313"])
    assert (ks_id("after") in never_ready(compile_plan(scenario(fleet)))) == (maker is None)
    again = from_document(to_document(fleet), "x").kustomization(ks_id("after"))
    assert again is not None and again.depends_on == (dependency,)


def _maker(read: Read, *others: str, on: str = "team1") -> str | None:
    reading = read({"clusters/c/all.yaml": both(*others, flux("after", "./clusters", dependsOn=[{"name": on}]))})
    after = reading.fleet.kustomization(ks_id("after"))
    assert after is not None
    maker = after.depends_on[0].maker
    assert (ks_id("after") in never_ready(compile_plan(scenario(reading.fleet)))) == (maker is None)
    return None if maker is None else str(maker)


def test_another_repository_may_make_it_too(read: Read) -> None:
    others = flux("theirs", "./x", source="theirs")
    assert _maker(read, git("theirs"), others) == "Kustomization/flux-system/theirs"
    assert _maker(read, others) is None  # its source is defined nowhere: it never has any content


@pytest.mark.parametrize("spec", [{"suspend": True}, {"targetNamespace": "podinfo"}])
def test_what_another_repository_cannot_make_is_an_error(read: Read, spec: dict[str, Any]) -> None:
    assert _maker(read, git("theirs"), flux("theirs", "./x", source="theirs", **spec)) is None


@pytest.mark.parametrize(
    ("there", "named", "slip"),
    [
        (flux("traefik", "./clusters"), "traefk", True),
        (flux("tenant-a", "./clusters"), "tenant-b", False),
        (flux("traefik", "./clusters", namespace="infra"), "traefik", True),
        (release("traefik", namespace="flux-system"), "traefik", True),
    ],
)
def test_a_slip_of_the_pen_is_an_error_whatever_another_repository_may_make(
    read: Read, there: str, named: str, slip: bool
) -> None:
    others = flux("theirs", "./x", source="theirs")
    assert (_maker(read, git("theirs"), others, there, on=named) is None) is slip


@pytest.mark.parametrize("there", [flux("gone", "./nowhere"), flux("theirs", "./x", targetNamespace="podinfo")])
def test_what_cannot_bring_it_hides_no_health_check_on_what_is_not_there(read: Read, there: str) -> None:
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "apps"}
    checking = flux("checking", "./clusters", healthChecks=[named])
    fleet = read({"clusters/c/all.yaml": both(there, checking)}).fleet
    assert "FB210" in [f.code for f in check(fleet) if f.object == ks_id("checking")]


def test_fluxs_own_manifests_make_nothing_that_flux_reconciles(read: Read) -> None:
    oci = {"interval": "1h", "url": "oci://ghcr.io/fluxcd/flux-manifests", "ref": {"tag": "v2.7.3"}}
    install = flux("install", "./", sourceRef={"kind": "OCIRepository", "name": "own"})
    own = obj("source.toolkit.fluxcd.io/v1", "OCIRepository", "own", namespace="flux-system", spec=oci)
    assert _maker(read, own, install) is None
    repository = git("own", url="https://github.com/fluxcd/flux2.git", ref={"tag": "v2.7.3"})
    assert _maker(read, repository, flux("install", "./manifests/install", source="own")) is None
    monitoring = flux("install", "./manifests/monitoring/kube-prometheus-stack", source="own")
    assert _maker(read, repository, monitoring) == "Kustomization/flux-system/install"
    fork = git("own", url="https://github.com/somebody/flux2")
    assert (
        _maker(read, fork, flux("install", "./manifests/install", source="own")) == "Kustomization/flux-system/install"
    )

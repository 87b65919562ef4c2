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
from tests.unit.repo.manifests import both, flux, ks_id, obj

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


def test_another_repository_may_make_it_too(read: Read) -> None:
    others = flux("theirs", "./x", source="theirs")
    reading = read({"clusters/c/all.yaml": both(others, flux("after", "./clusters", dependsOn=[{"name": "team1"}]))})
    assert reading.fleet.kustomization(ks_id("after")).depends_on[0].maker == ks_id("theirs")  # type: ignore[union-attr]

"""What ``spec.healthChecks`` name, as it is written and as kustomize-controller looks for it."""

from __future__ import annotations

import pytest

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.findings import HEALTH_CHECK_MISSING
from fleetbench.graph.changes import check_installed, with_installed
from fleetbench.graph.checks import check
from fleetbench.graph.document import from_document, to_document
from fleetbench.repo import Reading
from tests.builders import scenario
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, ks_id, obj, release


def _reading(read: Read, **named: str) -> Reading:
    """A Kustomization that applies a release and a Deployment, and checks one object."""
    pods = {"template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}
    charts = obj(
        "source.toolkit.fluxcd.io/v1",
        "HelmRepository",
        "charts",
        namespace="apps",
        spec={"url": "https://example.test"},
    )
    web = obj("apps/v1", "Deployment", "web", namespace="apps", spec=pods)
    files = {
        "clusters/c/a.yaml": flux("a", "./apps", healthChecks=[{"name": "web", "namespace": "apps", **named}]),
        "apps/all.yaml": both(charts, release("web"), web),
    }
    return read(files)


def _said(reading: Reading) -> list[str]:
    return [f.message for f in check(reading.fleet) if f.code == HEALTH_CHECK_MISSING]


@pytest.mark.parametrize(
    ("named", "how"),
    [
        ({"kind": "HelmRelease"}, "apiVersion is missing, so it is looked for as apps/v1 HelmRelease"),
        ({"kind": "Deployment", "apiVersion": "v1"}, "apiVersion is v1, so it is looked for as v1 Deployment"),
        (
            {"kind": "HelmRelease", "apiVersion": "kustomize.toolkit.fluxcd.io/v1"},
            "apiVersion is kustomize.toolkit.fluxcd.io/v1, so it is looked for as kustomize.toolkit.fluxcd.io/v1 HelmRelease",
        ),
    ],
)
def test_a_health_check_of_a_kind_that_its_api_group_does_not_have_never_finds_it(
    read: Read, named: dict[str, str], how: str
) -> None:
    reading = _reading(read, **named)
    fleet = reading.fleet
    [said] = _said(reading)
    assert how in said
    assert ks_id("a") in never_ready(compile_plan(scenario(fleet)))
    a, again = (of.kustomization(ks_id("a")) for of in (fleet, from_document(to_document(fleet), "x")))
    assert a is not None and again is not None and a.misnamed_checks == again.misnamed_checks != ()
    there = with_installed(fleet, [f"{named['kind']}/apps/web"]).kustomization(ks_id("a"))
    assert there is not None and there.health_checks == a.health_checks, "whoever installs it, it is not found"


@pytest.mark.parametrize(
    "named",
    [
        {"kind": "Deployment"},
        {"kind": "Deployment", "apiVersion": "apps/v1"},
        {"kind": "HelmRelease", "apiVersion": "helm.toolkit.fluxcd.io/v2beta1"},
        {"kind": "HelmRelease", "apiVersion": "${API}"},
    ],
)
def test_a_health_check_in_the_group_of_its_kind_finds_it_whatever_the_version(
    read: Read, named: dict[str, str]
) -> None:
    reading = _reading(read, **named)
    assert _said(reading) == []
    assert ks_id("a") not in never_ready(compile_plan(scenario(reading.fleet)))


def _checking(read: Read, namespace: str, name: str = "istiod", **files: str) -> Reading:
    """A Kustomization that makes the namespace ``data`` and the Deployment ``db`` in it, and checks a Deployment."""
    pods = {"template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}
    check = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "namespace": namespace}
    made = both(obj("v1", "Namespace", "data"), obj("apps/v1", "Deployment", "db", namespace="data", spec=pods))
    everything = {
        "clusters/c/a.yaml": flux("a", "./apps", healthChecks=[check]),
        "apps/kustomization.yaml": "resources: [all.yaml]",
        "apps/all.yaml": made,
    }
    beside = {path.replace("__", "/") + ".yaml": text for path, text in files.items()}
    return read(everything | beside)


ISTIOD = obj("apps/v1", "Deployment", "istiod", namespace="data")


@pytest.mark.parametrize(
    ("namespace", "name", "files", "why"),
    [
        ("data", "istiod", {"by-hand__istio": ISTIOD}, "by-hand/istio.yaml defines it, which nothing here applies"),
        ("istio", "istiod", {}, "its namespace istio is made by hand too: nothing here creates that"),
        ("data", "istiod", {}, None),
        ("data", "istiod", {"by-hand__other": ISTIOD.replace('"data"', '"other"')}, None),
        ("data", "istiod", {"apps__forgotten": ISTIOD}, None),
        ("default", "istiod", {}, None),
        ("dta", "db", {}, None),
    ],
)
def test_what_somebody_makes_by_hand_counts_as_there_for_a_health_check_that_names_it(
    read: Read, namespace: str, name: str, files: dict[str, str], why: str | None
) -> None:
    fleet = _checking(read, namespace, name, **files).fleet
    [finding] = [f for f in check(fleet) if f.code == HEALTH_CHECK_MISSING]
    assert finding.given is (why is not None)
    assert why is None or why in finding.message
    assert (ks_id("a") in never_ready(compile_plan(scenario(fleet)))) is (why is None)
    named = f"Deployment/{namespace}/{name}"
    check_installed(fleet, [named])
    assert [f for f in check(with_installed(fleet, [named])) if f.code == HEALTH_CHECK_MISSING] == []


def test_a_release_that_nothing_here_creates_is_not_taken_as_made_by_hand(read: Read) -> None:
    checks = [{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "name": "r", "namespace": "away"}]
    files = {"clusters/c/a.yaml": flux("a", "./apps", healthChecks=checks), "apps/m.yaml": config_map("m", "default")}
    assert ks_id("a") in never_ready(compile_plan(scenario(read(files).fleet)))

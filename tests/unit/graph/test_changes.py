"""What somebody changes of a fleet: what a commit touches, and what the cluster has before Flux comes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.changes import changed_by, check_installed, narrowest, with_installed
from fleetbench.graph.document import read_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Need, Workload
from fleetbench.ids import ObjectId
from tests.builders import fleet, hr, hr_id, ks, ks_id

APPS = replace(ks("apps", reads=("apps/base/podinfo", "apps/staging", "shared/logo.txt")), path="./apps/staging")
PODINFO = hr("podinfo", "apps", file="apps/base/podinfo/release.yaml", shaped_by=("apps/staging/values.yaml",))
FLEET = fleet(APPS, ks("other", reads=("other",)), PODINFO)


def names(of: Fleet, path: str) -> set[str]:
    return {id.name if id.kind == "Kustomization" else str(id) for id in changed_by(of, path)}


BOTH = {"apps", str(hr_id("podinfo"))}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("apps/base/podinfo", BOTH),
        ("./apps/base/", BOTH),
        ("apps/base/podinfo/release.yaml", BOTH),
        ("apps/staging/values.yaml", BOTH),
        ("apps/base/podinfo/namespace.yaml", {"apps"}),
        ("shared/logo.txt", {"apps"}),
        ("shared", {"apps"}),
        ("other", {"other"}),
    ],
)
def test_a_path_changes_what_reads_it_and_what_is_defined_or_patched_there(path: str, found: set[str]) -> None:
    assert names(FLEET, path) == found
    again = read_document(json.dumps(to_document(FLEET)), "graph.json")
    assert names(again, path) == found, "a graph file says the same"


@pytest.mark.parametrize("path", ["apps/production", "apps/base/billing", "shared/else.txt", "README.md"])
def test_what_no_build_of_this_cluster_reads_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="a path that one of its Kustomizations builds"):
        changed_by(FLEET, path)


def test_without_knowing_what_is_read_the_deepest_own_path_counts() -> None:
    of = fleet(replace(APPS, reads=(), path="./apps"), replace(ks("deeper"), path="./apps/deeper"))
    assert names(of, "apps/deeper/x.yaml") == {"deeper"} and names(of, "apps/x.yaml") == {"apps"}


def test_the_chart_of_a_release_that_lies_in_the_repository() -> None:
    by_version = hr("podinfo", "apps", chart="./charts/podinfo")
    by_revision = replace(by_version, chart_of_revision=True)
    assert names(fleet(APPS, by_revision), "charts/podinfo/templates/x.yaml") == {str(by_revision.chart_id)}
    for path in ("charts/podinfo/Chart.yaml", "charts/podinfo", "charts"):
        assert names(fleet(APPS, by_version), path) == {str(by_version.chart_id)}
    with pytest.raises(InputError, match="reconcileStrategy ChartVersion"):
        changed_by(fleet(APPS, by_version), "charts/podinfo/templates/x.yaml")


def test_an_object_goes_before_a_path_and_a_name_alone_comes_last() -> None:
    of = fleet(replace(APPS, path="flux-system"), replace(ks("below"), path="flux-system/other"), ks("other"))
    assert names(of, "flux-system/other") == {"other"}
    assert names(FLEET, "other") == {"other"}


@pytest.mark.parametrize("name", ["flux-system/web", "web"])
def test_a_kustomization_changes_with_the_releases_that_it_applies_but_not_the_kustomizations(name: str) -> None:
    child = ks("child", parent="web")
    of = fleet(ks("web"), child, hr("podinfo", "web"), hr("below", "child"), ks("other"))
    assert names(of, name) == {"web", str(hr_id("podinfo"))}


@pytest.mark.parametrize(
    ("workload", "found"),
    [("Deployment/default/apps", {"apps"}), ("Deployment/apps", {"apps"}), ("Job/x/init", {str(PODINFO.id)})],
)
def test_a_workload_changes_what_brings_it_and_no_more(workload: str, found: set[str]) -> None:
    release = replace(PODINFO, workloads=(Workload(ObjectId("Job", "x", "init")),))
    assert names(fleet(APPS, release), workload) == found


def test_nothing_of_what_the_cluster_has_before_flux_is_waited_for() -> None:
    crd = Need("CustomResourceDefinition certificates.cert-manager.io", ks_id("one"), hr_id("cm"), "apply")
    secret = Need("Secret default/key", ks_id("one"), ks_id("keys"), "workload")
    home = Need("Namespace home", ks_id("two"), ks_id("keys"), "apply")
    two, release = ks("two", "one", needs=(home,)), hr("cm", "two", chart="charts/cert-manager")
    of = fleet(ks("one", needs=(crd, secret)), ks("keys"), two, release)
    one = ks_id("one")
    for name in ("cert-manager", "cert-manager.io", "cm"):
        check_installed(of, [name])
        assert with_installed(of, [name]).service(one).needs == (secret,)
    assert with_installed(of, ["keys"]).service(one).needs == (crd,)
    assert with_installed(of, ["home"]).service(two.id).needs == ()
    assert with_installed(of, []) is of
    with pytest.raises(
        InputError, match=r"got 'istio', wanted Namespace/NAME .*: cert-manager, cert-manager\.io, cm, home, keys"
    ):
        check_installed(of, ["istio"])


def test_what_the_cluster_has_is_named_as_narrowly_as_one_likes() -> None:
    home = Need("Namespace home", ks_id("two"), ks_id("keys"), "apply")
    crd = Need("CustomResourceDefinition Widget.example.org", ks_id("two"), ks_id("keys"), "apply")
    of = fleet(ks("two", needs=(home, crd)), ks("keys"))

    def left(name: str) -> tuple[Need, ...]:
        check_installed(of, [name])
        return with_installed(of, [name]).service(ks_id("two")).needs  # type: ignore[union-attr]

    assert left("Namespace/home") == (crd,) == left(narrowest(home))
    assert left("CustomResourceDefinition/Widget.example.org") == (home,) == left(narrowest(crd))
    assert narrowest(crd) == "example.org"
    assert left("flux-system/keys") == left("Kustomization/flux-system/keys") == left("keys") == ()
    with pytest.raises(InputError, match="got 'Namespace/keys'"):
        check_installed(of, ["Namespace/keys"])


def test_a_release_that_the_cluster_has_is_only_upgraded() -> None:
    crd = Need("CustomResourceDefinition certificates.cert-manager.io", ks_id("one"), hr_id("cm"), "apply")
    of = fleet(
        ks("one", needs=(crd,)),
        hr("cm", "one", chart="cert-manager"),
        hr("a", "one", chart="app"),
        hr("b", "one", chart="app"),
    )

    def installed(name: str) -> dict[str, str | None]:
        check_installed(of, [name])
        return {h.id.name: h.installed_by for h in with_installed(of, [name]).helmreleases if h.installed_by}

    for name in ("cm", "cert-manager", "HelmRelease/flux-system/cm"):
        assert installed(name) == {"cm": f"--installed {name}"}
    assert installed("cert-manager.io") == {}, "the CRDs alone"
    assert installed("a") == {"a": "--installed a"}
    with pytest.raises(InputError, match="got 'app'"):
        check_installed(of, ["app"])

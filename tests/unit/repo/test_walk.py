"""How a fleet is expanded from the cluster path down."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.findings import DUPLICATE_OBJECT
from fleetbench.graph.document import from_document, to_document
from fleetbench.graph.order import watched
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import (
    both,
    codes,
    config_map,
    edges,
    flux,
    git,
    ks_id,
    kustomization,
    obj,
    parents,
    release,
)

DEPLOYMENT = obj("apps/v1", "Deployment", "web", namespace="apps", spec={})


def test_a_kustomization_in_the_entry_is_expanded_and_so_are_its_children(read: Read) -> None:
    reading = read(
        {
            "clusters/c/apps.yaml": flux("apps", "./apps"),
            "apps/child.yaml": flux("child", "./deep", dependsOn=[{"name": "apps"}]),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert parents(reading) == {
        "flux-system/flux-system": None,
        "flux-system/apps": "flux-system/flux-system",
        "flux-system/child": "flux-system/apps",
    }
    assert edges(reading)["flux-system/child"] == ["flux-system/apps"]
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.applies == 1 and [str(o) for o in child.objects] == ["Deployment/apps/web"]


def test_the_root_is_the_kustomization_whose_path_is_the_entry(read: Read) -> None:
    reading = read(
        {
            "clusters/c/flux-system/gotk-sync.yaml": both(git("fleet"), flux("sync", "clusters/c/", source="fleet")),
            "clusters/c/apps.yaml": flux("apps", "./apps", source="fleet"),
            "apps/web.yaml": DEPLOYMENT,
        }
    )
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None and root.id.key == "flux-system/sync" and not root.assumed
    assert parents(reading)["flux-system/apps"] == "flux-system/sync"
    assert codes(reading) == []
    source = reading.fleet.source(root.source)  # type: ignore[arg-type]
    assert source is not None and source.this_repository and not source.assumed


def test_a_repository_without_a_root_gets_the_assumed_one_and_it_is_no_finding(read: Read) -> None:
    reading = read({"clusters/c/apps.yaml": flux("apps", "./apps"), "apps/web.yaml": DEPLOYMENT})
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None and root.assumed and root.interval_s == 600 and not root.wait
    assert reading.findings == ()


def test_the_roots_patches_and_variables_reach_all_it_renders_itself_included(read: Read) -> None:
    add_wait = {
        "patch": "- op: add\n  path: /spec/retryInterval\n  value: ${RETRY}\n",
        "target": {"kind": "Kustomization", "group": "kustomize.toolkit.fluxcd.io"},
    }
    reading = read(
        {
            "clusters/c/root.yaml": flux(
                "flux-system", "./clusters/c", patches=[add_wait], postBuild={"substitute": {"RETRY": "45s"}}
            ),
            "clusters/c/apps.yaml": flux("apps", "./apps"),
            "apps/child.yaml": flux("child", "./deep"),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    seconds = {k.id.name: k.retry_interval_s for k in reading.fleet.kustomizations}
    assert seconds == {"flux-system": 45.0, "apps": 45.0, "child": None}


def test_an_edge_may_exist_only_through_a_patch_on_the_children(read: Read) -> None:
    patch = {
        "patch": "- op: add\n  path: /spec/dependsOn\n  value: [{name: base}]\n",
        "target": {"kind": "Kustomization", "name": "web"},
    }
    reading = read(
        {
            "clusters/c/apps.yaml": flux("apps", "./apps", patches=[patch]),
            "apps/kustomization.yaml": kustomization("web.yaml", "base.yaml"),
            "apps/web.yaml": flux("web", "./deep"),
            "apps/base.yaml": flux("base", "./deep"),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert edges(reading)["flux-system/web"] == ["flux-system/base"]
    assert edges(reading)["flux-system/base"] == []


def test_a_patch_that_takes_itself_away_leaves_the_version_of_the_file(read: Read) -> None:
    replace_patches = {
        "patch": "- op: add\n  path: /spec/patches\n  value: []\n- op: add\n  path: /spec/suspend\n  value: true\n",
        "target": {"kind": "Kustomization"},
    }
    reading = read(
        {
            "clusters/c/root.yaml": flux("flux-system", "./clusters/c", patches=[replace_patches]),
            "clusters/c/apps.yaml": flux("apps", "./apps"),
            "apps/web.yaml": DEPLOYMENT,
        }
    )
    assert {k.id.name: k.suspend for k in reading.fleet.kustomizations} == {"flux-system": False, "apps": True}


def test_a_namespace_that_only_a_parents_kustomization_gives_is_the_dependencies_too(read: Read) -> None:
    reading = read(
        {
            "clusters/c/kustomization.yaml": kustomization("../../media"),
            "media/kustomization.yaml": kustomization("a.yaml", "b.yaml", namespace="media"),
            "media/a.yaml": flux("a", "./deep", namespace=None),
            "media/b.yaml": flux(
                "b", "./deep", namespace=None, dependsOn=[{"name": "a"}, {"name": "x", "namespace": "other"}]
            ),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert edges(reading)["media/b"] == ["media/a", "other/x"]


def test_the_same_name_in_two_namespaces_is_two_objects(read: Read) -> None:
    reading = read(
        {
            "clusters/c/a.yaml": flux("app", "./deep", namespace="one"),
            "clusters/c/b.yaml": flux(
                "app", "./deep", namespace="two", dependsOn=[{"name": "app", "namespace": "one"}]
            ),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert edges(reading)["two/app"] == ["one/app"]
    assert edges(reading)["one/app"] == []


def test_an_object_that_renders_itself_is_expanded_once(read: Read) -> None:
    reading = read(
        {
            "clusters/c/apps.yaml": flux("apps", "./apps"),
            "apps/apps.yaml": flux("apps", "./apps", dependsOn=[{"name": "x"}]),
        }
    )
    assert parents(reading) == {"flux-system/flux-system": None, "flux-system/apps": "flux-system/flux-system"}
    assert edges(reading)["flux-system/apps"] == []


def test_two_that_render_each_other_end(read: Read) -> None:
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./a"),
            "a/b.yaml": flux("b", "./b"),
            "b/a.yaml": flux("a", "./a"),
        }
    )
    assert parents(reading)["flux-system/b"] == "flux-system/a"
    assert codes(reading) == ["FB301"]


def test_what_never_applies_anything_contends_for_nothing(read: Read) -> None:
    team = both(flux("b", "./b"), flux("z", "./z"))
    files = {
        "clusters/c/all.yaml": both(flux("a", "./a"), flux("team", "./team")),
        "team/all.yaml": team,
        **{f"{n}/m.yaml": both(config_map("m", "default"), flux("x", "./x")) for n in "abz"},
        "x/m.yaml": config_map("x", "default"),
    }
    assert codes(read(files)) == ["FB301"] * 2
    wrong = files | {"team/wrong.yaml": flux("y", "./x", wiat=True)}
    assert codes(read(wrong)) == ["FB114"], "team is refused, so neither b nor z ever exists"


def test_what_is_encrypted_reads_otherwise_and_is_the_same(read: Read) -> None:
    space = [obj("v1", "Namespace", "db", sops={"lastmodified": day}) for day in ("2026-01-01", "2026-02-02")]
    files = {
        "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
        "a/n.yaml": space[0],
        "b/n.yaml": space[1],
    }
    [finding] = [f for f in read(files).findings if f.code == "FB301"]
    assert "each of which takes it from the others" in finding.message and "other content" not in finding.message


def test_a_source_that_each_user_of_it_applies_is_one_source_and_no_circle(read: Read) -> None:
    charts = obj(
        "source.toolkit.fluxcd.io/v1",
        "HelmRepository",
        "charts",
        namespace="apps",
        spec={"url": "https://x.test", "interval": "1h"},
    )
    files = {
        "clusters/c/all.yaml": both(
            flux("a", "./a", wait=True, dependsOn=[{"name": "b"}]), flux("b", "./b", wait=True)
        ),
        "a/all.yaml": both(release("one"), charts),
        "b/all.yaml": both(release("two"), charts),
    }
    reading = read(files, namespaces=True)
    (source,) = [s for s in reading.fleet.sources if s.id.kind == "HelmRepository"]
    assert (source.parent, source.also_by) == (ks_id("flux-system/a"), (ks_id("flux-system/b"),))
    assert codes(reading) == ["FB301", "FB310"]
    again = from_document(to_document(reading.fleet), "graph.json").source(source.id)
    assert again is not None and again.also_by == source.also_by


def test_what_two_kustomizations_apply_is_found_once_per_object(read: Read) -> None:
    shared = obj(
        "source.toolkit.fluxcd.io/v1", "HelmRepository", "charts", namespace="apps", spec={"url": "https://x.test"}
    )
    reading = read(
        {
            "clusters/c/all.yaml": both(*(flux(n, f"./{n}") for n in ("one", "two", "three"))),
            **{f"{n}/repo.yaml": shared for n in ("one", "two", "three")},
        }
    )
    assert codes(reading) == ["FB301"]
    assert len(reading.fleet.sources) == 2


@pytest.mark.parametrize("why", ["commented-out", "unreferenced"])
def test_files_that_no_kustomization_lists_do_not_count(read: Read, why: str) -> None:
    resources = "resources:\n  - a.yaml\n" + ("  # - b.yaml\n" if why == "commented-out" else "")
    reading = read(
        {
            "clusters/c/kustomization.yaml": resources,
            "clusters/c/a.yaml": flux("a", "./deep"),
            "clusters/c/b.yaml": flux("b", "./deep"),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert set(edges(reading)) == {"flux-system/flux-system", "flux-system/a"}


def test_another_repositorys_kustomization_is_listed_not_expanded(read: Read) -> None:
    reading = read(
        {
            "clusters/c/own.yaml": flux("a", "./apps"),
            "clusters/c/other.yaml": both(
                git("team"), flux("team", "./apps", source="team", dependsOn=[{"name": "a"}])
            ),
            "apps/web.yaml": DEPLOYMENT,
        }
    )
    team = reading.fleet.kustomization(ks_id("team"))
    assert team is not None and not team.expanded and team.applies == 0
    assert edges(reading)["flux-system/team"] == ["flux-system/a"]
    assert codes(reading) == ["FB302"]


def test_what_goes_to_another_cluster_is_built_and_its_workloads_are_waited_for_there(read: Read) -> None:
    kube_config = {"secretRef": {"name": "spoke"}}
    checks = [{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "apps", "name": "web"}]
    spoke = flux("spoke", "./apps", kubeConfig=kube_config, healthChecks=checks)
    files = {"clusters/c/a.yaml": both(spoke, flux("here", "./deep", wait=True)), "apps/web.yaml": DEPLOYMENT}
    reading = read(files | {"deep/web.yaml": DEPLOYMENT, "apps/child.yaml": flux("child", "./deep")})
    assert set(edges(reading)) == {"flux-system/flux-system", "flux-system/spoke", "flux-system/here"}
    found = reading.fleet.kustomization(ks_id("spoke"))
    assert found is not None and found.expanded and (found.cluster, found.applies) == ("spoke", 2)
    (workload,) = found.workloads
    assert workload.object.namespace.endswith("@spoke") and found.health_checks == (workload.object,)
    assert watched(reading.fleet, found).workloads == ((found.id, workload.object),)
    (said,) = reading.findings
    assert (said.code, said.object) == ("FB302", found.id)
    assert said.message == "holds 1 object of Flux's for another cluster (spec.kubeConfig), which are not expanded"


def test_this_repository_may_be_a_source_of_any_kind_and_name(read: Read) -> None:
    reference = {"kind": "OCIRepository", "name": "manifests"}
    reading = read(
        {
            "clusters/c/root.yaml": flux("sync", "./clusters/c", sourceRef=reference),
            "clusters/c/apps.yaml": flux("apps", "./apps", sourceRef=reference),
            "apps/child.yaml": flux("child", "./deep", sourceRef=reference),
            "deep/web.yaml": DEPLOYMENT,
        }
    )
    assert set(edges(reading)) == {"flux-system/sync", "flux-system/apps", "flux-system/child"}


def test_objects_that_flux_is_told_to_leave_alone_are_not_applied(read: Read) -> None:
    off = flux("off", "./deep").replace(
        '"name": "off",', '"name": "off", "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},'
    )
    reading = read({"clusters/c/a.yaml": both(off, flux("on", "./deep")), "deep/web.yaml": DEPLOYMENT})
    assert set(edges(reading)) == {"flux-system/flux-system", "flux-system/on"}


def test_objects_come_in_the_order_in_which_flux_applies_them(read: Read) -> None:
    reading = read(
        {
            "clusters/c/apps.yaml": flux("apps", "./apps"),
            "apps/all.yaml": both(
                release("z"),
                release("a"),
                DEPLOYMENT,
                config_map("b", "apps"),
                obj("storage.k8s.io/v1", "StorageClass", "fast"),
                obj("v1", "Namespace", "apps"),
                obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hook"),
            ),
        }
    )
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None
    assert [o.kind + o.name for o in apps.objects] == [
        "Namespaceapps",
        "StorageClassfast",
        "ConfigMapb",
        "Deploymentweb",
        "HelmReleasea",
        "HelmReleasez",
        "ValidatingWebhookConfigurationhook",
    ]


def test_common_metadata_is_set_on_all_objects_so_a_shard_may_come_from_it(read: Read) -> None:
    common = {"labels": {"sharding.fluxcd.io/key": "two"}}
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./a", commonMetadata=common),
            "a/b.yaml": flux("b", "./b"),
            "b/web.yaml": DEPLOYMENT,
        }
    )
    child = reading.fleet.kustomization(ks_id("b"))
    assert child is not None and child.shard == "two"


def test_file_and_line_of_each_object_are_those_of_its_definition(read: Read) -> None:
    reading = read(
        {
            "clusters/c/kustomization.yaml": kustomization("all.yaml", namePrefix="eu-"),
            "clusters/c/all.yaml": "# a comment\n---\n" + both(flux("one", "./apps"), flux("two", "./apps")),
            "apps/kustomization.yaml": kustomization("../base", namespace="apps"),
            "base/kustomization.yaml": kustomization("release.yaml"),
            "base/release.yaml": "---\n" + release("web", namespace=None),
        }
    )
    places = {str(o.id): (o.file, o.line) for o in reading.fleet.services()}
    assert places["Kustomization/flux-system/eu-one"] == ("clusters/c/all.yaml", 3)
    assert places["Kustomization/flux-system/eu-two"][0] == "clusters/c/all.yaml"
    assert (places["Kustomization/flux-system/eu-two"][1] or 0) > 3
    assert places["HelmRelease/apps/web"] == ("base/release.yaml", 2)


def _shared_by_two(text: str, other: str | None = None, **second: Any) -> dict[str, str]:
    return {
        "clusters/c/a.yaml": flux("a", "./a"),
        "clusters/c/b.yaml": flux("b", "./b", **second),
        "a/shared.yaml": text,
        "b/shared.yaml": other or text,
    }


def test_an_object_that_two_kustomizations_apply_changes_its_owner_at_every_reconcile(read: Read) -> None:
    reading = read(_shared_by_two(config_map("shared", "apps", a="b")))
    [finding] = [f for f in reading.findings if f.code == DUPLICATE_OBJECT]
    assert str(finding.object) == "ConfigMap/apps/shared" and finding.file == "a/shared.yaml"
    assert finding.message.startswith("is applied by flux-system/a and again by flux-system/b, each of which takes it")


def test_an_object_that_two_kustomizations_apply_with_other_content_is_overwritten_in_turn(read: Read) -> None:
    reading = read(_shared_by_two(config_map("shared", "apps", a="b"), config_map("shared", "apps", a="c")))
    [finding] = [f for f in reading.findings if f.code == DUPLICATE_OBJECT]
    assert "with other content: each overwrites the other's" in finding.message


def test_what_is_only_created_once_or_not_reconciled_is_nobodys_to_fight_over(read: Read) -> None:
    once = config_map("shared", "apps").replace(
        '"name"', '"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}, "name"'
    )
    assert DUPLICATE_OBJECT not in codes(read(_shared_by_two(once)))
    assert DUPLICATE_OBJECT not in codes(read(_shared_by_two(config_map("shared", "apps"), suspend=True)))

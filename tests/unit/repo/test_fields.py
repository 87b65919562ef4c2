"""The fields of a Flux Kustomization that change what kustomize builds, and the kustomization Flux generates."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.merge import generated, merged
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, config_map, flux, ks_id, kustomization, obj, release


def _objects(read: Read, spec: dict[str, Any], **files: str) -> list[str]:
    given = {f"apps/{k.replace('__', '/')}.yaml": v for k, v in files.items()}
    reading = read({"clusters/c/a.yaml": flux("a", "./apps", **spec), **given})
    found = reading.fleet.kustomization(ks_id("a"))
    assert found is not None and found.broken is None, found
    return [str(o) for o in found.objects]


def test_target_namespace_prefix_and_suffix(read: Read) -> None:
    spec = {"targetNamespace": "t", "namePrefix": "p-", "nameSuffix": "-s"}
    assert _objects(read, spec, map=config_map("m", "other")) == ["ConfigMap/t/p-m-s"]


def test_target_namespace_replaces_that_of_the_kustomization(read: Read) -> None:
    own = kustomization("map.yaml", namespace="own")
    assert _objects(read, {"targetNamespace": "t"}, map=config_map("m"), kustomization=own) == ["ConfigMap/t/m"]


def test_patches_come_after_those_of_the_kustomization(read: Read) -> None:
    def rename(to: str) -> dict[str, Any]:
        return {
            "patch": f"- op: replace\n  path: /metadata/namespace\n  value: {to}\n",
            "target": {"kind": "ConfigMap"},
        }

    own = kustomization("map.yaml", patches=[rename("first")])
    assert _objects(read, {"patches": [rename("second")]}, map=config_map("m", "x"), kustomization=own) == [
        "ConfigMap/second/m"
    ]


def test_a_patch_may_delete(read: Read) -> None:
    delete = {"patch": "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: x}\n"}
    assert _objects(read, {"patches": [delete]}, all=both(config_map("m", "x"), config_map("n", "x"))) == [
        "ConfigMap/x/n"
    ]


def test_components_are_relative_to_the_path(read: Read) -> None:
    component = kustomization("extra.yaml", apiVersion="kustomize.config.k8s.io/v1alpha1", kind="Component")
    spec = {"components": ["../shared"]}
    files = {"map": config_map("m", "x"), "__shared__x": ""}
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./apps", **spec),
            "apps/map.yaml": files["map"],
            "shared/kustomization.yaml": component,
            "shared/extra.yaml": config_map("extra", "x"),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and [o.name for o in a.objects] == ["extra", "m"]


@pytest.mark.parametrize("ignore", [True, False])
def test_a_missing_component_fails_unless_it_may_be_missing(read: Read, ignore: bool) -> None:
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./apps", components=["../gone"], ignoreMissingComponents=ignore),
            "apps/map.yaml": config_map("m", "x"),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and (a.broken is None) is ignore


def test_images_reach_the_workloads(read: Read) -> None:
    container = {"name": "c", "image": "example/web:1.0"}
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"template": {"spec": {"containers": [container]}}})
    images = [{"name": "example/web", "newTag": "2.0"}]
    reading = read({"clusters/c/a.yaml": flux("a", "./apps", images=images), "apps/web.yaml": web})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.workloads[0].images == ("example/web:2.0",)


def test_an_image_of_the_kustomization_is_overridden_as_a_unit(write: Write) -> None:
    own = kustomization("map.yaml", images=[{"name": "a", "newName": "b", "digest": "sha256:1"}])
    tree = Tree.of_directory(write({"x/kustomization.yaml": own, "x/map.yaml": config_map("m")}))
    body = merged(tree, "x", {"images": [{"name": "a", "newTag": "2"}, {"name": "c", "newTag": "1"}]})
    assert body["images"] == [{"name": "a", "newName": "b", "newTag": "2"}, {"name": "c", "newTag": "1"}]


def test_replacements_may_carry_the_namespace_of_children(read: Read) -> None:
    replacement = {
        "source": {"kind": "Namespace", "name": "media"},
        "targets": [
            {
                "select": {"kind": "Kustomization"},
                "fieldPaths": ["metadata.namespace", "spec.targetNamespace"],
                "options": {"create": True},
            }
        ],
    }
    reading = read(
        {
            "clusters/c/kustomization.yaml": kustomization("ns.yaml", "app.yaml", replacements=[replacement]),
            "clusters/c/ns.yaml": obj("v1", "Namespace", "media"),
            "clusters/c/app.yaml": flux("app", "./deep", namespace=None),
            "deep/map.yaml": config_map("m"),
        }
    )
    app = reading.fleet.kustomization(ks_id("media/app"))
    assert app is not None and [str(o) for o in app.objects] == ["ConfigMap/media/m"]


def test_an_entry_without_resources_but_components_builds(read: Read) -> None:
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/kustomization.yaml": kustomization()})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.broken is None and a.applies == 0


def test_unknown_fields_of_the_entry_are_lost_as_flux_loses_them(write: Write) -> None:
    tree = Tree.of_directory(
        write({"x/kustomization.yaml": kustomization("m.yaml", nonsense=1), "x/m.yaml": config_map("m")})
    )
    assert "nonsense" not in merged(tree, "x", {})


def test_the_generated_kustomization_takes_all_yaml_below_and_directories_as_a_whole(write: Write) -> None:
    tree = Tree.of_directory(
        write(
            {
                "x/b.yml": "",
                "x/a.yaml": "",
                "x/notes.md": "",
                "x/sub/c.yaml": "",
                "x/sub/deeper/d.yaml": "",
                "x/own/kustomization.yml": "",
                "x/own/e.yaml": "",
            }
        )
    )
    assert generated(tree, "x")["resources"] == ["a.yaml", "b.yml", "own", "sub/c.yaml", "sub/deeper/d.yaml"]


def test_a_directory_without_manifests_gets_flux_placeholder(write: Write) -> None:
    tree = Tree.of_directory(write({"x/notes.md": "hi"}))
    assert generated(tree, "x") == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "_placeholder",
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1beta2"])
def test_older_api_versions_are_read_alike(read: Read, version: str) -> None:
    child = flux("child", "./deep", dependsOn=[{"name": "x"}]).replace("fluxcd.io/v1", f"fluxcd.io/{version}")
    helm = release("r", dependsOn=[{"name": "s"}]).replace("fluxcd.io/v2", "fluxcd.io/v2beta1")
    reading = read({"clusters/c/a.yaml": both(child, flux("other", "./deep")), "deep/r.yaml": helm})
    found = reading.fleet.kustomization(ks_id("child"))
    assert found is not None and [d.target.key for d in found.depends_on] == ["flux-system/x"]
    assert [d.target.key for d in reading.fleet.helmreleases[0].depends_on] == ["apps/s"]


def test_v1beta_patches_strategic_merge_are_merged_in(read: Read) -> None:
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "x"}, "data": {"b": "2"}}
    text = flux("a", "./apps", patchesStrategicMerge=[patch]).replace("fluxcd.io/v1", "fluxcd.io/v1beta2")
    reading = read({"clusters/c/a.yaml": text, "apps/m.yaml": config_map("m", "x", a="1")})
    assert reading.rendered[ks_id("a")][0].body["data"] == {"a": "1", "b": "2"}


def test_every_field_of_the_contract_is_read(read: Read) -> None:
    spec = {
        "wait": True,
        "timeout": "2m",
        "retryInterval": "30s",
        "suspend": True,
        "healthChecks": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "x"}],
        "dependsOn": [{"name": "b", "readyExpr": "true"}, {"name": "b"}],
    }
    reading = read({"clusters/c/a.yaml": flux("a", "./apps", **spec), "apps/m.yaml": config_map("m", "x")})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None
    assert (a.wait, a.timeout_s, a.retry_interval_s, a.suspend, a.interval_s) == (True, 120.0, 30.0, True, 600.0)
    assert [str(c) for c in a.health_checks] == ["Deployment/x/web"]
    assert [(d.target.key, d.ready_expr) for d in a.depends_on] == [("flux-system/b", "true")]

"""What wants an object of a left-out remote base is never wrong for that; what is wrong without it stays so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleetbench.repo import Reading
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, ks_id, kustomization

BASE = "https://example.test/install.yaml"
FLUX = "https://github.com/fluxcd/flux2/releases/download/v2.7.3/install.yaml"


def merge(name: str, namespace: str | None = "apps", **data: Any) -> dict[str, Any]:
    """A strategic merge of a ConfigMap."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def fleet(*resources: str, **fields: Any) -> dict[str, str]:
    return {
        "clusters/c/a.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("a", "./apps")),
        "apps/kustomization.yaml": kustomization("map.yaml", *resources, **fields),
        "apps/map.yaml": both(config_map("own", "apps", x="1"), config_map("own", "other", x="1")),
        "apps/patch.yaml": both(json.dumps(merge("own", x="2")) + "\n", json.dumps(merge("theirs", x="2")) + "\n"),
    }


def values_of(reading: Reading) -> list[str]:
    return [str(m.body["data"]["x"]) for m in reading.rendered[ks_id("a")]]


def codes(reading: Reading) -> list[str]:
    return [f.code for f in reading.findings if f.code in ("FB107", "FB302", "FB303")]


@pytest.mark.parametrize(
    "fields",
    [
        {"patches": [{"path": "patch.yaml"}]},
        {"patches": [{"patch": json.dumps(merge("own", x="2"))}, {"patch": json.dumps(merge("theirs"))}]},
        {"patchesStrategicMerge": ["patch.yaml"]},
        {"patchesStrategicMerge": [json.dumps(merge("theirs")), json.dumps(merge("own", x="2"))]},
    ],
    ids=["two documents of a file", "written out", "legacy file", "legacy text"],
)
def test_a_patch_on_what_a_remote_base_holds_is_no_error_and_one_on_what_is_here_is_put_on_it_alone(
    read: Read, fields: dict[str, Any]
) -> None:
    reading = read(fleet(BASE, **fields))
    assert codes(reading) == ["FB303"] and values_of(reading) == ["2", "1"]


@pytest.mark.parametrize("remote", [{}, {"crds": ["https://example.test/schema.json"]}], ids=["none", "of no objects"])
def test_without_a_remote_base_such_a_patch_fails_the_build_as_kustomize_says(
    read: Read, remote: dict[str, Any]
) -> None:
    reading = read(fleet(patches=[{"path": "patch.yaml"}], **remote))
    a = reading.fleet.kustomization(ks_id("a"))
    assert codes(reading) == ["FB107"] + ["FB303"] * bool(remote) and a is not None and a.broken is not None


def test_a_patch_without_a_namespace_is_put_on_the_object_of_the_default_one_alone(read: Read) -> None:
    files = fleet(BASE, patches=[{"patch": json.dumps(merge("own", None, x="2"))}])
    files["apps/map.yaml"] = both(config_map("own", x="1"), config_map("own", "other", x="1"))
    assert values_of(read(files)) == ["2", "1"]


def test_a_patch_in_the_spec_or_in_an_outer_folder_counts_as_one_of_the_same_build(read: Read) -> None:
    files = fleet(BASE)
    files["clusters/c/a.yaml"] = both(
        git(),
        flux("flux-system", "./clusters/c"),
        flux("a", "./outer", patches=[{"patch": json.dumps(merge("theirs"))}]),
    )
    files["outer/kustomization.yaml"] = kustomization("../apps", patches=[{"patch": json.dumps(merge("own", x="2"))}])
    reading = read(files)
    assert codes(reading) == ["FB303"] and values_of(reading) == ["2", "1"]


@pytest.mark.parametrize(
    ("field", "item"),
    [
        (
            "replacements",
            {
                "source": {"kind": "ConfigMap", "name": "theirs", "fieldPath": "data.x"},
                "targets": [{"select": {"kind": "ConfigMap", "name": "own"}, "fieldPaths": ["data.x"]}],
            },
        ),
        ("replicas", {"name": "theirs", "count": 2}),
        ("configMapGenerator", {"name": "theirs", "behavior": "merge", "literals": ["y=1"]}),
    ],
    ids=["replacements", "replicas", "generator"],
)
def test_what_else_wants_it_is_cut_out_with_a_warning_and_the_rest_of_its_kind_stays(
    read: Read, field: str, item: dict[str, Any]
) -> None:
    works = {
        "source": {"kind": "ConfigMap", "name": "own", "namespace": "apps", "fieldPath": "metadata.name"},
        "targets": [{"select": {"kind": "ConfigMap", "namespace": "other"}, "fieldPaths": ["data.x"]}],
    }
    fields: dict[str, Any] = {"replacements": [works]}
    fields[field] = [item, *fields.get(field, [])]
    reading = read(fleet(BASE, **fields))
    said = [f for f in reading.findings if f.code == "FB303" and field in f.message]
    assert codes(reading) == ["FB303", "FB303"] and values_of(reading) == ["1", "own"]
    assert [(f.file, BASE in f.message) for f in said] == [("apps/kustomization.yaml", True)] and said[0].line


def test_what_cannot_be_cut_out_makes_the_content_unknown_and_not_broken(read: Read) -> None:
    files = fleet(BASE, transformers=["transform.yaml"])
    patch = {"patch": json.dumps(merge("theirs"))}
    body = {"apiVersion": "builtin", "kind": "PatchTransformer", "metadata": {"name": "t"}, **patch}
    files["apps/transform.yaml"] = json.dumps(body) + "\n"
    reading = read(files)
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.broken is None and not a.expanded
    assert codes(reading) == ["FB303", "FB303"]
    assert any(BASE in f.message and "not expanded" in f.message for f in reading.findings)


def test_another_mistake_beside_it_is_told_as_one(read: Read) -> None:
    replica = {"name": "theirs", "count": 2}
    reading = read(fleet(BASE, replicas=[replica], patches=[{"target": {"name": "own"}, "patch": "no patch"}]))
    (found,) = [f for f in reading.findings if f.code == "FB107"]
    assert "theirs" not in found.message and "unable to parse" in found.message


@pytest.mark.parametrize("legacy", [False, True], ids=["patches", "patchesStrategicMerge"])
def test_flux_itself_may_be_the_remote_base_of_the_root_and_a_patch_on_a_controller_holds(
    read: Read, legacy: bool
) -> None:
    container = {"name": "manager", "args": ["--concurrent=20"]}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "kustomize-controller", "namespace": "flux-system"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    text = json.dumps(patch)
    fields: dict[str, Any] = {"patchesStrategicMerge": [text]} if legacy else {"patches": [{"patch": text}]}
    reading = read(
        {
            "clusters/c/flux-system/kustomization.yaml": kustomization(FLUX, "gotk-sync.yaml", **fields),
            "clusters/c/flux-system/gotk-sync.yaml": both(git(), flux("flux-system", "./clusters/c")),
            "clusters/c/a.yaml": flux("a", "./apps"),
            "apps/map.yaml": config_map("own", "apps"),
        }
    )
    assert not [f for f in reading.findings if f.severity == "error"]
    assert [(f.controller, f.flag, f.value) for f in reading.fleet.flags] == [
        ("kustomize-controller", "concurrent", "20")
    ]

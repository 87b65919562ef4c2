"""A directory among ``generators``, ``transformers`` and ``validators``: its objects configure plugins, as kustomize has it."""

from __future__ import annotations

import shutil

import pytest

from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.inputs import MAX_LEVELS, Inputs, collect
from fleetbench.repo.kustomize.program import BuildFailed, kustomize
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import config_map, flux, ks_id, kustomization, obj


def plugin(kind: str, name: str, **fields: object) -> str:
    """A builtin plugin's configuration."""
    return obj("builtin", kind, name, **fields)


APPS = {
    "apps/kustomization.yaml": kustomization(
        "map.yaml", generators=["./gen"], transformers=["../shared"], validators=["check"]
    ),
    "apps/map.yaml": config_map("own", "apps"),
    "apps/settings.txt": "a",
    "apps/gen/kustomization.yaml": kustomization("map.yaml", "secrets"),
    "apps/gen/map.yaml": plugin("ConfigMapGenerator", "made", files=["settings.txt"], literals=["b=c"]),
    "apps/gen/secrets/kustomization.yaml": kustomization("secret.yaml"),
    "apps/gen/secrets/secret.yaml": plugin("SecretGenerator", "hidden", literals=["b=c"]),
    "shared/kustomization.yaml": kustomization("label.yaml", "prefix.yaml"),
    "shared/label.yaml": plugin(
        "LabelTransformer", "label", labels={"team": "x"}, fieldSpecs=[{"path": "metadata/labels", "create": True}]
    ),
    "shared/prefix.yaml": plugin(
        "PrefixSuffixTransformer", "prefix", prefix="a-", suffix="-z", fieldSpecs=[{"path": "metadata/name"}]
    ),
    "apps/check/kustomization.yaml": kustomization("check.yaml"),
    "apps/check/check.yaml": plugin("LabelTransformer", "check", labels={}),
}
"""What the configurations name lies beside the kustomization that lists their directory, not in that directory."""


def inputs(write: Write, files: dict[str, str]) -> Inputs:
    return collect(Tree.of_directory(write(files)), "apps", {})


def texts(found: Inputs) -> list[str]:
    return [f"{p.file}:{p.line}: {p.text}" for p in found.problems]


def test_the_objects_are_those_that_kustomize_builds(read: Read) -> None:
    as_it_is = kustomize().run({path: text.encode() for path, text in APPS.items()}, "apps")
    reading = read(APPS | {"clusters/c/a.yaml": flux("a", "./apps")})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.broken is None and not [f for f in reading.findings if f.severity == "error"]
    assert sorted(o.name.rpartition("-")[0] for o in a.objects) == ["a-hidden-z", "a-made-z", "a-own"]
    assert all(f"name: {o.name}\n" in as_it_is for o in a.objects)


def test_the_build_sees_what_the_repository_holds(write: Write) -> None:
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")
    found = inputs(write, APPS)
    assert found.problems == [] and found.remote == [] and set(found.files) == set(APPS)
    raw = {path: text.encode() for path, text in APPS.items()}
    assert kustomize().run(found.files, "apps") == kustomize().run(raw, "apps")


def test_a_directory_may_be_a_base_as_well(write: Write) -> None:
    more = {
        "apps/kustomization.yaml": kustomization("map.yaml", "other", generators=["other"]),
        "apps/other/kustomization.yaml": kustomization("map.yaml", namePrefix="a-"),
        "apps/other/map.yaml": plugin("ConfigMapGenerator", "made", literals=["b=c"]),
    }
    assert [t.partition(": beside")[0] for t in texts(inputs(write, APPS | more))] == [
        "apps/other/kustomization.yaml:7: namePrefix"
    ]


def test_a_namespace_of_a_directory_is_what_its_configurations_say(read: Read, write: Write) -> None:
    specs = [{"path": "spec/targetNamespace", "kind": "Kustomization", "create": True}]
    files = {
        "apps/kustomization.yaml": kustomization("child.yaml", transformers=["./tr"], generators=["./gen"]),
        "apps/child.yaml": flux("child", "./deep"),
        "apps/tr/kustomization.yaml": kustomization("../../shared", namespace="media"),
        "shared/kustomization.yaml": kustomization("set.yaml"),
        "shared/set.yaml": plugin("NamespaceTransformer", "set", unsetOnly=False, fieldSpecs=specs),
        "apps/gen/kustomization.yaml": kustomization("map.yaml", namespace="../../outside.txt"),
        "apps/gen/map.yaml": plugin("ConfigMapGenerator", "made", literals=["b=c"]),
    }
    found = inputs(write, files)
    assert found.problems == [] and set(found.files) == set(files)
    raw = {path: text.encode() for path, text in files.items()}
    assert kustomize().run(found.files, "apps") == kustomize().run(raw, "apps")
    reading = read(files | {"clusters/c/a.yaml": flux("a", "./apps"), "deep/map.yaml": config_map("m")})
    child = reading.fleet.kustomization(ks_id("media/child"))
    assert child is not None and child.target_namespace == "media"


def test_what_is_not_followed_is_a_limit_and_no_failed_build(read: Read) -> None:
    more = {"apps/gen/kustomization.yaml": kustomization("map.yaml", "secrets", namePrefix="a-")}
    reading = read(APPS | more | {"clusters/c/a.yaml": flux("a", "./apps")})
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.broken is None and not a.expanded
    (told,) = [f for f in reading.findings if f.object == a.id]
    assert (told.code, told.severity, told.file) == ("FB302", "info", "apps/gen/kustomization.yaml")
    assert "namePrefix: beside resources and a namespace fleetbench follows nothing" in told.message


@pytest.mark.parametrize(
    "field",
    ["patches", "patchesStrategicMerge", "replacements", "components", "generators", "transformers", "configMapGenerator",
     "secretGenerator", "namePrefix", "commonLabels", "configurations", "vars", "helmCharts", "Resources"],
)  # fmt: skip
def test_a_directory_that_does_more_than_list_is_refused_by_the_field(write: Write, field: str) -> None:
    more = {"apps/gen/kustomization.yaml": f"resources: [map.yaml]\n{field}: [x]\n"}
    found = texts(inputs(write, APPS | more))
    assert found[0].startswith(f"apps/gen/kustomization.yaml:2: {field}: beside resources and a namespace fleetbench")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("gone.yaml", "gen/kustomization.yaml:1: resources: gone.yaml does not exist"),
        ("../check/gone/", "gen/kustomization.yaml:1: resources: ../check/gone/ does not exist"),
        ("..", "apps/kustomization.yaml:7: generators: beside resources"),
        ("../../../x", "gen/kustomization.yaml:1: resources: ../../../x leaves the repository"),
    ],
)
def test_a_wrong_entry_of_a_directory_is_named(write: Write, listed: str, said: str) -> None:
    found = texts(inputs(write, APPS | {"apps/gen/kustomization.yaml": f"resources: [{listed}]\n"}))
    assert any(said in text for text in found), found


def test_a_directory_without_a_kustomization_is_named(write: Write) -> None:
    files = {path: text for path, text in APPS.items() if path != "apps/gen/kustomization.yaml"}
    assert any("generators: the directory ./gen holds no kustomization.yaml" in t for t in texts(inputs(write, files)))


@pytest.mark.parametrize("loop", [".", "secrets/../../gen", "secrets/back"])
def test_a_directory_that_lists_itself_is_a_cycle_to_kustomize(write: Write, loop: str) -> None:
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")
    more = {
        "apps/gen/kustomization.yaml": kustomization("map.yaml", loop),
        "apps/gen/secrets/back/kustomization.yaml": kustomization("../../../gen"),
    }
    found = inputs(write, APPS | more)
    assert found.problems == []
    with pytest.raises(BuildFailed, match="cycle detected"):
        kustomize().run(found.files, "apps")


@pytest.mark.parametrize("field", ["resources", "generators"])
def test_bases_that_are_nested_too_deeply_are_refused(write: Write, field: str) -> None:
    files = {f"d{n}/kustomization.yaml": f"resources: [../d{n + 1}]\n" for n in range(2000)}
    found = inputs(write, files | {"apps/kustomization.yaml": f"{field}: [../d0]\n"})
    assert [t for t in texts(found) if f"got bases nested deeper than {MAX_LEVELS}" in t] == texts(found) != []

"""Builds: plain, by the program, in batches and from the cache all give the same objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetbench.findings import BUILD_FAILED
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize import build as build_module
from fleetbench.repo.kustomize.batch import can_share
from fleetbench.repo.kustomize.build import Build, Builder, Request
from fleetbench.repo.kustomize.cache import BuildCache
from fleetbench.repo.kustomize.inputs import Inputs, collect
from fleetbench.repo.kustomize.plain import plain_build
from fleetbench.repo.kustomize.program import kustomize
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, config_map, flux, git, kustomization, obj, release

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    metadata:
      labels:
        - odd
      annotations: {on: "yes", at: "12:30", mode: "0644"}
    spec:
      containers:
        - name: web
          image: example/web:1.0
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: shared}}]
"""
APPS = {
    f"apps/{n}/{path}": text
    for n in ("one", "two", "three", "four")
    for path, text in {
        "kustomization.yaml": kustomization(
            "web.yaml",
            "release.yaml",
            namespace="apps",
            configMapGenerator=[{"name": "settings", "literals": [f"A={n}"]}],
            generatorOptions={"disableNameSuffixHash": True},
        ),
        "web.yaml": WEB,
        "release.yaml": release("web", namespace=None),
    }.items()
}


def _bodies(build: Build) -> list[str]:
    return sorted(json.dumps(m.body, sort_keys=True) for m in build.manifests)


def _all(root: Path) -> list[Request]:
    tree = Tree.of_directory(root)
    return [Request(tree, f"apps/{n}", {"namePrefix": ""}) for n in ("one", "two", "three", "four")]


def test_a_batch_gives_each_member_what_it_builds_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(APPS)
    together = Builder(kustomize(), None).build_all(_all(root))
    monkeypatch.setattr(build_module, "can_share", lambda inputs: False)
    alone = Builder(kustomize(), None).build_all(_all(root))
    assert [_bodies(b) for b in together] == [_bodies(b) for b in alone]
    assert [[(m.file, m.line) for m in b.manifests] for b in together] == [
        [(m.file, m.line) for m in b.manifests] for b in alone
    ]
    assert len({str(_bodies(b)) for b in alone}) == 4


def test_a_failing_member_leaves_the_others_of_its_batch_alone(write: Write) -> None:
    bad = {"patch": "- op: remove\n  path: /spec/nothing\n", "target": {"kind": "Deployment"}}
    root = write({**APPS, "apps/two/kustomization.yaml": kustomization("web.yaml", namespace="apps", patches=[bad])})
    builds = Builder(kustomize(), None).build_all(_all(root))
    assert [b.failure is None for b in builds] == [True, False, True, True]
    assert all(len(b.manifests) == 3 for b in builds if b.failure is None)


def _inputs(write: Write, body: str, **files: str) -> Inputs:
    root = write(
        {"a/kustomization.yaml": body, "a/map.yaml": config_map("m"), **{f"a/{k}.yaml": v for k, v in files.items()}}
    )
    return collect(Tree.of_directory(root), "a", {})


@pytest.mark.parametrize(
    "body",
    [
        kustomization("map.yaml", namePrefix="x-"),
        kustomization("map.yaml", nameSuffix="-x"),
        kustomization("map.yaml", configMapGenerator=[{"name": "g", "literals": ["a=b"]}]),
        kustomization("map.yaml", configurations=["map.yaml"]),
        kustomization("map.yaml", replacements=[]),
        kustomization("map.yaml", buildMetadata=["originAnnotations"]),
    ],
    ids=["prefix", "suffix", "hash", "configurations", "replacements", "metadata"],
)
def test_a_build_that_could_touch_its_neighbours_is_run_alone(write: Write, body: str) -> None:
    assert not can_share(_inputs(write, body))


def test_a_build_with_a_namespace_is_run_alone_since_prefixes_pass_it_by(write: Write) -> None:
    assert can_share(_inputs(write, kustomization("map.yaml", namespace="x")))
    assert not can_share(_inputs(write, kustomization("map.yaml", "ns.yaml"), ns=obj("v1", "Namespace", "x")))


PLAIN = {
    "apps/kustomization.yaml": kustomization("../base", "more.yaml"),
    "apps/more.yaml": both(release("r"), flux("k", "./x"), WEB.replace("name: web", "name: other", 1)),
    "base/kustomization.yaml": kustomization("values.yaml"),
    "base/values.yaml": both(WEB, "# only a comment\n", config_map("m", "apps", a="1", b="true")),
}


def test_a_plain_build_is_what_the_program_says(write: Write) -> None:
    tree = Tree.of_directory(write(PLAIN))
    inputs = collect(tree, "apps", {})
    plain = plain_build(tree, inputs)
    assert plain is not None
    printed = kustomize().run(inputs.files, inputs.directory)
    by_program = build_module._bodies(build_module.split(printed), "apps")
    assert sorted(json.dumps(m.body, sort_keys=True) for m in plain) == sorted(
        json.dumps(b, sort_keys=True) for b in by_program
    )


@pytest.mark.parametrize(
    "change",
    [
        {"apps/kustomization.yaml": kustomization("../base", "more.yaml", namespace="x")},
        {"base/kustomization.yaml": kustomization("values.yaml", patches=[])},
        {"apps/more.yaml": WEB},
        {"apps/more.yaml": obj("v1", "List", "x", items=[])},
        {"apps/more.yaml": "kind: X\n"},
        {"apps/kustomization.yaml": kustomization("../base", "more.yaml", kind="Component")},
    ],
    ids=["namespace", "patches", "same-object-twice", "list", "no-object", "component"],
)
def test_what_is_not_certainly_plain_is_left_to_the_program(write: Write, change: dict[str, str]) -> None:
    tree = Tree.of_directory(write({**PLAIN, **change}))
    assert plain_build(tree, collect(tree, "apps", {})) is None


def test_a_second_run_takes_builds_from_the_cache(write: Write, tmp_path: Path) -> None:
    root = write(APPS)
    first, second = (Builder(kustomize(), BuildCache(tmp_path / "cache")) for _ in range(2))
    before = first.build_all(_all(root))
    after = second.build_all(_all(root))
    assert first.ran == 4 and second.ran == 0
    assert [_bodies(b) for b in after] == [_bodies(b) for b in before]


def test_a_changed_file_is_built_anew(write: Write, tmp_path: Path) -> None:
    root = write(APPS)
    Builder(kustomize(), BuildCache(tmp_path / "cache")).build_all(_all(root))
    (root / "apps/one/web.yaml").write_text(WEB.replace("replicas: 2", "replicas: 3"))
    again = Builder(kustomize(), BuildCache(tmp_path / "cache"))
    changed = again.build_all(_all(root))[0]
    assert again.ran == 1
    assert any(m.spec.get("replicas") == 3 for m in changed.manifests)


@pytest.mark.parametrize(("value", "kept"), [("aHVudGVyMg==", False), ("ENC[AES256_GCM,data:x]", True)])
def test_a_secret_in_the_clear_never_reaches_the_cache(write: Write, tmp_path: Path, value: str, kept: bool) -> None:
    secret = obj("v1", "Secret", "s", namespace="apps", data={"password": value})
    root = write({"a/kustomization.yaml": kustomization("s.yaml", namespace="apps"), "a/s.yaml": secret})
    cache = BuildCache(tmp_path / "cache")
    Builder(kustomize(), cache).build(Tree.of_directory(root), "a", {})
    assert bool(list(cache.folder.glob("*"))) is kept


def test_a_damaged_cache_entry_is_built_anew(write: Write, tmp_path: Path) -> None:
    root = write(APPS)
    cache = BuildCache(tmp_path / "cache")
    Builder(kustomize(), cache).build_all(_all(root))
    for entry in cache.folder.iterdir():
        entry.write_bytes(b"\x1f\x8bnonsense")
    again = Builder(kustomize(), cache)
    assert all(b.failure is None for b in again.build_all(_all(root))) and again.ran == 4


def test_a_directory_that_is_used_twice_is_kustomizes_to_judge(write: Write) -> None:
    files = {
        "x/kustomization.yaml": kustomization("../a", "../b"),
        "a/kustomization.yaml": kustomization("../base"),
        "b/kustomization.yaml": kustomization("../base"),
        "base/kustomization.yaml": kustomization("m.yaml"),
        "base/m.yaml": config_map("m", "x"),
    }
    build = Builder(kustomize(), None).build(Tree.of_directory(write(files)), "x", {})
    assert build.failure is not None and "already registered id" in build.failure.text


def test_a_kustomization_that_lists_itself_fails_and_ends(write: Write) -> None:
    files = {"x/kustomization.yaml": kustomization("../x", "m.yaml"), "x/m.yaml": config_map("m", "x")}
    build = Builder(kustomize(), None).build(Tree.of_directory(write(files)), "x", {})
    assert build.failure is not None and "cycle" in build.failure.text


def test_a_component_that_the_spec_names_is_looked_for_where_it_is_named(read: Read) -> None:
    apps = flux("apps", "./apps", components=["../../gone"])
    files = {
        "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), apps),
        "apps/a.yaml": config_map("a", "x"),
    }
    (found,) = [f for f in read(files).findings if f.code == BUILD_FAILED]
    assert found.file == "clusters/c/all.yaml" and "spec.components: ../../gone leaves the repository" in found.message


def test_an_object_in_a_list_has_its_own_line(read: Read) -> None:
    items = "".join(f"- {flux(name, './apps')}".replace("\n", "\n  ").rstrip() + "\n" for name in ("one", "two"))
    root = both(git(), flux("flux-system", "./clusters/c"))
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    of = read({"clusters/c/root.yaml": root, "clusters/c/all.yaml": text, "apps/a.yaml": config_map("a", "x")}).fleet
    lines = {k.id.name: k.line for k in of.kustomizations if k.file == "clusters/c/all.yaml"}
    second = text[: text.index('"two"')].count("\n") - 3  # its first line, "- {", counted from 1
    assert lines == {"one": 4, "two": second}

"""Which files a source holds: ignore rules, sparse checkouts, artifacts copied from this repository."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetbench.ids import parse_object
from fleetbench.repo.files.ignore import Ignore, not_archived
from fleetbench.repo.files.tree import Escapes, Tree, join, spec_path
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, codes, config_map, edges, flux, git, ks_id, obj, parents, release


@pytest.mark.parametrize(
    ("patterns", "spec", "path", "left_out"),
    [
        ({}, [], "clusters/a.yaml", False),
        ({}, [], ".github/workflows/x.yaml", True),
        ({}, [], "docs/picture.png", True),
        ({}, [], "secrets/.sops.yaml", True),
        ({"": ["docs/"]}, [], "docs/a.yaml", True),
        ({"": ["docs/"]}, [], ".github/workflows/x.yaml", False),
        ({"": ["docs/"]}, [], ".gitignore", True),
        ({"": ["# docs/", ""]}, [], "docs/a.yaml", False),
        ({}, ["/*", "!/clusters/", "!/apps"], "clusters/c/a.yaml", False),
        ({}, ["/*", "!/clusters/", "!/apps"], "other/a.yaml", True),
        ({"": ["!x.yaml"]}, ["x.yaml"], "x.yaml", True),
        ({"apps": ["*.md"]}, [], "apps/deep/a.md", True),
        ({"apps": ["*.md"]}, [], "other/a.md", False),
        ({"apps": ["/x"]}, [], "apps/x/a.yaml", True),
        ({"apps": ["/x"]}, [], "apps/y/x/a.yaml", False),
    ],
)
def test_what_the_archive_leaves_out(
    patterns: dict[str, list[str]], spec: list[str], path: str, left_out: bool
) -> None:
    assert Ignore(patterns, spec).matches(path) is left_out


def test_a_copy_of_a_repository_holds_its_links_and_files_but_neither_git_nor_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/a.yaml").write_text("kind: X")
    (tmp_path / "repo/link").symlink_to("gone")
    os.mkfifo(tmp_path / "repo/pipe")
    copy = shutil.copytree(tmp_path / "repo", tmp_path / "copy", symlinks=True, ignore=not_archived)
    assert sorted(path.name for path in copy.iterdir()) == ["a.yaml", "link"]


def test_ignored_files_do_not_count(read: Read) -> None:
    reading = read(
        {
            ".sourceignore": "draft-*.yaml\n",
            "clusters/c/a.yaml": flux("a", "./apps"),
            "clusters/c/draft-b.yaml": flux("b", "./apps"),
            "apps/m.yaml": config_map("m", "x"),
        }
    )
    assert set(edges(reading)) == {"flux-system/flux-system", "flux-system/a"}


def test_the_sources_own_ignore_applies(read: Read) -> None:
    reading = read(
        {
            "clusters/c/root.yaml": both(git(ignore="/apps/two.yaml\n"), flux("flux-system", "./clusters/c")),
            "clusters/c/a.yaml": flux("a", "./apps"),
            "apps/one.yaml": flux("one", "./deep"),
            "apps/two.yaml": flux("two", "./deep"),
            "deep/m.yaml": config_map("m", "x"),
        }
    )
    assert set(edges(reading)) == {"flux-system/flux-system", "flux-system/a", "flux-system/one"}


def test_a_sparse_checkout_holds_only_its_directories(read: Read) -> None:
    reading = read(
        {
            "clusters/c/root.yaml": both(git(sparseCheckout=["clusters", "apps"]), flux("flux-system", "./clusters/c")),
            "clusters/c/a.yaml": both(flux("a", "./apps"), flux("b", "./other")),
            "apps/m.yaml": config_map("m", "x"),
            "other/m.yaml": config_map("m", "x"),
        }
    )
    assert codes(reading) == ["FB105"]


# --- artifacts ----------------------------------------------------------------------------------------------------


def _generator(*artifacts: dict[str, Any], source: str = "flux-system", name: str = "gen") -> str:
    sources = [{"alias": "repo", "kind": "GitRepository", "name": source}]
    return obj(
        "source.extensions.fluxcd.io/v1beta1",
        "ArtifactGenerator",
        name,
        namespace="flux-system",
        spec={"sources": sources, "artifacts": list(artifacts)},
    )


def _copy(name: str, *copies: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"name": name, "copy": [{"from": f, "to": t, **more} for f, t in copies]}


def _of(name: str) -> dict[str, str]:
    return {"kind": "ExternalArtifact", "name": name}


FILES = {"apps/web/m.yaml": config_map("web", "x"), "apps/api/m.yaml": config_map("api", "x"), "apps/README.md": "hi"}


@pytest.mark.parametrize(
    ("copy", "path", "found"),
    [
        (("@repo/apps/**", "@artifact/"), "./web", ["web"]),
        (("@repo/apps/**", "@artifact/k8s/"), "./k8s/api", ["api"]),
        (("@repo/apps/*", "@artifact/"), "./apps/web", ["web"]),
        (("@repo/apps", "@artifact/"), "./apps", ["api", "web"]),
        (("@repo/apps/web", "@artifact/x/"), "./x/web", ["web"]),
        (("@repo/apps/web/m.yaml", "@artifact/x/"), "./x", ["web"]),
        (("@repo/apps/web/m.yaml", "@artifact/x/n.yaml"), "./x", ["web"]),
        (("@repo/apps/w*/**", "@artifact/"), "./", ["web"]),
        (("@repo/clusters/../apps/web", "@artifact/"), "./web", ["web"]),
    ],
)
def test_a_copy_puts_files_where_source_watcher_puts_them(
    read: Read, copy: tuple[str, str], path: str, found: list[str]
) -> None:
    reading = read(
        {
            **FILES,
            "clusters/c/gen.yaml": _generator(_copy("out", copy)),
            "clusters/c/a.yaml": flux("a", path, sourceRef=_of("out")),
            "clusters/c/b.yaml": both(flux("b", "./apps/web"), flux("c", "./apps/api")),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.expanded and a.broken is None
    assert [o.name for o in a.objects] == found
    assert set(codes(reading)) == {"FB301"}  # what a applies is b's or c's as well


def test_files_of_a_copy_are_named_as_the_repository_names_them(read: Read) -> None:
    reading = read(
        {
            "clusters/c/gen.yaml": both(_generator(_copy("out", ("@repo/apps/**", "@artifact/")))),
            "clusters/c/a.yaml": flux("a", "./web", sourceRef=_of("out")),
            "apps/web/r.yaml": release("r"),
            "apps/web/bad.txt": "",
        }
    )
    assert reading.fleet.helmreleases[0].file == "apps/web/r.yaml"


def test_exclusions_of_a_copy_hold(read: Read) -> None:
    reading = read(
        {
            **FILES,
            "clusters/c/gen.yaml": _generator(_copy("out", ("@repo/apps/**", "@artifact/"), exclude=["api/**"])),
            "clusters/c/a.yaml": flux("a", "./", sourceRef=_of("out")),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and [o.name for o in a.objects] == ["web"]


def test_an_artifact_of_another_repository_is_listed_not_expanded(read: Read) -> None:
    reading = read(
        {
            **FILES,
            "clusters/c/gen.yaml": both(
                git("other"), _generator(_copy("out", ("@repo/apps/**", "@artifact/")), source="other")
            ),
            "clusters/c/a.yaml": flux("a", "./web", sourceRef=_of("out")),
            "clusters/c/b.yaml": both(flux("b", "./apps/web"), flux("c", "./apps/api")),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and not a.expanded
    assert codes(reading) == ["FB302"]


def test_a_generator_that_a_later_kustomization_applies_still_serves_an_earlier_one(read: Read) -> None:
    reading = read(
        {
            **FILES,
            "clusters/c/a.yaml": both(
                flux("a", "./web", sourceRef=_of("out")), flux("z", "./gen"), flux("y", "./apps/api")
            ),
            "gen/gen.yaml": _generator(_copy("out", ("@repo/apps/**", "@artifact/"))),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.applies == 1


def test_an_artifact_knows_what_it_is_copied_from_and_who_applies_it(read: Read) -> None:
    reading = read(
        {
            **FILES,
            "clusters/c/gen.yaml": _generator(_copy("out", ("@repo/apps/**", "@artifact/"))),
            "clusters/c/a.yaml": flux("a", "./web", sourceRef=_of("out")),
        }
    )
    source = reading.fleet.source(parse_object("ExternalArtifact/flux-system/out"))
    assert source is not None and str(source.copied_from) == "GitRepository/flux-system/flux-system"
    assert source.parent == reading.fleet.root and source.file == "clusters/c/gen.yaml"


# --- source objects -----------------------------------------------------------------------------------------------


def test_a_source_that_nothing_defines_is_an_error_with_a_suggestion(read: Read) -> None:
    charts = obj(
        "source.toolkit.fluxcd.io/v1", "HelmRepository", "charts", namespace="infra", spec={"url": "https://x.test"}
    )
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/r.yaml": both(release("r"), charts)})
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert (
        found.code == "FB106"
        and found.file == "apps/r.yaml"
        and "did you mean HelmRepository/infra/charts?" in found.message
    )
    source = reading.fleet.source(parse_object("HelmRepository/apps/charts"))
    assert source is not None and not source.defined


def test_a_releases_source_interval_and_suspension_are_read(read: Read) -> None:
    charts = obj(
        "source.toolkit.fluxcd.io/v1",
        "HelmRepository",
        "charts",
        namespace="apps",
        spec={"interval": "1h", "suspend": True},
    )
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/r.yaml": both(release("r"), charts)})
    source = reading.fleet.source(parse_object("HelmRepository/apps/charts"))
    assert source is not None and source.interval_s == 3600 and source.suspend and source.parent == ks_id("a")
    assert reading.fleet.helmreleases[0].source == source.id


def test_the_source_most_of_the_entrys_objects_use_is_this_repository_of_an_assumed_root(read: Read) -> None:
    reading = read(
        {
            "clusters/c/a.yaml": both(
                flux("a", "./apps", source="mine"),
                flux("b", "./apps", source="mine"),
                flux("c", "./apps", source="theirs"),
            ),
            "apps/child.yaml": flux("child", "./deep", source="mine"),
            "deep/m.yaml": config_map("m", "x"),
        }
    )
    assert parents(reading)["flux-system/child"] == "flux-system/a"
    c = reading.fleet.kustomization(ks_id("c"))
    assert c is not None and not c.expanded


@pytest.mark.parametrize("path", ["./services/of/another", "./apps", "./apps/${cluster}", "./aps"])
@pytest.mark.parametrize("beside", ["", git("services")])
def test_a_source_none_of_whose_paths_is_here_is_not_the_assumed_roots(read: Read, path: str, beside: str) -> None:
    files = {"clusters/c/a.yaml": both(flux("a", path, source="services"), beside), "apps/m.yaml": config_map("m", "x")}
    reading = read(files)
    here = "another" not in path
    assert reading.fleet.root_source == parse_object(
        f"GitRepository/flux-system/{'services' if here else 'flux-system'}"
    )
    assert [f.code for f in reading.findings if f.severity == "error"] == (["FB105"] if path == "./aps" else [])
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.expanded is (path in ("./apps", "./aps"))


# --- paths --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directory", "path", "joined"), [("a/b", "../c", "a/c"), ("a", "./b/", "a/b"), ("", ".", ""), ("a", "..", "")]
)
def test_paths_are_joined_and_cleaned(directory: str, path: str, joined: str) -> None:
    assert join(directory, path) == joined


@pytest.mark.parametrize(("directory", "path"), [("a", "../.."), ("", ".."), ("a", "/b"), ("a/b", "../../../x")])
def test_a_path_out_of_the_tree_escapes(directory: str, path: str) -> None:
    with pytest.raises(Escapes):
        join(directory, path)


@pytest.mark.parametrize(
    ("text", "path"), [("./a/", "a"), ("/a", "a"), ("../../a", "a"), ("", ""), ("./", ""), (None, "")]
)
def test_a_spec_path_is_confined_to_the_root(text: str | None, path: str) -> None:
    assert spec_path(text) == path


def test_the_git_directory_is_never_part_of_a_tree(write: Write) -> None:
    tree = Tree.of_directory(write({".git/config": "x", "a/b.yaml": "x"}))
    assert list(tree.files) == ["a/b.yaml"] and tree.is_directory("a") and not tree.is_directory(".git")


def test_a_path_pattern_makes_an_artifact_of_each_directory_it_matches(read: Read) -> None:
    sources = [{"alias": "repo", "kind": "GitRepository", "name": "flux-system"}]
    output = {"name": "app-{app}", "copy": [{"from": "@repo/apps/{app}/**", "to": "@artifact/"}]}
    generator = obj(
        "source.extensions.fluxcd.io/v1beta1",
        "ArtifactGenerator",
        "apps",
        namespace="flux-system",
        spec={"sources": sources, "pathPattern": "@repo/apps/{app}", "artifacts": [output]},
    )
    reading = read(
        {
            "clusters/c/gen.yaml": generator,
            "clusters/c/a.yaml": both(
                flux("w", "./", sourceRef=_of("app-web")), flux("x", "./", sourceRef=_of("app-other"))
            ),
            "apps/Web/m.yaml": config_map("web", "x"),
        }
    )
    web = reading.fleet.kustomization(ks_id("w"))
    assert web is not None and [o.name for o in web.objects] == ["web"]
    assert codes(reading) == ["FB106", "FB302"]


@pytest.mark.parametrize("line", ["\\", "a\\", "!"])
def test_a_line_that_is_no_pattern_matches_nothing(line: str) -> None:
    ignore = Ignore({"apps": [line]}, [line, "*.md"])
    assert ignore.matches("apps/a.md") and not ignore.matches("apps/a.yaml")


@pytest.mark.parametrize(("kind", "suspended"), [("oci", False), ("default", True), (None, True)])
def test_suspending_an_oci_helm_repository_does_nothing_as_nobody_fetches_it(
    read: Read, kind: str | None, suspended: bool
) -> None:
    spec = {"url": "oci://x/charts", "suspend": True, **({} if kind is None else {"type": kind})}
    repository = obj("source.toolkit.fluxcd.io/v1", "HelmRepository", "charts", namespace="flux-system", spec=spec)
    fleet = read({"clusters/c/charts.yaml": repository}).fleet
    found = fleet.source(parse_object("HelmRepository/flux-system/charts"))
    assert found is not None and found.suspend is suspended

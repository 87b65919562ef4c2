"""What an artifact could do without: folders of other tools, and nothing that any manifest leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetbench.repo.files.tree import Tree
from fleetbench.repo.unread_files import FEWEST, UnreadFiles, unread_files, with_patterns
from tests.unit.repo.conftest import Write
from tests.unit.repo.manifests import config_map

CLUSTER = {"clusters/c/all.yaml": config_map("a", "x")}


def many(folder: str, name: str = "{}.tf", text: str = "x", files: int = FEWEST) -> dict[str, str]:
    """So many files that they are worth a line."""
    return {f"{folder}/{name.format(n)}": text for n in range(files)}


def found(repo: Path, *reads: str, tracked: set[str] | None = None) -> UnreadFiles | None:
    return unread_files(Tree.of_directory(repo), reads, tracked)


def test_the_topmost_folders_without_a_manifest_the_fullest_first(write: Write) -> None:
    repo = write(
        CLUSTER | many("terraform/prod") | many("terraform/dev") | many("docs", files=30) | many("few", files=3)
    )
    answer = found(repo)
    assert answer is not None
    assert answer.folders == ("terraform", "docs") and answer.patterns == ("/terraform/", "/docs/")
    assert (answer.files, answer.of) == (2 * FEWEST + 30, 2 * FEWEST + 30 + 3 + 1)


def test_a_folder_of_manifests_stays_whoever_applies_them_and_what_lies_beside_is_found(write: Write) -> None:
    assert found(write(CLUSTER | many("other-cluster", "{}.yaml", config_map("b", "x")))) is None
    answer = found(write(CLUSTER | {"apps/a.yml": config_map("b", "x")} | many("apps/src/main", "{}.go")))
    assert answer is not None and answer.folders == ("apps/src",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_manifest_with_a_byte_order_mark_stays_too(write: Write, encoding: str) -> None:
    repo = write(CLUSTER | many("other-cluster", "{}.yaml"))
    for file in (repo / "other-cluster").iterdir():
        file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n", encoding=encoding)
    assert found(repo) is None


def test_what_a_build_reads_stays(write: Write) -> None:
    repo = write(CLUSTER | many("dashboards", "{}.txt") | many("pages", "{}.txt"))
    answer = found(repo, "dashboards/0.txt")
    assert answer is not None and answer.folders == ("pages",)
    assert found(repo, "dashboards", "pages/7.txt") is None


@pytest.mark.parametrize(
    ("file", "line", "stays"),
    [
        ("kustomization.yaml", "configMapGenerator: [{name: d, files: [x=../../dashboards/1.txt]}]", True),
        ("kustomization.yaml", "resources: [../../dashboards]", True),
        ("all.yaml", "spec: {path: ./dashboards}", True),
        ("all.yaml", "spec: {chart: {spec: {chart: x, valuesFiles: [dashboards/2.txt]}}}", True),
        ("all.yaml", 'spec: {artifacts: [{copy: [{from: "@repo/dashboards/**", to: "@artifact/"}]}]}', True),
        ("all.yaml", "kind: Terraform\nspec: {path: dashboards}", True),
        ("all.yaml", "# see ./dashboards", False),
        ("all.yaml", "spec: {namespace: dashboards}", False),
    ],
)
def test_what_any_manifest_names_stays_from_the_top_from_its_own_folder_and_in_a_copy(
    write: Write, file: str, line: str, stays: bool
) -> None:
    repo = write({f"clusters/c/{file}": f"apiVersion: v1\n{line}\n"} | many("dashboards", "{}.txt"))
    assert (found(repo) is None) == stays


def test_a_chart_stays_whole(write: Write) -> None:
    assert found(write(CLUSTER | {"charts/a/Chart.yaml": "name: a"} | many("charts/a/files", "{}.txt"))) is None


def test_only_what_git_tracks_is_in_an_artifact(write: Write) -> None:
    repo = write(CLUSTER | many("node_modules") | many("src"))
    tracked = {path for path in Tree.of_directory(repo).files if not path.startswith("node_modules")}
    answer = found(repo, tracked=tracked)
    assert answer is not None and (answer.folders, answer.of) == (("src",), FEWEST + 1)


def test_what_flux_leaves_out_by_default_does_not_come_back(write: Write) -> None:
    """With any pattern of the repository's own the defaults but those of git no longer hold."""
    repo = write(
        CLUSTER | many("src") | many("clusters/c/pictures", "{}.png", files=3) | {".github/ci.yaml": "on: push"}
    )
    answer = found(repo)
    assert answer is not None
    assert answer.patterns == ("/src/", "*.png", ".github/") and answer.files == FEWEST
    (repo / ".sourceignore").write_text(with_patterns("", answer.patterns))
    assert sorted(Tree.of_directory(repo).files) == [".sourceignore", "clusters/c/all.yaml"]
    assert found(repo) is None


def test_lines_go_to_the_end_of_the_file_that_is_there(write: Write) -> None:
    repo = write(CLUSTER | many("src") | many("docs") | {".sourceignore": "*.md\n!docs/a.md"})
    answer = found(repo)
    assert answer is not None
    text = with_patterns((repo / ".sourceignore").read_text(), answer.patterns)
    assert text.startswith("*.md\n!docs/a.md\n#") and text.endswith("\n/docs/\n/src/\n")
    assert with_patterns("*.md\r\n", ["/src/"]).endswith("\r\n/src/\r\n")

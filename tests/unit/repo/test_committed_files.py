"""How many files the artifact holds: Flux sees commits, whatever else lies in the work tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fleetbench.repo import read_repository
from fleetbench.repo.files.git import tracked
from tests.unit.repo.conftest import Write
from tests.unit.repo.manifests import both, config_map, flux, git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
FILES = {
    "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("app", "./app")),
    "app/a.yaml": config_map("a", "x"),
    "docs/readme.txt": "x",
    ".gitignore": "venv/\n",
}


def _git(repo: Path, *args: str) -> None:
    subprocess.run(["git", "-C", str(repo), *args], check=True, capture_output=True)


def _files(repo: Path, copy_of: Path | None = None) -> int | None:
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")
    fleet = read_repository(repo, "clusters/c", cache=False, copy_of=copy_of).fleet
    assert fleet.root_source is not None
    source = fleet.source(fleet.root_source)
    return None if source is None else source.files


@pytest.fixture
def repo(write: Write) -> Path:
    repo = write(FILES)
    _git(repo, "init", "-q")
    _git(repo, "add", "-A")
    for n in range(50):
        for folder in ("venv", "results"):
            (repo / folder).mkdir(exist_ok=True)
            (repo / folder / f"{n}.txt").write_text("x")
    return repo


@needs_git
def test_ignored_and_untracked_files_do_not_count_but_what_a_build_reads_does(repo: Path, tmp_path: Path) -> None:
    assert _files(repo) == 3
    (repo / "app" / "new.yaml").write_text(config_map("new", "x"))
    assert _files(repo) == 4
    (repo / "docs" / "readme.txt").unlink()
    assert _files(repo) == 3
    shutil.copytree(repo, tmp_path / "copy", ignore=lambda _, names: [n for n in names if n == ".git"])
    assert _files(tmp_path / "copy", copy_of=repo) == 3


@needs_git
def test_rules_of_what_is_left_out_hold_for_what_is_tracked(repo: Path) -> None:
    (repo / ".sourceignore").write_text("docs/\n")
    assert _files(repo) == 2


@needs_git
def test_a_folder_inside_a_work_tree_counts_its_own(repo: Path) -> None:
    assert tracked(repo / "app") == {"a.yaml"}
    assert tracked(repo / "venv") is None, "nothing tracked: the folder is what there is"


def test_without_git_or_a_repository_all_files_count(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = write(FILES)
    assert tracked(repo) is None and _files(repo) == 3
    (repo / ".git").mkdir()
    assert tracked(repo) is None, "no repository, though it looks like one"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert tracked(repo) is None


@needs_git
def test_nothing_that_the_repositorys_configuration_names_is_run(repo: Path, tmp_path: Path) -> None:
    marker, script = tmp_path / "ran", tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "alias.ls-files", "core.askPass"):
        _git(repo, "config", key, f"!{script}" if key.startswith("alias") else str(script))
    _git(repo, "config", "core.hooksPath", str(tmp_path))
    for hook in ("post-index-change", "fsmonitor-watchman"):
        (tmp_path / hook).symlink_to(script)
    assert tracked(repo) is not None and not marker.exists()


@needs_git
def test_the_repository_that_a_hook_runs_in_is_not_asked(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    _git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", os.devnull)
    assert "app/a.yaml" in (tracked(repo) or ())

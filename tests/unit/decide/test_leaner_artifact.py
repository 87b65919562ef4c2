"""A `.sourceignore` for what nothing leads Flux to: proposed, written, and read again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.decide.leaner_artifact import LEAST_SHARE, LeanerArtifact, leaner_artifact
from fleetbench.decide.patch.verify import make_patch
from fleetbench.model.assemble import Choice, assemble
from fleetbench.repo import read_repository
from tests.unit.decide.fleets import write_repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "fleet"
    write_repository(repo, 3)
    for n in range(3000):
        folder = repo / "src" / f"m{n % 50}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n}.go").write_text("package m\n")
    return repo


def test_it_is_proposed_with_what_it_saves_and_the_patched_repository_holds_so_many_files_fewer(
    repo: Path, tmp_path: Path
) -> None:
    where = ["--repo", str(repo), "--cluster-path", "clusters/x", "--samples", "8", "--format", "json"]
    patch = tmp_path / "leaner.patch"
    done = CliRunner().invoke(cli, ["optimize", *where, "--edges", "none", "--patch", str(patch)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    (change,) = [c for c in found["changes"] if c["title"].startswith(".sourceignore")]
    assert change["title"].startswith(".sourceignore: leave out 3,000 of 3,0") and change["mine"]
    assert change["difference"]["p50_s"] < -1.0
    before = read_repository(repo, "clusters/x", cache=False)
    (proposed,) = leaner_artifact(before)
    asked = assemble(before.fleet, Choice()).scenario
    written = make_patch(repo, "clusters/x", before, (proposed.change,), asked)
    assert written.left == () and written.shared == (".sourceignore",)
    subprocess.run(["git", "-C", str(repo), "apply"], input=written.text, text=True, check=True)
    after = read_repository(repo, "clusters/x", cache=False)
    (then,), (now,) = before.fleet.sources, after.fleet.sources
    assert then.files is not None and now.files == then.files - 3000 + 1  # the file itself
    assert leaner_artifact(after) == [] and len(after.fleet.kustomizations) == len(before.fleet.kustomizations)


def test_where_the_source_takes_it_back_it_is_not_written(repo: Path) -> None:
    sync = repo / "clusters/x/flux-system/gotk-sync.yaml"
    sync.write_text(sync.read_text().replace("interval: 1m0s,", 'interval: 1m0s, ignore: "!/src/",'))
    reading = read_repository(repo, "clusters/x", cache=False)
    assert leaner_artifact(reading) == []
    folders = LeanerArtifact(reading.fleet.sources[0].id, ("src",), ("/src/",), 3000, 3000)
    patch = make_patch(repo, "clusters/x", reading, (folders,), assemble(reading.fleet, Choice()).scenario)
    assert patch.text == "" and "spec.ignore, takes back" in patch.left[0]


def test_a_few_files_among_many_are_not_worth_a_file(repo: Path) -> None:
    reading = read_repository(repo, "clusters/x", cache=False)
    (found,) = leaner_artifact(reading)
    assert isinstance(found.change, LeanerArtifact) and found.change.files > LEAST_SHARE * found.change.of
    for n in range(30_000):
        (repo / "clusters/x" / f"{n}.txt").touch()
    assert leaner_artifact(read_repository(repo, "clusters/x", cache=False)) == []

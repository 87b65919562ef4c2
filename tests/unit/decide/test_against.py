"""``--against``: what a branch changes, as a commit on a cluster that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetbench.cli.main import cli
from tests.unit.decide.conftest import DEV, edit, git

RELEASE = "HelmRelease/data/n8n"
JOB = """---
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate, namespace: data}}
spec:
  template:
    spec: {{restartPolicy: Never, containers: [{{name: migrate, image: "n8n:{}"}}]}}
"""


def simulate(repo: Path, *args: str, against: str = "main") -> Result:
    entry = ("--repo", str(repo), "--cluster-path", DEV)
    return CliRunner().invoke(
        cli,
        ["simulate", *entry, "--against", against, "--samples", "6", "--strategy", "fine", *args],
        env={"COLUMNS": "160"},
    )


def document(repo: Path, *args: str) -> dict:
    result = simulate(repo, "--scenario", "commit", "--webhook", "--format", "json", *args)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_branch_that_changes_values_upgrades_that_release_alone(reference_repo):
    edit(reference_repo / "apps/base/n8n/release.yaml", "  values:", "  values:\n    answer: 42")
    found = document(reference_repo)
    commit = found["commit"]
    assert commit["changed"] == [RELEASE, "Kustomization/flux-system/n8n"]
    assert commit["since"].startswith("merge base ") and commit["since"].endswith(" with main")
    upgraded = {
        o["id"]: "UpgradeSucceeded" in [r for r, _ in o["reasons"]]
        for o in found["strategies"]["fine"]["objects"]
        if o["kind"] == "HelmRelease"
    }
    assert [id for id, is_upgraded in upgraded.items() if is_upgraded] == ["data/n8n"]


def test_the_answer_begins_with_what_the_commit_does(reference_repo):
    edit(reference_repo / "apps/base/n8n/release.yaml", "  values:", "  values:\n    answer: 42")
    lines = simulate(reference_repo, "--scenario", "commit", "--webhook").stdout.splitlines()
    assert lines[0].endswith(": commit, 6 samples, seed 0")
    told = [" ".join(line.split()) for line in lines[2:6]]
    assert told[0].startswith("the commit since merge base ")
    assert told[1:3] == ["changes flux-system/n8n (1 object)", f"upgrades {RELEASE}"]


def test_a_change_that_is_refused_is_an_error_and_names_the_line(reference_repo):
    folder = reference_repo / "apps/base/n8n"
    edit(folder / "kustomization.yaml", "resources:\n", "resources:\n  - job.yaml\n")
    (folder / "job.yaml").write_text(JOB.format(1))
    git(reference_repo, "add", "-A")
    git(reference_repo, "commit", "-qm", "Add a Job")
    (folder / "job.yaml").write_text(JOB.format(2))
    result = simulate(reference_repo, "--scenario", "commit", "--webhook", against="HEAD")
    assert result.exit_code == 1
    told = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "is refused Job/data/migrate: spec.template (apps/base/n8n/job.yaml:2)" in told
    assert not any(line.startswith("updates") for line in told)
    assert "Never Ready (fine), as an error keeps it from that: flux-system/n8n" in result.stdout
    assert "FB122" in result.stderr
    assert "flux-system/n8n: the commit changes spec.template of Job/data/migrate" in " ".join(told)
    assert "Fix: set spec.force, or the annotation" in " ".join(told)
    checked = CliRunner().invoke(
        cli, ["check", "--repo", str(reference_repo), "--cluster-path", DEV, "--against", "HEAD", "--samples", "6"]
    )
    assert checked.exit_code == 1 and "FB122" in checked.stdout


def test_check_says_what_the_change_does_to_a_cluster_that_runs(reference_repo):
    edit(reference_repo / "apps/base/n8n/release.yaml", "  values:", "  values:\n    answer: 42")
    entry = ("--repo", str(reference_repo), "--cluster-path", DEV, "--against", "main", "--samples", "6")
    result = CliRunner().invoke(cli, ["check", *entry])
    assert result.exit_code == 0, result.output
    assert "As a commit on a cluster that runs, from when its source looks: " in result.stdout
    assert f"The commit upgrades: {RELEASE}" in result.stdout
    found = json.loads(CliRunner().invoke(cli, ["check", *entry, "--format", "json"]).stdout)["commit"]
    assert found["changed"] == [RELEASE, "Kustomization/flux-system/n8n"]
    assert found["total_s_p5"] <= found["total_s_p50"] <= found["total_s_p95"]


def test_a_branch_that_changes_nothing_of_the_fleet_says_so(reference_repo):
    (reference_repo / "README").write_text("hello")
    result = simulate(reference_repo, "--scenario", "commit", "--webhook")
    assert "nothing that Flux applies here" in result.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--against belongs to --scenario commit"),
        (("--scenario", "restart"), "--against belongs to --scenario commit"),
        (("--scenario", "commit", "--changed", "flux-system/n8n"), "--against and --changed each say what"),
    ],
)
def test_options_that_contradict_it_are_refused(reference_repo, args, said):
    result = simulate(reference_repo, *args)
    assert result.exit_code == 2 and said in result.output


def test_another_revision_takes_a_repository():
    result = CliRunner().invoke(cli, ["simulate", "--scenario", "commit", "--against", "main"])
    assert result.exit_code == 2 and "--against belongs to --repo" in result.output

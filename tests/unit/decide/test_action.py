"""The composite action and the hook: what they promise is what the command takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from fleetbench.cli.main import cli

TOP = Path(__file__).parents[3]
ACTION = yaml.safe_load((TOP / ".github/actions/fleetbench/action.yml").read_text())


def step(name: str) -> dict:
    return next(s for s in ACTION["runs"]["steps"] if s.get("name") == name)


def run_check_step(tmp_path: Path, exit_code: int = 0, **inputs: str) -> tuple[int, list[str], str]:
    """Run the action's script as the runner would, with a program in fleetbench's place that notes its arguments."""
    binaries = tmp_path / "fleetbench/bin"
    binaries.mkdir(parents=True, exist_ok=True)
    program = binaries / "fleetbench"
    program.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > "{tmp_path}/args"\nexit {exit_code}\n')
    program.chmod(0o755)
    given = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()} | {
        "cluster-path": "clusters/x"
    }
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    env = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in step("fleetbench check")["env"].items()
    }
    env |= {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "out"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step("fleetbench check")["run"]],
        env=env,
        check=False,
    )
    return done.returncode, (tmp_path / "args").read_text().splitlines(), (tmp_path / "out").read_text()


def test_only_what_is_given_reaches_the_command(tmp_path: Path):
    _, args, outputs = run_check_step(tmp_path, target="12m", against="origin/main")
    assert args[0] == "check" and args[args.index("--target") + 1] == "12m" and "--baseline" not in args
    assert args[args.index("--against") + 1] == "origin/main"
    assert [line.split("=")[0] for line in outputs.splitlines()] == ["markdown", "junit", "sarif"]


def test_a_branch_name_cannot_become_a_command(tmp_path: Path):
    evil = "$(touch " + str(tmp_path / "pwned") + ");`id`"
    _, args, _ = run_check_step(tmp_path, against=evil)
    assert args[args.index("--against") + 1] == evil and not (tmp_path / "pwned").exists()
    assert all("${{" not in s.get("run", "") for s in ACTION["runs"]["steps"])


def test_what_is_installed_is_given_by_spaces_or_lines_and_never_run_or_matched(tmp_path: Path):
    evil = "$(touch${IFS}" + str(tmp_path / "pwned") + ")"
    (tmp_path / "cert-manager").touch()
    _, args, _ = run_check_step(tmp_path, installed=f"cert-* Namespace/apps\n  {evil}\n", flux_version="2.8; id")
    given = [args[n + 1] for n, a in enumerate(args) if a == "--installed"]
    assert given == ["cert-*", "Namespace/apps", evil] and not (tmp_path / "pwned").exists()
    assert args[args.index("--flux-version") + 1] == "2.8; id"
    assert "--installed" not in run_check_step(tmp_path, installed=" \n")[1]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_exit_code_is_the_commands(tmp_path: Path, code: int):
    assert run_check_step(tmp_path, exit_code=code)[0] == code


def test_every_option_that_the_action_gives_exists(tmp_path: Path):
    _, args, _ = run_check_step(tmp_path, **{n.replace("-", "_"): "1" for n in ACTION["inputs"]})
    help_text = CliRunner().invoke(cli, ["check", "--help"]).output
    assert all(a in help_text for a in args if a.startswith("--"))


def test_without_a_version_the_action_installs_the_sources_it_comes_with():
    assert (TOP / ".github/actions/fleetbench" / "../../..").resolve() == TOP
    assert "$GITHUB_ACTION_PATH/../../.." in step("Install fleetbench")["run"]


def test_our_own_workflow_runs_the_action_on_the_reference_fleet():
    workflow = yaml.safe_load((TOP / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["rollout"]["steps"]
    used = next(s for s in steps if s.get("uses") == "./.github/actions/fleetbench")
    assert set(used["with"]) <= set(ACTION["inputs"])
    for env in workflow["jobs"]["rollout"]["strategy"]["matrix"]["env"]:
        path = used["with"]["cluster-path"].replace("${{ matrix.env }}", env)
        assert (TOP / used["with"]["repo"] / path).is_dir()
    checkout = next(s for s in steps if s.get("uses", "").startswith("actions/checkout"))
    assert checkout["with"]["fetch-depth"] == 0
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_hook_calls_the_command_without_file_names():
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "fleetbench check" and hook["pass_filenames"] is False

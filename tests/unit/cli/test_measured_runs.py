"""What ``validate`` and ``calibrate`` make of the runs that they are given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetbench.cli.main import cli
from tests.unit.report.runs import TRACES

RUN = Path(__file__).parents[3] / "results/dev-fine-1"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in args])


def validate(*args: object) -> Result:
    return run("validate", "--samples", "2", "--format", "json", *args)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A measured run beside a prediction, a broken trace and a cut one."""
    folder = tmp_path / "runs"
    shutil.copytree(RUN, folder / "measured")
    (folder / "predicted").mkdir()
    (folder / "predicted/meta.json").write_text("{}")
    (folder / "broken.json").write_text("nonsense that goes on and on")
    (folder / "cut.json.gz").write_bytes((TRACES / "fine-c4.json.gz").read_bytes()[:2500])
    return folder


def test_what_is_no_measured_run_in_a_folder_of_runs_is_left_out_by_name(folder: Path) -> None:
    result = validate(folder)
    assert result.exit_code == 0
    assert [r["run"] for r in json.loads(result.stdout)["runs"]] == ["cut", "measured"]
    assert f"Warning: left out: {folder}/broken.json:1: got Expecting value, wanted a trace" in result.stderr
    assert f"Warning: left out: {folder}/predicted: holds no trace.jsonl" in result.stderr
    assert "Warning: cut: the recording was cut short" in result.stderr and "used as far as it goes" in result.stderr
    learnt = run("calibrate", folder, "-o", folder / "p.yaml")
    assert learnt.exit_code == 0 and "left out" in learnt.stderr


def test_a_run_that_is_named_itself_must_be_readable_and_one_run_must_be_left(folder: Path) -> None:
    for path in (folder / "broken.json", folder / "predicted"):
        assert validate(folder / "measured", path).exit_code == 2
    shutil.rmtree(folder / "measured")
    (folder / "cut.json.gz").unlink()
    result = validate(folder)
    assert result.exit_code == 2 and "holds no measured run that can be read" in result.stderr

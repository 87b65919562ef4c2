"""What ``validate`` and ``calibrate`` make of the runs that they are given."""

from __future__ import annotations

import json
import re
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
    assert f"Warning: left out: {folder}/broken.json:1: got no JSON (Expecting value), wanted a trace" in result.stderr
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


def test_what_a_glob_takes_along_is_left_out_by_name_as_long_as_there_is_a_run(folder: Path) -> None:
    (folder / "README.md").write_text("# runs")
    (folder / "empty").mkdir()
    taken_along = [folder / "README.md", folder / "empty"]
    result = validate(*taken_along, folder / "measured")
    assert result.exit_code == 0, result.output
    assert f"Warning: left out, as they are no runs: {folder}/README.md, {folder}/empty\n" in result.stderr
    alone = validate(*taken_along)
    assert alone.exit_code == 2 and "README.md" in alone.stderr
    assert validate(folder / "README.md").exit_code == 2
    assert validate(folder / "nowhere", folder / "measured").exit_code == 2


def test_a_run_that_recorded_nothing_has_no_total_and_passes_no_gate(tmp_path: Path) -> None:
    lines = (RUN / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "empty.jsonl").write_text("\n".join([lines[0], '{"end": {"until_s": 900, "complete": false}}']))
    result = validate(tmp_path / "empty.jsonl", RUN, "--max-error", "900%")
    assert result.exit_code == 1 and "no total to hold the prediction against: empty: it recorded noth" in result.stderr
    document = json.loads(result.stdout)
    empty, whole = document["runs"]
    assert (empty["total_s"], empty["inside"], empty["no_total"]) == (None, None, "it recorded nothing")
    assert whole["total_s"] > 0 and document["summary"]["total_inside"] == float(whole["inside"])
    shown = run("validate", "--samples", "2", tmp_path / "empty.jsonl")
    assert shown.exit_code == 0 and "empty has no total: it recorded nothing." in shown.stdout
    assert "+0.0%" not in shown.stdout and "totals" not in shown.stdout


def test_a_cut_trace_is_only_held_against_what_its_record_reaches(folder: Path) -> None:
    [cut] = json.loads(validate(folder / "cut.json.gz").stdout)["runs"]
    assert cut["total_s"] is None and cut["cut"] == cut["no_total"]
    assert 1 < len(cut["objects"]) < 24 and all(o["measured_s"] is not None for o in cut["objects"])


def test_calibrate_says_what_it_learned_of_workloads_also_where_no_step_was_seen_often_enough(tmp_path: Path) -> None:
    learnt = run("calibrate", RUN, "-o", tmp_path / "p.yaml")
    assert learnt.exit_code == 0
    assert "Workload times learned: of 22 objects, " in learnt.stdout, learnt.stdout
    assert "keep the value that ships" in learnt.stdout and "KS distance" not in learnt.stdout
    steps = run("calibrate", RUN, "--steps-only", "-o", tmp_path / "p.yaml")
    assert "Workload times: none" in steps.stdout


def test_an_error_is_said_with_as_many_digits_as_tell_it_from_the_bound() -> None:
    result = validate(RUN, "--samples", "5", "--max-error", "0.0001%")
    assert result.exit_code == 1
    assert re.search(r"predictions are [\d.]*[1-9]\d*% off .*, more than 0\.0001%$", result.stderr, re.M)

"""A run that was cut before anything happened can be held against its prediction all the same."""

import json
from pathlib import Path

from fleetbench.runs.files import read_run
from fleetbench.validation.compare import compare_run, scenario_of

TRACE = Path(__file__).parents[2] / "results/dev-fine-1/trace.jsonl"


def test_a_run_that_is_cut_right_after_the_listing_is_predicted_as_nothing(tmp_path: Path) -> None:
    header, *rows = TRACE.read_text(encoding="utf-8").splitlines()[:6]
    listed = [json.dumps({**json.loads(row), "t_s": -0.05}) for row in rows]
    file = tmp_path / "cut.jsonl"
    file.write_text("\n".join([header, *listed]) + "\n", encoding="utf-8")
    run = read_run(file)
    assert run.cut and scenario_of(run).until_s == 0.0
    assert compare_run(run, samples=2).objects

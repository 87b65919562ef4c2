"""Run folders that hold something already."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.measure.recorder import open_folder
from fleetbench.runs.folder import folder_for, write_folder

BOTH = dict.fromkeys(
    ["meta.json", "prediction.json", "totals.csv", "timeline-fine.jsonl", "timeline-waves.jsonl"], "{}"
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_of_a_run_that_is_written_over_nothing_stays_but_what_is_somebody_elses_does(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_folder(folder, {**BOTH, "trace.jsonl": ""})
    (folder / "notes.md").write_text("mine")
    fine = {name: text for name, text in BOTH.items() if "waves" not in name}
    write_folder(folder, fine, force=True)
    assert names(folder) == {*fine, "notes.md"}


def test_what_lies_in_a_folder_that_holds_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "totals.csv").write_text("mine")
    write_folder(tmp_path, {"meta.json": "{}"}, force=True)
    assert names(tmp_path) == {"meta.json", "totals.csv"} and (tmp_path / "totals.csv").read_text() == "mine"


def test_a_folder_that_holds_no_more_than_a_trace_holds_a_run(tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text("measured")
    with pytest.raises(InputError, match=r"holds a run already \(trace.jsonl\)"):
        folder_for(tmp_path, False, "fleet", "fine", force=False)
    with pytest.raises(InputError, match="holds a run already"):
        write_folder(tmp_path, BOTH)
    assert names(tmp_path) == {"trace.jsonl"}
    write_folder(tmp_path, BOTH, force=True)
    assert names(tmp_path) == set(BOTH)


def test_a_measurement_over_a_prediction_leaves_nothing_of_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", BOTH)
    assert names(open_folder(tmp_path / "run", force=True)) == set()


def test_that_a_folder_cannot_be_written_is_known_before_anything_is_simulated(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/run", "file/deeper/run"):
        with pytest.raises(InputError, match=r"cannot be written: .*file is"):
            folder_for(tmp_path / place, False, "fleet", "fine", force=False)
    assert folder_for(tmp_path / "new" / "run", False, "fleet", "fine", force=False) == tmp_path / "new" / "run"
    assert names(tmp_path) == {"file"}

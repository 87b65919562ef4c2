"""Killed at random moments: every file is whole or recognisably partial, and the commands that read it say which."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.measure.recorder import open_folder
from fleetbench.runs import folder as runs
from tests.robustness.kills import environment, fleetbench, graph_file, run, victims


def test_ten_kills_at_random_moments_leave_nothing_half_written(tmp_path: Path) -> None:
    outcome = run(10, tmp_path, seed=1)
    assert sum(outcome.counts.values()) == 10


def test_a_second_run_into_a_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    argv = ["simulate", "--graph", graph_file(tmp_path), "--samples", "1", "-o", tmp_path / "run"]
    assert fleetbench(*argv)[0] == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    code, said = fleetbench(*argv)
    assert code == 2 and "holds a run already" in said and "--force" in said
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before
    assert fleetbench(*argv, "--force")[0] == 0


def test_of_two_runs_that_end_in_one_folder_one_is_refused(tmp_path: Path) -> None:
    said: list[str] = []

    def write(text: str) -> None:
        try:
            runs.write_folder(tmp_path / "run", {"prediction.json": text, runs.META: "{}"})
            said.append("wrote")
        except InputError as error:
            said.append(error.message)

    threads = [threading.Thread(target=write, args=(str(n) * 100_000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("wrote") == 1
    assert sum("holds a run already" in s for s in said) == 7
    assert len(set((tmp_path / "run" / "prediction.json").read_text())) == 1
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".run.")]


def test_writing_over_a_run_never_leaves_old_and_new_under_one_meta_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    folder = tmp_path / "run"
    runs.write_folder(folder, {"a": "old", "b": "old", runs.META: "{}"})
    replace, calls = os.replace, []

    def killed(source: object, target: object) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.write_folder(folder, {"a": "new", "b": "new", runs.META: "{}"}, force=True)
    assert not (folder / runs.META).exists()
    monkeypatch.undo()
    runs.write_folder(folder, {"a": "new", "b": "new", runs.META: "{}"})
    assert (folder / "b").read_text() == "new" and (folder / runs.META).exists()


def test_a_run_folder_is_as_readable_as_any_folder(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    runs.write_folder(tmp_path / "run", {runs.META: json.dumps({})})
    assert (tmp_path / "run").stat().st_mode == (tmp_path / "made").stat().st_mode


def test_measure_refuses_a_folder_that_holds_a_run_of_any_kind(tmp_path: Path) -> None:
    runs.write_folder(tmp_path / "run", {runs.META: "{}"})
    with pytest.raises(InputError, match="holds a run already"):
        open_folder(tmp_path / "run", force=False)


def test_two_sweeps_of_one_folder_at_a_time_end_at_the_same_files(tmp_path: Path) -> None:
    sweep = next(v for v in victims() if v.name == "sweep")
    processes = [
        subprocess.Popen(
            sweep.argv(tmp_path), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = []
    for process in processes:
        time.sleep(0.05)
        _, errors = process.communicate(timeout=120)
        said.append((process.returncode, errors))
    assert all(code in (0, 2) and "Traceback" not in errors and "a fault" not in errors for code, errors in said), said
    assert fleetbench(*sweep.argv(tmp_path)[3:])[0] == 0
    alone = tmp_path / "alone"
    alone.mkdir()
    assert fleetbench(*sweep.argv(alone)[3:])[0] == 0
    assert (tmp_path / "sweep" / "samples.parquet").read_bytes() == (alone / "sweep" / "samples.parquet").read_bytes()

"""The same numbers whatever does the work, and nothing done twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pyarrow.parquet as pq
import pytest

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.prediction.predict import predict
from fleetbench.sweep import local, run
from fleetbench.sweep.grid import make_grid
from fleetbench.sweep.local import run_local
from fleetbench.sweep.run import run_sweep

FILES = ("sweep.json", "samples.parquet", "objects.parquet", "summary.json")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="session")
def whole(grid, choice, tmp_path_factory):
    """A folder that was written in one go, in one process."""
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    run_sweep(grid, choice, 8, folder=folder, processes=1)
    return folder


def cut_short(grid, choice, folder, after):
    """A sweep that is interrupted once ``after`` cells are done."""

    def stop(done, total):
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(grid, choice, 8, folder=folder, processes=1, progress=stop)


def test_two_processes_write_the_same_bytes_as_one(grid, choice, whole, tmp_path):
    run_sweep(grid, choice, 8, folder=tmp_path / "two", processes=2)
    assert contents(tmp_path / "two") == contents(whole)


def test_a_cell_holds_what_predict_says_of_it(grid, choice, small_fleet, whole):
    only = make_grid(small_fleet, choice, {"kustomize_concurrent": (8,), "requeue_dependency_s": (5.0,)})
    from dataclasses import replace

    prediction = predict(replace(only.scenarios[0], parameters=only.cells[0].parameters), 8, processes=1)
    rows = pq.read_table(whole / "samples.parquet").to_pylist()
    assert [r["total_s"] for r in rows if r["cell"] == 4] == list(prediction.totals)
    services = [r for r in pq.read_table(whole / "objects.parquet").to_pylist() if r["cell"] == 4]
    assert [(r["kind"], r["id"]) for r in services] == [(id.kind, id.key) for id in prediction.services]
    assert [r["ready_s_p50"] for r in services] == [prediction.quantile(id, 0.5) for id in prediction.services]


def test_rows_are_sorted_by_cell_and_sample_and_carry_the_axes_values(whole):
    table = pq.read_table(whole / "samples.parquet")
    assert table.column_names == [
        "cell",
        "kustomize_concurrent",
        "requeue_dependency_s",
        "sample",
        "total_s",
        "not_ready",
    ]
    rows = [(r["cell"], r["sample"]) for r in table.to_pylist()]
    assert rows == sorted(rows) and len(rows) == 6 * 8


def test_a_sweep_that_was_cut_short_goes_on_to_the_same_bytes(grid, choice, whole, tmp_path, monkeypatch):
    folder = tmp_path / "sweep"
    cut_short(grid, choice, folder, after=2)
    assert not (folder / "samples.parquet").exists()
    simulated = []

    def watched(scenarios, cells, samples, processes):
        simulated.extend(cell.number for cell in cells)
        return run_local(scenarios, cells, samples, processes)

    monkeypatch.setattr(local, "run_local", watched)
    told = []
    run_sweep(grid, choice, 8, folder=folder, processes=1, progress=lambda done, of: told.append(done))
    assert simulated == [2, 3, 4, 5]
    assert told == [2, 3, 4, 5, 6]
    assert contents(folder) == contents(whole)


def test_a_cells_damaged_file_is_simulated_again(grid, choice, whole, tmp_path):
    folder = tmp_path / "sweep"
    cut_short(grid, choice, folder, after=3)
    part = folder / "cells" / "00001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    (folder / "objects" / "00002.parquet").unlink()
    (folder / "cells" / ".00004.parquet.x.part").write_bytes(b"half of it")
    run_sweep(grid, choice, 8, folder=folder, processes=1)
    assert contents(folder) == contents(whole)
    assert not list(folder.glob("*/.*"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda fleet, choice: ((fleet, choice, {"kustomize_concurrent": (1, 4)}), 8),
            r"kustomize_concurrent: has \[1, 4, 8\], now \[1, 4\]",
        ),
        (lambda fleet, choice: ((fleet, choice, None), 9), "samples: has 8, now 9"),
        (lambda fleet, choice: ((fleet, _with(choice, seed=4), None), 8), "seed: has 3, now 4"),
        (
            lambda fleet, choice: ((fleet, _with(choice, profile=None), None), 8),
            "options, durations or profile have changed",
        ),
        (lambda fleet, choice: ((_without_last(fleet), choice, None), 8), "the fleet has changed"),
    ],
)
def test_a_folder_with_another_sweep_is_refused_and_says_what_differs(change, said, small_fleet, choice, whole):
    (fleet, chosen, axes), samples = change(small_fleet, choice)
    axes = axes or {"kustomize_concurrent": (1, 4, 8), "requeue_dependency_s": (5.0, 30.0)}
    before = contents(whole)
    with pytest.raises(InputError, match=said) as raised:
        run_sweep(make_grid(fleet, chosen, axes), chosen, samples, folder=whole, processes=1)
    assert "--force" in raised.value.hint
    assert contents(whole) == before


def test_another_version_of_fleetbench_is_refused(grid, choice, whole, monkeypatch):
    monkeypatch.setattr("fleetbench.sweep.store.__version__", "99")
    with pytest.raises(InputError, match=r"fleetbench: has .*, now 99"):
        run_sweep(grid, choice, 8, folder=whole, processes=1)


def test_force_throws_another_sweep_away(grid, choice, whole, tmp_path):
    folder = tmp_path / "sweep"
    run_sweep(grid, choice, 2, folder=folder, processes=1)
    run_sweep(grid, choice, 8, folder=folder, processes=1, force=True)
    assert contents(folder) == contents(whole)


def test_a_folder_that_holds_something_else_is_left_alone(grid, choice, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        run_sweep(grid, choice, 2, folder=tmp_path, processes=1, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_without_a_folder_the_summary_is_the_same(grid, choice, whole):
    import json

    from fleetbench.sweep.summary import to_document

    document = json.loads(json.dumps(to_document(run_sweep(grid, choice, 8, processes=1))))
    assert document == json.loads((whole / "summary.json").read_text())


def test_a_process_that_is_killed_costs_a_retry_only(grid, choice):
    expected = {r.number: r for r in run_local(grid.scenarios, grid.cells, 40, 1)}
    before = set(multiprocessing.active_children())
    found = {}
    for result in run_local(grid.scenarios, grid.cells, 40, 2):
        if not found:
            os.kill((set(multiprocessing.active_children()) - before).pop().pid, signal.SIGKILL)
        assert result.number not in found
        found[result.number] = result
    assert found == expected


def test_processes_that_keep_dying_are_not_started_for_ever(grid, monkeypatch):
    started = []

    def dying(scenarios, todo, samples, processes, at_work):
        started.append(todo[0].number)
        at_work[object()] = todo.popleft()
        raise BrokenProcessPool
        yield

    monkeypatch.setattr(local, "_pool", dying)
    with pytest.raises(EnvironmentLacks, match=r"died 4 times .* \(cells 0\)") as raised:
        list(run_local(grid.scenarios, grid.cells, 2, 2))
    assert started == [0, 0, 0, 0]
    assert "--processes 1" in raised.value.hint


def test_interrupted_processes_do_not_stay_behind(grid):
    before = set(multiprocessing.active_children())
    results = run_local(grid.scenarios, grid.cells, 40, 2)
    next(results)
    mine = set(multiprocessing.active_children()) - before
    assert mine
    results.close()
    for process in mine:
        process.join(10)
    assert not any(process.is_alive() for process in mine)


def test_run_sweep_closes_the_workers_when_a_result_cannot_be_kept(grid, choice, tmp_path, monkeypatch):
    closed = []

    def coming(*_):
        try:
            yield from run_local(grid.scenarios, grid.cells, 2, 1)
        finally:
            closed.append(True)

    monkeypatch.setattr(local, "run_local", coming)
    monkeypatch.setattr(run.Store, "put", lambda *_: (_ for _ in ()).throw(InputError("disk full")))
    with pytest.raises(InputError, match="disk full"):
        run_sweep(grid, choice, 2, folder=tmp_path / "s", processes=1)
    assert closed == [True]


def _with(choice, **changes):
    from dataclasses import replace

    return replace(choice, **changes)


def _without_last(fleet):
    from fleetbench.graph.fleet import Fleet

    return Fleet(fleet.root, fleet.kustomizations, (), fleet.sources)

"""The front door: a grid over a backend, through the store, to a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from fleetbench.model.assemble import Choice
from fleetbench.sweep.cell import CellResult
from fleetbench.sweep.grid import Grid
from fleetbench.sweep.store import SUMMARY, Store, manifest
from fleetbench.sweep.summary import Summary, summarize, to_document

Progress = Callable[[int, int], None]
KNEE_WITHIN = 0.05


def run_sweep(
    grid: Grid,
    choice: Choice,
    samples: int,
    *,
    folder: Path | None = None,
    force: bool = False,
    processes: int | None = None,
    scheduler: str | None = None,
    within: float = KNEE_WITHIN,
    progress: Progress | None = None,
) -> Summary:
    """Simulate every cell that is not done yet; the numbers are the same whatever does the work.

    Args:
        grid: the cells.
        choice: what holds in all of them.
        samples: in each.
        folder: where results go as they come, and from where a sweep that was cut short goes on; None = only the
            summary is wanted.
        force: throw away another sweep that the folder holds.
        processes: of this machine, at most; None = one a processor.
        scheduler: address of a Dask scheduler whose workers do the work instead.
        within: how close to the best median a knee must be, as a share of it.
        progress: called with (cells done, of) at the start and after each.

    Raises:
        InputError: the folder holds something else.
        EnvironmentLacks: the workers cannot do it.
    """
    store = None if folder is None else Store(folder, grid, manifest(grid, choice, samples), force)
    done = set() if store is None else store.done()
    todo = [cell for cell in grid.cells if cell.number not in done]
    results: dict[int, CellResult] = {}
    if progress is not None:
        progress(len(done), len(grid.cells))
    if todo:
        if scheduler is not None:
            from fleetbench.sweep.cluster import run_on_cluster

            coming = run_on_cluster(scheduler, grid.scenarios, todo, samples)
        else:
            from fleetbench.sweep.local import run_local

            coming = run_local(grid.scenarios, todo, samples, processes)
        with closing(coming):
            for count, result in enumerate(coming, start=len(done) + 1):
                if store is not None:
                    store.put(result)
                results[result.number] = replace(result, services=())
                if progress is not None:
                    progress(count, len(grid.cells))
    if store is not None:
        store.combine()
        results |= {number: store.result(number) for number in done}
    summary = summarize(grid, choice, samples, results, within)
    if store is not None:
        store.write_text(SUMMARY, json.dumps(to_document(summary), indent=1, allow_nan=False) + "\n")
    return summary

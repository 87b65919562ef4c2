"""Cells over processes of this machine; a process that dies costs the cells it was at, once more."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from fleetbench.errors import EnvironmentLacks
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.processes import worker_pool
from fleetbench.sweep.cell import CellResult, run_cell
from fleetbench.sweep.grid import Cell

MAX_LOST = 3
"""Workers that may die without a cell being done in between: beyond it no retry will help."""


def run_local(
    scenarios: tuple[Scenario, ...], cells: Sequence[Cell], samples: int, processes: int | None = None
) -> Generator[CellResult, None, None]:
    """Simulate cells; results come as they are done, in any order.

    Args:
        scenarios: those of the grid.
        cells: which ones.
        samples: how many in each.
        processes: at most; None = one a processor.

    Raises:
        EnvironmentLacks: processes keep dying.
    """
    processes = min(processes or os.cpu_count() or 1, len(cells))
    if processes <= 1:
        yield from (run_cell(scenarios, cell, samples) for cell in cells)
        return
    todo = deque(cells)
    lost = 0
    while todo:
        at_work: dict[Future[CellResult], Cell] = {}
        try:
            for result in _pool(scenarios, todo, samples, processes, at_work):
                lost = 0
                yield result
        except BrokenProcessPool:
            lost += 1
            again = sorted(at_work.values(), key=lambda cell: cell.number)
            todo.extendleft(reversed(again))
            if lost > MAX_LOST:
                numbers = ", ".join(str(cell.number) for cell in again)
                raise EnvironmentLacks(
                    f"processes died {lost} times without a cell being done (cells {numbers})",
                    "most often memory: give --processes 1, or fewer --samples",
                ) from None


def _pool(
    scenarios: tuple[Scenario, ...],
    todo: deque[Cell],
    samples: int,
    processes: int,
    at_work: dict[Future[CellResult], Cell],
) -> Generator[CellResult, None, None]:
    """Work through ``todo`` until it is empty or the pool breaks; ``at_work`` is what was not done by then."""
    context = multiprocessing.get_context("spawn")
    with worker_pool(processes, _start, (scenarios,), context) as pool:
        while todo or at_work:
            while todo and len(at_work) < 2 * processes:
                cell = todo.popleft()
                try:
                    at_work[pool.submit(_run, cell, samples)] = cell
                except BrokenProcessPool:
                    todo.appendleft(cell)
                    raise
            finished, _ = wait(at_work, return_when=FIRST_COMPLETED)
            for future in finished:
                if not isinstance(future.exception(), BrokenProcessPool):
                    del at_work[future]
                    yield future.result()
            if finished & at_work.keys():
                raise BrokenProcessPool


_scenarios: tuple[Scenario, ...] = ()


def _start(scenarios: tuple[Scenario, ...]) -> None:
    """Set up a worker process."""
    global _scenarios
    _scenarios = scenarios


def _run(cell: Cell, samples: int) -> CellResult:
    return run_cell(_scenarios, cell, samples)

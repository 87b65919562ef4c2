"""What a sweep shows: each cell's totals, how it differs from the base, and where more stops helping."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleetbench import __version__
from fleetbench.decide.paired import MIN_SAMPLES, Paired, paired
from fleetbench.decide.signs import SURE, chance_of_as_many
from fleetbench.model.assemble import Choice
from fleetbench.prediction.predict import QUANTILES
from fleetbench.sweep.axes import AXES, FEWER, Value
from fleetbench.sweep.cell import CellResult
from fleetbench.sweep.grid import Grid
from fleetbench.timeline.stats import lower_quantile
from fleetbench.units import rounded

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One cell in figures."""

    number: int
    values: tuple[Value, ...]
    totals_s: tuple[float | None, ...]
    """Quantiles of the total, along :data:`QUANTILES`, in seconds; None = it falls among samples without one."""
    complete_fraction: float
    not_ready_mean: float
    """Services that never turned Ready, mean over the samples."""
    difference: Paired | None
    """Total of this cell minus that of the base, sample by sample, over samples that have one in both and in which as
    many services never turned Ready; None = there are none, or it is the base."""

    @property
    def median_s(self) -> float | None:
        """Median total; None = never."""
        return self.totals_s[QUANTILES.index(0.5)]


@dataclass(frozen=True, slots=True)
class Knee:
    """The cheapest value of an axis whose median total is close to the best, the other axes being fixed.

    Values with which more objects stay without Ready than with another, in more samples than chance explains, are left out:
    sooner because less got Ready is not better. A sample or two in which a guess outlasts a timeout decide nothing.
    """

    axis: str
    given: tuple[Value, ...]
    """Values of all axes; that of ``axis`` is the knee."""
    value: Value
    median_s: float
    best: Value
    best_s: float
    cell: int
    left_out: tuple[Value, ...] = ()
    """Values with which more stays without Ready, in the order of the axis."""


@dataclass(frozen=True)
class Summary:
    """The whole sweep in figures."""

    grid: Grid
    choice: Choice
    samples: int
    within: float
    """How close to the best median a knee must be, as a share of it."""
    cells: tuple[CellSummary, ...]
    knees: tuple[Knee, ...]


def summarize(grid: Grid, choice: Choice, samples: int, results: Mapping[int, CellResult], within: float) -> Summary:
    """Sum up all cells.

    Args:
        grid: the grid.
        choice: what holds in every cell.
        samples: in each cell.
        results: number of the cell -> its results, for every cell.
        within: how close to the best median a knee must be, as a share of it.
    """
    base = results[grid.base]
    cells = []
    for cell in grid.cells:
        result = results[cell.number]
        quantiles = tuple(lower_quantile(result.totals, q) for q in QUANTILES)
        difference = None if cell.number == grid.base else _difference(base, result)
        size = len(result.totals)
        cells.append(
            CellSummary(
                cell.number,
                cell.values,
                quantiles,
                result.not_ready.count(0) / size,
                sum(result.not_ready) / size,
                difference,
            )
        )
    return Summary(grid, choice, samples, within, tuple(cells), tuple(_knees(grid, cells, results, within)))


def _difference(base: CellResult, other: CellResult) -> Paired | None:
    rows = zip(base.totals, other.totals, base.not_ready, other.not_ready, strict=True)
    pairs = [(a, b) for a, b, never, others in rows if never == others and math.isfinite(a) and math.isfinite(b)]
    return paired([a for a, _ in pairs], [b for _, b in pairs]) if pairs else None


def _fewer_ready(cell: CellResult, other: CellResult) -> bool:
    """Whether more objects stay without Ready in one cell than in another, draw by draw, and that is no luck.

    With too few samples to tell luck by, any more are.
    """
    more = sum(a > b for a, b in zip(cell.not_ready, other.not_ready, strict=True))
    less = sum(a < b for a, b in zip(cell.not_ready, other.not_ready, strict=True))
    if len(cell.not_ready) < MIN_SAMPLES:
        return sum(cell.not_ready) > sum(other.not_ready)
    return chance_of_as_many(more, more + less) <= SURE


def _knees(grid: Grid, cells: Sequence[CellSummary], results: Mapping[int, CellResult], within: float) -> list[Knee]:
    found = []
    for place, (name, values) in enumerate(grid.axes.items()):
        cheap = AXES[name].cheap
        if cheap is None or len(values) < 2:
            continue
        lines: dict[tuple[Value, ...], list[CellSummary]] = {}
        for cell in cells:
            lines.setdefault(cell.values[:place] + cell.values[place + 1 :], []).append(cell)
        for line in lines.values():
            most_ready = results[min(line, key=lambda cell: cell.not_ready_mean).number]
            less = {cell.number for cell in line if _fewer_ready(results[cell.number], most_ready)}
            able = [(cell, cell.median_s) for cell in line if cell.number not in less and cell.median_s is not None]
            if not able:
                continue
            ordered = sorted(able, key=lambda one: one[0].values[place], reverse=cheap != FEWER)
            best, best_s = min(ordered, key=lambda one: one[1])
            knee, knee_s = next(one for one in ordered if one[1] <= best_s * (1.0 + within))
            left_out = tuple(cell.values[place] for cell in line if cell.number in less)
            found.append(
                Knee(name, knee.values, knee.values[place], knee_s, best.values[place], best_s, knee.number, left_out)
            )
    return found


def to_document(summary: Summary) -> dict[str, Any]:
    """The sweep as one JSON document."""
    grid = summary.grid
    return {
        "format_version": FORMAT_VERSION,
        "fleetbench": __version__,
        "fleet": grid.scenarios[0].fleet.name,
        "scenario": summary.choice.kind,
        "seed": summary.choice.seed,
        "samples": summary.samples,
        "axes": {name: list(values) for name, values in grid.axes.items()},
        "base": grid.base,
        "warnings": list(grid.warnings),
        "cells": [_cell(grid, cell) for cell in summary.cells],
        "knee_within": summary.within,
        "knees": [_knee(grid, knee) for knee in summary.knees],
    }


def _cell(grid: Grid, cell: CellSummary) -> dict[str, Any]:
    return {
        "cell": cell.number,
        "values": dict(zip(grid.axes, cell.values, strict=True)),
        **{f"total_s_p{round(q * 100)}": rounded(s) for q, s in zip(QUANTILES, cell.totals_s, strict=True)},
        "complete_fraction": cell.complete_fraction,
        "not_ready_mean": cell.not_ready_mean,
        "difference_s": None if cell.difference is None else cell.difference.to_json(),
    }


def _knee(grid: Grid, knee: Knee) -> dict[str, Any]:
    given = dict(zip(grid.axes, knee.given, strict=True))
    return {
        "axis": knee.axis,
        "given": {name: value for name, value in given.items() if name != knee.axis},
        "value": knee.value,
        "total_s_p50": round(knee.median_s, 6),
        "best_value": knee.best,
        "best_total_s_p50": round(knee.best_s, 6),
        "cell": knee.cell,
        "left_out_values": list(knee.left_out),
    }

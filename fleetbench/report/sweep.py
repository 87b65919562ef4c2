"""A sweep for the terminal: one row a cell, and the knees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.decide.paired import MIN_SAMPLES
from fleetbench.prediction.predict import QUANTILES
from fleetbench.report.inert import inert
from fleetbench.report.rows import GAP, Rows, indented
from fleetbench.sweep.axes import AXES, Value
from fleetbench.sweep.summary import CellSummary, Knee, Summary
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

_MANY_KNEES = 12


def tables(summary: Summary) -> list[RenderableType]:
    """The whole answer."""
    return [_heading(summary), _cells(summary), *_knees(summary)]


def _heading(summary: Summary) -> Text:
    grid = summary.grid
    size = f"{counted(len(grid.cells), 'cell')} of {counted(summary.samples, 'sample')}, seed {summary.choice.seed}"
    text = Text(f"{inert(grid.scenarios[0].fleet.name)}: {summary.choice.kind}, {size}", style="bold")
    fixed = [f"{AXES[n].option} {_shown(n, v[0])}" for n, v in grid.axes.items() if len(v) == 1]
    if fixed:
        text.append(f"\nin every cell: {', '.join(fixed)}", style="not bold")
    if summary.samples < MIN_SAMPLES:
        text.append(
            f"\n{counted(summary.samples, 'sample')}: too few for an interval, give --samples {MIN_SAMPLES} or more",
            style="not bold",
        )
    return text


def _cells(summary: Summary) -> Rows:
    varied = [(place, name) for place, (name, values) in enumerate(summary.grid.axes.items()) if len(values) > 1]
    rows = Rows()
    rows.numbers("cell")
    rows.numbers(*(AXES[name].option.removeprefix("--").replace("-", " ") for _, name in varied))
    rows.numbers("median", "p5 - p95", "all Ready")
    rows.words("against base (95 % interval)", least=None)
    for cell in summary.cells:
        at = dict(zip(QUANTILES, cell.totals_s, strict=True))
        rows.add(
            str(cell.number),
            *(_shown(name, cell.values[place]) for place, name in varied),
            format_duration(at[0.5]),
            f"{format_duration(at[0.05])} - {format_duration(at[0.95])}",
            f"{100 * cell.complete_fraction:.0f} %",
            _difference(summary, cell),
        )
    return rows


def _difference(summary: Summary, cell: CellSummary) -> str:
    if cell.number == summary.grid.base:
        return "base"
    d = cell.difference
    if d is None:
        return "other objects Ready"
    shown = _signed(d.p50_s)
    if summary.samples < MIN_SAMPLES or d.samples < MIN_SAMPLES:
        return shown
    return f"{shown} ({_signed(d.low_s)} to {_signed(d.high_s)})"


def _signed(seconds: float) -> str:
    return ("+" if seconds > 0 else "") + format_duration(seconds)


def _knees(summary: Summary) -> list[RenderableType]:
    if not summary.knees:
        return []
    shown = list(summary.knees)
    note = ""
    if len(shown) > _MANY_KNEES:
        base = summary.cells[summary.grid.base].values
        shown = [k for k in shown if _along(summary, k, base)]
        note = f" The other axes at the base's values; --format json has all {len(summary.knees)}."
    title = (
        f"\nKnee: the cheapest value within {100 * summary.within:g} % of the best median, among those with which no more "
        f"objects stay without Ready, sample by sample, than chance explains.{note}"
    )
    return [Text(title, style="bold"), *(_knee(summary, knee) for knee in shown)]


def _along(summary: Summary, knee: Knee, base: tuple[Value, ...]) -> bool:
    axes = summary.grid.axes
    return all(
        value == of_base for name, value, of_base in zip(axes, knee.given, base, strict=True) if name != knee.axis
    )


def _knee(summary: Summary, knee: Knee) -> RenderableType:
    axis = AXES[knee.axis]
    text = f"{axis.option} {_shown(knee.axis, knee.value)}: {format_duration(knee.median_s)}"
    if knee.best != knee.value:
        text += f" (best {format_duration(knee.best_s)} at {_shown(knee.axis, knee.best)})"
    varied = {name for name, values in summary.grid.axes.items() if len(values) > 1 and name != knee.axis}
    given = [
        f"{AXES[n].option} {_shown(n, v)}" for n, v in zip(summary.grid.axes, knee.given, strict=True) if n in varied
    ]
    text += f" with {', '.join(given)}" if given else ""
    if knee.left_out:
        text += f"; left out, as more stays without Ready: {', '.join(_shown(knee.axis, v) for v in knee.left_out)}"
    return indented(Text(text), GAP)


def _shown(name: str, value: Value) -> str:
    return inert(AXES[name].show(value))

"""The predicted band of every object's Ready, with what was measured on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fleetbench.ids import ObjectId
from fleetbench.report.pictures.style import (
    BLUE,
    INK,
    PAPER,
    SKY,
    VERMILLION,
    Picture,
    names,
    row_axis,
    row_height,
    styled,
    time_axis,
)
from fleetbench.units import counted

if TYPE_CHECKING:
    from fleetbench.validation.compare import RunComparison

Band = tuple[float | None, float | None, float | None]
"""p5, median, p95 of an object's Ready, in seconds; None = never at that quantile."""


def band(
    predicted: Mapping[ObjectId, Band],
    measured: Sequence[Mapping[ObjectId, float | None]] = (),
    title: str = "Ready, predicted",
) -> Picture:
    """One row an object in order of the predicted median.

    Args:
        predicted: object -> p5, median, p95.
        measured: of each measured run object -> Ready in seconds; None = never.
        title: the picture's title.
    """
    last = max(
        [v for b in predicted.values() for v in b if v is not None]
        + [v for m in measured for v in m.values() if v is not None]
        + [0.1]
    )
    order = sorted(predicted, key=lambda id: (predicted[id][1] is None, predicted[id][1] or 0.0, id))
    inside = outside = 0
    with styled():
        picture = Picture(11, len(order) * row_height(len(order)) + 1.7, "")
        (axes,) = picture.axes_below(1)
        for row, id in enumerate(order):
            low, middle, high = predicted[id]
            if low is not None:
                end = last * 1.02 if high is None else high
                axes.barh(row, max(end - low, last * 0.002), left=low, height=0.6, color=SKY, linewidth=0)
            if middle is not None:
                axes.plot([middle, middle], [row - 0.36, row + 0.36], color=BLUE, linewidth=2.2, solid_capstyle="butt")
            for run in measured:
                value = run.get(id)
                if value is None:
                    continue
                within = low is not None and low <= value and (high is None or value <= high)
                inside, outside = inside + within, outside + (not within)
                axes.plot(
                    [value], [row], marker="o" if within else "X", markersize=5 if within else 6.5, linestyle="",
                    markerfacecolor=INK if within else VERMILLION, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=4,
                )  # fmt: skip
        row_axis(axes, list(names(order).values()))
        axes.set_title(title)
        time_axis(axes, last)
        handles = [
            Patch(facecolor=SKY, label="predicted p5 - p95"),
            Line2D([], [], color=BLUE, linewidth=2.2, label="predicted median"),
        ]
        if measured:
            handles += [
                Line2D([], [], marker="o", color=INK, markersize=5, linestyle="", label=f"measured, inside ({inside})"),
                Line2D(
                    [],
                    [],
                    marker="X",
                    color=VERMILLION,
                    markersize=6.5,
                    linestyle="",
                    label=f"measured, outside ({outside})",
                ),
            ]
        picture.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=8.5, labelcolor=INK)
    words = f"; of {inside + outside} measured points {inside} lie inside" if measured else ""
    picture.description = f"Predicted Ready of {counted(len(order), 'object')}, 5 % to 95 % and median{words}."
    return picture


def bands_of(comparison: RunComparison) -> dict[ObjectId, Band]:
    """What a run's prediction says of each object."""
    return {o.id: (o.at(0.05), o.at(0.5), o.at(0.95)) for o in comparison.objects}


def predicted_and_measured(
    comparisons: Sequence[RunComparison], title: str = "Ready: predicted and measured"
) -> Picture:
    """The band that the first comparison predicts, with the measured points of all (repeats of one fleet)."""
    first = comparisons[0]
    return band(bands_of(first), [{o.id: o.measured_s for o in c.objects} for c in comparisons], title)

"""The distribution of the total: a row a strategy on one time axis, with median and p5 - p95."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from fleetbench.report.inert import inert
from fleetbench.report.pictures.compare import looks
from fleetbench.report.pictures.style import INK, MUTED, ON_COLOUR, Picture, shorten, styled, time_axis
from fleetbench.timeline.stats import lower_quantile
from fleetbench.units import counted, format_duration

_MOST_BINS = 40


def totals(
    samples: Mapping[str, Sequence[float]],
    measured: Mapping[str, float] | None = None,
    title: str = "Time to the last Ready, over all samples",
) -> Picture:
    """Draw the totals.

    Args:
        samples: label -> the total of each sample, in seconds.
        measured: label -> a measured total in seconds, drawn as a line in every row.
        title: the picture's title.
    """
    measured = measured or {}
    last = max([t for values in samples.values() for t in values] + list(measured.values()) + [0.1])
    look_of = looks(list(samples))
    with styled():
        picture = Picture(9, 1.35 * max(len(samples), 1) + 0.9 + 0.2 * len(measured), _describe(samples))
        rows = picture.axes_below(*[1.0] * max(len(samples), 1))
        count = max((len(v) for v in samples.values()), default=1)
        bins = np.linspace(0, last, min(_MOST_BINS, max(8, 2 * round(count**0.5))) + 1)
        for axes, (label, values) in zip(rows, samples.items(), strict=False):
            look = look_of[label]
            axes.hist(
                list(values), bins=list(bins), color=look.colour, hatch=look.hatch, edgecolor=ON_COLOUR, linewidth=0.4
            )
            low, middle, high = (lower_quantile(list(values), q) for q in (0.05, 0.5, 0.95))
            axes.set_title(
                f"{shorten(inert(label))}: median {format_duration(middle)}, p5 - p95 {format_duration(low)} - {format_duration(high)} (n = {len(values)})",
                fontsize=9, fontweight="normal",
            )  # fmt: skip
            for value, width in ((low, 1.0), (middle, 2.0), (high, 1.0)):
                if value is not None:
                    axes.axvline(value, color=INK, linewidth=width, linestyle="-" if width > 1 else (0, (3, 2)))
            for value in measured.values():
                axes.axvline(value, color=MUTED, linewidth=1.2, linestyle=(0, (1, 1)))
            axes.set_ylabel("samples")
            axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
            time_axis(axes, last, "")
        rows[-1].set_xlabel("to the last Ready")
        picture.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11, color=INK)
    return picture


def _describe(samples: Mapping[str, Sequence[float]]) -> str:
    words = "; ".join(
        f"{label}: median {format_duration(lower_quantile(list(v), 0.5))}, from {format_duration(min(v))} to {format_duration(max(v))}, {counted(len(v), 'sample')}"
        for label, v in samples.items()
        if v
    )
    return f"Distribution of the total. {words}."

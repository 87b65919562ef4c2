"""A tornado of what-ifs: what each change would do to the total, the largest effect on top."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from fleetbench.report.inert import inert
from fleetbench.report.pictures.style import (
    GREEN,
    INK,
    ON_COLOUR,
    VERMILLION,
    Look,
    Picture,
    legend,
    row_axis,
    shorten,
    styled,
    time_ticks,
)
from fleetbench.units import counted, format_duration


@dataclass(frozen=True, slots=True)
class Change:
    """What one change does to the total; seconds, negative = faster."""

    label: str
    difference_s: float
    """Median difference over paired samples; infinite = with it, less ever turns Ready (minus: without it)."""
    low_s: float | None = None
    """Lower end of its interval (p5); None = not known."""
    high_s: float | None = None
    """Upper end (p95)."""


def _label(text: str) -> str:
    """At most two lines."""
    return "\n".join(textwrap.wrap(shorten(inert(text), 2 * _LINE - 8), _LINE)[:2])


def _said(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "less turns Ready" if seconds > 0 else "more turns Ready"
    if abs(seconds) < 0.0005:
        return "no change"
    return f"{'-' if seconds < 0 else '+'}{format_duration(abs(seconds))}"


_LINE = 46
_FASTER, _SLOWER = Look(GREEN, ""), Look(VERMILLION, "////")


def tornado(changes: Sequence[Change], base_s: float | None = None, title: str | None = None) -> Picture:
    """Draw the changes.

    Args:
        changes: any order.
        base_s: total without any change, in seconds, for the title.
        title: None = one that names the base.
    """
    order = sorted(changes, key=lambda c: (-abs(c.difference_s), c.label))
    with styled():
        best = min(order, key=lambda c: c.difference_s, default=None)
        words = (
            f"; {best.label} gains most, {format_duration(-best.difference_s)}"
            if best and -math.inf < best.difference_s < 0
            else ""
        )
        picture = Picture(10, max(len(order), 1) * 0.36 + 1.6, f"{counted(len(order), 'change')} and the total{words}.")
        (axes,) = picture.axes_below(1)
        ends = [v for c in order for v in (c.difference_s, c.low_s, c.high_s) if v is not None and math.isfinite(v)]
        reach = max([abs(v) for v in ends] + [1.0])
        for row, c in enumerate(order):
            look = _FASTER if c.difference_s <= 0 else _SLOWER
            shown_s = c.difference_s if math.isfinite(c.difference_s) else 0.0
            axes.barh(row, shown_s, height=0.6, color=look.colour, hatch=look.hatch, edgecolor=ON_COLOUR, linewidth=0.4)
            whisker = [v for v in (c.low_s, c.high_s) if v is not None and math.isfinite(v)]
            if len(whisker) == 2:
                axes.plot(whisker, [row, row], color=INK, linewidth=1.2, marker="|", markersize=7)
            right = max([0.0, shown_s, *whisker])
            axes.text(right + reach * 0.03, row, _said(c.difference_s), va="center", fontsize=8.5, color=INK)
        row_axis(axes, [_label(c.label) for c in order])
        axes.axvline(0, color=INK, linewidth=1)
        left, right = min([0.0, *ends]), max([0.0, *ends])
        axes.set_xlim(left - reach * 0.05, right + reach * 0.3)
        time_ticks(axes, right - left + reach * 0.35)
        axes.set_xlabel("change of the total (left = faster)")
        axes.set_title(
            title or ("What if" if base_s is None else f"What if (without changes {format_duration(base_s)})")
        )
        used = {"faster": _FASTER} | ({"slower": _SLOWER} if any(c.difference_s > 0 for c in order) else {})
        spread = (
            [Line2D([], [], color=INK, marker="|", label="p5 - p95 over the same samples")]
            if any(c.low_s is not None for c in order)
            else []
        )
        legend(picture, used, spread, columns=3)
    return picture

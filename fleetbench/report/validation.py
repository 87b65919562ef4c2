"""Predicted against measured, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fleetbench.report.inert import inert, name_of
from fleetbench.report.rows import Rows
from fleetbench.timeline.causes import MEANING
from fleetbench.timeline.events import Event
from fleetbench.units import format_duration
from fleetbench.validation.causes import RunCauses, by_cause
from fleetbench.validation.compare import LEVELS, ObjectComparison, RunComparison
from fleetbench.validation.ideal import Spread
from fleetbench.validation.summary import Summary

if TYPE_CHECKING:
    from rich.console import RenderableType

REASON = 16
"""Columns that a step or a reason gets at the least where two time lines stand side by side."""
WORST = 3
"""Objects whose two time lines are shown side by side."""


def tables(
    comparisons: Sequence[RunComparison],
    summary: Summary,
    ideal: Mapping[str, Spread],
    causes: Sequence[RunCauses] | None = None,
) -> list[RenderableType]:
    """Runs, figures over all, the causes where they were asked for, and the worst objects."""
    parts: list[RenderableType] = [_runs(comparisons), *_without_total(comparisons), Text(), *_summary(summary, ideal)]
    parts += [] if causes is None else [Text(), *_causes(causes)]
    worst = sorted(
        (
            (abs(o.error_s), n, o)
            for n, c in enumerate(comparisons)
            for o in c.objects
            if o.error_s is not None and not o.inside
        ),
        key=lambda item: (-item[0], item[1], item[2].id),
    )
    for _, number, object_ in worst[:WORST]:
        parts += [Text(), *_side_by_side(comparisons[number], object_)]
    return parts


def _runs(comparisons: Sequence[RunComparison]) -> Rows:
    rows = Rows()
    rows.names("run")
    rows.numbers("measured", "p5", "median", "p95", "inside", "error", "objects off")
    for c in comparisons:
        errors = sorted(abs(o.error_s) for o in c.objects if o.error_s is not None)
        rows.add(
            inert(c.run.name) + (" (cut)" if c.run.cut else ""),
            "none" if c.total_s is None else f"{c.total_s:.1f}s",
            *("never" if t is None else f"{t:.1f}s" for t in c.totals),
            _INSIDE[c.inside],
            "" if c.total_error is None else f"{c.total_error:+.1%}",
            f"{errors[len(errors) // 2]:.2f}s" if errors else "",
        )
    return rows


_INSIDE = {True: "yes", False: "NO", None: ""}


def _without_total(comparisons: Sequence[RunComparison]) -> list[Text]:
    return [Text(f"{inert(c.run.name)} has no total: {c.no_total}.") for c in comparisons if c.no_total]


def _summary(summary: Summary, ideal: Mapping[str, Spread]) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("here", justify="right", no_wrap=True)
    if ideal:
        table.add_column("ideal", justify="right", no_wrap=True)
    for label, name, form in _FIGURES:
        value = getattr(summary, name)
        if value is not None:
            low, _, high = ideal.get(name, (None, None, None))
            spread = "" if low is None else f"{form.format(low)} - {form.format(high)}"
            table.add_row(label, form.format(value), *([spread] if ideal else []))
    return [table, *([Text(_IDEAL)] if ideal else [])]


def _causes(runs: Sequence[RunCauses]) -> list[RenderableType]:
    title = "Why the last Ready came when it did" + (f", {len(runs)} runs together" if len(runs) > 1 else "")
    rows = Rows()
    rows.numbers("measured", "predicted", "least - most")
    rows.names("cause")
    rows.words("meaning")
    for c in by_cause(runs):
        spread = f"{format_duration(c.least_s)} - {format_duration(c.most_s)}"
        rows.add(format_duration(c.measured_s), format_duration(c.predicted_s), spread, c.cause, MEANING[c.cause])
    samples = min((len(run.predicted) for run in runs), default=0)
    return [Text(title, style="bold"), rows, Text(f"predicted: mean, least and most of {samples} samples.")]


_FIGURES = (
    ("runs", "runs", "{:.0f}"),
    ("totals: median error", "total_median_error", "{:.1%}"),
    ("totals: inside p5-p95", "total_inside", "{:.0%}"),
    ("objects: mean pinball loss (p5 p10 p50 p90 p95)", "object_mean_pinball_s", "{:.2f} s"),
    ("objects: median |p50 - measured|", "object_median_error_s", "{:.2f} s"),
    ("objects: inside p5-p95", "object_coverage_90", "{:.1%}"),
    ("objects: median width of p5-p95", "object_width_s", "{:.1f} s"),
    ("never Ready: predicted so", "never_ready_predicted", "{:.0%}"),
    ("Ready: predicted so", "ready_predicted", "{:.0%}"),
    ("two real runs of one fleet: totals differ by (median)", "repeats_total_difference", "{:.1%}"),
    ("two real runs of one fleet: objects differ by (mean)", "repeats_mean_difference_s", "{:.2f} s"),
    ("mean |p50 - measured| over that", "error_over_repeats", "{:.2f}"),
)
_IDEAL = "ideal: of a forecast with the true distribution (p5 - p95), as a run is one draw of it."


def _side_by_side(c: RunComparison, o: ObjectComparison) -> list[RenderableType]:
    low, middle, high = (format_duration(o.at(q)) for q in LEVELS)
    title = f"{inert(c.run.name)}, {name_of(o.id)}: measured {format_duration(o.measured_s)}, predicted {middle} ({low} - {high})"
    rows = Rows()
    rows.numbers("measured at")
    rows.words("measured", least=REASON)
    rows.numbers("predicted at")
    rows.words("predicted (median sample)", least=REASON)
    predicted = c.prediction.median.timeline
    assert predicted is not None
    began_s = 0.0 if c.run.commit is None else c.run.commit.artifact_s
    left, right = _rows(c.run.timeline.by_object.get(o.id, ()), began_s), _rows(predicted.by_object.get(o.id, ()))
    for n in range(max(len(left), len(right))):
        rows.add(*(left[n] if n < len(left) else ("", "")), *(right[n] if n < len(right) else ("", "")))
    return [Text(title, style="bold"), rows]


def _rows(events: Sequence[Event], began_s: float = 0.0) -> list[tuple[str, str]]:
    """Time and step or reason; of what was before ``began_s``, from where on the times count, the last one."""
    found: list[tuple[str, str]] = []
    earlier = [event for event in events if event.t_s < began_s]
    for event in (*earlier[-1:], *events[len(earlier) :]):
        said = event.step or (f"{event.reason}" if event.reason else "created")
        at = "before" if event.t_s < began_s else f"{event.t_s - began_s:.1f}s"
        if not found or found[-1][1] != said or found[-1][0] == "before":
            found.append((at, said))
    return found

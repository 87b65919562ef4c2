"""The rollout as a Gantt chart: one row an object in order of Ready, coloured by state, held workers below."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.report.inert import inert
from fleetbench.report.pictures.style import (
    BLUE,
    INK,
    MUTED,
    ON_COLOUR,
    ORANGE,
    STATES,
    Picture,
    legend,
    names,
    row_axis,
    row_height,
    shorten,
    styled,
    time_axis,
)
from fleetbench.report.result import RolloutResult
from fleetbench.timeline.causes import Piece
from fleetbench.timeline.stats import IDLE
from fleetbench.timeline.workers import steps_of
from fleetbench.units import counted, format_duration

_CHAIN_WIDTH = 2.2
_BAR = 0.68
_TALL = 60
"""Rows from which on the time axis is labelled above, too."""


def gantt(rollout: RolloutResult, title: str | None = None) -> Picture:
    """Draw one rollout.

    A thick line below the bars of a row marks the stretch in which the whole rollout waited for that object; such
    objects' names are bold.

    Args:
        rollout: with events (``rollout.explanation``); without, the rows show only started to Ready.
        title: None = what the rollout says of itself.
    """
    order = [o.id for o in rollout.in_order]
    rows = {id: n for n, id in enumerate(order)}
    until = _until_s(rollout)
    with styled():
        chart = len(order) * row_height(len(order)) + 0.6
        picture = Picture(11, chart + 2.6, describe(rollout))
        axes, workers = picture.axes_below(chart, 1.1)
        seen = _bars(axes, rollout, order, until)
        critical = _chain(axes, rollout.chain, rows)
        row_axis(axes, list(names(order).values()), sorted(rows[id] for id in critical))
        axes.set_title(title or _title(rollout))
        tall = len(order) > _TALL
        axes.tick_params(axis="x", labelbottom=False, labeltop=tall, length=0)
        _workers(workers, rollout, until)
        time_axis(axes, until, "")
        time_axis(workers, until)
        extra = [
            Line2D([], [], color=INK, marker="|", linestyle="", markersize=8, markeredgewidth=1.6, label="Ready"),
            Line2D([], [], color=INK, linewidth=_CHAIN_WIDTH, label="critical chain: all waits for this"),
        ]
        legend(picture, {state: look for state, look in STATES.items() if state in seen}, extra)
    return picture


def describe(rollout: RolloutResult) -> str:
    """The picture in words."""
    last = max((o.ready_s, o.id) for o in rollout.objects if o.ready_s is not None)[1] if rollout.complete else None
    end = (
        "not all of them turned Ready"
        if last is None
        else f"the last one, {shorten(last.key, 60)}, after {format_duration(rollout.last_ready_s)}"
    )
    return f"Gantt chart of {rollout.label}: {counted(len(rollout.objects), 'object')} in order of Ready, {end}."


def _title(rollout: RolloutResult) -> str:
    kind = "median sample" if rollout.source == "predicted" else "measured"
    last_s = rollout.last_ready_s
    total = "nothing Ready" if last_s is None else f"last Ready after {format_duration(last_s)}"
    return f"{shorten(inert(rollout.label))} ({kind}): {total}"


def _until_s(rollout: RolloutResult) -> float:
    total = rollout.last_ready_s or 0.0
    if rollout.complete or rollout.explanation is None:
        return total
    return max(rollout.explanation.rollout.timeline.until_s - rollout.since_s, total)


def _bars(axes: Axes, rollout: RolloutResult, order: Sequence[ObjectId], until: float) -> set[str]:
    """Draw the states up to Ready; returns those that occur."""
    spans: dict[str, tuple[list[int], list[float], list[float]]] = {}
    for row, id in enumerate(order):
        ready = rollout.by_id[id].ready_s
        end = until if ready is None else ready
        for from_s, to_s, state in rollout.intervals.get(id, ()):
            if state == IDLE or from_s >= end:
                continue
            at, left, width = spans.setdefault(state, ([], [], []))
            at.append(row)
            left.append(from_s)
            width.append(min(to_s, end) - from_s)
        if ready is not None:
            axes.plot([ready], [row], color=INK, marker="|", markersize=9, markeredgewidth=1.6, zorder=4)
    for state, (at, left, width) in spans.items():
        look = STATES[state]
        axes.barh(
            at,
            width,
            left=left,
            height=_BAR,
            color=look.colour,
            hatch=look.hatch,
            edgecolor=ON_COLOUR,
            linewidth=0.2,
            zorder=2,
        )
    return set(spans)


def _chain(axes: Axes, chain: Sequence[Piece], rows: dict[ObjectId, int]) -> set[ObjectId]:
    """Mark the critical chain; returns the objects on it that have a row."""
    below = _BAR / 2 + 0.08
    before: tuple[float, float] | None = None
    found = set()
    for piece in chain:
        row = rows.get(piece.object)
        if row is None:
            continue  # a source: it has no row of its own
        found.add(piece.object)
        y = row + below
        if before is not None and before[1] != y:
            axes.plot(
                [piece.from_s, piece.from_s],
                [before[1], y],
                color=INK,
                linewidth=0.7,
                linestyle=(0, (2, 2)),
                zorder=1.5,
            )
        axes.plot(
            [piece.from_s, piece.to_s], [y, y], color=INK, linewidth=_CHAIN_WIDTH, solid_capstyle="butt", zorder=3
        )
        before = piece.to_s, y
    return found


def _workers(axes: Axes, rollout: RolloutResult, until: float) -> None:
    """Held workers of both controllers as steps, with the number there is."""
    axes.set_ylabel("workers\nheld")
    if rollout.explanation is None:
        axes.set_yticks([])
        axes.text(0.01, 0.5, "not recorded", transform=axes.transAxes, va="center", color=MUTED)
        return
    top = 1
    for kind, name, colour, line in (
        (KUSTOMIZATION, "kustomize-controller", BLUE, "-"),
        (HELM_RELEASE, "helm-controller", ORANGE, (0, (4, 1.5))),
    ):
        pools = rollout.pools(kind)
        if not pools:
            continue
        there_are = sum(pool.workers for pool in pools)
        held = [h for pool in pools for h in pool.held]
        steps = [(t - rollout.since_s, n) for t, n in steps_of(held)]
        before = [n for t, n in steps if t <= 0]
        points = [(0.0, before[-1] if before else 0), *((t, n) for t, n in steps if 0 < t <= until)]
        points.append((until, points[-1][1]))
        x, y = zip(*points, strict=True)
        axes.step(
            x,
            y,
            where="post",
            color=colour,
            linestyle=line,
            linewidth=1.4,
            label=f"{name} (has {there_are})",
        )
        top = max(top, *y)
    axes.set_ylim(0, top + 0.6)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8, borderaxespad=0.1, labelcolor=INK)

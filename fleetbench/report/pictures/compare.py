"""Several rollouts of one fleet on one time axis: waves beside fine-grained, run beside run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D

from fleetbench.ids import ObjectId
from fleetbench.report.inert import inert
from fleetbench.report.pictures.style import (
    BLUE,
    GREEN,
    INK,
    ON_COLOUR,
    ORANGE,
    PURPLE,
    SKY,
    STRATEGIES,
    Look,
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
from fleetbench.timeline.fold import RUN
from fleetbench.timeline.stats import parallel_services
from fleetbench.units import counted, format_duration

_OTHERS = (
    Look(SKY, ""),
    Look(ORANGE, "////"),
    Look(GREEN, "----"),
    Look(PURPLE, "\\\\\\\\"),
    Look(BLUE, ""),
    Look("#DDDDDD", "xxxx"),
)


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """A look for each rollout; ``fine`` and ``waves`` always have theirs."""
    free = [look for look in _OTHERS if look not in [STRATEGIES[label] for label in labels if label in STRATEGIES]]
    found: dict[str, Look] = {}
    for label in labels:
        found[label] = STRATEGIES.get(label) or free[len(found) % len(free)]
    return found


def compare(rollouts: Sequence[RolloutResult], title: str | None = None) -> Picture:
    """From applied to Ready for each service, a bar a rollout; a line where each rollout is over.

    Only services that all the rollouts hold: what a layout adds (its waves) is left out.
    """
    shared = _shared(rollouts)
    first = rollouts[0]
    order = [o.id for o in first.in_order if o.id in shared]
    look_of = looks([r.label for r in rollouts])
    until = max([r.last_ready_s or 0.0 for r in rollouts] + [0.1])
    bar = 0.8 / len(rollouts)
    with styled():
        words = " and ".join(f"{r.label} in {format_duration(r.total_s)}" for r in rollouts)
        picture = Picture(
            11,
            len(order) * row_height(len(order)) * max(1.0, len(rollouts) / 2.0) + 2.0,
            f"{counted(len(order), 'service')} on one time axis: {words}.",
        )
        (axes,) = picture.axes_below(1)
        for n, rollout in enumerate(rollouts):
            look = look_of[rollout.label]
            rows, left, width, ends_s = [], [], [], []
            for row, id in enumerate(order):
                ready = rollout.by_id[id].ready_s
                start = _started(rollout, id)
                if start is None:
                    continue
                rows.append(row - 0.4 + bar * (n + 0.5))
                left.append(start)
                if ready is not None:
                    ends_s.append((ready, rows[-1]))
                width.append((until if ready is None else ready) - start)
            axes.barh(
                rows,
                width,
                left=left,
                height=bar * 0.92,
                color=look.colour,
                hatch=look.hatch,
                edgecolor=ON_COLOUR,
                linewidth=0.2,
            )
            if ends_s:
                axes.plot(
                    *zip(*ends_s, strict=True),
                    color=INK,
                    marker="|",
                    markersize=6,
                    markeredgewidth=1.3,
                    linestyle="",
                    zorder=4,
                )
            if rollout.total_s is not None:
                axes.axvline(rollout.total_s, color=INK, linewidth=1.3, linestyle=_lines(n), zorder=3)
        row_axis(axes, list(names(order).values()))
        axes.set_title(
            title or " / ".join(f"{shorten(inert(r.label), 24)} {format_duration(r.total_s)}" for r in rollouts[:4])
        )
        time_axis(axes, until)
        ends: list[Line2D] = [
            Line2D([], [], color=INK, marker="|", linestyle="", markersize=7, markeredgewidth=1.3, label="Ready")
        ]
        ends += [
            Line2D(
                [],
                [],
                color=INK,
                linewidth=1.3,
                linestyle=_lines(n),
                label=f"{shorten(inert(r.label), 24)}: last Ready",
            )
            for n, r in enumerate(rollouts)
            if r.total_s is not None
        ]
        legend(
            picture,
            {f"{shorten(inert(label), 24)}: under way": look for label, look in look_of.items()},
            ends,
            columns=3,
        )
    return picture


def _shared(rollouts: Sequence[RolloutResult]) -> set[ObjectId]:
    found: set[ObjectId] | None = None
    for rollout in rollouts:
        here = set(parallel_services(rollout.fleet)) & set(rollout.by_id)
        found = here if found is None else found & here
    return found or set()


def _started(rollout: RolloutResult, id: ObjectId) -> float | None:
    """Since when a service is under way: past its dependencies."""
    started = rollout.by_id[id].started_s
    if started is not None or rollout.explanation is None:
        return started
    since = rollout.since_s
    runs = (r.from_s - since for r in rollout.explanation.rollout.reconciles(id) if r.kind == RUN)
    return next((at for at in runs if at >= 0), None)


def _lines(n: int) -> Any:
    return ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))[n % 4]

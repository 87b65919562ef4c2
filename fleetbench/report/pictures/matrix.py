"""The failure matrix: a row an object that never turns healthy, a column each object that then stays down."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from fleetbench.ids import ObjectId
from fleetbench.report.pictures.style import (
    GRID,
    INK,
    ON_COLOUR,
    VERMILLION,
    Look,
    Picture,
    legend,
    names,
    row_axis,
    shorten,
    styled,
)
from fleetbench.units import counted

_CELL = 0.2


def failure_matrix(
    blocked: Mapping[ObjectId, Collection[ObjectId]], title: str = "If this one fails, those stay down"
) -> Picture:
    """Draw who blocks whom.

    Args:
        blocked: object that fails -> the objects that then never turn Ready (itself may be among them or not).
        title: the picture's title.
    """
    rows = sorted(blocked, key=lambda id: (-len(set(blocked[id]) - {id}), id))
    others = {id for found in blocked.values() for id in found} | set(rows)
    columns = sorted(others, key=lambda id: (-sum(id in set(found) - {row} for row, found in blocked.items()), id))
    with styled():
        worst = rows[0] if rows else None
        words = f"; {shorten(worst.key, 60)} keeps most down, {len(set(blocked[worst]) - {worst})}" if worst else ""
        picture = Picture(
            max(len(columns) * _CELL + 4.2, 7),
            max(len(rows), 1) * _CELL + 3.4,
            f"Failure matrix of {counted(len(rows), 'object')}{words}.",
        )
        (axes,) = picture.axes_below(1)
        cells = []
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                if column == row:
                    axes.plot([x], [y], marker="x", color=INK, markersize=5)
                elif column in blocked[row]:
                    cells.append(Rectangle((x - 0.42, y - 0.42), 0.84, 0.84))
        axes.add_collection(
            PatchCollection(cells, facecolor=VERMILLION, edgecolor=ON_COLOUR, hatch="////", linewidth=0.3)
        )
        short = names([*rows, *columns], 30)
        row_axis(axes, [f"{short[id]} ({len(set(blocked[id]) - {id})})" for id in rows])
        axes.set_xticks(
            range(len(columns)), [short[id] for id in columns], rotation=90, fontsize=8 if len(columns) <= 60 else 7.5
        )
        axes.set_xlim(-0.6, len(columns) - 0.4)
        axes.tick_params(axis="x", length=0, labeltop=True, labelbottom=False)
        axes.set_aspect("equal", adjustable="box")
        for text in axes.get_xticklabels():
            text.set_parse_math(False)
        axes.vlines(
            [x - 0.5 for x in range(1, len(columns))], -0.5, len(rows) - 0.5, color=GRID, linewidth=0.6, zorder=0
        )
        axes.hlines(
            [y - 0.5 for y in range(1, len(rows))], -0.5, len(columns) - 0.5, color=GRID, linewidth=0.6, zorder=0
        )
        axes.set_title(title)
        fails = Line2D([], [], color=INK, marker="x", linestyle="", label="fails")
        legend(picture, {"stays down": Look(VERMILLION, "////")}, [fails], columns=2)
    return picture

"""The dependency graph by layers, with slack, and the critical path in bold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import dependency_graph
from fleetbench.graph.paths import critical_path, slack
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.report.pictures.style import INK, MUTED, ON_COLOUR, ORANGE, PAPER, VERMILLION, Picture, names, styled
from fleetbench.units import counted, format_duration

_COLUMN, _BOX, _ROW = 2.75, 1.95, 0.46
"""Inches."""
_NAME = 23
_SWEEPS = 6
_IN_TIME, _CRITICAL, _CYCLE, _CREATES = "dependsOn", "critical path", "cycle: never Ready", "creates"


def dependencies(
    fleet: Fleet, durations_s: Mapping[ObjectId, float] | None = None, title: str | None = None
) -> Picture:
    """Draw the fleet from left (depends on nothing) to right.

    Args:
        fleet: the fleet.
        durations_s: seconds that each object takes itself, for slack and critical path; None = edges only.
        title: None = one that says how long the critical path is.
    """
    graph, looping = _edges(fleet)
    column = _columns(graph)
    place = _places(graph, column)
    path, length = critical_path(fleet, durations_s) if durations_s else ({}, 0.0)
    slack_s = _slack(fleet, durations_s, set(place)) if durations_s else {}
    critical = [id for id in path if id in place]
    spent = _spent(path, place)
    across = max(column.values(), default=0) + 1
    down = max((y for _, y in place.values()), default=0.0) + 1
    with styled():
        words = (
            f"; critical path {' to '.join(names(critical).values())}, {format_duration(length)}" if critical else ""
        )
        picture = Picture(
            max(across * _COLUMN, 7.0),
            down * _ROW + 1.1,
            f"Dependency graph of {counted(len(place), 'object')} in {counted(across, 'layer')}{words}.",
        )
        (axes,) = picture.axes_below(1)
        axes.set_xlim(-0.1, max(across * _COLUMN, 7.0) - _COLUMN + _BOX + 0.1)
        axes.set_ylim(down * _ROW - _ROW / 2 + 0.05, -_ROW / 2 - 0.05)
        axes.axis("off")
        on_path = set(pairwise(critical))
        kinds = {
            _edge(axes, a, b, place, graph.edges[a, b]["kind"], (a, b) in on_path, looping) for a, b in graph.edges
        }
        label = names(place, _NAME)
        for id, (x, y) in place.items():
            note = "in a cycle" if id in looping else f"slack {format_duration(slack_s[id])}" if id in slack_s else ""
            note = f"critical path, {format_duration(spent[id])}" if id in spent else note
            _box(axes, x * _COLUMN, y * _ROW, label[id], note, id in critical)
        reach = f", longest path {format_duration(length)}" if critical else ""
        axes.set_title(title or f"Dependencies: {counted(across, 'layer')}{reach}")
        _legend(picture, kinds | ({_CRITICAL} if critical else set()))
    return picture


def _slack(fleet: Fleet, durations_s: Mapping[ObjectId, float], shown: set[ObjectId]) -> dict[ObjectId, float]:
    """Slack of what is shown: the least of an object's own and of those it creates that are not shown."""
    every = slack(fleet, durations_s)
    found = {}
    for id in shown & set(every):
        inside = [every[kid] for kid in fleet.children.get(id, ()) if kid in every and kid not in shown]
        found[id] = min([every[id], *inside])
    return found


def _spent(path: Mapping[ObjectId, float], shown: Collection[ObjectId]) -> dict[ObjectId, float]:
    """Seconds of the critical path at each object shown; those of an object that is not count to the one before."""
    found: dict[ObjectId, float] = {}
    at: ObjectId | None = None
    for id, takes_s in path.items():
        at = id if id in shown else at
        if at is not None:
            found[at] = found.get(at, 0.0) + takes_s
    return found


def _edges(fleet: Fleet) -> tuple[nx.DiGraph, set[ObjectId]]:
    """Edges of dependsOn, and parent -> child where a parent other than the root groups; and what is in a cycle."""
    graph = dependency_graph(fleet)
    nx.set_edge_attributes(graph, _IN_TIME, "kind")
    looping = {id for part in nx.strongly_connected_components(graph) if len(part) > 1 for id in part}
    looping |= set(nx.nodes_with_selfloops(graph))
    for k in fleet.kustomizations:
        if k.parent is not None and k.parent != fleet.root and k.parent in graph and not graph.has_edge(k.parent, k.id):
            graph.add_edge(k.parent, k.id, kind=_CREATES)
    idle = [id for id in graph if graph.degree(id) == 0 and (id == fleet.root or id.kind != KUSTOMIZATION)]
    graph.remove_nodes_from(idle)
    return graph, looping


def _columns(graph: nx.DiGraph) -> dict[ObjectId, int]:
    condensed = nx.condensation(graph)
    level: dict[int, int] = {}
    for part in nx.topological_sort(condensed):
        level[part] = max((level[p] + 1 for p in condensed.predecessors(part)), default=0)
    return {id: level[part] for id, part in condensed.graph["mapping"].items()}


def _places(graph: nx.DiGraph, column: Mapping[ObjectId, int]) -> dict[ObjectId, tuple[int, float]]:
    """Column and row of each object; rows by the mean of the neighbours' rows, so that edges cross less."""
    columns: dict[int, list[ObjectId]] = {}
    for id in sorted(graph):
        columns.setdefault(column[id], []).append(id)
    most = max(map(len, columns.values()), default=1)
    row: dict[ObjectId, float] = {}

    def spread() -> None:
        for listed in columns.values():
            gap = (most - len(listed)) / 2
            row.update({id: gap + n for n, id in enumerate(listed)})

    spread()
    for sweep in range(_SWEEPS):
        ordered = sorted(columns) if sweep % 2 == 0 else sorted(columns, reverse=True)
        neighbours = graph.predecessors if sweep % 2 == 0 else graph.successors
        for n in ordered:
            columns[n].sort(key=lambda id: (_mean([row[other] for other in neighbours(id)], row[id]), id))
            gap = (most - len(columns[n])) / 2
            row.update({id: gap + at for at, id in enumerate(columns[n])})
    return {id: (column[id], row[id]) for id in sorted(graph)}


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _edge(
    axes: Axes,
    a: ObjectId,
    b: ObjectId,
    place: Mapping[ObjectId, tuple[int, float]],
    kind: str,
    critical: bool,
    looping: set[ObjectId],
) -> str:
    (x0, y0), (x1, y1) = place[a], place[b]
    start, end = (x0 * _COLUMN + _BOX, y0 * _ROW), (x1 * _COLUMN, y1 * _ROW)
    if a in looping and b in looping:
        kind = _CYCLE
    bend = max((end[0] - start[0]) / 2, 0.4)
    path = Path(
        [start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end],
        [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
    )
    colour = INK if critical else VERMILLION if kind == _CYCLE else MUTED
    width = 2.4 if critical else 1.4 if kind == _CYCLE else 0.8
    style = (0, (3, 2)) if kind == _CREATES else "-"
    axes.add_patch(
        PathPatch(path, fill=False, edgecolor=colour, linewidth=width, linestyle=style, zorder=2 if critical else 1)
    )
    return kind


def _box(axes: Axes, x: float, y: float, name: str, note: str, critical: bool) -> None:
    height = _ROW * 0.8
    axes.add_patch(
        FancyBboxPatch(
            (x, y - height / 2), _BOX, height, boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=ORANGE if critical else PAPER, edgecolor=INK if critical else MUTED, linewidth=1.8 if critical else 0.8, zorder=3,
        )
    )  # fmt: skip
    colour = ON_COLOUR if critical else INK
    above = 0.075 if note else 0.0
    axes.text(
        x + 0.07,
        y - above,
        name,
        fontsize=8,
        fontweight="bold" if critical else "normal",
        color=colour,
        va="center",
        zorder=4,
    )
    if note:
        axes.text(x + 0.07, y + 0.095, note, fontsize=6.5, color=colour if critical else MUTED, va="center", zorder=4)


def _legend(picture: Picture, kinds: set[str]) -> None:
    lines = {
        _IN_TIME: Line2D([], [], color=MUTED, linewidth=0.8),
        _CREATES: Line2D([], [], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2))),
        _CRITICAL: Line2D([], [], color=INK, linewidth=2.4),
        _CYCLE: Line2D([], [], color=VERMILLION, linewidth=1.4),
    }
    shown = [kind for kind in lines if kind in kinds]
    if shown:
        picture.legend(
            [lines[k] for k in shown], shown, loc="outside lower left", ncols=4, fontsize=8.5, labelcolor=INK
        )

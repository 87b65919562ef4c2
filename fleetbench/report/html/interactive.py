"""Pictures one can zoom and hover (plotly); the library travels in the page, compressed, and is unpacked when asked for.

plotly.min.js takes 4.8 MB as it is and 2.0 MB gzipped as base64; every current browser unpacks it by itself
(DecompressionStream).
"""

from __future__ import annotations

import base64
import gzip
import html
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from fleetbench.ids import ObjectId
from fleetbench.report.inert import inert
from fleetbench.report.pictures.band import Band
from fleetbench.report.pictures.style import ON_COLOUR, SKY, STATES, VERMILLION, names, round_step, shorten, tick
from fleetbench.report.result import RolloutResult
from fleetbench.timeline.stats import IDLE
from fleetbench.units import format_duration

HATCH = {"////": "/", "xxxx": "x", "\\\\\\\\": "\\", "++++": "+", "||||": "|", "....": ".", "oo": "-", "": ""}
"""Hatch of a picture (matplotlib's) -> pattern of the page (plotly's)."""
_ROW_PX = 21


@cache
def library() -> str:
    """plotly.min.js, gzipped, as base64."""
    raw = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")


def gantt(rollout: RolloutResult) -> dict[str, Any]:
    """The Gantt chart: a bar a state, what it was on hover."""
    order = [o.id for o in rollout.in_order]
    short = _labels(order)
    parts: dict[str, list[tuple[ObjectId, float, float]]] = {state: [] for state in STATES}
    last = rollout.last_ready_s or 0.0
    for id in order:
        ready = rollout.by_id[id].ready_s
        for from_s, to_s, state in rollout.intervals.get(id, ()):
            end = to_s if ready is None else min(to_s, ready)
            if state != IDLE and end > from_s:
                parts[state].append((id, from_s, end))
                last = max(last, end)
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": state,
            "y": [short[id] for id, _, _ in spans],
            "base": [round(start, 3) for _, start, _ in spans],
            "x": [round(end - start, 3) for _, start, end in spans],
            "customdata": [
                [_safe(str(id)), format_duration(start), format_duration(end), format_duration(end - start)]
                for id, start, end in spans
            ],
            "hovertemplate": f"%{{customdata[0]}}<br>{state}: %{{customdata[1]}} to %{{customdata[2]}} (%{{customdata[3]}})<extra></extra>",
            "marker": {
                "color": STATES[state].colour,
                "pattern": {
                    "shape": HATCH[STATES[state].hatch],
                    "fillmode": "overlay",
                    "fgcolor": ON_COLOUR,
                    "fgopacity": 0.8,
                    "size": 5,
                    "solidity": 0.2,
                },
                "line": {"width": 0.3, "color": ON_COLOUR},
            },
        }
        for state, spans in parts.items()
        if spans
    ]
    return {"data": bars, "layout": _layout([short[id] for id in order], last)}


def band(predicted: Mapping[ObjectId, Band], measured: Mapping[ObjectId, float | None]) -> dict[str, Any]:
    """The predicted band with one run's measured points."""
    order = sorted(predicted, key=lambda id: (predicted[id][1] is None, predicted[id][1] or 0.0, id))
    short = _labels(order)
    known = [
        (id, low, middle, high)
        for id in order
        for low, middle, high in [predicted[id]]
        if low is not None and high is not None
    ]
    points = [(id, t) for id in order if (t := measured.get(id)) is not None]
    last = max([high for *_, high in known] + [t for _, t in points] + [1.0])
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "predicted p5 - p95",
            "y": [short[id] for id, *_ in known],
            "base": [round(low, 3) for _, low, _, _ in known],
            "x": [round(high - low, 3) for _, low, _, high in known],
            "customdata": [
                [_safe(str(id)), *(format_duration(v) for v in (low, middle, high))] for id, low, middle, high in known
            ],
            "hovertemplate": "%{customdata[0]}<br>p5 %{customdata[1]}, median %{customdata[2]}, p95 %{customdata[3]}<extra></extra>",
            "marker": {"color": SKY},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "measured",
            "y": [short[id] for id, _ in points],
            "x": [round(t, 3) for _, t in points],
            "customdata": [[_safe(str(id)), format_duration(t)] for id, t in points],
            "hovertemplate": "%{customdata[0]}<br>measured %{customdata[1]}<extra></extra>",
            "marker": {"color": VERMILLION, "size": 9, "symbol": "diamond", "line": {"width": 1, "color": "#ffffff"}},
        },
    ]
    return {"data": data, "layout": _layout([short[id] for id in order], last)}


def _labels(order: list[ObjectId]) -> dict[ObjectId, str]:
    """Short names, each a category of its own: two that were shortened to the same text get a number."""
    found: dict[ObjectId, str] = {}
    used: set[str] = set()
    for id, text in names(order).items():
        label, n = text, 2
        while label in used:
            label, n = f"{text} ({n})", n + 1
        used.add(label)
        found[id] = html.escape(label, quote=False)
    return found


def _layout(rows: list[str], last_s: float) -> dict[str, Any]:
    step = round_step(last_s)
    ticks = [n * step for n in range(int(last_s / step) + 2)]
    return {
        "barmode": "overlay",
        "bargap": 0.25,
        "height": len(rows) * _ROW_PX + 170,
        "margin": {"l": 8, "r": 16, "t": 40, "b": 8},
        "xaxis": {
            "tickvals": ticks, "ticktext": [tick(round(t, 6)) for t in ticks], "range": [0, last_s * 1.02], "automargin": True,
            "title": {"text": "since the start"},
        },
        "yaxis": {
            "categoryorder": "array", "categoryarray": rows, "autorange": "reversed", "automargin": True, "type": "category",
            "tickmode": "array", "tickvals": rows, "tickfont": {"size": 11},
        },
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"align": "left"},
    }  # fmt: skip


def _safe(text: str) -> str:
    """Text for plotly, which takes some tags for markup."""
    return html.escape(shorten(inert(text), 120), quote=False)

"""What the page says of one run: sentences, figures, pictures; the template only lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup

from fleetbench.findings import RULES, SEVERITIES
from fleetbench.ids import ObjectId, say, some
from fleetbench.report import pictures
from fleetbench.report.commit import commit_rows
from fleetbench.report.html import interactive
from fleetbench.report.pictures.band import Band, bands_of
from fleetbench.report.pictures.style import GRID, INK, MUTED, PAPER, Picture
from fleetbench.report.remarks import LEFT_OUT, longer
from fleetbench.report.result import MEASURED, ObjectResult, RolloutResult, RunResult
from fleetbench.timeline.causes import seconds_of
from fleetbench.units import counted, format_duration
from fleetbench.validation.compare import RunComparison

_COLOURS = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--paper)"}
_FONT = "'DejaVu Sans', Verdana, system-ui, sans-serif"
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of it, so that the page keeps its size."""

    interactive: bool = True
    pictures: int = 1_000
    """Runs, the first ones, that get pictures."""


@dataclass(frozen=True)
class Figure:
    """One picture of the page."""

    key: str
    caption: str
    description: str
    svg: Markup
    width_px: int
    interactive: str | None = None
    """Key of its interactive variant."""


class RunSection:
    """One run of the page; each picture is drawn once, however often the page is tried with less detail.

    Args:
        number: its place on the page, for ids.
        run: what it came to.
        held: its prediction held against it, where it was measured.
    """

    def __init__(self, number: int, run: RunResult, held: RunComparison | None):
        self.key, self.run, self.held = f"run-{number + 1}", run, held
        self.measured = run.source == MEASURED
        self._number = number
        self.show(Detail())

    def show(self, detail: Detail) -> None:
        """Say how much to show from now on."""
        self._pictured = self._number < detail.pictures
        self._interactive = detail.interactive and self._pictured

    # --- words -------------------------------------------------------------------------------------------------------

    @cached_property
    def verdict(self) -> list[str]:
        """The answer in a few sentences."""
        return [*(self._said(r) for r in self.run.rollouts), *self._faster(), *self._held(), *self._never()]

    def _said(self, r: RolloutResult) -> str:
        if r.last_ready_s is None:
            return f"{r.label}: nothing turned Ready."
        if self.measured:
            asked = [o for o in r.objects if not o.suspended]
            count = sum(o.ready_s is not None for o in asked)
            return f"{count} of {counted(len(asked), 'object')} Ready, the last one after {format_duration(r.total_s)}."
        if r.total_s is None:
            ready = f"what does so is Ready by {format_duration(r.last_ready_s)} in the median sample"
            return f"{r.label}: in half of the samples or more something does not turn Ready that should; {ready}."
        low, middle, high = (format_duration(r.total_quantiles.get(q)) for q in ("p5", "p50", "p95"))
        whole = (
            ""
            if r.complete_fraction is None
            else f" All objects turn Ready in {100 * r.complete_fraction:.0f} % of them."
        )
        return f"{r.label} takes {middle}: the median of {counted(self.run.meta.get('samples', '?'), 'sample')}, 90 % of them between {low} and {high}.{whole}"

    @cached_property
    def commit(self) -> list[tuple[str, str]]:
        """What the commit does, a verb and the objects each; empty where no two revisions say so."""
        return [] if self.run.commit is None else commit_rows(self.run.commit, self.run.rollout.fleet)

    def _faster(self) -> list[str]:
        c = self.run.comparison
        if c.get("equal"):
            return [
                "Both strategies are the same: the fleet is laid out in waves already, or holds nothing to lay out in waves."
            ]
        found = longer(c)
        if found is None:
            return []
        return [f"{found.said} (90 % of the samples: {found.p5:.2f} to {found.p95:.2f}; both from the same draws)."]

    def _held(self) -> list[str]:
        if self.held is None:
            return []
        low, middle, high = (format_duration(t) for t in self.held.totals)
        judged = [o.inside for o in self.held.objects if o.inside is not None]
        where = "the measured total lies " + ("inside" if self.held.inside else "OUTSIDE")
        if self.held.no_total:
            where = f"there is no measured total ({self.held.no_total})"
        return [
            f"The prediction said {middle} ({low} to {high}): {where}; {sum(judged)} of {counted(len(judged), 'object')} inside theirs."
        ]

    def _never(self) -> list[str]:
        found = []
        unseen = self.run.run.unseen if self.run.run is not None else frozenset()
        for r in self.run.rollouts:
            never = [
                say(o.id)
                for o in r.objects
                if (o.ready_s is None if o.ready_fraction is None else o.ready_fraction < 0.5)
                and o.id not in unseen
                and not o.suspended
            ]
            if never:
                found.append(f"Never Ready in {r.label}: {some(never, _MOST_NAMED)}.")
        asleep = sorted({o.id for r in self.run.rollouts for o in r.objects if o.suspended})
        if asleep:
            found.append(f"{LEFT_OUT}: {some([say(id) for id in asleep], _MOST_NAMED)}.")
        return found

    # --- figures -----------------------------------------------------------------------------------------------------

    @cached_property
    def totals(self) -> list[dict[str, Any]]:
        """One row a rollout: total with spread, parallelism."""
        return [
            {
                "label": r.label,
                "source": r.source,
                "total_s": r.total_quantiles.get("p50", r.total_s),
                "low_s": r.total_quantiles.get("p5"),
                "high_s": r.total_quantiles.get("p95"),
                "whole": self._whole(r),
                "max_parallel": r.max_parallel,
                "max_busy_workers": r.max_busy_workers,
            }
            for r in self.run.rollouts
        ]

    @staticmethod
    def _whole(r: RolloutResult) -> str:
        """How much turned Ready: objects of a measured run, samples of a prediction."""
        if r.complete_fraction is None:
            asked = [o for o in r.objects if not o.suspended]
            return f"{sum(o.ready_s is not None for o in asked)} of {len(asked)}"
        return f"{100 * r.complete_fraction:.0f} %"

    @cached_property
    def chains(self) -> list[dict[str, Any]]:
        """Per rollout its chain of causes, and the seconds by cause."""
        found: list[dict[str, Any]] = []
        for r in self.run.rollouts:
            if r in [c["rollout"] for c in found]:
                continue
            seconds = seconds_of(r.chain)
            whole = sum(seconds.values()) or 1.0
            shares = [(cause, s, s / whole) for cause, s in sorted(seconds.items(), key=lambda i: -i[1])]
            found.append({"rollout": r, "label": r.label, "pieces": r.chain, "causes": shares})
        return found

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One row a service: each rollout's Ready with spread, and the prediction of a measured run."""
        predicted = {} if self.held is None else {o.id: o for o in self.held.objects}
        ids = sorted({o.id for r in self.run.rollouts for o in r.objects}, key=self._place)
        return [
            {
                "id": id,
                "cells": [self._cell(r.by_id.get(id)) for r in self.run.rollouts],
                "predicted": predicted.get(id),
                "chosen_by": next((r.by_id[id].chosen_by for r in self.run.rollouts if id in r.by_id), ""),
            }
            for id in ids
        ]

    def _place(self, id: ObjectId) -> tuple[float, ObjectId]:
        o = self.run.rollout.by_id.get(id)
        return (float("inf") if o is None or o.ready_s is None else o.ready_s, id)

    @staticmethod
    def _cell(o: ObjectResult | None) -> dict[str, Any]:
        if o is None:
            return {"here": False}
        return {
            "here": True,
            "ready_s": o.at("p50"),
            "low_s": o.quantiles.get("p5"),
            "high_s": o.quantiles.get("p95"),
            "spread": bool(o.quantiles),
            "suspended": o.suspended and o.at("p50") is None,
        }

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        """Findings by severity and code, errors first; fields that are missing are empty."""
        blank = dict.fromkeys(("code", "severity", "object", "file", "line", "message", "fix"))
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for f in self.run.findings:
            row = {**blank, **f}
            code = str(row["code"])
            title = RULES[code].title if code in RULES else ""
            group = {"code": code, "severity": row["severity"], "title": title, "rows": []}
            found.setdefault((str(row["severity"]), code), group)["rows"].append(row)
        return sorted(
            found.values(),
            key=lambda g: SEVERITIES.index(g["severity"]) if g["severity"] in SEVERITIES else len(SEVERITIES),
        )

    @cached_property
    def facts(self) -> list[tuple[str, str]]:
        """What was recorded about the run."""
        skip = ("format_version", "notes", "usage", "warnings", "graph", "strategies", "flags", "flags_from")
        return [(str(k), _plain(v)) for k, v in self.run.meta.items() if k not in skip and v not in (None, "", [], {})]

    @property
    def warnings(self) -> list[str]:
        """What could not be used as it was."""
        listed = self.run.meta.get("warnings")
        return [str(w) for w in listed] if isinstance(listed, list) else []

    # --- pictures ----------------------------------------------------------------------------------------------------

    @property
    def figures(self) -> list[Figure]:
        """The pictures, most telling first."""
        if not self._pictured:
            return []
        return self._drawn if self._interactive else [replace(f, interactive=None) for f in self._drawn]

    @property
    def interactive(self) -> dict[str, dict[str, Any]]:
        """Key -> plotly figure."""
        return self._plotted if self._interactive else {}

    @cached_property
    def _drawn(self) -> list[Figure]:
        run, found = self.run, []
        distinct = [c["rollout"] for c in self.chains]
        if len(distinct) > 1:
            caption = (
                "Each service from past its dependencies to Ready, the median sample of each strategy on one time axis."
            )
            found.append(self._figure("compare", caption, pictures.compare(distinct)))
        if self.held is not None:
            picture = pictures.band(self._band, [run.rollout.by_id_s], "Ready: predicted and measured")
            caption = f"What {counted(self.held.prediction.samples, 'sample')} of this run's own fleet and flags predict, and what was measured."
            found.append(self._figure("band", caption, picture, zoom=True))
        for r in distinct:
            if r.explanation is not None and r.objects:
                caption = f"{r.label}: every object in order of Ready. " + "Below: workers that hold a reconcile."
                found.append(self._figure(f"gantt-{len(found)}", caption, pictures.gantt(r), zoom=True))
        samples = {r.label: r.totals_s for r in distinct if r.totals_s}
        if samples:
            found.append(
                self._figure(
                    "totals",
                    "The time to the last Ready over all samples; dashed lines: p5 and p95.",
                    pictures.totals(samples),
                )
            )
        if not self.measured:
            r = run.rollout
            bands = {o.id: (o.at("p5"), o.at("p50"), o.at("p95")) for o in r.objects}
            found.append(
                self._figure(
                    "spread", f"Each object's Ready in {r.label}, p5 to p95 over all samples.", pictures.band(bands)
                )
            )
        first = run.rollout
        if any(o.depends_on for o in first.fleet.services()):
            caption = "What depends on what. Slack: seconds that an object could come later without making the longest path longer."
            found.append(self._figure("graph", caption, pictures.dependencies(first.fleet, first.durations_s or None)))
        return found

    @cached_property
    def _plotted(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        gantts = [c["rollout"] for c in self.chains if c["rollout"].explanation is not None and c["rollout"].objects]
        for figure in self._drawn:
            if figure.interactive is None:
                continue
            if figure.key.endswith("-band"):
                found[figure.interactive] = interactive.band(self._band, self.run.rollout.by_id_s)
            else:
                found[figure.interactive] = interactive.gantt(gantts.pop(0))
        return found

    @property
    def _band(self) -> dict[ObjectId, Band]:
        assert self.held is not None
        return bands_of(self.held)

    def _figure(self, name: str, caption: str, picture: Picture, zoom: bool = False) -> Figure:
        key = f"{self.key}-{name}"
        svg = picture.svg(key)
        for colour, variable in _COLOURS.items():
            svg = svg.replace(colour, variable)
        svg = svg.replace("'DejaVu Sans'", _FONT).replace("<svg ", f'<svg role="img" aria-labelledby="{key}-d" ', 1)
        width = round(picture.get_figwidth() * 96)
        return Figure(key, caption, picture.description, Markup(svg), width, f"{key}-zoom" if zoom else None)


def overview(sections: Sequence[RunSection]) -> list[dict[str, Any]]:
    """All rollouts of all runs, where there is more than one run."""
    return [{**row, "run": s.run.name, "key": s.key} for s in sections for row in s.totals] if len(sections) > 1 else []


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return str(value)

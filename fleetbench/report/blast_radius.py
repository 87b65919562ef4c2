"""Blast radius for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fleetbench.decide.blast_radius import PAIR_SAMPLES, BlastRadius, expected_up
from fleetbench.decide.paired import interval, signed
from fleetbench.decide.radius import Radius, adds
from fleetbench.findings import Finding
from fleetbench.ids import ObjectId, say, some
from fleetbench.prediction.nothing import why_nothing
from fleetbench.report.inert import clear_names, inert
from fleetbench.report.root_causes import KEEPS, first_causes, told
from fleetbench.report.rows import GAP, Rows, indented
from fleetbench.units import counted, format_duration, rounded

if TYPE_CHECKING:
    from rich.console import RenderableType


LEGEND = (
    "Services are Kustomizations that group no others, and HelmReleases that none of them waits for. never: services that "
    "never turn Ready for it; late: objects that do so later, by up to so much; up: share of the services Ready in the end. "
    "What the failing one creates itself is part of the failure: it lowers up where it is down with it, and is in no other figure."
)


def tables(found: BlastRadius, *, overview: bool, top: int, findings: Sequence[Finding] = ()) -> list[RenderableType]:
    """With ``overview`` a row a failure; otherwise each failure in full; ``findings``: all that is known of the fleet."""
    parts: list[RenderableType] = [_heading(found), *_down_anyway(found, findings)]
    nothing = [why_nothing(p) for p in found.without.values()]
    if all(nothing):
        return [*parts, Text(f"{inert(str(nothing[0]))} So no failure takes anything down.", style="yellow")]
    parts.append(Text(LEGEND, style="dim"))
    if not overview:
        for radii in found.singles:
            parts += [part for radius in radii for part in _full(radius)]
        return parts
    names = clear_names(id for p in found.without.values() for id in p.services)
    title = "\nOne service never turns healthy, the most dangerous first"
    reaching = [radii for radii in found.singles if _reaches(radii)]
    parts.append(Text(title, style="bold"))
    if reaching:
        parts.append(_rows(reaching, names))
    alone = [radii for radii in found.singles if not _reaches(radii)]
    parts += [Text(line) for line in (*_folded(found, alone, bool(reaching), names), *_summary(found, names))]
    if found.pairs:
        parts += _pairs(found, top, names)
    return parts


def _down_anyway(found: BlastRadius, findings: Sequence[Finding]) -> list[RenderableType]:
    """What is never Ready without any failure, and what to mend first: no failure takes that down."""
    down = [inert(say(id)) for id in _never_ready(found)]
    if not down:
        return []
    said = f"Never Ready without any failure: {len(down)} of {counted(len(found.services), 'service')}, which no failure here takes down: {some(down, 6)}"
    lines: list[RenderableType] = [Text(said, style="yellow")]
    causes = told(first_causes(next(iter(found.without.values())), findings))
    return lines + ([Text(f"{KEEPS}:"), *(indented(Text(inert(cause)), GAP) for cause in causes)] if causes else [])


def _never_ready(found: BlastRadius) -> list[ObjectId]:
    first = next(iter(found.without.values()))
    return [id for id in found.services if id not in first.left_out and not first.ready_fraction(id)]


def _pairs(found: BlastRadius, top: int, names: Mapping[ObjectId, str]) -> list[RenderableType]:
    """The pairs that do more than their two members; of the others there is nothing to say."""
    singles = {(radius.layout, id): radius for radii in found.singles for radius in radii for id in radius.failed}
    more = [radii for radii in found.pairs if any(adds(radius, singles) for radius in radii)]
    simulated = f"{len(found.pairs)} of {counted(found.pairs_possible, 'pair')} simulated, {counted(PAIR_SAMPLES, 'sample')} each"
    if not more:
        return [Text(f"\nTwo at once ({simulated}): no pair keeps down or delays more than its two members alone.")]
    title = f"Two at once, where that does more than the two alone: {len(more)}, the worst first ({simulated})"
    parts: list[RenderableType] = [Text(f"\n{title}", style="bold"), _rows(more[:top], names)]
    return parts + ([Text(f"and {len(more) - top} more (--top)", style="dim")] if len(more) > top else [])


def _heading(found: BlastRadius) -> Text:
    first = next(iter(found.without.values()))
    totals = ", ".join(f"{layout} {format_duration(p.total_quantile(0.5))}" for layout, p in found.without.items())
    most = max((radius.samples for radii in found.singles for radius in radii), default=first.samples)
    fewer = ""
    if most < max(found.asked_samples, first.samples):
        of_each = "" if most == first.samples else f"{most} of each failure, "
        fewer = f" ({of_each}as the fleet is large; --samples sets it)"
    return Text(
        f"{inert(first.scenario.fleet.name)}: {counted(len(found.services), 'service')}, {counted(first.samples, 'sample')}{fewer}, "
        f"seed {first.scenario.seed}; without a failure: {totals}",
        style="bold",
    )


def _rows(radii: Sequence[tuple[Radius, ...]], names: Mapping[ObjectId, str]) -> Rows:
    rows = Rows()
    rows.words("fails", least=None)
    for layout in [r.layout for r in radii[0]] if radii else []:
        rows.numbers(f"never ({layout})", "late", "by up to", "up")
    for row in radii:
        cells: list[str] = []
        for r in row:
            worst = signed(r.late[0].difference.p50_s) if r.late else "-"
            late = str(len(r.late)) if r.samples else "?"
            cells += [str(len(r.never_services)), late, worst if r.samples else "?", f"{100 * r.up:.0f} %"]
        rows.add(some([names[id] for id in row[0].failed], 4), *cells)
    return rows


def _reaches(radii: Sequence[Radius]) -> bool:
    return any(radius.never_services or radius.late for radius in radii)


def _folded(
    found: BlastRadius, alone: Sequence[tuple[Radius, ...]], more: bool, names: Mapping[ObjectId, str]
) -> list[str]:
    """Those whose failure reaches no other service, in a line each for what was simulated and what was not.

    The failure of what is never Ready anyway is none, so nothing is said of it.
    """
    lines: list[str] = []
    alone = [
        radii for radii in alone if any(p.ready_fraction(id) for p in found.without.values() for id in radii[0].failed)
    ]
    for simulated, late in ((True, "and makes none late"), (False, "(not simulated: what is late is not known)")):
        failed = [radii[0].failed for radii in alone if all(r.samples for r in radii) == simulated]
        if failed:
            listed = some([some([names[id] for id in ids], 4) for ids in failed], 8)
            number = f"{len(failed)} more" if more or lines else str(len(failed))
            lines.append(f"{number} whose failure keeps no other down {late}: {listed}")
    return lines


def _summary(found: BlastRadius, names: Mapping[ObjectId, str]) -> list[str]:
    if not found.singles:
        return []
    lines = []
    if any(not r.samples and (r.never_services or r.late) for radii in found.singles for r in radii):
        lines.append("?: not simulated, as it reaches less far than the others; what waits in vain is known without.")
    lines += _worst(found.singles[0], names)
    for layout, p in found.without.items():
        up = expected_up(found.singles, layout)
        ever = sum(p.ready_fraction(id) for id in found.services) / len(found.services)
        anyway = "" if ever == 1 else f"; without a failure it is {100 * ever:.0f} %"
        if up is not None:
            lines.append(
                f"{layout}: when one service fails {100 * up[0]:.0f} % of the services are up on average, {100 * up[1]:.0f} % at the least{anyway}."
            )
    return lines


def _worst(radii: Sequence[Radius], names: Mapping[ObjectId, str]) -> list[str]:
    """Which failure is the most dangerous, and where if not in the fleet as it is; nothing where none reaches another."""
    failed = some([names[id] for id in radii[0].failed], 4)
    for radius in radii:
        where = "" if radius is radii[0] else f" ({radius.layout})"
        never = [names[id] for id in radius.never_services]
        if never:
            return [
                f"\nMost dangerous{where}: {failed}; without it {counted(len(never), 'service')} never Ready: {some(never, 8)}"
            ]
    for radius in radii:
        where = "" if radius is radii[0] else f" ({radius.layout})"
        if radius.late:
            by = signed(radius.late[0].difference.p50_s)
            late = f"makes {counted(len(radius.late), 'object')} late, by up to {by}"
            return [f"\nNo failure keeps another service down. The most dangerous{where}: {failed}; it {late}"]
    return []


def _full(radius: Radius) -> list[RenderableType]:
    failed = ", ".join(inert(say(id)) for id in radius.failed)
    parts: list[RenderableType] = [
        Text(
            f"\n{failed} fails, {radius.layout}: {100 * radius.up:.0f} % of the services are up in the end",
            style="bold",
        )
    ]
    never = ", ".join(inert(say(id)) for id in radius.never) or "nothing else"
    own = some([inert(say(id)) for id in radius.own], 6)
    beside = f" (beside what it creates itself: {own})" if own else ""
    parts.append(Text(f"Never Ready: {never}{beside}"))
    if not radius.late:
        return [*parts, Text("Late: nothing")]
    rows = Rows()
    rows.names("late")
    rows.numbers("by", "95 % interval")
    for late in radius.late:
        rows.add(inert(say(late.object)), signed(late.difference.p50_s), interval(late.difference))
    return [*parts, rows]


def to_document(found: BlastRadius, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """The whole answer as one JSON document; ``findings``: all that is known of the fleet."""
    first = next(iter(found.without.values()))
    up = {layout: expected_up(found.singles, layout) for layout in found.without}
    return {
        "format_version": 1,
        "seed": first.scenario.seed,
        "samples": first.samples,
        "services": [str(id) for id in found.services],
        "without_failure": {
            layout: {"total_s_p50": rounded(p.total_quantile(0.5))} for layout, p in found.without.items()
        },
        "never_ready_without_failure": [str(id) for id in _never_ready(found)],
        "mend_first": [f.to_json() for f in first_causes(first, findings)],
        "failures": [_document(radii) for radii in found.singles],
        "most_dangerous": [str(id) for id in found.singles[0][0].failed] if found.singles else None,
        "up_when_one_fails": {layout: None if u is None else {"mean": u[0], "least": u[1]} for layout, u in up.items()},
        "pairs": [_document(radii) for radii in found.pairs],
        "pairs_possible": found.pairs_possible,
    }


def _document(radii: Sequence[Radius]) -> dict[str, Any]:
    return {
        "failed": [str(id) for id in radii[0].failed],
        "layouts": {
            r.layout: {
                "never_ready_services": [str(id) for id in r.never_services],
                "never_ready": [str(id) for id in r.never],
                "never_ready_own": [str(id) for id in r.own],
                "late": [{"object": str(late.object), "difference": late.difference.to_json()} for late in r.late],
                "samples": r.samples,
                "share_up": round(r.up, 6),
                "settled_s": rounded(r.settled_s),
            }
            for r in radii
        },
    }

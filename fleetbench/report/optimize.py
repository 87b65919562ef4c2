"""What optimize found, for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fleetbench.decide.check import FLOOR_S, Change, Policy
from fleetbench.decide.optimize import Optimized, Ranked
from fleetbench.decide.paired import METHOD, interval, signed
from fleetbench.decide.prune import WORTH_S
from fleetbench.decide.timeouts import TimeoutAdvice
from fleetbench.ids import say
from fleetbench.prediction.predict import Prediction
from fleetbench.report.check import change_document, objects_table
from fleetbench.report.inert import inert
from fleetbench.report.rows import GAP, Rows, indented
from fleetbench.units import counted, format_duration, rounded

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fleetbench.decide.patch.outcome import PatchOutcome

NO_SHORTER_TIMEOUT = (
    "No shorter timeout is proposed: one that is not reached costs no time, and only measured waits (`fleetbench calibrate`, "
    "--durations) are a ground to lower it."
)


def tables(found: Optimized, outcome: PatchOutcome | None, top: int, file: Path | None = None) -> list[RenderableType]:
    """Where the fleet stands, what each change saves, what to do, and the timeouts; ``file``: where the patch is."""
    p = found.base
    parts: list[RenderableType] = [
        Text(f"{inert(p.scenario.fleet.name)}: {counted(p.samples, 'sample')}, seed {p.scenario.seed}", style="bold"),
        Text(
            f"Now {_median(p)}. A perfect controller (no polls, no queues, no work of its own) with the same edges: "
            f"{_median(found.perfect)}; the difference is what flags and waits can win."
        ),
        Text("\nWhat each change does to the total on its own", style="bold"),
        _ranking(found.ranked[:top]),
    ]
    if len(found.ranked) > top:
        parts.append(Text(f"and {len(found.ranked) - top} more that do less (--top)", style="dim"))
    parts += [Text("\nTogether", style="bold"), *_together(found)]
    if outcome is None or not outcome.patch.text:
        parts += _later(found.later)
    if outcome is not None:
        parts += [Text("\nPatch", style="bold"), *_patch(outcome, file), *_later(outcome.later)]
    parts += [Text("\nTimeouts, those at risk first", style="bold"), *_timeouts(found.timeouts, top)]
    parts.append(Text(NO_SHORTER_TIMEOUT, style="dim"))
    parts.append(Text(f"Intervals: {METHOD}.", style="dim"))
    return parts


def _median(p: Prediction) -> str:
    whole = "" if p.complete_fraction == 1 else f", all Ready in {100 * p.complete_fraction:.0f} % of the samples"
    return f"{format_duration(p.total_quantile(0.5))} (p5 {format_duration(p.total_quantile(0.05))}, p95 {format_duration(p.total_quantile(0.95))}{whole})"


def _ranking(ranked: Sequence[Ranked]) -> Rows:
    rows = Rows()
    rows.words("change", least=None)
    rows.numbers("total", "95 % interval")
    rows.labels("who")
    rows.words("note", style="dim")
    for r in ranked:
        d = r.trial.total
        who = "you" if r.candidate.mine else "others"
        rows.add(inert(r.candidate.change.title), signed(d.p50_s), interval(d), who, inert(r.candidate.note))
    return rows


def _together(found: Optimized) -> list[RenderableType]:
    if not found.best.changes:
        return [Text(f"Nothing that can be changed here saves {WORTH_S:g} s or more, beyond noise.")]
    lines: list[RenderableType] = [
        indented(Text(f"{n}. {inert(c.title)}"), GAP) for n, c in enumerate(found.best.changes, 1)
    ]
    if found.left_out:
        left_out = inert("; ".join(c.title for c in found.left_out))
        lines.append(Text(f"Left out, as it saves nothing beside these: {left_out}", style="dim"))
    d, fresh = found.best.total, found.fresh
    lines.append(Text(f"{_median(found.best.prediction)}: {signed(d.p50_s)}, interval {interval(d)}"))
    lines.append(Text(f"On draws that the search has not seen: {signed(fresh.p50_s)}, interval {interval(fresh)}"))
    return lines


def _patch(outcome: PatchOutcome, file: Path | None) -> list[Text]:
    lines = [Text(f"Cannot be written: {inert(left)}", style="yellow") for left in outcome.patch.left]
    if not outcome.patch.text:
        return [*lines, Text("Nothing to write: no patch.")]
    d = outcome.total
    lines.append(
        Text(
            f"{inert(str(file))} holds {inert('; '.join(c.title for c in outcome.patch.changes))}. The patched repository takes "
            f"{_median(outcome.prediction)}: {signed(d.p50_s)}, interval {interval(d)}. Apply it in the repository's folder "
            "with `git apply`."
        )
    )
    if outcome.patch.shared:
        lines.append(Text(f"Other clusters may use these files, too: {inert(', '.join(outcome.patch.shared))}"))
    return lines


def _later(changes: Sequence[Change]) -> list[RenderableType]:
    if not changes:
        return []
    return [
        Text(
            f"These turn Ready later with it, for which `fleetbench check --against` fails (by more than "
            f"{100 * Policy().tolerance:.0f} % and {FLOOR_S:.0f} s, interval above zero):",
            style="yellow",
        ),
        objects_table(changes),
    ]


def _timeouts(advice: Sequence[TimeoutAdvice], top: int) -> list[RenderableType]:
    ordered = sorted(advice, key=lambda a: a.suggested_s == a.timeout_s)
    rows = Rows()
    rows.names("object")
    rows.numbers("timeout", "P(timeout)", "wait p50", "wait p90", "margin at p90", "raise to")
    for a in ordered[:top]:
        raised = "none helps" if a.suggested_s is None else "-" if a.raised_s is None else format_duration(a.raised_s)
        rows.add(
            inert(say(a.object)), format_duration(a.timeout_s), f"{100 * a.chance:.0f} %", format_duration(a.wait_s_p50),
            format_duration(a.wait_s_p90), "none" if a.margin_s_p90 is None else format_duration(a.margin_s_p90), raised,
        )  # fmt: skip
    rest = ordered[top:]
    to_raise = sum(a.raised_s is not None for a in rest)
    return [rows, *([Text(f"and {len(rest)} more, {to_raise} of them to raise (--top)", style="dim")] if rest else [])]


def to_document(found: Optimized, outcome: PatchOutcome | None, file: Path | None = None) -> dict[str, Any]:
    """The whole answer as one JSON document; ``file``: where the patch is."""
    document: dict[str, Any] = {
        "format_version": 1,
        "seed": found.base.scenario.seed,
        "samples": found.base.samples,
        "now": _totals(found.base),
        "perfect_controller": _totals(found.perfect),
        "changes": [
            {
                "title": r.candidate.change.title,
                "mine": r.candidate.mine,
                "note": r.candidate.note,
                "difference": r.trial.total.to_json(),
            }
            for r in found.ranked
        ],
        "together": {
            "changes": [c.title for c in found.best.changes],
            "left_out": [c.title for c in found.left_out],
            **_totals(found.best.prediction),
            "difference": found.best.total.to_json(),
            "difference_fresh_draws": found.fresh.to_json(),
            "later_objects": [change_document(c) for c in found.later],
        },
        "timeouts": [_timeout(a) for a in found.timeouts],
    }
    if outcome is not None:
        document["patch"] = {
            "file": str(file) if outcome.patch.text else None,
            "changes": [c.title for c in outcome.patch.changes],
            "cannot_be_written": list(outcome.patch.left),
            "shared_files": list(outcome.patch.shared),
            **_totals(outcome.prediction),
            "difference": outcome.total.to_json(),
            "later_objects": [change_document(c) for c in outcome.later],
        }
    return document


def _totals(p: Prediction) -> dict[str, float | None]:
    return {f"total_s_p{round(q * 100)}": rounded(p.total_quantile(q)) for q in (0.05, 0.5, 0.9, 0.95)}


def _timeout(a: TimeoutAdvice) -> dict[str, Any]:
    return {
        "object": str(a.object),
        "timeout_s": a.timeout_s,
        "timeout_chance": a.chance,
        "wait_s_p50": a.wait_s_p50,
        "wait_s_p90": a.wait_s_p90,
        "margin_s_p90": a.margin_s_p90,
        "suggested_timeout_s": a.suggested_s,
    }

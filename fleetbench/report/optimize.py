"""What optimize found, for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.decide.candidates import READY_SAYS_LESS
from fleetbench.decide.change import FLOOR_S, Change, Policy
from fleetbench.decide.effect import WORTH_S, Effect, share_of
from fleetbench.decide.intervals import CORRECTED_LATER, SetInterval
from fleetbench.decide.leaner_artifact import YOURS_TO_SAY, LeanerArtifact
from fleetbench.decide.needed import MEANING, UNPROVEN
from fleetbench.decide.optimize import Optimized, Ranked
from fleetbench.decide.paired import METHOD, MIN_SAMPLES, interval, signed
from fleetbench.decide.retries import TRIED_MORE_OFTEN, SetRetryInterval
from fleetbench.decide.spread import MUCH_S
from fleetbench.decide.trial import SCREENED
from fleetbench.decide.whatif import DropEdges, SetTimeouts, SplitParent, WaitOff, WhatIf
from fleetbench.findings import Finding
from fleetbench.prediction.nothing import why_nothing
from fleetbench.prediction.predict import Prediction
from fleetbench.report.check import objects_table
from fleetbench.report.inert import inert
from fleetbench.report.not_shorter import mend_before, never_ready
from fleetbench.report.rows import GAP, Rows, indented
from fleetbench.report.timeouts import timeouts
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fleetbench.decide.patch.outcome import PatchOutcome

WHOLE = "a sample in which everything turns Ready that can, whatever the timing"


def tables(
    found: Optimized,
    outcome: PatchOutcome | None,
    top: int,
    file: Path | None = None,
    findings: Sequence[Finding] = (),
    asked: int = 0,
) -> list[RenderableType]:
    """Where the fleet stands, what each change does, what to do, and the timeouts.

    Args:
        found: what the search found.
        outcome: the patch, where one was asked for.
        top: rows of each table.
        file: where the patch is.
        findings: all that is known of the fleet.
        asked: samples that were asked for; of a large fleet fewer are simulated.
    """
    p = found.base
    fewer = " (as the fleet is large; --samples sets it)" if p.samples < asked else ""
    parts: list[RenderableType] = [
        Text(
            f"{inert(p.scenario.fleet.name)}: {counted(p.samples, 'sample')}{fewer}, seed {p.scenario.seed}",
            style="bold",
        ),
        *never_ready(found, findings),
    ]
    nothing = why_nothing(p)
    if nothing is not None:
        return [*parts, Text(f"{inert(nothing)} So there is nothing to make shorter.", style="yellow")]
    parts += [
        Text(f"Now {_median(found, p)}. {_bound(found)}"),
        Text("\nWhat each change does on its own", style="bold"),
        _ranking(found.ranked[:top]),
    ]
    if len(found.ranked) > top:
        parts.append(Text(f"and {len(found.ranked) - top} more that do less (--top)", style="dim"))
    parts += [Text("\nTogether", style="bold"), *mend_before(found, findings), *_together(found)]
    if outcome is None or not outcome.patch.text:
        parts += _later(found.later)
    if outcome is not None:
        parts += [Text("\nPatch", style="bold"), *_patch(found, outcome, file), *_later(outcome.later)]
    parts += [Text("\nTimeouts, those at risk first", style="bold"), *timeouts(found, top)]
    parts.append(
        Text(
            f"all Ready, whole: {WHOLE}. A total is the last Ready of what got there; differences are over the samples whole before and after. What "
            f"you cannot combine here, or nothing speaks for, was tried in {min(SCREENED, p.samples)} samples.",
            style="dim",
        )
    )
    parts.append(Text(f"Intervals: {METHOD}.", style="dim"))
    return parts


def _median(found: Optimized, p: Prediction) -> str:
    p5_s, p50_s, p95_s = (p.total_quantile(q) for q in (0.05, 0.5, 0.95))
    share = share_of(found.basis.totals(p))
    whole = "" if share == 1 else f", all Ready in {100 * share:.0f} % of the samples"
    return f"{format_duration(p50_s)} (p5 {format_duration(p5_s)}, p95 {format_duration(p95_s)}{whole})"


def _bound(found: Optimized) -> str:
    """How far it is to a perfect controller, on the samples that can be compared."""
    bound = found.bound
    perfect = (
        "A perfect controller (no polls, queues, timeouts, no work of its own) over sources at hand and nodes that pull "
        "all images at once, with the same edges"
    )
    if bound.total is None:
        return f"{perfect}: {format_duration(found.perfect.total_quantile(0.5))}; now no sample is whole to compare it with."
    of = bound.total.samples
    where = "" if of == bound.samples else f" over the {counted(of, 'sample')} that are whole now"
    medians = f"{format_duration(bound.after_s)} against {format_duration(bound.before_s)}"
    return f"{perfect}{where}: {medians}; flags, waits, timeouts and retries can win no more than the difference."


def _ranking(ranked: Sequence[Ranked]) -> Rows:
    rows = Rows()
    rows.words("change", least=None)
    rows.numbers("total", "95 % interval", "all Ready")
    rows.labels("who")
    rows.words("note", style="dim")
    for r in ranked:
        effect, who = r.trial.effect, "you" if r.candidate.mine else "others"
        d = effect.total
        total, between = ("-", "-") if d is None else (signed(d.p50_s), interval(d))
        note = [_much(effect)] if effect.much_sooner and d is not None and not d.sooner else []
        note += [inert(r.candidate.note)] if r.candidate.note else []
        rows.add(inert(r.candidate.change.title), total, between, _shares(effect), who, "; ".join(note))
    return rows


def _much(effect: Effect) -> str:
    """In how many samples it ends much sooner, where the middle one says nothing of it."""
    of = f"{effect.much.sooner} of {counted(effect.much.samples, 'sample')}"
    return f"sooner by more than {format_duration(MUCH_S)} in {of}, later in {effect.much.later or 'none'}"


def _shares(effect: Effect) -> str:
    """``58 % -> 92 %``; ``-`` where as many samples are whole."""
    before, after = (100 * whole / effect.samples for whole in (effect.whole_before, effect.whole_after))
    return "-" if effect.whole_before == effect.whole_after else f"{before:.0f} % -> {after:.0f} %"


def _together(found: Optimized) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if not found.best.changes:
        as_ready = ", with as much turning Ready" if found.unsure else ""
        nothing = f"Nothing that can be changed here saves {WORTH_S:g} s or more, beyond noise{as_ready}."
        lines.append(Text(_too_few(found) or nothing))
    for n, (change, purpose) in enumerate(zip(found.best.changes, found.purposes, strict=True), 1):
        lines.append(indented(Text(f"{n}. for {purpose}: {inert(_with_reason(found, change))}"), GAP))
    if found.left_out and found.best.changes:
        left_out = inert("; ".join(c.title for c in found.left_out))
        lines.append(Text(f"Left out, as it does nothing beside these: {left_out}", style="dim"))
    lines += [Text(said, style="dim") for said in _not_in_it(found)]
    if found.best.changes:
        lines += [Text(_said(found, found.best.prediction, found.best.effect))]
        lines.append(Text(f"On draws that the search has not seen: {_difference(found.fresh)}"))
    return lines


def _too_few(found: Optimized) -> str | None:
    """Why nothing can be told of any change, where too few samples are whole to compare; None = something can."""
    whole = [d.samples for r in found.ranked if (d := r.trial.effect.total) is not None]
    if not whole or max(whole) >= MIN_SAMPLES:
        return None
    of = found.base.samples
    more = f": give --samples {-(-of * 2 * MIN_SAMPLES // max(whole))}" if max(whole) else ""
    return f"Nothing can be told of these changes: {max(whole)} of {counted(of, 'sample')} are whole, and it takes {MIN_SAMPLES}{more}."


def _with_reason(found: Optimized, change: WhatIf) -> str:
    """A change with why its edges may go, or what a wait that goes takes with it."""
    if isinstance(change, (WaitOff, SplitParent)):
        return f"{change.title} (lost: {READY_SAYS_LESS})"
    if isinstance(change, SetRetryInterval):
        return f"{change.title} ({TRIED_MORE_OFTEN})"
    if isinstance(change, SetInterval):
        return f"{change.title} ({CORRECTED_LATER})"
    if isinstance(change, LeanerArtifact):
        return f"{change.title} ({YOURS_TO_SAY})"
    if not isinstance(change, DropEdges):
        return change.title
    counts = Counter(found.edge_classes.get(edge, UNPROVEN) for edge in change.edges)
    reasons = [MEANING[c] if len(counts) == 1 else f"{n}: {MEANING[c]}" for c, n in sorted(counts.items())]
    return f"{change.title} ({'; '.join(reasons)})"


def _not_in_it(found: Optimized) -> list[str]:
    """What would help, too, and why it is not in the combination."""
    said = []
    judge = next((r for r in found.ranked if not r.candidate.taken and r.trial.effect.worth_a_line), None)
    if judge is not None:
        option = "--edges unneeded" if "--edges unneeded" in judge.candidate.note else "--edges unproven"
        said.append(
            "Not in it, as only you can say whether the order is meant: edges that others do not imply, first of all "
            f"{judge.candidate.change.title} ({signed(-judge.trial.effect.saves_s)} on its own); {option} takes them"
        )
    luck = next(
        (r for r in found.ranked if isinstance(r.candidate.change, SetTimeouts) and _is_luck(r.trial.effect)), None
    )
    if luck is not None:
        said.append(
            f"Not in it, as the gain may be luck: {luck.candidate.change.title} (all Ready {_shares(luck.trial.effect)})"
        )
    if found.beside is not None:
        title, does = found.beside.change.title, _difference(found.beside.effect)
        said.append(f"Not in it, as this repository has no place for it: {title} (on top {does})")
    if found.unsure:
        title, does = found.unsure[0].change.title, _difference(found.unsure[0].effect)
        said.append(f"Not in it, as less turns Ready with it: {title} (on top {does})")
    return [inert(text) for text in said]


def _is_luck(effect: Effect) -> bool:
    return effect.won > effect.lost and not effect.better


def _said(found: Optimized, p: Prediction, effect: Effect) -> str:
    """What a combination comes to, on its own and against the fleet as it is."""
    return f"{_median(found, p)}: {_difference(effect)}"


def _difference(effect: Effect) -> str:
    """``-1m32s (9m41s to 8m09s), interval ...``, and the shares where they differ."""
    if effect.total is None:
        said = "no sample is whole both before and after, so no seconds can be compared"
    else:
        said = f"{signed(effect.total.p50_s)}, interval {interval(effect.total)}"
        said += f", {_much(effect)}" if effect.much_sooner and not effect.total.sooner else ""
    if effect.whole_before == effect.whole_after == effect.samples:
        return said
    if effect.total is not None:
        medians = f"{format_duration(effect.before_s)} before, {format_duration(effect.after_s)} after"
        said += f", over the {counted(effect.total.samples, 'sample')} that are whole before and after ({medians})"
    return (
        said if effect.whole_before == effect.whole_after else f"{said}; all Ready in {_shares(effect)} of the samples"
    )


def _patch(found: Optimized, outcome: PatchOutcome, file: Path | None) -> list[Text]:
    lines = [Text(f"Cannot be written: {inert(left)}", style="yellow") for left in outcome.patch.left]
    if not outcome.patch.text:
        return [*lines, Text("Nothing to write: no patch.")]
    lines.append(
        Text(
            f"{inert(str(file))} holds {inert('; '.join(c.title for c in outcome.patch.changes))}. The patched repository takes "
            f"{_said(found, outcome.prediction, outcome.effect)}. Apply it in the repository's folder with `git apply`."
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
            f"{100 * Policy().tolerance:.0f} % and {FLOOR_S:.0f} s, or in a share of the samples by much more):",
            style="yellow",
        ),
        objects_table(changes),
    ]

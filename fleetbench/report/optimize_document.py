"""What optimize found, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.decide.effect import Effect, share_of
from fleetbench.decide.optimize import Optimized
from fleetbench.decide.paired import METHOD
from fleetbench.decide.timeouts import TimeoutAdvice
from fleetbench.findings import ERROR, Finding
from fleetbench.prediction.document import total_quantiles
from fleetbench.prediction.predict import Prediction
from fleetbench.report.check import change_document
from fleetbench.report.root_causes import mend_first

if TYPE_CHECKING:
    from fleetbench.decide.patch.outcome import PatchOutcome


def to_document(
    found: Optimized, outcome: PatchOutcome | None, file: Path | None = None, findings: Sequence[Finding] = ()
) -> dict[str, Any]:
    """The whole answer as one JSON document; ``file``: where the patch is; ``findings``: all that is known of the fleet."""
    document: dict[str, Any] = {
        "format_version": 1,
        "seed": found.base.scenario.seed,
        "samples": found.base.samples,
        "never_ready": [str(id) for id in sorted(found.basis.never)],
        "errors": [f.to_json() for f in findings if f.severity == ERROR],
        "mend_first": [f.to_json() for f in mend_first(found.base, findings)],
        "now": _totals(found, found.base),
        "perfect_controller": _totals(found, found.perfect),
        "perfect_controller_saves": _effect(found.bound),
        "changes": [
            {
                "title": r.candidate.change.title,
                "mine": r.candidate.mine,
                "needs_opt_in": not r.candidate.taken,
                "note": r.candidate.note,
                **_effect(r.trial.effect),
            }
            for r in found.ranked
        ],
        "together": {
            "changes": [c.title for c in found.best.changes],
            "purposes": list(found.purposes),
            "left_out": [c.title for c in found.left_out],
            "no_place_here": None
            if found.beside is None
            else {"title": found.beside.change.title, **_effect(found.beside.effect)},
            "less_sure": [{"title": added.change.title, **_effect(added.effect)} for added in found.unsure],
            **_totals(found, found.best.prediction),
            **_effect(found.best.effect),
            "difference_fresh_draws": _effect(found.fresh)["difference"],
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
            **_totals(found, outcome.prediction),
            **_effect(outcome.effect),
            "later_objects": [change_document(c) for c in outcome.later],
        }
    return document


def _totals(found: Optimized, p: Prediction) -> dict[str, float | None]:
    """Quantiles of the total, and the share of the samples that are whole."""
    quantiles = total_quantiles(p, (0.05, 0.5, 0.9, 0.95))
    return {**quantiles, "all_ready_fraction": share_of(found.basis.totals(p))}


def _effect(effect: Effect) -> dict[str, Any]:
    nothing = {"samples": 0, **dict.fromkeys(("p5_s", "p50_s", "p95_s", "low_s", "high_s")), "method": METHOD}
    fractions = (whole / effect.samples for whole in (effect.whole_before, effect.whole_after))
    return {
        "difference": nothing if effect.total is None else effect.total.to_json(),
        **dict(zip(("all_ready_fraction_before", "all_ready_fraction_after"), fractions, strict=True)),
    }


def _timeout(a: TimeoutAdvice) -> dict[str, Any]:
    return {
        "object": str(a.object),
        "timeout_s": a.timeout_s,
        "timeout_chance": a.chance,
        "wait_s_p50": a.wait_s_p50,
        "wait_s_p90": a.wait_s_p90,
        "margin_s_p90": a.margin_s_p90,
        "suggested_timeout_s": a.suggested_s,
        "guess": a.guess,
        "outlasted_by_guess": a.by_guess and a.raised_s is not None,
    }

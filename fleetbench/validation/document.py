"""A validation as the JSON document of ``fleetbench validate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetbench.prediction.predict import QUANTILES
from fleetbench.units import rounded
from fleetbench.validation.causes import RunCauses, by_cause
from fleetbench.validation.compare import LEVELS, RunComparison
from fleetbench.validation.ideal import Spread
from fleetbench.validation.summary import Summary


def to_document(
    comparisons: Sequence[RunComparison],
    summary: Summary,
    ideal: Mapping[str, Spread],
    causes: Sequence[RunCauses] | None = None,
) -> dict[str, Any]:
    """The whole document; seconds."""
    why = [{}] * len(comparisons) if causes is None else [{"why": _causes([of])} for of in causes]
    spreads = {
        name: {f"p{round(q * 100)}": rounded(value) for q, value in zip(LEVELS, spread, strict=True)}
        for name, spread in ideal.items()
    }
    return {
        "format_version": 1,
        "runs": [_run(c) | more for c, more in zip(comparisons, why, strict=True)],
        "summary": {**summary.to_json(), "ideal": spreads, **({} if causes is None else {"why": _causes(causes)})},
    }


def _causes(runs: Sequence[RunCauses]) -> list[dict[str, Any]]:
    return [
        {
            "cause": c.cause,
            "measured_s": rounded(c.measured_s),
            "predicted_s_mean": rounded(c.predicted_s),
            "predicted_s_least": rounded(c.least_s),
            "predicted_s_most": rounded(c.most_s),
        }
        for c in by_cause(runs)
    ]


def _run(c: RunComparison) -> dict[str, Any]:
    low, middle, high = c.totals
    return {
        "run": c.run.name,
        "cut": c.run.cut,
        "scenario": c.prediction.scenario.kind,
        "samples": c.prediction.samples,
        "total_s": rounded(c.total_s),
        "no_total": c.no_total,
        "total_s_p5": rounded(low),
        "total_s_p50": rounded(middle),
        "total_s_p95": rounded(high),
        "inside": c.inside,
        "objects": [
            {
                "kind": o.id.kind,
                "id": o.id.key,
                "measured_s": rounded(o.measured_s),
                **{f"ready_s_p{round(q * 100)}": rounded(v) for q, v in zip(QUANTILES, o.quantiles, strict=True)},
                "ready_fraction": o.ready_fraction,
            }
            for o in c.objects
        ],
    }

"""A prediction as the JSON document of ``fleetbench simulate``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fleetbench import __version__, phases
from fleetbench.engine.simulate import Sample
from fleetbench.graph import commit_document
from fleetbench.graph.waves import FINE, WAVES
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Assembled
from fleetbench.model.controller_flags import origin_key
from fleetbench.model.scenario import COMMIT, RESTART, Scenario
from fleetbench.model.workload_time import WorkloadTime
from fleetbench.prediction.predict import QUANTILES, Prediction
from fleetbench.timeline.causes import Piece
from fleetbench.timeline.events import Timeline
from fleetbench.timeline.stats import max_parallel
from fleetbench.timeline.why import why
from fleetbench.units import rounded

FORMAT_VERSION = 1


def to_document(
    assembled: Assembled, predictions: Mapping[str, Prediction], why_of: ObjectId | None = None
) -> dict[str, Any]:
    """The whole document.

    Args:
        assembled: the scenario of the first strategy, with the origin of each value.
        predictions: strategy (``fine``, ``waves``) -> its prediction.
        why_of: the object whose Ready ``why`` explains; None = the last one.
    """
    first = next(iter(predictions.values()))
    return {
        "format_version": FORMAT_VERSION,
        "fleetbench": __version__,
        "seed": first.scenario.seed,
        "samples": first.samples,
        "scenario": first.scenario.kind,
        **_restart(first.scenario),
        **_commit(first.scenario),
        "fleet": first.scenario.fleet.name,
        "parameters": parameters_document(assembled),
        **({"controller_shards": shards} if (shards := shards_document(assembled)) else {}),
        "workload_times": workload_document(first.scenario.workloads),
        "fetch": fetch_document(first.scenario),
        "warnings": list(assembled.warnings),
        "strategies": {name: strategy_document(p, why_of) for name, p in predictions.items()},
        **({"comparison": compare(predictions)} if len(predictions) == 2 else {}),
    }


def _restart(scenario: Scenario) -> dict[str, Any]:
    if scenario.kind != RESTART:
        return {}
    return {"restart": {"by": scenario.restart_by, "of": list(scenario.restarted)}}


def _commit(scenario: Scenario) -> dict[str, Any]:
    return {"commit": commit_document.to_document(scenario.commit, scenario.fleet)} if scenario.kind == COMMIT else {}


def fetch_document(scenario: Scenario) -> list[dict[str, Any]]:
    """How long each source and HelmChart waits for its server, in seconds; those that do not wait are left out."""
    return [
        {"kind": id.kind, "id": id.key, "p50_s": rounded(time.quantile(0.5)), "p90_s": rounded(time.quantile(0.9))}
        for id, time in sorted(scenario.fetch.items())
    ]


def parameters_document(assembled: Assembled) -> dict[str, Any]:
    """Each flag with its value and where it came from."""
    parameters = assembled.scenario.parameters
    return {
        name: {"value": getattr(parameters, name), "from": assembled.origins[name]}
        for name in parameters.__dataclass_fields__
        if name != "shards"
    }


def shards_document(assembled: Assembled) -> list[dict[str, Any]]:
    """The controllers of shards that are set otherwise than the main ones: what differs, and where that came from."""
    return [
        {
            "kind": kind,
            "shard": shard,
            "parameters": {
                name: {"value": value, "from": assembled.origins[origin_key(kind, shard, name)]}
                for name, value in flags
            },
        }
        for kind, shard, flags in assembled.scenario.parameters.shards
    ]


def workload_document(times: Mapping[ObjectId, WorkloadTime]) -> list[dict[str, Any]]:
    """Which rule chose each object's workload time."""
    return [
        {"kind": id.kind, "id": id.key, "chosen_by": time.chosen_by, "source": time.source}
        for id, time in sorted(times.items())
    ]


def strategy_document(prediction: Prediction, why_of: ObjectId | None = None) -> dict[str, Any]:
    """One strategy: totals, objects, why."""
    median = prediction.median
    timeline = median.timeline
    assert timeline is not None
    quantiles = total_quantiles(prediction)
    return {
        "total_s": quantiles["total_s_p50"],
        **quantiles,
        "complete": median.complete,
        "complete_fraction": prediction.complete_fraction,
        "max_parallel": max_parallel(prediction.scenario.fleet, timeline),
        "max_busy_workers": median.most_busy,
        "objects": _objects(prediction, timeline),
        "why": [piece_document(piece) for piece in why_pieces(prediction, why_of)],
    }


def total_quantiles(prediction: Prediction, of: Sequence[float] = QUANTILES) -> dict[str, float | None]:
    """``total_s_p5`` and so on."""
    return {f"total_s_p{round(q * 100)}": rounded(prediction.total_quantile(q)) for q in of}


def why_pieces(prediction: Prediction, why_of: ObjectId | None = None) -> tuple[Piece, ...]:
    """The causal chain of the median sample."""
    return chain_of(prediction, prediction.median, why_of)


def chain_of(prediction: Prediction, sample: Sample, why_of: ObjectId | None = None) -> tuple[Piece, ...]:
    """The causal chain of a recorded sample."""
    assert sample.timeline is not None
    scenario, ready_s = prediction.scenario, prediction.by_service(sample)
    return why(scenario.fleet, sample.timeline, why_of, parameters=scenario.parameters, ready_s=ready_s)


def piece_document(piece: Piece) -> dict[str, Any]:
    """One piece of a chain."""
    return {
        "object": str(piece.object),
        "cause": piece.cause,
        "from_s": rounded(piece.from_s),
        "to_s": rounded(piece.to_s),
        "detail": piece.detail,
    }


def compare(predictions: Mapping[str, Prediction]) -> dict[str, Any]:
    """Waves against fine, sample by sample of the same draws, where everything turned Ready in both; else None.

    A rollout of which half never comes up would look like a fast one.
    """
    fine, waves = predictions[FINE], predictions[WAVES]
    whole = [n for n in range(fine.samples) if fine.complete[n] and waves.complete[n]]
    ratios = sorted(_ratio(waves.totals[n], fine.totals[n]) for n in whole)
    at = {q: ratios[min(int(q * len(ratios)), len(ratios) - 1)] if ratios else None for q in (0.05, 0.5, 0.95)}
    return {
        "equal": fine.totals == waves.totals,
        "samples_compared": len(whole),
        "speed_up_p5": rounded(at[0.05]),
        "speed_up_p50": rounded(at[0.5]),
        "speed_up_p95": rounded(at[0.95]),
    }


def _ratio(one_s: float, other_s: float) -> float:
    """How many times as long; a rollout in which nothing counts (all is suspended) takes as long as any other."""
    return one_s / other_s if other_s and math.isfinite(one_s) and math.isfinite(other_s) else 1.0


def _objects(prediction: Prediction, timeline: Timeline) -> list[dict[str, Any]]:
    sample, rows = prediction.median, []
    plan_order = {obj.id: n for n, obj in enumerate(prediction.scenario.fleet.services())}
    for id in prediction.services:
        n = plan_order[id]
        ready, started = sample.ready_s[n], sample.started_s[n]
        quantiles = {f"ready_s_p{round(q * 100)}": rounded(prediction.quantile(id, q)) for q in QUANTILES}
        rows.append(
            {
                "kind": id.kind,
                "id": id.key,
                "ready_s": rounded(ready),
                **quantiles,
                "ready_fraction": prediction.ready_fraction(id),
                **({"suspended": True} if id in prediction.left_out else {}),
                "started_s": rounded(started),
                "attempts": sample.attempts[n],
                "reasons": reasons(timeline, id),
            }
        )
    return rows


def reasons(timeline: Timeline, id: ObjectId) -> list[list[Any]]:
    """The Ready condition's reasons as they changed: ``[reason, t_s]``."""
    found: list[list[Any]] = []
    for event in timeline.by_object.get(id, ()):
        if event.reason and event.status != phases.ABSENT and (not found or found[-1][0] != event.reason):
            found.append([event.reason, rounded(event.t_s)])
    return found

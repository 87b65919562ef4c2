"""A fresh prediction -> what its run folder keeps beside the document, and the same result that reading it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from fleetbench.graph.document import to_document as graph_document
from fleetbench.prediction.document import to_document
from fleetbench.report.reading import result_of_document
from fleetbench.report.result import RunResult
from fleetbench.runs.files import end_line, event_line, header_line
from fleetbench.runs.folder import TOTALS, timeline_file
from fleetbench.runs.run import Run

if TYPE_CHECKING:
    from fleetbench.prediction.predict import Prediction
    from fleetbench.prediction.strategies import Simulated

MOST_TOTALS = 1000
"""Totals kept per strategy: beyond, every n-th of them in order of size."""


def result_of(result: Simulated) -> RunResult:
    """The prediction as pictures, frames and pages take it."""
    document = to_document(result.assembled, result.predictions, result.why_of)
    first = next(iter(result.predictions.values())).scenario
    return result_of_document(
        document,
        "prediction",
        first.fleet,
        {strategy: _run(p) for strategy, p in result.predictions.items()},
        {strategy: totals(p) for strategy, p in result.predictions.items()},
        first.fleet.name,
        {"flux": first.parameters.flux_version},
        tuple(graph_document(first.fleet, result.findings)["findings"]),
    )


def extra_files(result: Simulated) -> dict[str, str]:
    """Files of the run folder: each strategy's median sample as a trace, and the totals of all samples."""
    files = {timeline_file(strategy): _trace(p) for strategy, p in result.predictions.items()}
    return {**files, TOTALS: _totals_csv(result.predictions)}


def totals(prediction: Prediction) -> tuple[float, ...]:
    """The totals of the samples, ascending, evenly thinned to :data:`MOST_TOTALS`; the last one is always there.

    A sample in which nothing turned Ready has none.
    """
    ordered = prediction.ordered_totals
    kept = min(len(ordered), MOST_TOTALS)
    return tuple(ordered[-(-len(ordered) * (n + 1) // kept) - 1] for n in range(kept))


def _run(prediction: Prediction) -> Run:
    timeline = prediction.median.timeline
    assert timeline is not None
    flags = asdict(prediction.scenario.parameters)
    if not flags["shards"]:
        del flags["shards"]
    return Run(prediction.scenario.fleet.name, prediction.scenario.fleet, timeline, flags, source="predicted")


def _trace(prediction: Prediction) -> str:
    run = _run(prediction)
    meta = {"source": "predicted", "sample": prediction.median_number, "seed": prediction.scenario.seed}
    lines = [header_line(run.fleet, run.flags, meta, prediction.scenario.until_s)]
    lines += [event_line(event) for event in run.timeline.events]
    return "\n".join([*lines, end_line(run.timeline.until_s, prediction.median.complete)]) + "\n"


def _totals_csv(predictions: Mapping[str, Prediction]) -> str:
    lines = ["strategy,quantile,total_s"]
    for strategy, prediction in predictions.items():
        kept = totals(prediction)
        share = len(prediction.ordered_totals) / prediction.samples
        lines += [f"{strategy},{share * (n + 1) / len(kept):.6f},{total:.3f}" for n, total in enumerate(kept)]
    return "\n".join(lines) + "\n"

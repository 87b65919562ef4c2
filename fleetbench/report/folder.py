"""A prediction's run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fleetbench.graph.document import to_document as graph_document
from fleetbench.prediction.document import to_document
from fleetbench.report.exports import ready_csv
from fleetbench.report.markdown import prediction_markdown
from fleetbench.report.simulated import extra_files
from fleetbench.runs import folder as runs

if TYPE_CHECKING:
    from fleetbench.prediction.strategies import Simulated


def write_prediction(folder: Path, result: Simulated, force: bool = False) -> None:
    """Write ``meta.json``, ``graph.json``, ``prediction.json``, ``ready.csv`` and ``report.md``.

    Beside them ``timeline-<strategy>.jsonl``, the median sample as a trace, and ``totals.csv``: pictures need them.

    Raises:
        InputError: the folder cannot be written.
    """
    first = next(iter(result.predictions.values()))
    scenario = first.scenario
    document = to_document(result.assembled, result.predictions, result.why_of)
    runs.write_folder(
        folder,
        {
            runs.GRAPH: runs.as_json(graph_document(scenario.fleet, result.findings)),
            runs.PREDICTION: runs.as_json(document),
            runs.READY: ready_csv(result.predictions),
            runs.REPORT: prediction_markdown(result),
            **extra_files(result),
            runs.META: runs.as_json(
                runs.meta(
                    "prediction",
                    scenario.fleet.name,
                    scenario=scenario.kind,
                    seed=scenario.seed,
                    samples=first.samples,
                    flux=scenario.parameters.flux_version,
                    strategies=list(result.predictions),
                )
            ),
        },
        force,
    )

"""Predictions as CSV: one row an object and strategy."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from fleetbench.prediction.predict import QUANTILES, Prediction

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def ready_csv(predictions: Mapping[str, Prediction]) -> str:
    """Columns ``strategy, kind, id, ready_s_p5 ... ready_s_p95, ready_fraction``; seconds; empty = never."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["strategy", "kind", "id", *(f"ready_s_p{round(q * 100)}" for q in QUANTILES), "ready_fraction"])
    for name, prediction in predictions.items():
        for id in prediction.services:
            values = [prediction.quantile(id, q) for q in QUANTILES]
            writer.writerow(
                [name, id.kind, cell(id.key), *("" if v is None else f"{v:.3f}" for v in values), f"{prediction.ready_fraction(id):.4f}"]
            )
    return out.getvalue()

"""Runs for other programs: CSV that no spreadsheet runs as a formula, Parquet, Markdown tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.prediction.predict import QUANTILES, Prediction
from fleetbench.report.inert import inert
from fleetbench.whole_files import replacing

if TYPE_CHECKING:
    import pandas

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, and no terminal for a command."""
    text = inert(text)
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
                [
                    name,
                    cell(id.kind),
                    cell(id.key),
                    *("" if v is None else f"{v:.3f}" for v in values),
                    f"{prediction.ready_fraction(id):.4f}",
                ]
            )
    return out.getvalue()


def frame_csv(frame: pandas.DataFrame) -> str:
    """A frame as CSV: seconds with three decimals, empty = none, texts that look like a formula quoted."""
    return str(_text_safe(frame).to_csv(index=False, float_format="%.3f", lineterminator="\n"))


def frame_markdown(frame: pandas.DataFrame) -> str:
    """A frame as a Markdown table; names as plain text."""
    from fleetbench.report.markdown import escaped, row

    numeric = [column for column in frame.columns if frame[column].dtype.kind in "fiu"]
    lines = [row(*frame.columns), row(*("---:" if c in numeric else "---" for c in frame.columns))]
    for record in frame.itertuples(index=False):
        lines.append(row(*(_shown(value, escaped) for value in record)))
    return "\n".join(lines) + "\n"


def write_parquet(frame: pandas.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


def _text_safe(frame: pandas.DataFrame) -> pandas.DataFrame:
    texts = {c: frame[c].map(cell, na_action="ignore") for c in frame.columns if frame[c].dtype.kind not in "fiub"}
    return frame.assign(**texts)


def _shown(value: Any, escaped: Any) -> str:
    import pandas

    if pandas.isna(value):
        return ""
    return f"{value:.3f}" if isinstance(value, float) else escaped(str(value))

"""Exports: no spreadsheet runs a name, and nothing is lost on the way."""

import csv
import io

import pandas
import pytest

from fleetbench.report.exports import frame_csv, frame_markdown, write_parquet
from fleetbench.report.frames import TABLES
from tests.unit.report import runs


@pytest.mark.parametrize("table", TABLES)
def test_no_cell_of_a_csv_starts_as_a_formula_does(table):
    rows = list(csv.reader(io.StringIO(frame_csv(getattr(runs.hostile(), table)))))
    numbers = ("_s", "quantile", "observed")
    for row in rows[1:]:
        for name, cell in zip(rows[0], row, strict=True):
            assert name.endswith(numbers) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)


def test_a_formula_in_a_csv_is_kept_as_text():
    names = {row["name"] for row in csv.DictReader(io.StringIO(frame_csv(runs.hostile().ready)))}
    assert any(name.startswith("'=HYPERLINK") for name in names)


def test_csv_reads_back_with_the_same_rows():
    ready = runs.reference().ready
    read = pandas.read_csv(io.StringIO(frame_csv(ready)))
    assert len(read) == len(ready) and read["ready_s"].to_numpy() == pytest.approx(
        ready["ready_s"].to_numpy(), abs=5e-4
    )


@pytest.mark.parametrize("table", TABLES)
def test_parquet_reads_back_the_same(table, tmp_path):
    frame = getattr(runs.reference(), table)
    write_parquet(frame, tmp_path / "t.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "t.parquet"), frame, check_dtype=False)


def test_markdown_shows_names_as_text():
    text = frame_markdown(runs.hostile().ready)
    assert "<script>" not in text and "&lt;script>" in text
    assert len({line.count(" | ") for line in text.splitlines()}) == 1
    assert "\x1b" not in text and "\x07" not in text

"""Tables of reports: whatever the width, no number and no name is cut, and nothing is left out."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from fleetbench.report.rows import Rows

NAMES = ("HelmRelease/opentelemetry/opentelemetry-collector", "HelmRelease/data/n8n", "traefik")
NUMBERS = ("10m39s", "6m46s - 23m27s", "100 %")


def drawn(rows: Rows, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, legacy_windows=False)
    console.print(rows)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def objects(note: str = "prior: chart of a long name (guess)") -> Rows:
    rows = Rows()
    rows.names("object")
    rows.numbers("median", "p5 - p95", "all Ready")
    rows.words("workload time from")
    for name in NAMES:
        rows.add(name, *NUMBERS, note)
    return rows


@pytest.mark.parametrize("width", range(24, 160))
def test_nothing_is_cut_or_left_out_at_any_width(width: int) -> None:
    lines = drawn(objects(), width)
    words = re.split(r"\s+", " ".join(lines))
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    for number in "10m39s", "6m46s", "23m27s", "100":
        assert sum(word.rstrip(",") == number for word in words) == len(NAMES)
    for part in (part for name in NAMES for part in name.split("/")):
        assert part in " ".join(words).replace("/ ", "/").replace("/", " ").split(" ")


def test_wide_enough_a_row_is_a_line() -> None:
    lines = drawn(objects(), 200)
    assert lines[0].split() == ["object", "median", "p5", "-", "p95", "all", "Ready", "workload", "time", "from"]
    assert [line.split()[0] for line in lines[1:]] == list(NAMES)


def test_what_wraps_goes_below_its_row_before_a_name_is_broken() -> None:
    lines = drawn(objects(), 85)
    assert lines[1].startswith(NAMES[0])
    assert lines[2] == "  workload time from prior: chart of a long name (guess)"


def test_a_name_is_broken_after_a_slash_only() -> None:
    assert "HelmRelease/opentelemetry/" in [line.split(" ")[0] for line in drawn(objects(note=""), 78)]


def test_the_narrowest_layout_says_each_value_after_its_header_and_skips_what_is_nothing() -> None:
    assert drawn(objects(note="-"), 50)[:3] == [
        "object",
        NAMES[0],
        "  median 10m39s, p5 - p95 6m46s - 23m27s, all",
    ]


def test_a_table_without_rows_shows_its_headers() -> None:
    rows = Rows()
    rows.names("object")
    rows.numbers("median")
    assert drawn(rows, 40) == ["object  median"]

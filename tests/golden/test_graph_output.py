"""``fleetbench graph`` prints exactly what lies in ``tests/golden/graph``; UPDATE_GOLDEN=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli

HERE = Path(__file__).parent
CASES = {
    "diamond-80.txt": (0, 80, ["--graph", "fleets/diamond.json"]),
    "diamond-140.txt": (0, 140, ["--graph", "fleets/diamond.json"]),
    "diamond-path.txt": (0, 80, ["--graph", "fleets/diamond.json", "--critical-path"]),
    "diamond.dot": (0, 80, ["--graph", "fleets/diamond.json", "--format", "dot", "--critical-path"]),
    "diamond.mmd": (0, 80, ["--graph", "fleets/diamond.json", "--format", "mermaid"]),
    "diamond.json": (0, 80, ["--graph", "fleets/diamond.json", "--format", "json", "--critical-path"]),
    "troubled-80.txt": (1, 80, ["--graph", "fleets/troubled.json"]),
    "troubled-140.txt": (1, 140, ["--graph", "fleets/troubled.json"]),
}


@pytest.mark.parametrize("name", CASES)
def test_graph_prints_what_was_recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exit_code, columns, arguments = CASES[name]
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("COLUMNS", str(columns))
    result = CliRunner().invoke(cli, ["graph", *arguments])
    assert result.exit_code == exit_code, result.output
    golden = HERE / "graph" / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(result.stdout, encoding="utf-8")
    assert result.stdout == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith(".txt")])
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    _, columns, _ = CASES[name]
    lines = (HERE / "graph" / name).read_text(encoding="utf-8").splitlines()
    assert max(len(line) for line in lines) <= columns

"""What the doctor says of a tool that another one replaces."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from fleetbench.doctor import TOOLS, Found
from fleetbench.report.doctor import tables


def said(*there: str) -> str:
    found = [Found(tool, "1.0" if tool.name in there else None, tool.name in there) for tool in TOOLS]
    console = Console(file=StringIO(), width=200)
    for part in tables(found):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_kustomize_is_not_missed_where_kubectl_is() -> None:
    shown = line(said("kubectl"), "kustomize ")
    assert "not there; kubectl does as well" in shown and "missing" not in shown
    assert "any command with --repo (kubectl or kustomize)" in shown


def test_kubectl_is_missed_for_measure_alone_where_kustomize_is() -> None:
    assert "kustomize does as well, except for measure" in line(said("kustomize"), "kubectl ")


def test_without_either_both_are_missing() -> None:
    assert "missing" in line(said(), "kustomize ") and "missing" in line(said(), "kubectl ")

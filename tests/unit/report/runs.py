"""Runs for the tests of reports: small, large, and with names that mean harm."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import fleetbench
from fleetbench.graph.document import from_document
from fleetbench.report.result import RunResult
from tests.builders import fleet, ks

TRACES = Path(__file__).parents[2] / "traces"
LONG = "very-" * 100
HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "formula": '=HYPERLINK("http://example.test","open")',
    "long": LONG,
    "control": "bell\x07escape\x1b[31mred\u202egnp",
    "math": "$\\frac{1}{0}$",
    "plotly": "<a href='javascript:alert(3)'>x</a>",
}


@cache
def reference() -> RunResult:
    """The reference fleet, both strategies, few samples."""
    return fleetbench.simulate(samples=8)


@cache
def measured(name: str = "fine-c4") -> RunResult:
    return fleetbench.load(TRACES / f"{name}.json.gz")


@cache
def large() -> RunResult:
    """200 objects in eight layers."""
    return fleetbench.simulate(
        fleet(*(ks(f"team-{n % 7}-service-{n:03d}", *([f"team-{(n - 25) % 7}-service-{n - 25:03d}"] if n >= 25 else [])) for n in range(199))),
        samples=2, strategy="fine",
    )  # fmt: skip


@cache
def hostile() -> RunResult:
    """Names that Kubernetes would refuse, as a graph file could hold them."""
    names = list(HOSTILE.values())
    document = {
        "name": HOSTILE["html"],
        "kustomizations": [
            {
                "id": f"flux-system/{name.replace('/', '|')}",
                "depends_on": [f"flux-system/{names[0].replace('/', '|')}"] if n else [],
                "wait": True,
            }
            for n, name in enumerate(names)
        ],
    }
    return fleetbench.simulate(from_document(document, "hostile.json"), samples=3)


def write_cut(source: Path, target: Path, lines: int) -> Path:
    """The first lines of a text file."""
    target.write_text("\n".join(source.read_text().splitlines()[:lines]) + "\n")
    return target


def trace_document(name: str) -> dict:
    with gzip.open(TRACES / f"{name}.json.gz", "rt") as stream:
        return json.load(stream)

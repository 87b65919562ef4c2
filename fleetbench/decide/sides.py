"""The two states a check compares: what there is now, and what it is held against."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetbench.findings import ERROR, INFO, RULES, Finding
from fleetbench.graph.document import GRAPH_FILE, from_document
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, parse_object
from fleetbench.json_node import parse
from fleetbench.prediction.predict import Prediction
from fleetbench.repo.graph_file import graph_text

MAX_BASELINE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Side:
    """A fleet, what is wrong with it, and how long it takes."""

    name: str
    """For people: ``the working tree``, ``merge base 1a2b3c4`` ..."""
    fleet: Fleet
    findings: tuple[Finding, ...]
    prediction: Prediction


def read_baseline(path: Path) -> tuple[Fleet, list[Finding]]:
    """A graph file with the findings that it records.

    Raises:
        InputError: it cannot be read or is no graph file.
    """
    text = graph_text(path, MAX_BASELINE_BYTES)
    document = parse(text, path, GRAPH_FILE)
    fleet = from_document(document, str(path), text)
    listed = document.get("findings") or []
    return fleet, [found for item in listed if (found := _finding(item)) is not None] if isinstance(
        listed, list
    ) else []


def _finding(item: Any) -> Finding | None:
    """A recorded finding; one of a code that this release does not know is left out."""
    if not isinstance(item, dict) or item.get("code") not in RULES:
        return None
    try:
        object = parse_object(item["object"]) if isinstance(item.get("object"), str) else None
    except ValueError:
        object = None
    file = item.get("file")
    return Finding(
        item["code"],
        str(item.get("message", "")),
        str(item.get("fix", "")),
        object,
        file if isinstance(file, str) else None,
    )


Key = tuple[str, ObjectId | str | None, str]


def key_of(finding: Finding) -> Key:
    """What makes two findings the same one: line numbers and counts do not."""
    return finding.code, finding.object or finding.file, re.sub(r"\d+", "#", finding.message)


def fixed(before: Iterable[Finding], now: Iterable[Finding]) -> list[Finding]:
    """Errors and warnings that were there before and are not any more."""
    left = {key_of(f) for f in now}
    return [f for f in before if f.severity != INFO and key_of(f) not in left]


def new_errors(now: Iterable[Finding], before: Iterable[Finding] | None) -> list[Finding]:
    """Findings of severity error that were not there before; all of them where there is nothing to hold against."""
    known = {key_of(f) for f in before or ()}
    return [f for f in now if f.severity == ERROR and key_of(f) not in known]

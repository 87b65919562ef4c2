"""The two states a check compares: what there is now, and what it is held against."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fleetbench.findings import ERROR, INFO, Finding
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import Prediction

MAX_BASELINE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Side:
    """A fleet, what is wrong with it, and how long it takes."""

    name: str
    """For people: ``the working tree``, ``merge base 1a2b3c4`` ..."""
    fleet: Fleet
    findings: tuple[Finding, ...]
    prediction: Prediction


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

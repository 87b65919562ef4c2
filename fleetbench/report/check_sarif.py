"""Findings as SARIF 2.1.0, for code scanning; https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fleetbench import __version__
from fleetbench.decide.check import Verdict
from fleetbench.decide.sides import key_of
from fleetbench.findings import ERROR, INFO, RULES, WARNING, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL = {ERROR: "error", WARNING: "warning", INFO: "note"}


def check_sarif(verdict: Verdict, place: Callable[[str], str]) -> dict[str, Any]:
    """One run with a result for each finding of the fleet as it is now.

    Args:
        verdict: the check.
        place: path relative to the fleet's repository -> path relative to the root of the version control.
    """
    before = None if verdict.base is None else {key_of(f) for f in verdict.base.findings}
    codes = sorted({f.code for f in verdict.now.findings})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "fleetbench", "version": __version__, "rules": [_rule(code) for code in codes]}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(f, codes, before, place) for f in verdict.now.findings],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "shortDescription": {"text": rule.title},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
    }


def _result(finding: Finding, codes: list[str], before: set[Any] | None, place: Callable[[str], str]) -> dict[str, Any]:
    key = key_of(finding)
    text = finding.of_object + (f" Fix: {finding.fix}" if finding.fix else "")
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVEL[finding.severity],
        "message": {"text": text},
        "partialFingerprints": {"fleetbench/v1": hashlib.sha256("\0".join(map(str, key)).encode()).hexdigest()[:32]},
    }
    if before is not None:
        result["baselineState"] = "unchanged" if key in before else "new"
    location: dict[str, Any] = {}
    if finding.file:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(place(finding.file)), "uriBaseId": "%SRCROOT%"}
        }
        if finding.line:
            location["physicalLocation"]["region"] = {"startLine": finding.line}
    if finding.object is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": str(finding.object), "kind": "object"}]
    if location:
        result["locations"] = [location]
    return result

"""The findings that a graph file records: those of reading cannot be had otherwise, those of checks follow anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fleetbench.findings import (
    API_GONE,
    BUILD_FAILED,
    DEPENDENCY_UNREAD,
    EVENTS_REFUSED,
    EXPRESSION_IDLE,
    EXPRESSION_NOT_READ,
    FILE_UNREADABLE,
    IMMUTABLE,
    NEVER_FOUND,
    OBJECT_REFUSED,
    PATH_MISSING,
    RULES,
    SET_WAITS_IN_VAIN,
    SOURCE_MISSING,
    VARIABLE_UNSET,
    Finding,
)
from fleetbench.graph.checks.about import family
from fleetbench.graph.checks.presence import check_presence
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import FluxVersion
from fleetbench.graph.release import substitution
from fleetbench.ids import parse_object

_DIFFERENTLY_READ = frozenset(code for code in RULES if code.startswith("FB3"))
OF_READING = _DIFFERENTLY_READ - {EXPRESSION_NOT_READ, EXPRESSION_IDLE, DEPENDENCY_UNREAD} | {
    FILE_UNREADABLE,
    OBJECT_REFUSED,
    API_GONE,
    SET_WAITS_IN_VAIN,
    IMMUTABLE,
}
"""Codes that only reading a repository, or a live cluster, can give."""
OF_BOTH = frozenset({PATH_MISSING, BUILD_FAILED, SOURCE_MISSING, VARIABLE_UNSET, NEVER_FOUND, EVENTS_REFUSED})
"""Codes that reading gives with the place and the cause, and checks without; all others are the checks' alone."""


def recorded(document: Any) -> list[Finding]:
    """All findings of a parsed graph document, as far as they can be read; of codes that this release knows."""
    listed = document.get("findings") if isinstance(document, dict) else None
    found = [_finding(item) for item in listed] if isinstance(listed, list) else []
    return [finding for finding in found if finding is not None]


def of_reading(findings: Iterable[Finding], fleet: Fleet, flux: FluxVersion | None = None) -> list[Finding]:
    """Those that reading brought to light and that still hold: the file may have been edited by hand since.

    Args:
        findings: all that the file records.
        fleet: what it holds now.
        flux: the release that an option names; None = the one that the file states holds.
    """
    strictly = substitution(fleet.flags, flux or fleet.flux)
    checked = check_presence(fleet.under(strictly.release, strictly.strict), node_pods=1, nodes=1)
    still = {(family(f.code), f.object) for f in checked}
    return [f for f in findings if f.code in OF_READING or (f.code in OF_BOTH and (family(f.code), f.object) in still)]


def _finding(item: Any) -> Finding | None:
    if not isinstance(item, dict) or not isinstance(item.get("code"), str) or item["code"] not in RULES:
        return None
    try:
        object = parse_object(item["object"]) if isinstance(item.get("object"), str) else None
    except ValueError:
        object = None
    file, line = item.get("file"), item.get("line")
    return Finding(
        item["code"],
        str(item.get("message", "")),
        str(item.get("fix", "")),
        object,
        file if isinstance(file, str) else None,
        line if isinstance(line, int) else None,
    )

"""What a sweep's results depend on, as hashes: a folder of results is gone on with only where they are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from fleetbench.sweep.grid import Grid


def fingerprints(grid: Grid) -> dict[str, str]:
    """``fleet``: its objects; ``model``: flags, step costs, workload times, failures and the rest of the scenarios."""
    fleets = [_plain(scenario.fleet) for scenario in grid.scenarios]
    model = [{f.name: _plain(getattr(s, f.name)) for f in fields(s) if f.name != "fleet"} for s in grid.scenarios]
    cells = [[cell.group, _plain(cell.parameters), _plain(cell.fail)] for cell in grid.cells]
    return {"fleet": _hash(fleets), "model": _hash([model, cells])}


def _hash(document: Any) -> str:
    return sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    """A value of dataclasses, tuples, mappings and sets in one form, whatever order sets and mappings keep."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if is_dataclass(value):
        return [type(value).__name__, {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.compare}]
    if isinstance(value, Mapping):
        return sorted(([_plain(k), _plain(v)] for k, v in value.items()), key=repr)
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(v) for v in value), key=repr)
    return [_plain(v) for v in value]

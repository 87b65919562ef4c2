"""The grid: every combination of the axes' values is a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.waves import FINE, WAVES, to_waves
from fleetbench.ids import ObjectId, parse_object
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import Profile, load_profile
from fleetbench.model.scenario import Scenario
from fleetbench.sweep.axes import AXES, FAIL, FLUX_VERSION, NO_FAILURE, PROFILE, STRATEGY, Value

MAX_CELLS = 10_000
_DEFAULTS: dict[str, Value] = {STRATEGY: FINE, PROFILE: "default", FAIL: NO_FAILURE}
_OF_GROUP = (STRATEGY, PROFILE, FLUX_VERSION)
"""Axes that change more than parameters and failures; cells that share their values share a scenario."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination."""

    number: int
    values: tuple[Value, ...]
    """Along :attr:`Grid.axes`."""
    group: int
    """Index in :attr:`Grid.scenarios`."""
    parameters: Parameters
    fail: frozenset[ObjectId]


@dataclass(frozen=True)
class Grid:
    """All cells, in order, with what they have in common."""

    axes: Mapping[str, tuple[Value, ...]]
    """Name of the axis -> its values, in the order in which the user gave them."""
    cells: tuple[Cell, ...]
    scenarios: tuple[Scenario, ...]
    """One for each combination of strategy, profile and release; a cell's parameters and failures replace its own."""
    base: int
    """Number of the cell that the others are compared with: on each axis what the fleet has today, if that is on the
    list, else the first value."""
    warnings: tuple[str, ...] = ()


def make_grid(fleet: Fleet, choice: Choice, axes: Mapping[str, tuple[Value, ...]]) -> Grid:
    """Combine the values.

    Args:
        fleet: as it is; for strategy ``waves`` it is regrouped here.
        choice: what holds in every cell.
        axes: name in :data:`AXES` -> values; at least one axis, no value twice.

    Raises:
        InputError: no axis, too many cells, or a value that cannot be.
    """
    if not axes:
        options = ", ".join(axis.option for axis in AXES.values())
        raise InputError("nothing to sweep: got no list of values, wanted at least one", f"the axes are {options}")
    axes = {name: tuple(axes[name]) for name in AXES if name in axes}
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > MAX_CELLS:
        raise InputError(f"the grid has {size} cells, wanted at most {MAX_CELLS}", "leave out some values")
    profiles = {name: load_profile(str(name)) for name in axes.get(PROFILE, ())}
    groups: dict[tuple[Value | None, ...], int] = {}
    scenarios: list[Scenario] = []
    warnings: list[str] = []
    cells = []
    for number, values in enumerate(product(*axes.values())):
        of = dict(zip(axes, values, strict=True))
        key = tuple(of.get(name) for name in _OF_GROUP)
        if key not in groups:
            groups[key] = len(scenarios)
            assembled = assemble(to_waves(fleet) if of.get(STRATEGY) == WAVES else fleet, _choice(choice, of, profiles))
            scenarios.append(assembled.scenario)
            warnings += [w for w in assembled.warnings if w not in warnings]
        scenario = scenarios[groups[key]]
        flags = {field: of[name] for name in of for field in AXES[name].fields}
        fail = _failing(of[FAIL]) if FAIL in of else scenario.fail
        cells.append(Cell(number, values, groups[key], scenario.parameters.everywhere(**flags), fail))
    base = _base(assemble(fleet, choice).scenario.parameters, axes)
    return Grid(axes, tuple(cells), tuple(scenarios), base, tuple(warnings))


def _choice(choice: Choice, of: Mapping[str, Value], profiles: Mapping[Value, Profile]) -> Choice:
    changes: dict[str, Any] = {FLUX_VERSION: of[FLUX_VERSION]} if FLUX_VERSION in of else {}
    return replace(choice, profile=profiles[of[PROFILE]] if PROFILE in of else choice.profile, **changes)


def _failing(value: Value) -> frozenset[ObjectId]:
    return frozenset() if value == NO_FAILURE else frozenset(parse_object(part) for part in str(value).split("+"))


def _base(today: Parameters, axes: Mapping[str, tuple[Value, ...]]) -> int:
    number = 0
    for name, values in axes.items():
        axis = AXES[name]
        now = _DEFAULTS[name] if name in _DEFAULTS else getattr(today, axis.fields[0] if axis.fields else name)
        number = number * len(values) + (values.index(now) if now in values else 0)
    return number

"""One cell of a sweep: simulate its samples and keep what the results hold of them."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace

from fleetbench import __version__
from fleetbench.errors import InputError
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.predict import QUANTILES, predict
from fleetbench.sweep.grid import Cell


@dataclass(frozen=True, slots=True)
class Service:
    """One Kustomization or HelmRelease over all samples of a cell."""

    id: ObjectId
    quantiles: tuple[float | None, ...]
    """Of its Ready, in seconds, along :data:`QUANTILES`; None = it falls among samples without one."""
    ready_fraction: float


@dataclass(frozen=True, slots=True)
class CellResult:
    """What one cell came to."""

    number: int
    totals: array[float]
    """The total of each sample, in seconds; infinity = it has none."""
    not_ready: array[int]
    """How many services that are not left out never turned Ready in each sample; 0 = it is complete."""
    services: tuple[Service, ...] = ()
    """Sorted by id; empty when read back for the summary alone."""


def run_cell(scenarios: tuple[Scenario, ...], cell: Cell, samples: int, version: str = __version__) -> CellResult:
    """Simulate one cell in this process.

    Args:
        scenarios: those of the grid.
        cell: which one.
        samples: how many.
        version: of the fleetbench that started the sweep.

    Raises:
        InputError: this machine has another version, whose numbers may differ.
    """
    if version != __version__:
        raise InputError(
            f"a worker has fleetbench {__version__}, wanted {version}", "install the same version everywhere"
        )
    scenario = replace(scenarios[cell.group], parameters=cell.parameters, fail=cell.fail)
    prediction = predict(scenario, samples, processes=1)
    not_ready = array("i", bytes(4 * samples))
    for id, values in zip(prediction.services, prediction.ready, strict=True):
        for number, value in enumerate(() if id in prediction.left_out else values):
            not_ready[number] += value == math.inf
    services = tuple(
        Service(id, tuple(prediction.quantile(id, q) for q in QUANTILES), prediction.ready_fraction(id))
        for id in prediction.services
    )
    return CellResult(cell.number, prediction.totals, not_ready, services)

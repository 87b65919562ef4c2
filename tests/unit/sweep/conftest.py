"""A small fleet, and a grid of six cells over it."""

from __future__ import annotations

import pytest

from fleetbench.model.assemble import Choice
from fleetbench.model.profile import load_profile
from fleetbench.sweep.grid import Grid, make_grid
from tests.builders import fleet, hr, ks

AXES = {"kustomize_concurrent": (1, 4, 8), "requeue_dependency_s": (5.0, 30.0)}


@pytest.fixture(scope="session")
def small_fleet():
    return fleet(ks("a"), ks("b", "a"), ks("c", "a"), ks("d", "b", "c"), hr("h", "d"))


@pytest.fixture(scope="session")
def choice() -> Choice:
    return Choice(profile=load_profile("short"), seed=3)


@pytest.fixture(scope="session")
def grid(small_fleet, choice) -> Grid:
    return make_grid(small_fleet, choice, AXES)

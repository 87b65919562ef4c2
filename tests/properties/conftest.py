"""Hypothesis for these tests: no deadline, as an example is a whole simulation, and failing examples one can read."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from fleetbench.graph.fleet import Fleet
from fleetbench.model.scenario import Scenario
from tests.properties.fleets import describe, describe_scenario

settings.register_profile(
    "fleetbench",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile("long", parent=settings.get_profile("fleetbench"), max_examples=2000)
settings.load_profile("fleetbench")

# Hypothesis prints an example by ``_repr_pretty_`` where a type has one (IPython's protocol).
Fleet._repr_pretty_ = lambda self, printer, cycle: printer.text(f"\n{describe(self)}\n")  # type: ignore[attr-defined]
Scenario._repr_pretty_ = lambda self, printer, cycle: printer.text(f"\n{describe_scenario(self)}\n")  # type: ignore[attr-defined]

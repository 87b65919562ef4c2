"""Looks at a dependency that can never turn Ready are simulated a few at a time, with the work of all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine import reconcile
from fleetbench.engine.simulate import Sample, simulate
from fleetbench.graph.objects import Need
from fleetbench.model.parameters import Parameters
from fleetbench.model.steps import shipped_steps
from tests.builders import fleet, ks, ks_id, scenario

POLL_S, SHIPPED_S = 5.0, reconcile.VAIN_S


def run(vain_s: float, monkeypatch: pytest.MonkeyPatch, *, requeue_s: float = POLL_S) -> Sample:
    """An hour in which ``late`` waits out its interval and 30 Kustomizations look at what is broken every 5 s."""
    monkeypatch.setattr(reconcile, "VAIN_S", vain_s)
    settings = Need("ConfigMap flux-system/s", ks_id("late"), ks_id("settings"), "build")
    late = replace(ks("late", retry_interval_s=3600.0), needs=(settings,))
    objects = [ks(f"k{n}", "broken") for n in range(30)]
    of = fleet(ks("broken", broken="no such path"), *objects, late, ks("gate"), ks("settings", "gate"), ks("z", "late"))
    flags = Parameters(requeue_dependency_s=requeue_s)
    return simulate(scenario(of, {"gate": 60.0}, parameters=flags, steps=shipped_steps()), 0)


def test_the_rest_turns_ready_as_if_each_were_simulated_and_the_reconciles_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each, few = run(POLL_S, monkeypatch), run(SHIPPED_S, monkeypatch)
    for plain, gathered in zip(each.ready_s, few.ready_s, strict=True):
        assert (plain is None) == (gathered is None)
        assert plain is None or gathered == pytest.approx(plain, rel=0.01, abs=10.0)
    assert each.total_s is not None and each.total_s > 3600.0
    assert sum(few.attempts) == pytest.approx(sum(each.attempts), rel=0.02)
    assert each.timeline is not None and few.timeline is not None
    assert len(few.timeline.events) < len(each.timeline.events) / 3


def test_with_the_default_of_30_s_each_look_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(30.0, monkeypatch, requeue_s=30.0) == run(0.0, monkeypatch, requeue_s=30.0)

"""The engine against what can be computed by hand: longest path, sum, polls."""

from __future__ import annotations

import networkx as nx
import pytest

from fleetbench.engine.simulate import simulate
from fleetbench.model.parameters import Parameters
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario

PERFECT = Parameters(interval_jitter=0.0).perfect()


def ready(sample, of, id):
    order = [obj.id for obj in of.services()]
    return sample.ready_s[order.index(id)]


def test_without_polls_and_with_workers_enough_the_total_is_the_longest_path():
    durations = {"a": 10.0, "b": 20.0, "c": 5.0, "d": 7.0, "e": 40.0}
    edges = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ()}
    of = fleet(*(ks(name, *deps) for name, deps in edges.items()))
    graph = nx.DiGraph()
    for name, deps in edges.items():
        graph.add_edge("start", name, weight=durations[name])
        for dep in deps:
            graph.add_edge(dep, name, weight=durations[name])
    sample = simulate(scenario(of, durations, parameters=PERFECT))
    assert sample.total_s == pytest.approx(nx.dag_longest_path_length(graph), abs=1e-6)


def test_one_worker_and_no_edges_take_the_sum():
    durations = {"a": 10.0, "b": 20.0, "c": 5.0}
    of = fleet(*(ks(name) for name in durations))
    parameters = Parameters(
        interval_jitter=0.0,
        kustomize_concurrent=1,
        min_retry_delay_s=0.0,
        source_min_retry_delay_s=0.0,
        health_poll_s=0.0,
    )
    sample = simulate(scenario(of, durations, parameters=parameters))
    assert sample.total_s == pytest.approx(sum(durations.values()), abs=1e-6)


def test_a_first_reconcile_adds_the_finalizer_and_comes_back_after_750_ms():
    of = fleet(ks("a"))
    sample = simulate(scenario(of))
    # The root waits 750 ms, then the source's artifact is there; its child waits another 750 ms.
    assert ready(sample, of, ks_id("a")) == pytest.approx(1.5, abs=1e-6)


def test_a_health_check_sees_a_workload_at_the_next_tick_of_5_s():
    of = fleet(ks("a"))
    assert ready(simulate(scenario(of, {"a": 7.0})), of, ks_id("a")) == pytest.approx(1.5 + 10.0, abs=1e-6)
    assert ready(simulate(scenario(of, {"a": 10.0})), of, ks_id("a")) == pytest.approx(1.5 + 10.0, abs=1e-6)


def test_a_dependency_is_noticed_at_the_dependants_next_poll():
    of = fleet(ks("a"), ks("b", "a"))
    sample = simulate(scenario(of, {"a": 5.0, "b": 5.0}))
    # b is first checked at 1.5 s, a is Ready at 6.5 s, b's next poll is 30 s after its first.
    assert ready(sample, of, ks_id("b")) == pytest.approx(1.5 + 30.0 + 5.0, abs=1e-6)


def test_with_dependants_enqueued_at_once_there_is_no_poll_to_wait_for():
    of = fleet(ks("a"), ks("b", "a"))
    parameters = Parameters(interval_jitter=0.0, event_driven_dependents=True)
    sample = simulate(scenario(of, {"a": 5.0, "b": 5.0}, parameters=parameters))
    assert ready(sample, of, ks_id("b")) == pytest.approx(1.5 + 5.0 + 5.0, abs=1e-6)


def test_a_failed_health_check_is_tried_again_after_the_retry_interval():
    of = fleet(ks("a", timeout_s=40.0, retry_interval_s=60.0))
    sample = simulate(scenario(of, {"a": 50.0}))
    # Timeout at 41.5 s, next try at 101.5 s: by then the workload is there.
    assert ready(sample, of, ks_id("a")) == pytest.approx(1.5 + 40.0 + 60.0, abs=1e-6)


def test_a_helmrelease_waits_for_its_chart_and_then_for_its_objects():
    of = fleet(ks("a"), hr("h", "a"))
    sample = simulate(scenario(of, {"h": 7.0}))
    # created 1.5, finalizer, chart at 2.25 + its own finalizer 0.75, install waits at 5 s ticks
    assert ready(sample, of, hr_id("h")) == pytest.approx(3.0 + 10.0, abs=1e-6)
    # a's own poller, started at 1.5, sees the release at its next tick
    assert ready(sample, of, ks_id("a")) == pytest.approx(1.5 + 15.0, abs=1e-6)


def test_nested_waits_hold_every_worker_until_their_timeout():
    """fluxcd/flux2 issue 5601: as many waiting parents as workers, and none left for the children."""
    parents = [ks(f"p{n}", timeout_s=120.0, retry_interval_s=30.0) for n in range(4)]
    children = [ks(f"p{n}c", parent=f"p{n}", timeout_s=120.0) for n in range(4)]
    of = fleet(*parents, *children)
    starved = simulate(scenario(of))
    assert min(ready(starved, of, ks_id(f"p{n}c")) for n in range(4)) > 120.0
    free = simulate(scenario(of, parameters=Parameters(interval_jitter=0.0, kustomize_concurrent=5)))
    assert max(ready(free, of, ks_id(f"p{n}c")) for n in range(4)) < 10.0

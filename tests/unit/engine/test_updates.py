"""What a commit takes whose pods are replaced one after the other, as their update strategy says."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.engine.simulate import simulate
from fleetbench.ids import ObjectId
from fleetbench.model.distributions import Fixed
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import BOOTSTRAP, COMMIT
from fleetbench.model.workload_time import PodTime, WorkloadTime
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario

EACH_S = 30.0


def pods(kind: str, replicas: int, at_once: int | None, *, in_turn: bool = False) -> tuple[PodTime, ...]:
    workload = ObjectId(kind, "apps", "web")
    return tuple(
        PodTime(workload, i, ready=Fixed(EACH_S), after=i - 1 if i and in_turn else None, at_once=at_once)
        for i in range(replicas)
    )


def ready_s(kind: str, workload: tuple[PodTime, ...], nodes: int = 1) -> float:
    """When ``a``, whose workloads these are, is Ready; of a commit: that changes them."""
    of = fleet(ks("a"))
    s = scenario(of, kind=kind, webhook=kind == COMMIT, changed=frozenset({ks_id("a")} if kind == COMMIT else ()))
    s = replace(
        s,
        workloads={**s.workloads, ks_id("a"): WorkloadTime(ks_id("a"), "test", pods=workload)},
        parameters=Parameters(interval_jitter=0.0, nodes=nodes),
    )
    at = dict(zip([o.id for o in of.services()], simulate(s).ready_s, strict=True))[ks_id("a")]
    assert at is not None
    return at


@pytest.mark.parametrize(
    ("workload", "turns"),
    [
        (pods("Deployment", 3, 1), 3),
        (pods("Deployment", 5, 2), 3),
        (pods("Deployment", 5, 5), 1),
        (pods("StatefulSet", 3, 1, in_turn=True), 3),
        (pods("StatefulSet", 3, 0, in_turn=True), 0),  # OnDelete
        (pods("Job", 3, None), 1),
        ((*pods("Deployment", 2, 1), *pods("StatefulSet", 4, 1)), 4),  # side by side
    ],
)
def test_the_pods_of_a_changed_workload_are_replaced_so_many_at_one_time(
    workload: tuple[PodTime, ...], turns: int
) -> None:
    assert ready_s(COMMIT, workload) == pytest.approx(turns * EACH_S, abs=5.5)  # the health check polls every 5 s


@given(st.integers(1, 19), st.integers(1, 40))  # 19 turns keep the timeout of 10 m
def test_pods_that_take_equally_long_are_replaced_in_whole_turns(replicas: int, at_once: int) -> None:
    at = ready_s(COMMIT, pods("Deployment", replicas, at_once))
    assert ceil(replicas / at_once) * EACH_S <= at <= ceil(replicas / at_once) * EACH_S + 5.5


def test_in_a_bootstrap_they_all_start_at_once() -> None:
    assert ready_s(BOOTSTRAP, pods("Deployment", 5, 1)) == pytest.approx(EACH_S, abs=7.5)


def test_a_daemonset_is_replaced_node_by_node() -> None:
    assert ready_s(COMMIT, pods("DaemonSet", 1, 1), nodes=4) == pytest.approx(4 * EACH_S, abs=5.5)
    assert ready_s(COMMIT, pods("DaemonSet", 1, 3), nodes=4) == pytest.approx(2 * EACH_S, abs=5.5)
    assert ready_s(BOOTSTRAP, pods("DaemonSet", 1, 1), nodes=4) == pytest.approx(EACH_S, abs=7.5)


def test_an_upgrade_replaces_them_so_and_an_install_does_not() -> None:
    of = fleet(ks("a"), hr("web", "a"))
    for kind, turns in ((COMMIT, 3), (BOOTSTRAP, 1)):
        s = scenario(of, kind=kind, webhook=kind == COMMIT, changed=frozenset({hr_id("web")} if kind == COMMIT else ()))
        times = {**s.workloads, hr_id("web"): WorkloadTime(hr_id("web"), "test", pods=pods("Deployment", 3, 1))}
        at = dict(zip([o.id for o in of.services()], simulate(replace(s, workloads=times)).ready_s, strict=True))
        assert at[hr_id("web")] == pytest.approx(turns * EACH_S, abs=8.0)

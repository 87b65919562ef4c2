"""Deployments at once wait for kube-controller-manager's client; one without pods waits to be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench import phases
from fleetbench.engine.deployment_controller import DeploymentController, Followed
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import Sample, simulate
from fleetbench.graph.objects import Kustomization, Workload
from fleetbench.ids import ObjectId
from fleetbench.model.controller_manager import Deployed
from fleetbench.model.distributions import Fixed
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import COMMIT, Scenario
from fleetbench.model.steps import Step, no_steps
from fleetbench.model.workload_time import PodTime, WorkloadTime
from tests.builders import fleet, hr, ks, scenario

QPS, BURST = 20.0, 30
BEGINS_S = 1.5
"""The finalizers of the root and of the Kustomization, and what their rate limiters take after each."""
EMPTY, WITH_PODS = 4, 5
"""Requests for a Deployment until its status is shown: its ReplicaSet, three of its status, an event where there are pods."""


def deployment(number: int) -> ObjectId:
    return ObjectId("Deployment", "apps", f"d{number}")


def deployed(number: int, *, has_pods: bool, turns: int = 0) -> Deployed:
    return Deployed(deployment(number), has_pods, turns, waits=True)


def apply(controller: DeploymentController, numbers: range, at_s: float, pods_s: float | None = None) -> list[Followed]:
    """Deployments of one apply; ``pods_s``: from the ReplicaSet until their pods are ready, None = they have none."""
    found = [controller.create(deployed(n, has_pods=pods_s is not None), at_s) for n in numbers]
    for each in found:
        controller.follow(each, max(at_s, each.created_s) + (pods_s or 0.0))
    return found


def shown(controller: DeploymentController, of: list[Followed]) -> list[float]:
    at = [controller.shown_s(each, 1e6) for each in of]
    assert all(each.is_shown for each in of)
    return at


def test_a_burst_is_free() -> None:
    controller = DeploymentController(QPS, BURST)
    few = apply(controller, range(BURST // EMPTY), 10.0)
    assert {each.created_s for each in few} == {10.0}
    assert shown(controller, few) == [10.0] * len(few)


def test_of_ninety_at_once_the_last_is_shown_when_all_requests_are_sent() -> None:
    controller = DeploymentController(QPS, BURST)
    at = shown(controller, apply(controller, range(90), 0.0))
    assert at[-1] == max(at) == pytest.approx((90 * EMPTY - BURST) / QPS)


def test_a_replica_set_waits_for_the_first_syncs_before_it_alone() -> None:
    controller = DeploymentController(QPS, BURST)
    many = apply(controller, range(90), 0.0, pods_s=0.0)
    assert many[-1].created_s == pytest.approx((89 * (WITH_PODS - 1) + 1 - BURST) / QPS)
    assert max(shown(controller, many)) == pytest.approx((90 * WITH_PODS - BURST) / QPS)


def test_pods_that_become_ready_after_the_rush_are_shown_at_once() -> None:
    controller = DeploymentController(QPS, BURST)
    many = apply(controller, range(90), 0.0, pods_s=100.0)
    assert shown(controller, many) == [each.created_s + 100.0 for each in many]


def test_one_that_comes_later_stands_before_the_second_syncs_of_those_that_wait() -> None:
    controller = DeploymentController(QPS, BURST)
    early = apply(controller, range(240), 0.0)
    (late,) = apply(controller, range(240, 241), 5.0)
    worked_off = 5.0 * QPS + BURST  # by then, and so many first syncs of three requests queued a second one
    assert late.created_s == pytest.approx((240 * 3 + worked_off // 3 + 1 - BURST) / QPS)
    assert late.created_s < shown(controller, early)[-1]


def test_what_is_not_shown_yet_is_promised_for_later_than_now() -> None:
    controller = DeploymentController(QPS, BURST)
    many = apply(controller, range(90), 0.0)
    for now in (0.0, 3.0, 7.5, 12.0, 16.4):
        promised = [controller.shown_s(each, now) for each in many]
        assert all(at > now for at, each in zip(promised, many, strict=True) if not each.is_shown)


def rollout(count: int, *, pods_s: float | None = None, lag_s: float = 0.0, **parameters: object) -> Sample:
    """One Kustomization that waits for so many Deployments."""
    of = ks("many")
    s = scenario(fleet(of), steps=replace(no_steps(), pod_lag=Step(lag_s, 0.0)))
    pods = tuple(PodTime(deployment(n), empty=pods_s is None, ready=Fixed(pods_s or 0.0)) for n in range(count))
    return simulate(
        replace(
            s,
            workloads={**s.workloads, of.id: WorkloadTime(of.id, "test", pods=pods)},
            parameters=Parameters(interval_jitter=0.0, **parameters),  # type: ignore[arg-type]
        )
    )


@pytest.mark.parametrize(
    ("lag_s", "ready_s"),
    [(0.0, 0.0), (0.3, 5.0)],  # the first look comes at once, the next after 5 s
)
def test_a_deployment_without_pods_misses_the_first_look_unless_its_controller_was_faster(
    lag_s: float, ready_s: float
) -> None:
    assert rollout(1, lag_s=lag_s).total_s == pytest.approx(BEGINS_S + ready_s)


def test_ninety_deployments_at_once_hold_up_who_waits_for_them() -> None:
    unlimited = rollout(90, controller_manager_qps=None)
    assert unlimited.total_s == pytest.approx(BEGINS_S, abs=0.1)
    assert rollout(90).total_s == pytest.approx(BEGINS_S + 20.0, abs=0.1)  # shown after 16.5 s, seen at the next look


def test_a_time_that_counts_from_the_apply_holds_the_wait_already() -> None:
    of = ks("many")
    pods = tuple(PodTime(deployment(n), ready=Fixed(3.0), from_apply=True) for n in range(90))
    s = scenario(fleet(of))
    whole = replace(s, workloads={**s.workloads, of.id: WorkloadTime(of.id, "test", pods=pods)})
    assert simulate(whole).total_s == pytest.approx(BEGINS_S + 5.0, abs=0.1)


def test_who_looks_changes_nothing() -> None:
    def created_s(looks: bool) -> float:
        controller = DeploymentController(QPS, BURST)
        early = apply(controller, range(240), 0.0)
        (late,) = (controller.create(deployed(n, has_pods=False), 5.0) for n in range(240, 241))
        if looks:  # while that one is still being applied
            for each in early:
                controller.shown_s(each, 8.0)
        controller.follow(late, 9.0)
        return controller.shown_s(late, 1e6)

    assert created_s(looks=True) == created_s(looks=False)


@pytest.mark.parametrize(("turns", "requests"), [(0, 6), (1, 9), (3, 19)])
def test_an_update_scales_the_old_replica_sets_down_before_it_is_shown(turns: int, requests: int) -> None:
    controller = DeploymentController(QPS, BURST)
    many = [controller.create(deployed(n, has_pods=True, turns=turns), 0.0, updating=True) for n in range(90)]
    for each in many:
        controller.follow(each, 20.0)  # when all syncs that show them not ready are over
    # first sync (4) and second (1) of each, then what shows it ready
    early = (90 * 5 - BURST) / QPS
    assert max(shown(controller, many)) == pytest.approx(max(early, 20.0) + 90 * (requests - 5) / QPS, abs=3.5)


def test_of_a_second_apply_the_first_is_never_shown() -> None:
    controller = DeploymentController(QPS, BURST)
    many = apply(controller, range(90), 0.0)
    for each in many:
        controller.leave(each, 3.0)
    again = apply(controller, range(90), 3.0)
    assert max(shown(controller, again)) < 2 * (90 * EMPTY - BURST) / QPS
    assert {each.is_gone for each in many[30:]} == {True} and not any(each.is_shown for each in many[30:])


def test_the_rows_say_when_each_deployment_was_shown() -> None:
    timeline = rollout(90).timeline
    assert timeline is not None
    rows = [timeline.by_object[deployment(n)] for n in range(90)]
    applied_s = rows[0][0].t_s
    assert [row.status for row in rows[-1]] == [phases.FALSE, phases.TRUE]
    assert rows[-1][1].t_s - applied_s == pytest.approx(16.5, abs=0.01)


def test_other_workloads_wait_for_no_deployment() -> None:
    of = Kustomization(ks("a").id, wait=True, applies=1, timeout_s=600.0)
    s = scenario(fleet(of))
    pods = tuple(PodTime(ObjectId("StatefulSet", "apps", f"s{n}"), ready=Fixed(3.0)) for n in range(90))
    found = simulate(replace(s, workloads={**s.workloads, of.id: WorkloadTime(of.id, "test", pods=pods)}))
    assert found.total_s == pytest.approx(BEGINS_S + 5.0, abs=0.1)


def test_a_look_at_many_objects_takes_longer() -> None:
    def look_s(deployments: int) -> float:
        workloads = tuple(Workload(deployment(n), replicas=0) for n in range(deployments))
        of = replace(ks("a"), workloads=workloads, applies=deployments)
        s = scenario(fleet(of), {"a": 0.0}, steps=replace(no_steps(), poll=Step(0.02, 0.0)))
        total_s = simulate(s).total_s
        assert total_s is not None
        return total_s - BEGINS_S

    assert look_s(1) == pytest.approx(0.02)  # three requests: as in the rollouts that a look's cost was read from
    assert look_s(90) == pytest.approx(0.02 * 270 / 6)


def test_a_look_of_a_release_takes_as_long_and_helms_own_loop_does_not() -> None:
    workloads = tuple(Workload(deployment(n), replicas=0) for n in range(90))
    release = replace(hr("web", "a"), workloads=workloads)

    def look(**flags: bool) -> float:
        plan = compile_plan(Scenario(fleet(ks("a"), release), Parameters(**flags)))  # type: ignore[arg-type]
        return next(item.look for item in plan.items if item.id == release.id)

    assert look() == 270 / 6
    assert look(use_helm3_defaults=True) == 1.0


def test_deployments_of_another_cluster_wait_for_that_ones_controller() -> None:
    many = tuple(PodTime(deployment(n), empty=True) for n in range(90))
    here, there = ks("here"), replace(ks("there"), cluster="kubeConfig x")
    s = scenario(fleet(here, there))
    workloads = {of.id: WorkloadTime(of.id, "test", pods=many) for of in (here, there)}
    both = replace(s, workloads={**s.workloads, **workloads}, parameters=Parameters(interval_jitter=0.0))
    assert simulate(both).total_s == pytest.approx(BEGINS_S + 20.0, abs=0.1)


def test_who_names_anothers_deployment_in_a_health_check_waits_until_it_is_shown() -> None:
    brings = replace(ks("brings", wait=False), workloads=tuple(Workload(deployment(n)) for n in range(90)))
    checks = replace(ks("checks", wait=False, health_checks=(deployment(89),)), workloads=())
    s = scenario(fleet(brings, checks))
    many = tuple(PodTime(deployment(n), empty=True) for n in range(90))
    s = replace(s, workloads={**s.workloads, brings.id: WorkloadTime(brings.id, "test", pods=many)})
    ready = dict(zip((obj.id.name for obj in s.fleet.services()), simulate(s).ready_s, strict=True))
    assert ready["checks"] - ready["brings"] == pytest.approx(20.0, abs=0.1)  # shown after 16.5 s


def test_a_release_waits_for_its_deployments_as_a_kustomization_does() -> None:
    release = hr("web", "a")
    s = scenario(fleet(ks("a"), release))
    many = tuple(PodTime(deployment(n), empty=True) for n in range(90))
    limited = replace(s, workloads={**s.workloads, release.id: WorkloadTime(release.id, "test", pods=many)})
    unlimited = replace(limited, parameters=replace(limited.parameters, controller_manager_qps=None))
    totals = [simulate(x).total_s for x in (limited, unlimited)]
    assert totals[0] - totals[1] == pytest.approx(20.0, abs=5.1)  # a look of the release, and one of its parent


def test_an_update_of_many_deployments_waits_as_well() -> None:
    of = ks("many")
    pods = tuple(PodTime(deployment(n), ready=Fixed(3.0), at_once=1) for n in range(90))
    s = scenario(fleet(of), kind=COMMIT, webhook=True, changed=frozenset({of.id}))
    limited = replace(s, workloads={**s.workloads, of.id: WorkloadTime(of.id, "test", pods=pods)})
    unlimited = replace(limited, parameters=replace(limited.parameters, controller_manager_qps=None))
    assert simulate(limited).total_s - simulate(unlimited).total_s > 15.0

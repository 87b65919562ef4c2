"""Pods and builds that lack a Secret, ConfigMap or claim go on when it comes, and what is said of the time until then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.simulate import Sample, simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization, Need, Workload
from fleetbench.ids import ObjectId
from fleetbench.model.distributions import Fixed
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import Scenario
from fleetbench.model.workload_time import PodTime, WorkloadTime
from fleetbench.timeline import causes
from fleetbench.timeline.causes import Piece
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, ks, ks_id, scenario
from tests.invariants import check_invariants

QUICK, SLOW = (ObjectId("Deployment", "default", name) for name in ("quick", "slow"))
SLACK_S = 10.0
"""Finalizers, and two health checks that look every 5 s."""


def two(*, deadline_s: float | None = None) -> tuple[Fleet, dict[ObjectId, WorkloadTime]]:
    """``app`` has two Deployments of 20 s; ``slow`` mounts a Secret that ``late`` brings, which comes after ``gate``."""
    need = Need("Secret default/s", SLOW, ks_id("late"), "workload")
    own = (Workload(QUICK), Workload(SLOW, deadline_s=deadline_s))
    of = fleet(replace(ks("app"), workloads=own, needs=(need,)), ks("gate"), ks("late", "gate"))
    pods = tuple(PodTime(d, 0, Fixed(0.0), Fixed(20.0)) for d in (QUICK, SLOW))
    return of, {ks_id("app"): WorkloadTime(ks_id("app"), "test", pods=pods)}


def run(of: Fleet, times: dict[ObjectId, WorkloadTime], gate_s: float, **fields: object) -> tuple[Scenario, Sample]:
    made = scenario(of, {"gate": gate_s}, **fields)
    made = replace(made, workloads={**made.workloads, **times})
    return made, simulate(made)


def at_s(of: Fleet, sample: Sample, name: str) -> float:
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))[ks_id(name)] or float("nan")


def chain(made: Scenario, sample: Sample, name: str) -> tuple[Piece, ...]:
    at = dict(zip([o.id for o in made.fleet.services()], sample.ready_s, strict=True))
    return why(made.fleet, sample.timeline, ks_id(name), parameters=made.parameters, ready_s=at)


def test_a_pod_starts_when_its_secret_comes_and_the_others_at_once() -> None:
    of, times = two()
    _, sample = run(of, times, 90.0)
    came = at_s(of, sample, "late")
    assert check_invariants(of, sample.timeline, Parameters()) == []
    assert came + 19.0 <= at_s(of, sample, "app") <= came + 20.0 + SLACK_S
    current = {e.object: e.t_s for e in sample.timeline.events if e.status == "True" and e.object in (QUICK, SLOW)}
    assert current[QUICK] < 20.0 + SLACK_S and current[SLOW] == pytest.approx(came + 20.0, abs=1.0)


def test_one_that_is_there_in_time_changes_nothing() -> None:
    of, times = two()
    _, with_need = run(of, times, 0.0)
    bare = replace(of, kustomizations=tuple(replace(k, needs=()) for k in of.kustomizations))
    _, without = run(bare, times, 0.0)
    assert at_s(of, with_need, "app") <= at_s(bare, without, "app") + 60.0  # `late` looks at its dependency 30 s later


def test_workloads_that_are_known_only_as_a_whole_start_then_too() -> None:
    of, _ = two()
    _, sample = run(of, {ks_id("app"): WorkloadTime(ks_id("app"), "test", total=Fixed(50.0))}, 90.0)
    came = at_s(of, sample, "late")
    assert came + 49.0 <= at_s(of, sample, "app") <= came + 50.0 + SLACK_S


def test_a_deployment_that_makes_no_progress_for_want_of_it_fails_its_health_check_and_is_tried_again() -> None:
    of, times = two(deadline_s=60.0)
    _, sample = run(of, times, 150.0)
    rows = [e for e in sample.timeline.events if e.object == ks_id("app") and e.reason == "HealthCheckFailed"]
    assert rows and rows[0].t_s == pytest.approx(60.0, abs=SLACK_S)
    assert at_s(of, sample, "app") >= at_s(of, sample, "late") + 19.0


def test_what_a_release_wants_by_its_values_holds_all_its_pods() -> None:
    release = hr("web", "apps")
    secret = Need("Secret default/s", release.id, ks_id("late"), "workload")
    of = fleet(ks("apps", wait=False), replace(release, needs=(secret,)), ks("gate"), ks("late", "gate"))
    made = scenario(of, {"gate": 90.0, "web": 30.0})
    sample = simulate(made)
    at = dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))
    late, web = at[ks_id("late")], at[release.id]
    assert late is not None and web is not None and late + 29.0 <= web <= late + 30.0 + SLACK_S


def test_the_time_until_it_comes_is_told_of_who_brings_it() -> None:
    of, times = two()
    made, sample = run(of, times, 90.0)
    pieces = chain(made, sample, "app")
    assert "gate" in [p.object.name for p in pieces]  # its 90 s, not a health poll of as long
    assert [p.detail for p in pieces if p.object == ks_id("app") and p.cause == causes.WORKLOAD] == [str(SLOW)]
    polls = [p.seconds for p in pieces if p.cause == causes.HEALTH_POLL]
    assert max(polls, default=0.0) <= made.parameters.health_poll_s


def settings(*, queues: bool) -> Fleet:
    need = Need("ConfigMap flux-system/s", ks_id("app"), ks_id("late"), "build", queues)
    app: Kustomization = replace(ks("app", retry_interval_s=3600.0), needs=(need,))
    return fleet(app, ks("gate"), ks("late", "gate"))


@pytest.mark.parametrize(
    ("queues", "watches", "waits"), [(True, True, False), (False, True, True), (True, False, True)]
)
def test_a_configmap_that_its_controller_watches_has_the_build_tried_again_at_once(
    queues: bool, watches: bool, waits: bool
) -> None:
    of = settings(queues=queues)
    made, sample = run(of, {}, 90.0, parameters=Parameters(interval_jitter=0.0, watches_configs=watches))
    assert check_invariants(of, sample.timeline, made.parameters) == []
    late_s = 3600.0 if waits else at_s(of, sample, "late")
    assert at_s(of, sample, "app") == pytest.approx(late_s, abs=SLACK_S)
    retries = sum(p.seconds for p in chain(made, sample, "app") if p.cause == causes.RETRY)
    assert retries == pytest.approx(3600.0 if waits else 0.0, abs=SLACK_S)

"""What must hold of any timeline: real ones pass, and each thing that could be wrong is found."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench import phases
from fleetbench.engine.simulate import simulate
from fleetbench.graph.objects import Dependency
from fleetbench.model.parameters import Parameters, flags_of_run
from fleetbench.model.profile import load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import Scenario
from fleetbench.runs.files import read_run
from tests.invariants import MEASURED_TOLERANCE_S, check_invariants
from tests.unit.timeline.timeline_rows import REPOSITORY, Rows, fleet, k_id, kustomization

TRACES = Path(__file__).parents[2] / "traces"
NAMES = sorted(p.name.split(".")[0] for p in TRACES.glob("*.json.gz"))


@pytest.mark.parametrize("name", NAMES)
def test_real_rollouts_pass(name):
    run = read_run(TRACES / f"{name}.json.gz")

    assert check_invariants(run.fleet, run.timeline, flags_of_run(run.flags), MEASURED_TOLERANCE_S) == []


@pytest.mark.parametrize("name", NAMES)
def test_predicted_rollouts_pass_without_tolerance(name):
    run = read_run(TRACES / f"{name}.json.gz")
    parameters = flags_of_run(run.flags)
    scenario = Scenario(run.fleet, parameters, workloads=resolve(run.fleet, None, None, load_profile("default")))

    for sample in range(3):
        assert check_invariants(run.fleet, simulate(scenario, sample, record=True).timeline, parameters) == []


def good():
    """a, then b, one worker would do."""
    rows = Rows().bootstrap().created(2.0, "a").run("a", 2.75, 3.0, 20.0, 23.0)
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 32.8, 33.0, 40.0, 43.0)
    return rows


MEMBERS = fleet(kustomization("a"), kustomization("b", "a"))


def wrong(rows, members=MEMBERS, **flags):
    return check_invariants(members, rows.timeline(), Parameters(**flags))


def test_a_rollout_as_it_should_be_passes():
    assert wrong(good()) == []


def test_events_out_of_order_are_found():
    timeline = good().timeline()
    shuffled = replace(timeline, events=timeline.events[::-1])

    assert any("comes after one at" in line for line in check_invariants(MEMBERS, shuffled, Parameters()))


def test_more_at_work_than_there_are_workers_is_found():
    rows = good().created(2.0, "c").run("c", 10.0, 11.0, 12.0, 15.0)

    assert wrong(rows, fleet(*MEMBERS.kustomizations[1:], kustomization("c")), kustomize_concurrent=1) == [
        "2 Kustomizations in work at 10.000 s with 1 workers"
    ]


def test_a_run_before_its_dependency_is_found():
    rows = (
        Rows()
        .bootstrap()
        .created(2.0, "a")
        .run("a", 2.75, 3.0, 20.0, 23.0)
        .created(2.0, "b")
        .run("b", 22.0, 22.5, 40.0, 43.0)
    )

    (line,) = wrong(rows)

    assert line.startswith(f"{k_id('b')}: runs at 22.000 s, before its dependency {k_id('a')} was Ready")


def test_a_ready_expression_may_let_it_run_earlier():
    early = (
        Rows()
        .bootstrap()
        .created(2.0, "a")
        .run("a", 2.75, 3.0, 20.0, 23.0)
        .created(2.0, "b")
        .run("b", 22.0, 22.5, 40.0, 43.0)
    )
    b = replace(kustomization("b"), depends_on=(Dependency(k_id("a"), ready_expr="true"),))

    assert wrong(early, fleet(kustomization("a"), b)) == []


def test_a_dependency_that_is_ready_with_an_old_revision_only_is_found():
    rows = good().add(100.0, REPOSITORY, phases.TRUE, phases.SUCCEEDED, revision="r2")
    rows.begins(100.2, "b").applied(100.4, "b").ready(100.6, "b", revision="r2")

    (line,) = wrong(rows)

    assert "with the artifact of 100.000 s" in line


def test_a_child_that_exists_before_its_parent_applies_is_found():
    rows = good().created(0.5, "c").run("c", 3.0, 3.5, 4.0, 5.0)

    (line,) = wrong(rows, fleet(*MEMBERS.kustomizations[1:], kustomization("c")))

    assert line.startswith(f"{k_id('c')}: exists at 0.500 s, before its parent")


def test_a_waiting_parent_that_is_ready_before_its_child_is_found():
    rows = Rows().bootstrap().created(2.0, "wave").begins(2.75, "wave").applied(3.0, "wave").ready(20.0, "wave")
    rows.created(3.0, "child").run("child", 3.75, 4.0, 38.0, 40.0)

    (line,) = wrong(rows, fleet(kustomization("wave", workloads=()), kustomization("child", parent="wave")))

    assert line == f"{k_id('wave')}: Ready at 20.000 s, before {k_id('child')}, which its health check watches"


def test_ready_before_its_own_workload_is_found():
    rows = Rows().bootstrap().created(2.0, "a").run("a", 2.75, 3.0, 30.0, 23.0)

    assert any("was Current" in line for line in wrong(rows, fleet(kustomization("a"))))


def test_a_health_check_that_outlasts_its_timeout_is_found():
    rows = Rows().bootstrap().created(2.0, "a").run("a", 2.75, 3.0, 99.0, 100.0)

    (line,) = wrong(rows, fleet(kustomization("a", timeout_s=60.0)))

    assert "a health check of 97.000 s with a timeout of 60 s" in line


def test_a_retry_that_comes_too_early_is_found():
    rows = (
        Rows()
        .bootstrap()
        .created(2.0, "a")
        .begins(2.75, "a")
        .applied(3.0, "a")
        .failed(33.0, "a")
        .run("a", 43.0, 43.5, 44.0, 45.0)
    )

    (line,) = wrong(rows, fleet(kustomization("a", timeout_s=30.0, retry_interval_s=30.0)))

    assert line == f"{k_id('a')}: reconciled again at 43.000 s, 10.000 s after HealthCheckFailed, wanted 30 s"


def test_a_poll_that_comes_too_early_is_found():
    assert any("after DependencyNotReady, wanted 60 s" in line for line in wrong(good(), requeue_dependency_s=60.0))


def test_a_new_artifact_may_cut_a_pause_short():
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a").applied(3.0, "a").failed(33.0, "a")
    rows.add(42.0, REPOSITORY, phases.TRUE, phases.SUCCEEDED, revision="r2").run("a", 43.0, 43.5, 44.0, 45.0)

    assert wrong(rows, fleet(kustomization("a", timeout_s=30.0, retry_interval_s=30.0))) == []


def test_attempts_that_count_down_are_found():
    rows = good()
    rows.events = [e._replace(attempt=9 - n) if e.object == k_id("a") else e for n, e in enumerate(rows.events)]

    assert any("attempt" in line for line in wrong(rows))

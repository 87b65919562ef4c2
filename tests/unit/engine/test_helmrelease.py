"""helm-controller's decisions: installs, timeouts, retries, terminal states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench import phases
from fleetbench.engine.simulate import simulate
from fleetbench.graph.objects import Need, Source
from fleetbench.graph.root import with_root
from fleetbench.ids import HELM_CHART, HELM_REPOSITORY, ObjectId
from fleetbench.model.parameters import Parameters, parameters_of
from fleetbench.model.scenario import COMMIT
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario


def run(of, durations=None, **fields):
    sample = simulate(scenario(of, durations, **fields))
    return sample, dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


def reasons(sample, id):
    """The reasons as they changed."""
    found = []
    for event in sample.timeline.by_object[id]:
        if event.reason and (not found or found[-1] != event.reason):
            found.append(event.reason)
    return found


def test_a_release_waits_for_its_charts_artifact_event_and_not_for_its_own_requeue():
    of = fleet(ks("a"), hr("h", "a"))
    sample, ready = run(of)
    assert phases.SOURCE_NOT_READY in reasons(sample, hr_id("h"))
    assert ready[hr_id("h")] < 5.0  # the requeue would be 30 s


def test_without_retries_one_timeout_is_terminal_and_a_waiting_parent_sees_it_at_its_next_poll():
    of = fleet(ks("a", timeout_s=600.0), hr("h", "a", timeout_s=60.0))
    sample, ready = run(of, {"h": 100.0})
    assert ready[hr_id("h")] is None and ready[ks_id("a")] is None
    assert reasons(sample, hr_id("h"))[-1] == phases.RETRIES_EXCEEDED
    failed = [e.t_s for e in sample.timeline.by_object[ks_id("a")] if e.reason == phases.HEALTH_CHECK_FAILED]
    assert failed and failed[0] < 75.0  # fail-fast: within one poll of the release's failure, long before the 600 s
    assert sample.until_s < 75.0


def test_without_fail_fast_a_failed_release_is_waited_for_until_the_timeout():
    of = fleet(ks("a", timeout_s=600.0), hr("h", "a", timeout_s=60.0))
    sample, _ = run(of, {"h": 100.0}, parameters=Parameters(interval_jitter=0.0, fail_fast=False))
    failed = [e.t_s for e in sample.timeline.by_object[ks_id("a")] if e.reason == phases.HEALTH_CHECK_FAILED]
    assert failed[0] == pytest.approx(600.0, abs=5.0)


def test_each_controller_has_delays_and_jitter_of_its_own():
    of = fleet(ks("a", wait=False), hr("h", "a", chart_ref=True))
    late, slow = parameters_of().with_(helm_min_retry_delay_s=5.0), parameters_of().with_(source_min_retry_delay_s=5.0)
    (_, usual), (_, helm), (_, source) = (run(of, parameters=p) for p in (parameters_of(), late, slow))
    a, h = ks_id("a"), hr_id("h")
    assert helm[a] == usual[a] and helm[h] - usual[h] == pytest.approx(4.25)
    assert source[a] - usual[a] == pytest.approx(4.25)  # the finalizer of the source that it waits for

    of = fleet(ks("a", wait=False), hr("h", "a", timeout_s=60.0, strategy="RetryOnFailure", retry_interval_s=100.0))

    def retried_s(**jitter: float) -> float:
        at = run(of, {"h": 100.0}, parameters=Parameters(**jitter))[1][h]
        return round(at - usual[h], 1)

    assert retried_s(helm_interval_jitter=0.0) != retried_s(helm_interval_jitter=0.5)
    assert retried_s(helm_interval_jitter=0.0) == retried_s(helm_interval_jitter=0.0, source_interval_jitter=0.5)
    assert retried_s(helm_interval_jitter=0.0) == retried_s(helm_interval_jitter=0.0, interval_jitter=0.5)


def test_with_retries_the_release_is_uninstalled_and_its_pods_start_again():
    of = fleet(ks("a"), hr("h", "a", timeout_s=60.0, retries=1))
    sample, ready = run(of, {"h": 100.0})
    assert ready[hr_id("h")] is None
    assert reasons(sample, hr_id("h")).count(phases.INSTALL_FAILED) == 2


def test_what_was_installed_before_flux_is_upgraded_with_the_retries_of_an_upgrade():
    of = fleet(ks("a"), hr("h", "a", installed_by="helmfile.yaml:3", retries=3, timeout_s=30.0))
    sample, ready = run(of)
    assert ready[hr_id("h")] < 5.0
    said = reasons(sample, hr_id("h"))
    assert phases.UPGRADE_SUCCEEDED in said and phases.INSTALL_SUCCEEDED not in said
    failed = reasons(run(of, fail=frozenset({hr_id("h")}))[0], hr_id("h"))
    assert failed.count(phases.UPGRADE_FAILED) == 1 and failed[-1] == phases.RETRIES_EXCEEDED


def test_retry_on_failure_keeps_the_pods_and_gets_there():
    of = fleet(ks("a"), hr("h", "a", timeout_s=60.0, strategy="RetryOnFailure", retry_interval_s=30.0))
    _, ready = run(of, {"h": 100.0})
    assert ready[hr_id("h")] == pytest.approx(105.0, abs=10.0)


@pytest.mark.parametrize(("strategy", "tries_again"), [(None, True), ("RemediateOnFailure", False)])
def test_the_gate_that_makes_retry_on_failure_the_default_leaves_a_stated_strategy_alone(strategy, tries_again):
    of = fleet(ks("a"), hr("h", "a", timeout_s=60.0, strategy=strategy, retry_interval_s=30.0))
    gate = Parameters(interval_jitter=0.0, default_to_retry_on_failure=True)
    _, ready = run(of, {"h": 100.0}, parameters=gate)
    assert (ready[hr_id("h")] is not None) == tries_again


def test_a_release_that_does_not_wait_is_ready_at_once():
    of = fleet(ks("a"), hr("h", "a", disable_wait=True))
    assert run(of, {"h": 100.0})[1][hr_id("h")] < 5.0


def test_a_dependency_between_releases_is_polled_like_any_other():
    of = fleet(ks("a"), hr("g", "a"), hr("h", "a", "g"))
    _, ready = run(of, {"g": 7.0})
    assert 30.0 < ready[hr_id("h")] < 40.0


def test_helm_3_looked_every_2_seconds():
    of = fleet(ks("a", wait=False), hr("h", "a"))
    old = parameters_of("2.7").with_(interval_jitter=0.0)
    _, at_2 = run(of, {"h": 7.0}, parameters=old)
    _, at_5 = run(of, {"h": 7.0}, parameters=Parameters(interval_jitter=0.0))
    assert at_5[hr_id("h")] - at_2[hr_id("h")] == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize(
    ("strategy", "gate", "poll_s"),
    [(None, False, 5.0), ("poller", False, 5.0), ("legacy", False, 2.0), (None, True, 2.0), ("poller", True, 5.0)],
)
def test_a_release_waits_with_the_strategy_it_states_and_else_with_the_controllers(strategy, gate, poll_s):
    of = fleet(ks("a", wait=False), hr("h", "a", wait_strategy=strategy))
    parameters = Parameters(interval_jitter=0.0, use_helm3_defaults=gate)
    sample, ready = run(of, {"h": 7.0}, parameters=parameters)
    looked_first = next(e.t_s for e in sample.timeline.by_object[hr_id("h")] if e.message == phases.INSTALLING)
    assert ready[hr_id("h")] - looked_first == pytest.approx({2.0: 8.0, 5.0: 10.0}[poll_s])
    chain = why(of, sample.timeline, hr_id("h"), parameters=parameters)
    assert f"looks every {poll_s:g} s" in [piece.detail for piece in chain]


@pytest.mark.parametrize(("chart_ref", "reason"), [(False, phases.SOURCE_NOT_READY), (True, phases.ARTIFACT_FAILED)])
def test_a_release_whose_chart_does_not_exist_never_turns_ready(chart_ref: bool, reason: str):
    of = fleet(ks("a"), hr("h", "a", chart_ref=chart_ref, broken="./charts/nope does not exist"), ks("b"))
    sample, ready = run(of, {"b": 60.0})
    assert ready[hr_id("h")] is None and ready[ks_id("a")] is None and ready[ks_id("b")] is not None
    assert reason in reasons(sample, hr_id("h")) and phases.INSTALL_FAILED not in reasons(sample, hr_id("h"))
    assert sample.until_s < 610.0  # a's timeout: there is nothing else to wait for


def test_a_release_whose_values_are_never_found_says_so_of_a_chart_that_is_there():
    of = fleet(ks("a", timeout_s=60.0), hr("h", "a", broken="valuesFrom names ConfigMap/data/values"), ks("b"))
    sample, ready = run(of, {"b": 90.0})
    assert ready[hr_id("h")] is None and ready[ks_id("a")] is None and ready[ks_id("b")] is not None
    assert reasons(sample, hr_id("h"))[-1] == phases.VALUES_ERROR
    assert phases.INSTALL_FAILED not in reasons(sample, hr_id("h"))
    assert [e.status for e in sample.timeline.events if e.object.kind == HELM_CHART][-1] == phases.TRUE


@pytest.mark.parametrize(
    ("what", "blocks", "reason"),
    [
        ("ConfigMap data/values", "build", phases.VALUES_ERROR),
        ("CustomResourceDefinition x", "apply", phases.INSTALL_FAILED),
    ],
)
def test_a_release_heals_once_its_values_or_custom_kinds_are_there(what: str, blocks: str, reason: str):
    need = Need(what, hr_id("h"), ks_id("late"), blocks)
    of = fleet(ks("a"), hr("h", "a", needs=(need,)), ks("first", timeout_s=60.0), ks("late", "first"))
    sample, ready = run(of, {"first": 5.0, "h": 4.0})
    assert reason in reasons(sample, hr_id("h")) and phases.RETRIES_EXCEEDED not in reasons(sample, hr_id("h"))
    assert 31.0 < ready[hr_id("h")] < 65.0 and ready[ks_id("a")] is not None  # tried at 0.75, 1.5, 3 ... 24 s more


def test_a_release_without_its_namespace_has_failed():
    need = Need("Namespace data", hr_id("h"), ks_id("late"), "apply")
    of = fleet(ks("a"), hr("h", "a", needs=(need,)), ks("first"), ks("late", "first"))
    sample, ready = run(of, {"first": 5.0, "h": 4.0})
    assert ready[hr_id("h")] is None and reasons(sample, hr_id("h"))[-1] == phases.RETRIES_EXCEEDED


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
def test_a_failed_upgrade_has_retries_of_its_own_and_uninstalls_nothing(retries: int, attempts: int):
    of = fleet(ks("a"), hr("h", "a", timeout_s=30.0, retries=5, upgrade_retries=retries))
    s = scenario(of, {"h": 50.0}, kind=COMMIT, webhook=True, changed=frozenset({hr_id("h")}))
    sample = simulate(s)
    said = reasons(sample, hr_id("h"))
    assert said.count(phases.UPGRADE_FAILED) == attempts and said[-1] == phases.RETRIES_EXCEEDED
    assert phases.INSTALL_FAILED not in said


@pytest.mark.parametrize(("chart_ref", "said"), [(True, [phases.ACCESS_DENIED]), (False, [])])
def test_a_release_is_denied_a_chart_of_another_namespace_and_says_so_only_of_a_reference(
    chart_ref: bool, said: list[str]
):
    of = fleet(ks("a", timeout_s=60.0), hr("h", "a", chart_ref=chart_ref, denied="OCIRepository/other/x"), ks("b"))
    sample, ready = run(of)
    assert (ready[hr_id("h")], ready[ks_id("a")]) == (None, None) and ready[ks_id("b")] is not None
    assert reasons(sample, hr_id("h")) == said


@pytest.mark.parametrize(("static", "said"), [(True, [""]), (False, ["", "", "Unknown", "True"])])
def test_an_oci_helm_repository_is_reconciled_by_nobody(static: bool, said: list[str]):
    repository = ObjectId(HELM_REPOSITORY, "flux-system", "charts")
    a, release = ks("a", wait=False), replace(hr("h", "a"), source=repository)
    of = with_root([a], [release], [Source(repository, parent=a.id, static=static)], None)
    sample, ready = run(of, {"h": 5.0})
    assert [e.status for e in sample.timeline.by_object[repository]] == said
    assert ready[release.id] is not None


def test_a_release_whose_source_is_nowhere_ends_also_under_a_controller_without_delays():
    gone = replace(hr("app", "apps"), source=ObjectId(HELM_REPOSITORY, "apps", "gone"))
    of = with_root([ks("apps", wait=False)], [gone], [Source(gone.source, defined=False)], None)
    sample = simulate(scenario(of, parameters=Parameters().perfect()))
    assert sample.ready_s[[o.id for o in of.services()].index(hr_id("app"))] is None


def test_the_rollout_is_over_though_what_was_waited_for_in_vain_is_never_created():
    """c's release waits for a's, which gives up first; then b's gives up, for which c waits before it creates anything."""
    of = fleet(
        ks("a", wait=False),
        hr("ha", "a", retries=0, timeout_s=60.0),
        ks("b"),
        hr("hb", "b", retries=0, timeout_s=120.0),
        ks("c", "b"),
        hr("hc", "c", "ha"),
    )
    sample = simulate(scenario(of, {"ha": 1000.0, "hb": 1000.0}))
    assert sample.until_s < 600.0
    assert not sample.complete

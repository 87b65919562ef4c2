"""kustomize-controller's decisions: sources, dependencies, failures, needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench import phases
from fleetbench.engine.readiness import artifact_event_enqueues, dependency_ready, next_poll_s, retries_exhausted
from fleetbench.engine.simulate import simulate
from fleetbench.graph.objects import Dependency, Need, Source, Workload
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, OCI_REPOSITORY, ObjectId
from fleetbench.model.parameters import parameters_of
from fleetbench.model.profile import load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import COMMIT
from fleetbench.model.steps import shipped_steps
from fleetbench.timeline.causes import TIMEOUT
from fleetbench.timeline.why import why
from tests.builders import NS, ROOT, fleet, hr, hr_id, ks, ks_id, scenario

GIT = ObjectId(GIT_REPOSITORY, NS, "flux-system")


def run(of, durations=None, **fields):
    sample = simulate(scenario(of, durations, **fields))
    return sample, dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


def reasons(sample, id):
    return [e.reason for e in sample.timeline.by_object[id] if e.reason]


def test_a_dependency_of_the_same_source_must_show_the_sources_revision():
    assert dependency_ready(True, phases.TRUE, 2, 2, True)
    assert not dependency_ready(True, phases.TRUE, 1, 2, True)
    assert dependency_ready(True, phases.TRUE, 1, 2, False)
    assert not dependency_ready(True, phases.UNKNOWN, 2, 2, True)
    assert not dependency_ready(False, phases.TRUE, 2, 2, True)


def test_an_artifact_event_leaves_out_who_has_attempted_that_revision():
    assert artifact_event_enqueues(phases.FALSE, 1, 1)
    assert not artifact_event_enqueues(phases.TRUE, 1, 1)
    assert not artifact_event_enqueues(phases.UNKNOWN, 1, 1)
    assert artifact_event_enqueues(phases.TRUE, 1, 2)


def test_polls_keep_the_phase_of_the_first():
    assert next_poll_s(0.0, 2.0, 5.0) == 2.0
    assert next_poll_s(2.1, 2.0, 5.0) == 7.0
    assert next_poll_s(7.0, 2.0, 5.0) == 7.0
    assert next_poll_s(9.3, 2.0, 0.0) == 9.3


def test_retries_minus_one_never_end():
    assert retries_exhausted(1, 0)
    assert not retries_exhausted(3, 3)
    assert not retries_exhausted(10_000, -1)


def test_the_root_first_finds_no_artifact_and_is_brought_back_by_its_event():
    of = fleet(ks("a"))
    sample, ready = run(of)
    assert reasons(sample, ROOT)[:2] == [phases.ARTIFACT_FAILED, phases.PROGRESSING] or ready[ROOT] < 2.0
    assert ready[ROOT] < 2.0  # not 30 s later


def test_a_dependency_on_nothing_is_polled_for_ever():
    of = fleet(ks("a", "nowhere"), ks("b"))
    sample, ready = run(of)
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is not None
    assert phases.DEPENDENCY_NOT_READY in reasons(sample, ks_id("a"))


def test_a_cycle_is_never_ready_and_the_simulation_ends_all_the_same():
    sample, ready = run(fleet(ks("a", "b"), ks("b", "a"), ks("c")))
    assert [ready[ks_id(n)] is None for n in "abc"] == [True, True, False]
    assert sample.until_s < 600.0


def test_a_suspended_dependency_blocks_its_dependants():
    _, ready = run(fleet(ks("a", suspend=True), ks("b", "a")))
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is None


def test_a_waiting_parent_whose_child_depends_on_it_is_a_deadlock():
    _, ready = run(fleet(ks("p"), ks("c", "p", parent="p")))
    assert ready[ks_id("p")] is None and ready[ks_id("c")] is None


def test_a_parent_that_does_not_wait_lets_its_child_depend_on_it():
    _, ready = run(fleet(ks("p", wait=False), ks("c", "p", parent="p")))
    assert ready[ks_id("c")] is not None


def test_a_source_defined_nowhere_leaves_its_kustomization_behind():
    missing = ObjectId(OCI_REPOSITORY, NS, "gone")
    of = with_root(
        [replace(ks("a"), source=missing), ks("b"), ks("c")], [], [Source(missing, defined=False)], None, source=GIT
    )
    _, ready = run(of)
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is not None


def test_an_undeclared_need_costs_a_whole_retry_interval():
    crd = Need("CustomResourceDefinition x", ks_id("a"), ks_id("b"), "apply")
    # b turns Ready first only if it is declared; here both start together and a's dry-run fails.
    of = fleet(replace(ks("a", retry_interval_s=120.0), needs=(crd,)), ks("b"))
    sample, ready = run(of, {"b": 3.0})
    assert phases.RECONCILIATION_FAILED in reasons(sample, ks_id("a"))
    assert 120.0 < ready[ks_id("a")] < 130.0
    declared = fleet(replace(ks("a", "b", retry_interval_s=120.0), needs=(crd,)), ks("b"))
    assert run(declared, {"b": 3.0})[1][ks_id("a")] < 40.0


def test_a_resource_beside_the_release_that_brings_its_kind_is_a_deadlock():
    crd = Need("CustomResourceDefinition x", ks_id("a"), hr_id("h"), "apply")
    of = fleet(replace(ks("a"), needs=(crd,)), hr("h", "a"))
    _, ready = run(of)
    assert ready[ks_id("a")] is None and ready[hr_id("h")] is None


def crds_of_each_other(by_a=None, by_b=None, **fields):
    def crd(name, wanted_by, provider):
        return (Need(f"CustomResourceDefinition {name}", ks_id(wanted_by), provider, "apply"),)

    a = replace(ks("a", retry_interval_s=120.0, **fields), needs=crd("x", "a", by_b or ks_id("b")))
    return a, replace(ks("b", retry_interval_s=120.0), needs=crd("y", "b", by_a or ks_id("a")))


def test_kustomizations_that_apply_each_others_crds_lose_one_retry_interval_at_most():
    sample, ready = run(fleet(*crds_of_each_other()))
    assert reasons(sample, ks_id("a")).count(phases.RECONCILIATION_FAILED) == 1
    assert 120.0 < ready[ks_id("a")] < 130.0 and ready[ks_id("b")] < 10.0  # the first stage of a was there for b


def test_kustomizations_whose_releases_bring_each_others_crds_never_come_up():
    of = fleet(*crds_of_each_other(hr_id("in-a"), hr_id("in-b")), hr("in-a", "a"), hr("in-b", "b"))
    assert set(run(of)[1].values()) - {run(of)[1][ROOT]} == {None}


@pytest.mark.parametrize(("what", "there"), [("StorageClass fast", True), ("Secret default/login", False)])
def test_pods_wait_for_what_they_name_and_a_class_comes_whatever_is_refused_beside_it(what, there):
    app = replace(
        ks("app"), needs=(Need(what, ObjectId("StatefulSet", "default", "db"), ks_id("storage"), "workload"),)
    )
    _, ready = run(fleet(app, replace(ks("storage"), refused="spec.interval: got 10")))
    assert ready[ks_id("storage")] is None and (ready[ks_id("app")] is not None) == there
    _, ready = run(fleet(app, ks("storage", "app")))
    assert ready[ks_id("app")] is None and ready[ks_id("storage")] is None
    _, ready = run(fleet(app, ks("slow"), ks("storage", "slow")), {"slow": 40.0})
    assert ready[ks_id("slow")] > 40.0 and ready[ks_id("app")] > ready[ks_id("slow")]


def test_what_the_api_server_refuses_leaves_the_crds_of_the_same_kustomization_there():
    of = fleet(*crds_of_each_other(refused="spec.interval: got 10"))
    _, ready = run(of)
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is not None


def test_what_fails_without_a_health_check_brings_no_crds():
    of = fleet(*crds_of_each_other(wait=False))
    _, ready = run(of, fail=frozenset({ks_id("a")}))
    assert (ready[ks_id("a")], ready[ks_id("b")]) == (None, None)


@pytest.mark.parametrize(("wait", "ready_at_last"), [(True, False), (False, True)])
def test_health_checks_watch_what_they_name_and_not_what_waits_for_a_store_beside_it(wait, ready_at_last):
    secret = ObjectId("ExternalSecret", "a", "token")
    store = (Need("ClusterSecretStore vault", secret, ks_id("store"), "workload"),)
    es = replace(ks("es", wait=wait), health_checks=(deployment("es"),), needs=store)
    _, ready = run(fleet(es, ks("store", "es")))  # the store comes after what the secret lies in
    assert (ready[ks_id("es")] is not None) is ready_at_last


def test_a_ready_expr_replaces_the_check_of_the_revision():
    a, b = ks("a"), ks("b")
    of = fleet(a, replace(b, depends_on=(Dependency(a.id, "true"),)))
    assert run(of)[1][b.id] is not None


def test_a_failing_workload_times_out_and_is_retried_while_the_others_go_on():
    of = fleet(ks("a", timeout_s=30.0, retry_interval_s=20.0), ks("b", "a"), ks("c"))
    sample = simulate(scenario(of, fail=frozenset({ks_id("a")}), until_s=200.0))
    rows = reasons(sample, ks_id("a"))
    assert rows.count(phases.HEALTH_CHECK_FAILED) == 4  # at 31.5, 81.5, 131.5 and 181.5 s
    ready = dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is None and ready[ks_id("c")] is not None


@pytest.mark.parametrize("workers", [1, 4])
def test_never_more_workers_are_held_than_there_are(workers):
    from fleetbench.model.parameters import Parameters

    of = fleet(*(ks(f"s{n}") for n in range(12)))
    sample = simulate(
        scenario(of, {f"s{n}": 7.0 for n in range(12)}, parameters=Parameters(kustomize_concurrent=workers))
    )
    assert sample.most_busy <= max(workers, 2)  # source-controller has two of its own


def test_an_interval_of_milliseconds_beside_what_misses_its_timeout_ends_the_sample_early():
    of = fleet(ks("restless", interval_s=0.002), ks("late", timeout_s=5.0, retry_interval_s=3600.0, wait=True))
    sample = simulate(scenario(of, {"late": 80_000.0}), record=False)
    assert not sample.complete and sample.until_s < 3600.0
    assert 5_000 < sum(sample.attempts) < 10_000


def test_retries_every_minute_go_on_for_the_whole_day():
    of = fleet(ks("late", timeout_s=5.0, retry_interval_s=60.0))
    _, ready = run(of, {"late": 80_000.0})
    assert 80_000.0 <= ready[ks_id("late")] < 80_070.0


def deployment(name):
    return ObjectId("Deployment", "default", name)


def checking(name, *targets):
    """A Kustomization whose content is read in full, with health checks instead of ``wait``."""
    return ks(name, wait=False, health_checks=targets, objects=(deployment(name),), timeout_s=120.0)


@pytest.mark.parametrize("order", [("there", "gone"), ("gone", "there")])
def test_a_health_check_on_what_nothing_creates_fails_wherever_it_stands_in_the_list(order):
    sample, ready = run(fleet(checking("a", *map(deployment, order)), checking("there")))
    assert ready[ks_id("a")] is None
    assert phases.HEALTH_CHECK_FAILED in reasons(sample, ks_id("a"))


def test_a_release_of_another_namespace_cannot_bring_what_a_health_check_names():
    release = replace(hr("redis", "a"), workloads_known=False, target_namespace="data")
    a = checking("a", ObjectId(HELM_RELEASE, "default", "gone"))
    _, ready = run(fleet(replace(a, applies=1), release))
    assert ready[ks_id("a")] is None


def test_a_health_check_on_anothers_deployment_waits_until_that_one_is_current():
    slow = replace(checking("slow"), wait=True)
    b = replace(checking("b", deployment("b")), depends_on=(Dependency(ks_id("slow")),))
    sample, ready = run(fleet(slow, b, checking("a", deployment("b"))), {"slow": 20.0, "b": 40.0, "a": 0.0})
    assert ready[ks_id("a")] >= ready[ks_id("b")] - 5.0 >= 60.0
    assert sample.complete


def test_what_can_never_turn_ready_is_tried_once_before_the_rollout_counts_as_over():
    b = replace(checking("b"), depends_on=(Dependency(ks_id("a")),))
    of = fleet(checking("a", deployment("gone")), b, checking("c"))
    sample, _ = run(of)
    tried = dict(zip([o.id.name for o in of.services()], sample.attempts, strict=True))
    assert reasons(sample, ks_id("a"))[-1] == phases.HEALTH_CHECK_FAILED
    assert reasons(sample, ks_id("b"))[-1] == phases.DEPENDENCY_NOT_READY
    assert tried["a"] == 2  # the finalizer, and one whole reconcile: what follows are retries that cannot succeed
    assert 120.0 < sample.until_s < 130.0


def test_the_chain_of_what_fails_names_what_is_not_current():
    s = scenario(fleet(ks("a", timeout_s=60.0), ks("b")), {"a": 5.0}, fail=frozenset({ks_id("a")}))
    sample = simulate(s)
    last = why(s.fleet, sample.timeline, ks_id("a"), parameters=s.parameters)[-1]
    assert last.cause == TIMEOUT
    assert last.detail == "HealthCheckFailed: Kustomization/flux-system/a not Current"


def test_the_chain_of_a_health_check_on_nothing_names_it():
    s = scenario(fleet(checking("a", deployment("gone"))))
    last = why(s.fleet, simulate(s).timeline, ks_id("a"), parameters=s.parameters)[-1]
    assert last.detail == "HealthCheckFailed: Deployment/default/gone not Current"


def test_what_the_api_server_refuses_keeps_everything_beside_it_from_being_applied():
    of = fleet(replace(ks("a"), refused="spec.interval: got 10"), ks("child", parent="a"), ks("b"))
    sample, ready = run(of)
    assert reasons(sample, ks_id("a"))[-1] == phases.RECONCILIATION_FAILED
    assert (ready[ks_id("a")], ready[ks_id("child")]) == (None, None) and ready[ks_id("b")] is not None
    assert ks_id("child") not in sample.timeline.by_object


def test_only_the_releases_that_refuse_it_keep_it_back():
    of = fleet(replace(ks("a"), refused="apiVersion: v1beta2", refused_by=("2.8", "2.9")))
    assert run(of)[1][ks_id("a")] is None
    _, before = run(of, parameters=replace(parameters_of("2.7"), interval_jitter=0.0))
    assert before[ks_id("a")] is not None


def test_a_source_in_another_namespace_is_denied_and_a_waiting_parent_fails_at_once():
    denied = replace(ks("child", parent="a"), denied="GitRepository/other/x")
    sample, ready = run(fleet(ks("a", wait=True), denied, ks("b", "child")))
    assert [ready[ks_id(n)] for n in ("a", "child", "b")] == [None, None, None]
    assert reasons(sample, ks_id("child"))[-1] == phases.ACCESS_DENIED
    assert reasons(sample, ks_id("a"))[-1] == phases.HEALTH_CHECK_FAILED
    assert sample.until_s < 60.0


def test_what_no_controller_watches_never_says_anything():
    of = fleet(replace(ks("a"), unwatched="sharding.fluxcd.io/key=x"), ks("b", "a"), ks("c"))
    sample, ready = run(of)
    assert (ready[ks_id("a")], ready[ks_id("b")]) == (None, None) and ready[ks_id("c")] is not None
    assert not [reason for reason in reasons(sample, ks_id("a")) if reason]


def test_a_variable_that_nothing_sets_fails_the_build_from_flux_2_9_on():
    of = fleet(replace(ks("a"), unset_variables=("DOMAIN",)))
    sample, ready = run(of)
    assert ready[ks_id("a")] is None and reasons(sample, ks_id("a"))[-1] == phases.BUILD_FAILED
    _, before = run(of, parameters=replace(parameters_of("2.8"), interval_jitter=0.0))
    assert before[ks_id("a")] is not None


def test_a_health_check_on_a_workload_that_fails_elsewhere_ends_with_its_first_timeout():
    of = fleet(checking("a", deployment("b")), checking("b"))
    sample, ready = run(of, {"a": 0.0, "b": 5.0}, fail=frozenset({deployment("b")}))
    assert ready[ks_id("a")] is None and ready[ks_id("b")] is not None
    assert reasons(sample, ks_id("a"))[-1] == phases.HEALTH_CHECK_FAILED
    assert sample.until_s < 130.0


def test_a_commit_does_not_wait_for_what_never_existed():
    of = fleet(ks("a"), ks("b", "nowhere"))
    sample = simulate(scenario(of, {"a": 5.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")})))
    assert sample.until_s < 20.0


def test_a_timeout_below_half_a_minute_counts_as_half_a_minute():
    _, ready = run(fleet(ks("a", timeout_s=10.0)), {"a": 22.0})
    assert ready[ks_id("a")] < 30.0


@pytest.mark.parametrize(("deadline_s", "ready_s"), [(120.0, 721.5), (None, 301.5)])
def test_a_deployment_that_makes_no_progress_for_too_long_has_failed_and_is_looked_at_again(deadline_s, ready_s):
    slow = Workload(deployment("a"), stated_ready_s=300.0, stated_by="annotation", deadline_s=deadline_s)
    of = fleet(replace(ks("a", timeout_s=1800.0, retry_interval_s=600.0), workloads=(slow,)))
    sample = simulate(replace(scenario(of), workloads=resolve(of, None, None, load_profile("default"))))
    at = dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))
    assert at[ks_id("a")] == pytest.approx(ready_s, abs=5.0)
    assert (phases.HEALTH_CHECK_FAILED in reasons(sample, ks_id("a"))) == (deadline_s is not None)


def test_what_never_turns_healthy_is_given_up_at_kubernetes_own_deadline_not_at_the_timeout():
    of = fleet(ks("a", timeout_s=1800.0, retry_interval_s=600.0))
    sample, _ = run(of, {"a": 5.0}, fail=frozenset({deployment("a")}))
    failed = next(e.t_s for e in sample.timeline.by_object[ks_id("a")] if e.reason == phases.HEALTH_CHECK_FAILED)
    assert failed == pytest.approx(601.5, abs=5.0)


def test_what_fails_never_passes_a_health_check_of_a_release_alone():
    of = fleet(ks("x", wait=False, health_checks=(hr_id("h"),), timeout_s=60.0), hr("h", "x"), ks("y", "x"))
    _, at = run(of, {"h": 5.0}, fail=frozenset({ks_id("x")}), until_s=600.0)
    assert at[hr_id("h")] is not None
    assert at[ks_id("x")] is at[ks_id("y")] is None


@pytest.mark.parametrize("asked", [ks_id("x"), hr_id("h")])
@pytest.mark.parametrize("wait", [True, False])
def test_what_a_failing_dry_run_lacks_is_said_also_of_what_it_would_have_created(asked, wait):
    crd = Need("CustomResourceDefinition certificates.cert-manager.io", ks_id("x"), ks_id("y"), "apply")
    of = fleet(ks("x", wait=wait, needs=(crd,)), hr("h", "x"), ks("y", "x"))
    s = scenario(of, until_s=100.0, steps=shipped_steps())
    details = [piece.detail for piece in why(of, simulate(s).timeline, asked, parameters=s.parameters)]
    assert "ReconciliationFailed: CustomResourceDefinition certificates.cert-manager.io not there" in details


@pytest.mark.parametrize("first", ["late", "soon"])
def test_a_source_that_several_apply_is_there_once_the_first_of_them_is_applied(first):
    charts = Source(
        ObjectId("HelmRepository", NS, "charts"), parent=ks_id(first), also_by=(ks_id("late"), ks_id("soon"))
    )
    # `late` waits for what only the chart brings: alone it would never be applied
    of = fleet(ks("late", "user", wait=False), ks("soon"), ks("user"), hr("app", "user"))
    releases = tuple(replace(h, source=charts.id) for h in of.helmreleases)
    of = replace(of, sources=(*of.sources, charts), helmreleases=releases)
    _, ready = run(of, {"soon": 20.0})
    assert ready[hr_id("app")] is not None and ready[ks_id("user")] is not None and ready[ks_id("late")] is not None
    alone = replace(charts, parent=ks_id("late"), also_by=())
    assert run(replace(of, sources=(*of.sources[:-1], alone)))[1][ks_id("late")] is None

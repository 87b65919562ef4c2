"""The causal chain, on rollouts written by hand so that every second's cause is known."""

import itertools
from dataclasses import replace

import pytest

from fleetbench import phases
from fleetbench.graph.objects import HelmRelease, Workload
from fleetbench.ids import HELM_CHART, ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.timeline import causes
from fleetbench.timeline.causes import IN_CHAIN, MEANING
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation, critical_objects, seconds_by_cause, why
from fleetbench.timeline.workers import Held, Pool
from tests.unit.timeline.timeline_rows import REPOSITORY, ROOT, Rows, fleet, k_id, kustomization, pod, release_id

PARAMETERS = Parameters()


def chain(members, rows, target=None, until=None, parameters=PARAMETERS, **rest):
    """The chain as (name, cause, from, to), and checked to be without gap from start to end."""
    pieces = why(members, rows.timeline(until), target, parameters=parameters, **rest)
    for before, after in itertools.pairwise(pieces):
        assert before.to_s == after.from_s
    assert pieces[0].from_s == rest.get("since_s", 0.0)
    assert {p.cause for p in pieces} <= set(IN_CHAIN)
    return [(p.object.name, p.cause, p.from_s, p.to_s) for p in pieces]


def alone(rows, name, at=2.0):
    """Rows of a service without dependencies, created at ``at``: fetch 0.75 s later, Ready 20 s after that."""
    return rows.created(at, name).run(name, at + 0.75, at + 1.0, at + 19.0, at + 20.75)


def test_a_service_alone_waits_for_source_parent_finalizer_apply_workload_and_poll():
    rows = alone(Rows().bootstrap(), "a")

    assert chain(fleet(kustomization("a")), rows) == [
        ("flux-system", "source", 0.0, 1.0),
        ("flux-system", "fetch-build-apply", 1.0, 2.0),
        ("a", "finalizer-requeue", 2.0, 2.75),
        ("a", "fetch-build-apply", 2.75, 3.0),
        ("a", "workload", 3.0, 21.0),
        ("a", "health-poll", 21.0, 22.75),
    ]


@pytest.mark.parametrize(("built", "said"), [(20.0, "17.2s of it fetching and unpacking 5,652 files"), (4.0, "")])
def test_what_most_of_a_run_went_into_is_said_where_that_is_unpacking(built, said):
    members = fleet(kustomization("a"))
    members = replace(members, sources=(replace(members.sources[0], files=5652),))
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a")
    rows.add(built, k_id("a"), phases.UNKNOWN, phases.PROGRESSING, phases.BUILDING)
    rows.applied(22.0, "a", 30.0).ready(31.0, "a")
    pieces = why(members, rows.timeline(), parameters=PARAMETERS)
    assert [p.detail for p in pieces if p.object == k_id("a") and p.cause == causes.FETCH_BUILD_APPLY] == [said]


def test_what_is_applied_late_for_unpacking_says_so_beside_who_applies_it():
    members = fleet(kustomization("a"), kustomization("b", parent="a"))
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a")
    rows.add(11.75, k_id("a"), phases.UNKNOWN, phases.PROGRESSING, phases.BUILDING)
    alone(rows, "b", 12.0)
    (piece,) = [p for p in why(members, rows.timeline(), k_id("b"), parameters=PARAMETERS) if p.object == k_id("a")][
        -1:
    ]
    assert piece.detail == f"applies {k_id('b')}; 9.0s of it fetching and unpacking the artifact"


def test_a_dependant_goes_on_at_its_own_next_poll():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 32.8, 33.0, 40.0, 43.0)

    assert chain(fleet(kustomization("a"), kustomization("b", "a")), rows)[-5:] == [
        ("a", "health-poll", 21.0, 22.75),
        ("b", "dependency-poll", 22.75, 32.8),
        ("b", "fetch-build-apply", 32.8, 33.0),
        ("b", "workload", 33.0, 40.0),
        ("b", "health-poll", 40.0, 43.0),
    ]


def test_polls_that_left_no_row_are_counted_from_the_last_one_that_did():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 92.85, 93.0, 100.0, 103.0)
    rows.events = [e if e.object != k_id("a") or e.status != phases.TRUE else e._replace(t_s=80.0) for e in rows.events]

    pieces = chain(fleet(kustomization("a"), kustomization("b", "a")), rows)

    assert ("b", "dependency-poll", 80.0, 92.85) in pieces


def test_the_chain_of_a_diamond_goes_over_the_dependency_that_was_ready_last():
    rows = alone(alone(Rows().bootstrap(), "fast"), "slow")
    rows.events = [
        e._replace(t_s=e.t_s + 5.0) if e.object == k_id("slow") and e.status == phases.TRUE else e for e in rows.events
    ]
    rows.created(2.0, "top").not_ready(2.8, "top", "fast").run("top", 32.8, 33.0, 40.0, 43.0)
    members = fleet(kustomization("fast"), kustomization("slow"), kustomization("top", "fast", "slow"))

    names = {name for name, *_ in chain(members, rows)}

    assert "slow" in names
    assert "fast" not in names


def test_a_due_poll_waits_in_the_queue_while_all_workers_are_held():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "hog").created(2.0, "b").not_ready(2.8, "b", "a")
    rows.run("hog", 30.0, 31.0, 58.0, 60.0).run("b", 60.02, 60.2, 65.0, 66.0)
    members = fleet(kustomization("a"), kustomization("hog", "a"), kustomization("b", "a"))

    pieces = why(members, rows.timeline(), k_id("b"), parameters=Parameters(kustomize_concurrent=1))

    shown = [(p.object.name, p.cause, p.from_s, p.to_s) for p in pieces]
    assert ("b", "dependency-poll", 22.75, 32.8) in shown
    assert ("b", "queue", 32.8, 60.02) in shown
    assert next(p.detail for p in pieces if p.cause == "queue" and p.from_s > 30) == "1 of 1 workers held: apps/hog"


def test_holders_are_told_of_the_moment_when_most_are_seen_and_need_not_be_all():
    a, b, c = k_id("a"), k_id("b"), k_id("c")
    pool = Pool([Held(0.0, 4.0, a), Held(0.0, 1.0, b), Held(2.0, 9.0, b), Held(3.0, 5.0, c)], 3)

    assert pool.most_holders(1.5, 9.0) == [a, b, c]
    assert pool.most_holders(1.5, 3.0) == [a, b]
    assert pool.most_holders(6.0, 9.0) == [b]


def test_workers_that_no_row_shows_to_be_held_are_not_said_to_be_free():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "hog").created(2.0, "b")
    rows.run("hog", 30.0, 31.0, 58.0, 60.0).run("b", 60.02, 60.2, 65.0, 66.0)
    members = fleet(kustomization("a"), kustomization("hog", "a"), kustomization("b"))

    pieces = why(members, rows.timeline(), k_id("b"), parameters=Parameters(kustomize_concurrent=2))

    details = [p.detail for p in pieces if p.cause == "queue" and p.object == k_id("b")]
    assert details and all(detail.startswith("1 of 2 workers seen held: ") for detail in details)
    assert "no row shows" in MEANING["queue"]


def test_with_a_free_worker_the_same_gap_is_polling():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "hog").created(2.0, "b").not_ready(2.8, "b", "a")
    rows.run("hog", 10.0, 11.0, 58.0, 60.0).run("b", 32.9, 33.2, 65.0, 66.0)
    members = fleet(kustomization("a"), kustomization("hog"), kustomization("b", "a"))

    shown = chain(members, rows, k_id("b"), parameters=Parameters(kustomize_concurrent=2))

    assert ("b", "dependency-poll", 22.75, 32.9) in shown
    assert "queue" not in {cause for _, cause, *_ in shown}


def test_a_first_reconcile_that_starts_late_was_in_the_queue():
    rows = Rows().bootstrap().created(2.0, "hog").run("hog", 2.75, 3.0, 40.0, 41.0)
    rows.created(2.0, "b").run("b", 41.01, 41.2, 45.0, 46.0)

    shown = chain(fleet(kustomization("hog"), kustomization("b")), rows, parameters=Parameters(kustomize_concurrent=1))

    assert shown[2:4] == [("b", "finalizer-requeue", 2.0, 2.75), ("b", "queue", 2.75, 41.01)]


def test_a_waiting_parent_passes_the_chain_to_its_last_child_and_adds_its_own_poll():
    rows = Rows().bootstrap().created(2.0, "wave").begins(2.75, "wave").applied(4.0, "wave")
    alone(alone(rows, "early", at=3.5), "late", at=4.0).ready(28.0, "wave")
    members = fleet(
        kustomization("wave", workloads=()), kustomization("early", parent="wave"), kustomization("late", parent="wave")
    )

    assert chain(members, rows) == [
        ("flux-system", "source", 0.0, 1.0),
        ("flux-system", "fetch-build-apply", 1.0, 2.0),
        ("wave", "finalizer-requeue", 2.0, 2.75),
        ("wave", "fetch-build-apply", 2.75, 4.0),
        ("late", "finalizer-requeue", 4.0, 4.75),
        ("late", "fetch-build-apply", 4.75, 5.0),
        ("late", "workload", 5.0, 23.0),
        ("late", "health-poll", 23.0, 24.75),
        ("wave", "health-poll", 24.75, 28.0),
    ]


def release_rows(chart_rows: bool):
    """A release in a waiting Kustomization: chart at 5 s, install 6 to 30 s, its pod Current at 27 s."""
    id, chart = release_id("db"), ObjectId(HELM_CHART, "flux-system", "apps-db")
    rows = Rows().bootstrap().created(2.0, "data").begins(2.75, "data").applied(3.0, "data")
    rows.add(3.0, id).add(3.1, id).add(3.85, id, message=phases.PREREQUISITES)
    rows.add(3.9, id, phases.FALSE, phases.SOURCE_NOT_READY, phases.PREREQUISITES)
    if chart_rows:
        rows.add(3.86, chart).add(5.0, chart, phases.TRUE, phases.SUCCEEDED, revision="1.0.0")
    rows.add(5.0, id, phases.UNKNOWN, phases.PROGRESSING, phases.INSTALLING)
    rows.add(6.0, pod("db"), phases.FALSE, phases.PROGRESSING).add(27.0, pod("db"), phases.TRUE, phases.CURRENT)
    rows.add(30.0, id, phases.TRUE, phases.INSTALL_SUCCEEDED).ready(33.0, "data")
    release = HelmRelease(id, parent=k_id("data"), source=REPOSITORY, workloads=(Workload(pod("db")),))
    return fleet(kustomization("data", workloads=()), release), rows, chart


@pytest.mark.parametrize("chart_rows", [True, False])
def test_a_release_waits_for_its_chart_helm_its_pods_and_helms_own_poll(chart_rows):
    members, rows, chart = release_rows(chart_rows)
    whose = chart.name if chart_rows else "db"

    shown = chain(members, rows)

    assert (whose, "source", 3.86 if chart_rows else 3.9, 5.0) in shown
    assert shown[-4:] == [
        ("db", "helm", 5.0, 6.0),
        ("db", "workload", 6.0, 27.0),
        ("db", "health-poll", 27.0, 30.0),
        ("data", "health-poll", 30.0, 33.0),
    ]


def failing_rows(healed_at: float):
    """Times out at 63 s (1 m), is retried 30 s later, and its Deployment turns Current at ``healed_at``."""
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a").applied(3.0, "a", current=healed_at)
    rows.failed(63.0, "a").begins(93.0, "a").add(
        93.5, k_id("a"), phases.UNKNOWN, phases.PROGRESSING, phases.HEALTH_CHECKS
    )
    return fleet(kustomization("a", timeout_s=60.0, retry_interval_s=30.0)), rows.ready(max(94.0, healed_at + 1), "a")


def test_a_workload_that_heals_between_two_attempts_costs_the_timeout_and_the_retry():
    members, rows = failing_rows(healed_at=70.0)

    assert chain(members, rows)[-4:] == [
        ("a", "timeout", 3.0, 63.0),
        ("a", "retry", 63.0, 93.0),
        ("a", "fetch-build-apply", 93.0, 93.5),
        ("a", "health-poll", 93.5, 94.0),
    ]


def test_a_workload_that_heals_after_the_retry_is_what_the_second_attempt_waited_for():
    members, rows = failing_rows(healed_at=120.0)

    assert chain(members, rows)[-2:] == [("a", "workload", 93.5, 120.0), ("a", "health-poll", 120.0, 121.0)]


def test_a_child_that_turned_ready_before_the_parents_retry_leaves_the_retry_in_the_chain():
    rows = Rows().bootstrap().created(2.0, "wave").begins(2.75, "wave").applied(3.0, "wave").failed(33.0, "wave")
    rows.created(3.0, "child").run("child", 3.75, 4.0, 38.0, 40.0)
    rows.begins(63.0, "wave").applied(63.5, "wave").ready(64.0, "wave")
    members = fleet(
        kustomization("wave", workloads=(), timeout_s=30.0, retry_interval_s=30.0),
        kustomization("child", parent="wave"),
    )

    assert ("wave", "retry", 33.0, 63.0) in chain(members, rows)


def test_an_attempt_that_fails_early_is_not_called_a_timeout():
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a").applied(3.0, "a").failed(10.0, "a")
    rows.begins(40.0, "a").applied(40.5, "a").ready(41.0, "a")

    shown = chain(fleet(kustomization("a", timeout_s=60.0, retry_interval_s=30.0, workloads=())), rows)

    assert ("a", "failed", 3.0, 10.0) in shown


def committed():
    """Ready with r1 by 45 s; a commit at 100 s is seen at 130 s; b polls 30 s after its failed check."""
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 32.8, 33.0, 40.0, 43.0)
    rows.add(129.9, REPOSITORY, phases.UNKNOWN, phases.PROGRESSING, "building artifact", revision="r1")
    rows.add(130.0, REPOSITORY, phases.TRUE, phases.SUCCEEDED, revision="r2")
    for name, begins, applied, ready in (("a", 130.1, 130.4, 130.6), ("b", 160.2, 160.5, 161.0)):
        if name == "b":
            rows.add(
                130.15,
                k_id("b"),
                phases.FALSE,
                phases.DEPENDENCY_NOT_READY,
                "dependency 'apps/a' is not ready",
                revision="r1",
            )
        rows.add(begins, k_id(name), phases.UNKNOWN, phases.PROGRESSING, phases.FETCHING, revision="r1")
        rows.add(applied, k_id(name), phases.UNKNOWN, phases.PROGRESSING, phases.HEALTH_CHECKS, revision="r1")
        rows.ready(ready, name, revision="r2")
    return fleet(kustomization("a"), kustomization("b", "a")), rows


def test_a_commits_chain_starts_at_the_push_and_waits_for_the_sync_interval():
    members, rows = committed()

    assert chain(members, rows, since_s=100.0, revision="r2") == [
        ("flux-system", "interval", 100.0, 129.9),
        ("flux-system", "source", 129.9, 130.0),
        ("a", "fetch-build-apply", 130.0, 130.4),
        ("a", "health-poll", 130.4, 130.6),
        ("b", "dependency-poll", 130.6, 160.2),
        ("b", "fetch-build-apply", 160.2, 160.5),
        ("b", "health-poll", 160.5, 161.0),
    ]


def test_the_bootstrap_before_a_commit_is_explained_as_if_no_commit_had_come():
    members, rows = committed()

    assert chain(members, rows, k_id("b"))[-1] == ("b", "health-poll", 40.0, 43.0)


def test_an_object_that_never_turns_ready_is_explained_up_to_the_end():
    rows = (
        Rows()
        .bootstrap()
        .created(2.0, "a")
        .begins(2.75, "a")
        .applied(3.0, "a")
        .created(2.0, "b")
        .not_ready(2.8, "b", "a")
    )

    shown = chain(fleet(kustomization("a"), kustomization("b", "a")), rows, k_id("b"), until=50.0)

    assert shown[-1][0] == "a"
    assert shown[-1][3] == 50.0


def test_a_dependency_that_does_not_exist_ends_the_chain_at_its_dependant():
    rows = Rows().bootstrap().created(2.0, "b").not_ready(2.8, "b", "ghost")

    assert chain(fleet(kustomization("b", "ghost")), rows, k_id("b"), until=50.0)[-1] == ("b", "dependency", 2.8, 50.0)


def test_a_cycle_of_waiting_objects_ends():
    rows = Rows().bootstrap().created(2.0, "a").created(2.0, "b").not_ready(2.8, "a", "b").not_ready(2.8, "b", "a")

    pieces = why(
        fleet(kustomization("a", "b"), kustomization("b", "a")), rows.timeline(60.0), k_id("a"), parameters=PARAMETERS
    )

    assert pieces[-1].to_s == 60.0


def test_nothing_ready_and_no_target_explains_nothing():
    assert why(fleet(kustomization("a")), Rows().add(0.1, ROOT).timeline(), parameters=PARAMETERS) == ()


def test_ready_times_that_the_caller_knows_decide_where_the_chain_ends():
    rows = alone(alone(Rows().bootstrap(), "a"), "b")
    known = {k_id("a"): 22.75, k_id("b"): 21.5, ROOT: 2.1}

    assert (
        why(fleet(kustomization("a"), kustomization("b")), rows.timeline(), parameters=PARAMETERS, ready_s=known)[
            -1
        ].to_s
        == 22.75
    )


def test_workloads_known_only_as_a_whole_do_not_count_as_ready_of_their_owner():
    rows = Rows().bootstrap().created(2.0, "a").begins(2.75, "a").applied(3.0, "a")
    rows.add(3.0, k_id("a"), phases.FALSE, phases.PROGRESSING).add(20.0, k_id("a"), phases.TRUE, phases.CURRENT).ready(
        23.0, "a"
    )

    assert chain(fleet(kustomization("a", workloads=())), rows)[-2:] == [
        ("a", "workload", 3.0, 20.0),
        ("a", "health-poll", 20.0, 23.0),
    ]


def two_in_a_row():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 32.8, 33.0, 40.0, 43.0)
    return fleet(kustomization("a"), kustomization("b", "a")), rows.timeline()


def test_seconds_by_cause_add_up_to_the_rollout_and_to_all_lives():
    members, timeline = two_in_a_row()

    found = seconds_by_cause(members, timeline, parameters=PARAMETERS)

    assert sum(found.chain.values()) == pytest.approx(43.0)
    assert found.chain["dependency-poll"] == pytest.approx(10.05)
    # root 0.1 to 2.1 s, a 2 to 22.75 s, b 2 to 43 s
    assert sum(found.objects.values()) == pytest.approx(2.0 + 20.75 + 41.0)
    assert found.objects["dependency"] == pytest.approx(22.75 - 2.8)
    assert list(found.objects) == [cause for cause in MEANING if cause in found.objects]


def test_critical_objects_are_named_in_order_with_their_seconds():
    members, timeline = two_in_a_row()

    found = critical_objects(why(members, timeline, parameters=PARAMETERS))

    assert [id for id, _ in found] == [REPOSITORY, ROOT, k_id("a"), k_id("b")]
    assert sum(seconds for _, seconds in found) == pytest.approx(43.0)


def test_a_life_has_no_gap_from_created_to_the_end():
    members, timeline = two_in_a_row()
    explanation = Explanation(Rollout(members, timeline, PARAMETERS))

    for id in explanation.rollout.services:
        life = explanation.life(id)
        assert life[0].from_s == explanation.rollout.rows(id)[0].t_s
        assert all(a.to_s == b.from_s for a, b in itertools.pairwise(life))


def test_every_cause_has_a_meaning_in_one_place():
    named = {value for name, value in vars(causes).items() if name.isupper() and isinstance(value, str)}

    assert named == set(MEANING)


def test_those_who_held_workers_longest_are_named_first():
    a, b, c = k_id("a"), k_id("b"), k_id("c")
    pool = Pool([Held(0.0, 1.0, a), Held(0.0, 9.0, c), Held(1.5, 2.0, a), Held(2.0, 8.0, b)], 2)

    assert pool.longest_holders(0.0, 9.0) == [c, b, a]
    assert pool.longest_holders(0.0, 1.0) == [a, c]


def test_a_cancelled_health_check_is_tried_again_at_once_and_then_waits_for_a_worker():
    rows = alone(Rows().bootstrap(), "a")
    rows.created(2.0, "hog").created(2.0, "b")
    rows.begins(2.8, "b").applied(3.0, "b").failed(10.0, "b", phases.HEALTH_CHECK_CANCELED)
    rows.run("hog", 10.01, 11.0, 48.0, 50.0).run("b", 50.02, 50.2, 55.0, 56.0)
    members = fleet(kustomization("a"), kustomization("hog", "a"), kustomization("b"))

    pieces = why(members, rows.timeline(), k_id("b"), parameters=Parameters(kustomize_concurrent=1))

    shown = [(p.cause, p.from_s, p.to_s) for p in pieces if p.object.name == "b" and p.from_s >= 10.0]
    assert shown[:2] == [("retry", 10.0, 10.75), ("queue", 10.75, 50.02)]

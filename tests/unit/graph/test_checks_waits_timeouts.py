"""Waits nobody needs, Readys without meaning, timeouts that contradict each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetbench.findings import (
    CHILD_TIMEOUT,
    EDGE_WITHOUT_STATUS,
    RETRY_LATE,
    TIMEOUT_TOO_LONG,
    TIMEOUT_TOO_SHORT,
    WAIT_UNUSED,
)
from fleetbench.graph.checks import check
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Source, Workload
from fleetbench.ids import ObjectId
from tests.builders import NS, fleet, hr, ks, ks_id


def objects(of: Fleet, code: str) -> list[str]:
    return [f.object.name for f in check(of) if f.code == code and f.object]


def message(of: Fleet, code: str) -> str:
    [finding] = [f for f in check(of) if f.code == code]
    return finding.message


def test_a_wait_that_nothing_depends_on_is_unneeded() -> None:
    of = fleet(ks("a"), ks("b", "a"))
    assert [f.object for f in check(of, kustomize_concurrent=2) if f.code == WAIT_UNUSED] == [ks_id("b")]


def test_a_wait_that_leaves_workers_for_all_costs_nobody_anything() -> None:
    assert objects(fleet(ks("a"), ks("b", "a")), WAIT_UNUSED) == []  # 4 workers, 3 Kustomizations


def test_each_shard_has_its_own_workers_and_what_nobody_watches_takes_none() -> None:
    of = fleet(*(replace(ks(name), shard="s") for name in "abcde"), *(ks(name) for name in "xy"))
    names = [f.object.name for f in check(of, kustomize_concurrent=4) if f.code == WAIT_UNUSED and f.object]
    assert names == ["a", "b", "c", "d", "e"]
    assert "holds one of 2 workers" in next(
        f.message for f in check(of, kustomize_concurrent=9, shard_concurrent={"s": 2}) if f.code == WAIT_UNUSED
    )
    unwatched = fleet(*(replace(k, unwatched="the label x=y") for k in of.kustomizations))
    assert objects(unwatched, WAIT_UNUSED) == []


def test_the_fix_of_an_unneeded_wait_says_what_is_lost() -> None:
    [found] = [f for f in check(fleet(ks("a")), kustomize_concurrent=1) if f.code == WAIT_UNUSED]
    assert found.fix.endswith("it then only says that all is applied, no longer that it is healthy")


def test_the_cost_of_an_unneeded_wait_is_a_worker_for_the_stated_time() -> None:
    stated = Workload(ObjectId("Deployment", "default", "a"), stated_ready_s=45.0)
    others = [ks(name, "a", wait=False, health_checks=(ks_id("a"),)) for name in "bcd"]
    of = fleet(replace(ks("z"), workloads=(stated,)), ks("a"), *others)
    text = message(of, WAIT_UNUSED)
    assert "holds one of 4 workers until its workload turned Current (at least 45.0s, as stated)" in text


def test_a_wait_that_a_waiting_parent_looks_at_is_needed() -> None:
    of = fleet(ks("parent"), ks("child", parent="parent"))
    assert [f.object for f in check(of, kustomize_concurrent=1) if f.code == WAIT_UNUSED] == [ks_id("parent")]


def test_a_wait_that_a_health_check_names_is_needed() -> None:
    assert objects(fleet(ks("a"), ks("b", wait=False, health_checks=(ks_id("a"),))), WAIT_UNUSED) == []


@pytest.mark.parametrize(
    ("parent", "told"),
    [
        ({}, True),
        ({"refused": "Kustomization/flux-system/x: spec.wiat: no such field"}, False),
        ({"unset_variables": ("DOMAIN",)}, False),
        ({"depends_on": (Dependency(ks_id("nobody")),)}, False),
        ({"depends_on": (Dependency(ks_id("parent")),)}, False),
        ({"suspend": True}, True),  # it may be resumed
    ],
)
def test_nothing_is_said_of_the_timing_of_what_can_never_exist(parent: dict[str, Any], told: bool) -> None:
    late = {"timeout_s": 900.0, "interval_s": 3600.0, "retry_interval_s": None}
    of = fleet(replace(ks("parent"), **parent), ks("child", parent="parent", **late))
    assert [bool(objects(of, code)) for code in (CHILD_TIMEOUT, RETRY_LATE)] == [told, told]
    unused = fleet(replace(ks("parent", wait=False), **parent), ks("child", parent="parent"))
    found = [f.object for f in check(unused, kustomize_concurrent=1) if f.code == WAIT_UNUSED]
    assert (ks_id("child") in found) is told


def test_a_wait_whose_status_an_expression_reads_is_needed() -> None:
    reader = replace(ks("b", wait=False), depends_on=(Dependency(ks_id("a"), "true"),))
    assert objects(fleet(ks("a"), reader), WAIT_UNUSED) == []


def test_an_edge_to_an_object_that_neither_waits_nor_checks_leans_on_nothing() -> None:
    of = fleet(ks("db", wait=False), ks("app", "db"))
    assert objects(of, EDGE_WITHOUT_STATUS) == ["db"]
    assert "flux-system/app leans on flux-system/db" in message(of, EDGE_WITHOUT_STATUS)


def test_an_edge_to_what_has_nothing_to_wait_for_is_fine() -> None:
    assert objects(fleet(replace(ks("crds", wait=False), workloads=()), ks("app", "crds")), EDGE_WITHOUT_STATUS) == []


def test_health_checks_give_a_ready_its_meaning() -> None:
    db = ks("db", wait=False, health_checks=(ObjectId("Deployment", "default", "db"),))
    assert objects(fleet(db, ks("app", "db")), EDGE_WITHOUT_STATUS) == []


def test_a_group_of_kustomizations_that_does_not_wait_is_ready_before_they_are() -> None:
    group = replace(ks("infra", wait=False), workloads=())
    assert objects(fleet(group, ks("x", parent="infra"), ks("app", "infra")), EDGE_WITHOUT_STATUS) == ["infra"]


def test_a_release_that_does_not_wait_for_its_install_says_nothing_either() -> None:
    of = fleet(ks("k"), hr("a", "k", disable_wait=True, workloads=ks("a").workloads), hr("b", "k", "a"))
    assert objects(of, EDGE_WITHOUT_STATUS) == ["a"]


def test_a_child_that_may_take_as_long_as_its_waiting_parent_is_reported_with_both_times() -> None:
    of = fleet(ks("parent", timeout_s=300.0), ks("child", parent="parent", timeout_s=300.0))
    assert objects(of, CHILD_TIMEOUT) == ["child"]
    assert "may take 5m0s" in message(of, CHILD_TIMEOUT)


def test_a_child_with_a_shorter_timeout_is_fine() -> None:
    assert objects(fleet(ks("parent"), ks("child", parent="parent", timeout_s=599.0)), CHILD_TIMEOUT) == []


def test_of_a_suspended_child_nothing_is_said() -> None:
    slow = hr("slow", "parent", timeout_s=900.0)
    of = fleet(ks("parent", timeout_s=300.0), ks("child", parent="parent", suspend=True), replace(slow, suspend=True))
    assert objects(of, CHILD_TIMEOUT) == []
    asleep = Source(ObjectId("GitRepository", NS, "asleep"), suspend=True)
    of = fleet(ks("parent", timeout_s=300.0), replace(slow, source=asleep.id))
    assert objects(replace(of, sources=(*(s for s in of.sources if s.id != asleep.id), asleep)), CHILD_TIMEOUT) == []


def test_a_release_inside_counts_with_its_install_timeout() -> None:
    assert objects(fleet(ks("parent", timeout_s=300.0), hr("slow", "parent", timeout_s=900.0)), CHILD_TIMEOUT) == [
        "slow"
    ]


def test_a_child_that_does_not_wait_never_uses_its_timeout() -> None:
    idle = ks("idle", parent="parent", wait=False, timeout_s=3600.0)
    assert objects(fleet(ks("parent"), idle, ks("longer", parent="parent", timeout_s=601.0)), CHILD_TIMEOUT) == [
        "longer"
    ]


def test_a_parent_that_does_not_wait_has_no_timeout_to_beat() -> None:
    assert objects(fleet(ks("parent", wait=False, timeout_s=60.0), ks("child", parent="parent")), CHILD_TIMEOUT) == []


def test_a_long_timeout_without_a_health_check_never_matters() -> None:
    of = fleet(ks("a", wait=False, timeout_s=1800.0))
    assert objects(of, TIMEOUT_TOO_LONG) == ["a"]
    assert "bounds only build and apply" in message(of, TIMEOUT_TOO_LONG)


def test_the_default_timeout_is_never_too_long() -> None:
    assert objects(fleet(ks("a", wait=False, timeout_s=None)), TIMEOUT_TOO_LONG) == []


def test_a_timeout_beyond_the_last_progress_deadline_never_matters() -> None:
    workload = Workload(ObjectId("Deployment", "default", "a"), replicas=2, deadline_s=120.0)
    a = replace(ks("a", timeout_s=241.0), workloads=(workload,), objects=(workload.object,), applies=1)
    assert objects(fleet(a), TIMEOUT_TOO_LONG) == ["a"]
    assert objects(fleet(replace(a, timeout_s=240.0)), TIMEOUT_TOO_LONG) == []


def test_a_timeout_that_only_follows_from_the_interval_is_nobodys_choice() -> None:
    workload = Workload(ObjectId("Deployment", "default", "a"))
    a = replace(ks("a", timeout_s=None, interval_s=3600.0), workloads=(workload,), objects=(workload.object,))
    assert objects(fleet(a), TIMEOUT_TOO_LONG) == []
    assert objects(fleet(replace(a, timeout_s=3570.0)), TIMEOUT_TOO_LONG) == ["a"]


def test_a_timeout_over_what_never_fails_by_itself_may_matter() -> None:
    workload = Workload(ObjectId("StatefulSet", "default", "a"))
    a = replace(ks("a", timeout_s=86_400.0), workloads=(workload,), objects=(workload.object,), applies=1)
    assert objects(fleet(a), TIMEOUT_TOO_LONG) == []


def _stating(seconds: float, kind: str = "Deployment", **fields: Any) -> tuple[Workload, ...]:
    return (Workload(ObjectId(kind, "default", "a"), stated_ready_s=seconds, stated_by="probes", **fields),)


def test_a_timeout_below_what_the_probes_say_is_surely_missed() -> None:
    of = fleet(replace(ks("a", timeout_s=60.0, retry_interval_s=None, interval_s=300.0), workloads=_stating(120.0)))
    said = message(of, TIMEOUT_TOO_SHORT)
    assert said.startswith("timeout 1m0s, but Deployment/default/a takes at least 2m0s, as stated")
    assert "the next one follows after 5m0s (interval, as there is no retryInterval)" in said


def test_a_timeout_that_a_bootstrap_keeps_and_an_update_of_the_pods_misses() -> None:
    """Ten pods start together in a minute; an update replaces one after the other."""
    slow = replace(ks("a", timeout_s=300.0), workloads=_stating(60.0, replicas=10, at_once=1))
    said = message(fleet(slow), TIMEOUT_TOO_SHORT)
    assert said == (
        "timeout 5m0s, but an update of Deployment/default/a takes at least 10m0s: it replaces its pods in 10 turns of "
        "1m0s, as stated. After each commit that changes them the health check surely fails."
    )
    default = replace(slow, workloads=_stating(60.0, replicas=10))  # two turns
    at_once = replace(slow, workloads=_stating(60.0, replicas=10, at_once=10))
    never = replace(slow, workloads=_stating(60.0, "StatefulSet", replicas=4, at_once=0))
    assert [objects(fleet(k), TIMEOUT_TOO_SHORT) for k in (default, at_once, never)] == [[], [], []]
    release = replace(hr("r", "p", timeout_s=300.0), workloads=_stating(60.0, replicas=10, at_once=1))
    assert "the upgrade surely fails" in message(fleet(ks("p", wait=False), release), TIMEOUT_TOO_SHORT)


def test_what_nobody_waits_for_or_nothing_states_misses_no_timeout() -> None:
    slow = replace(ks("a", wait=False, timeout_s=60.0), workloads=_stating(120.0))
    asleep = replace(ks("b", suspend=True, timeout_s=60.0), workloads=_stating(120.0))
    none = replace(ks("c", timeout_s=60.0), workloads=_stating(120.0, replicas=0))
    assert objects(fleet(slow, asleep, none, ks("d", timeout_s=31.0)), TIMEOUT_TOO_SHORT) == []


def test_the_pods_of_a_stateful_set_add_up_unless_they_start_at_once() -> None:
    in_turn = replace(ks("a", timeout_s=60.0), workloads=_stating(25.0, "StatefulSet", replicas=3))
    at_once = replace(ks("b", timeout_s=60.0), workloads=_stating(25.0, "StatefulSet", replicas=3, parallel=True))
    found = [f.message for f in check(fleet(in_turn, at_once)) if f.code == TIMEOUT_TOO_SHORT]
    assert [message.split(" takes at least ")[0] for message in found] == [
        "timeout 1m0s, but StatefulSet/default/a",
        "timeout 1m0s, but an update of StatefulSet/default/a",  # whatever the podManagementPolicy
    ]


def test_a_parent_cannot_be_sooner_than_the_children_that_it_waits_for() -> None:
    release = replace(hr("r", "p", timeout_s=600.0), workloads=_stating(120.0))
    found = [f for f in check(fleet(ks("p", timeout_s=90.0), release)) if f.code == TIMEOUT_TOO_SHORT]
    assert [f.object.name for f in found if f.object] == ["p"] and "Deployment/default/a takes" in found[0].message


def test_an_install_that_surely_misses_its_timeout_is_final_without_retries() -> None:
    release = replace(hr("r", "p", timeout_s=60.0), workloads=_stating(120.0))
    text = message(fleet(ks("p", wait=False), release), TIMEOUT_TOO_SHORT)
    assert "its install surely fails, and without retries that is final" in text


def test_a_failure_costs_a_whole_interval_where_no_retry_interval_is_set() -> None:
    hourly = {"interval_s": 3600.0, "retry_interval_s": None}
    no_wait, with_retry = ks("b", wait=False, **hourly), ks("c", interval_s=3600.0)
    assert objects(fleet(ks("a", **hourly), no_wait, with_retry, ks("d", retry_interval_s=None)), RETRY_LATE) == ["a"]
    assert "the next try comes after 1h0m0s" in message(fleet(ks("a", **hourly)), RETRY_LATE)


def test_a_wait_for_what_is_there_at_once_has_nothing_to_retry() -> None:
    crds = replace(ks("crds", interval_s=3600.0, retry_interval_s=None), workloads=())
    assert objects(fleet(crds), RETRY_LATE) == []


def test_what_was_measured_goes_before_what_a_template_states() -> None:
    of = fleet(replace(ks("a", timeout_s=60.0), workloads=_stating(120.0)))
    assert TIMEOUT_TOO_SHORT not in {f.code for f in check(of, known_s={ks_id("a"): 20.0})}
    workload = {ObjectId("Deployment", "default", "a"): 90.0}
    [finding] = [f for f in check(of, known_s=workload) if f.code == TIMEOUT_TOO_SHORT]
    assert "takes at least 1m30s, as given" in finding.message

"""Longest paths, slack and what an object holds up."""

from __future__ import annotations

import pytest

from fleetbench.graph.paths import blocked_by, critical_path, slack
from fleetbench.ids import ObjectId
from tests.builders import fleet, hr, hr_id, ks, ks_id

DIAMOND = fleet(ks("a"), ks("b", "a"), ks("c", "a"), ks("d", "b", "c"))
TIMES = {ks_id("a"): 10.0, ks_id("b"): 20.0, ks_id("c"): 5.0, ks_id("d"): 1.0}


def test_the_longest_way_through_a_diamond() -> None:
    objects, total_s = critical_path(DIAMOND, TIMES)
    assert [id.name for id in objects] == ["flux-system", "a", "b", "d"]
    assert total_s == pytest.approx(31.0)


def test_what_a_bootstrap_never_brings_up_is_on_no_path_nor_is_what_leads_there_alone() -> None:
    never = {ks_id("b"), ks_id("d")}
    objects, total_s = critical_path(DIAMOND, TIMES, never)
    assert [id.name for id in objects] == ["flux-system", "a", "c"] and total_s == pytest.approx(15.0)
    assert set(slack(DIAMOND, TIMES, never)) == {ks_id(name) for name in ("flux-system", "a", "c")}
    assert critical_path(DIAMOND, TIMES, {obj.id for obj in DIAMOND.services()}) == ({}, 0.0)


def test_slack_is_what_the_shorter_branch_has_to_spare() -> None:
    spare = slack(DIAMOND, TIMES)
    assert spare[ks_id("c")] == pytest.approx(15.0)
    assert [spare[ks_id(name)] for name in "abd"] == pytest.approx([0.0, 0.0, 0.0])


def test_what_lies_on_the_critical_path_has_no_slack_be_it_for_what_it_creates_or_for_what_it_waits_for() -> None:
    of = fleet(ks("p", wait=False), ks("a", parent="p"), ks("gate", wait=False, health_checks=(ks_id("a"),)), ks("b"))
    objects, total_s = critical_path(of, {ks_id("a"): 7.0, ks_id("b"): 2.0})
    spare = slack(of, {ks_id("a"): 7.0, ks_id("b"): 2.0})
    assert total_s == pytest.approx(7.0) and {"flux-system", "p", "a"} <= {id.name for id in objects}
    assert [spare[id] for id in [*objects, ks_id("gate")]] == pytest.approx([0.0] * (len(objects) + 1))
    assert spare[ks_id("b")] == pytest.approx(5.0)


def test_the_times_along_the_path_add_up_where_a_parent_is_only_passed_on_the_way_to_its_children() -> None:
    objects, total_s = critical_path(fleet(ks("p"), ks("a", parent="p"), ks("b")), {ks_id("p"): 3.0, ks_id("a"): 7.0})
    assert {id.name: takes_s for id, takes_s in objects.items()} == {"flux-system": 0.0, "p": 0.0, "a": 7.0}
    assert total_s == pytest.approx(7.0)


def test_a_health_check_on_what_another_brings_takes_as_long_as_that() -> None:
    named = ObjectId("Deployment", "default", "x")
    of = fleet(ks("x", wait=False), ks("gate", wait=False, health_checks=(named,)), ks("after", "gate"))
    objects, total_s = critical_path(of, {named: 12.0, ks_id("after"): 1.0})
    assert [(id.name, takes_s) for id, takes_s in objects.items()] == [
        ("flux-system", 0.0),
        ("x", 0.0),
        ("gate", 12.0),
        ("after", 1.0),
    ]
    assert total_s == pytest.approx(13.0)


def test_a_waiting_parent_passes_the_time_of_its_children_on() -> None:
    of = fleet(ks("p"), hr("r", "p"), ks("after", "p"))
    objects, total_s = critical_path(of, {hr_id("r"): 7.0, ks_id("after"): 1.0})
    assert [id.name for id in objects] == ["flux-system", "p", "r", "after"]
    assert total_s == pytest.approx(8.0)


def test_a_parent_that_does_not_wait_passes_nothing_on() -> None:
    of = fleet(ks("p", wait=False), hr("r", "p"), ks("after", "p"))
    assert critical_path(of, {hr_id("r"): 7.0, ks_id("after"): 1.0})[1] == pytest.approx(7.0)


def test_what_never_turns_ready_is_on_no_path() -> None:
    of = fleet(ks("a", "b"), ks("b", "a"), ks("behind", "b"), ks("free"))
    objects, total_s = critical_path(of, dict.fromkeys((ks_id(n) for n in ("a", "b", "behind", "free")), 3.0))
    assert [id.name for id in objects] == ["flux-system", "free"]
    assert total_s == pytest.approx(3.0)
    assert ks_id("behind") not in slack(of, {})


def test_what_cannot_be_built_and_what_waits_for_it_are_on_no_path() -> None:
    of = fleet(
        ks("bad", broken="no such path"),
        ks("behind", "bad"),
        ks("asleep", suspend=True),
        ks("lost", "nothing"),
        ks("ok"),
    )
    names = ("bad", "behind", "asleep", "lost", "ok")
    objects, total_s = critical_path(of, dict.fromkeys((ks_id(n) for n in names), 3.0))
    assert [id.name for id in objects] == ["flux-system", "ok"]
    assert total_s == pytest.approx(3.0)


def test_an_object_holds_up_all_that_depends_on_it_and_all_that_waits_for_those() -> None:
    of = fleet(ks("a"), ks("p"), ks("b", "a", parent="p"), ks("after", "p"), ks("free"))
    assert blocked_by(of, ks_id("a"))[ks_id("a")] == {ks_id("b"), ks_id("p"), ks_id("after")}
    assert blocked_by(of, ks_id("free"))[ks_id("free")] == set()


def test_an_unknown_object_holds_up_nothing() -> None:
    assert blocked_by(DIAMOND, ks_id("nobody"))[ks_id("nobody")] == set()

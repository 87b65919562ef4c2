import threading

import pytest

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.protocols import Disconnected, Forbidden, Gone, NotServed, Seen, Trouble
from fleetbench.measure.watch import Follower, Watcher
from tests.unit.measure.players import ADDED, DELETED, MODIFIED, PlayedClock, Player, obj

KIND = BY_KIND["Kustomization"]


def follow(lists, streams):
    """What a follower emits of a played script, as (type, name, version) and Troubles."""
    emitted, done = [], []
    player = Player(lists, streams, lambda: done.append(True))
    clock = PlayedClock()
    follower = Follower(KIND, player, clock, emitted.append, lambda: bool(done))
    follower.run()
    changes = [
        (e.type, e.object["metadata"]["name"], e.object["metadata"]["resourceVersion"])
        for e in emitted
        if isinstance(e, Seen)
    ]
    return changes, [e for e in emitted if isinstance(e, Trouble)], player, clock


def test_emits_the_list_and_then_every_change_in_order():
    changes, troubles, *_ = follow([([obj("a", 1)], "5")], [[(MODIFIED, obj("a", 6)), (ADDED, obj("b", 7))]])
    assert changes == [(ADDED, "a", "1"), (MODIFIED, "a", "6"), (ADDED, "b", "7")]
    assert troubles == []


def test_takes_a_stream_that_ended_up_again_from_the_last_version_it_saw():
    _, _, player, _ = follow([([], "5")], [[(ADDED, obj("a", 6))], [(MODIFIED, obj("a", 9))], []])
    assert player.watched_from == ["5", "6", "9"]


def test_a_bookmark_moves_the_version_on_without_being_a_change():
    changes, _, player, _ = follow([([], "5")], [[("BOOKMARK", {"metadata": {"resourceVersion": "50"}})], []])
    assert changes == [] and player.watched_from == ["5", "50"]


def test_a_change_that_the_server_sends_twice_is_emitted_once():
    changes, *_ = follow([([], "5")], [[(ADDED, obj("a", 6))], [(MODIFIED, obj("a", 6)), (MODIFIED, obj("a", 7))]])
    assert changes == [(ADDED, "a", "6"), (MODIFIED, "a", "7")]


def test_goes_on_after_a_dropped_connection_and_says_for_how_long_it_saw_nothing():
    changes, troubles, player, clock = follow(
        [([], "5")],
        [[(ADDED, obj("a", 6)), Disconnected("reset")], [Disconnected("refused")], [(MODIFIED, obj("a", 8))]],
    )
    assert changes == [(ADDED, "a", "6"), (MODIFIED, "a", "8")]
    assert player.watched_from == ["5", "6", "6"]
    assert [t.why for t in troubles] == ["disconnected"]
    assert troubles[0].lasted_s == pytest.approx(sum(clock.slept)) and len(clock.slept) == 2


def test_lists_again_after_410_gone_and_emits_the_net_change_of_the_gap():
    changes, troubles, player, _ = follow(
        [
            ([obj("kept", 1), obj("changed", 2), obj("deleted", 3)], "5"),
            ([obj("kept", 1), obj("changed", 9), obj("new", 10)], "20"),
        ],
        [[Gone("too old")], [(MODIFIED, obj("kept", 21))]],
    )
    assert changes[3:] == [
        (DELETED, "deleted", "3"),
        (MODIFIED, "changed", "9"),
        (ADDED, "new", "10"),
        (MODIFIED, "kept", "21"),
    ]
    assert [t.why for t in troubles] == ["gone"]
    assert player.watched_from == ["5", "20"]


def test_an_object_deleted_and_made_again_in_a_gap_is_seen_as_both():
    changes, *_ = follow([([obj("a", 1)], "5"), ([obj("a", 9, uid="second")], "20")], [[Gone("too old")], []])
    assert changes == [(ADDED, "a", "1"), (DELETED, "a", "1"), (ADDED, "a", "9")]


def test_a_first_list_that_fails_is_tried_again():
    changes, *_ = follow([Disconnected("refused"), Disconnected("refused"), ([obj("a", 1)], "5")], [[]])
    assert changes == [(ADDED, "a", "1")]


def test_a_kind_that_may_not_be_read_or_is_not_served_ends_quietly_with_the_reason():
    for error, why in ((Forbidden("list and watch x"), "forbidden"), (NotServed("no x"), "not served")):
        changes, troubles, *_ = follow([error], [])
        assert changes == [] and [(t.why, t.detail) for t in troubles] == [(why, str(error))]


def test_a_kind_that_could_be_read_is_tried_again_when_a_starting_server_refuses_it():
    changes, troubles, *_ = follow(
        [([obj("a", 1)], "5"), Forbidden("no roles yet"), ([obj("a", 9)], "20")],
        [[Gone("too old")], [NotServed("no CRDs yet")], [(MODIFIED, obj("a", 21))]],
    )
    assert changes == [(ADDED, "a", "1"), (MODIFIED, "a", "9"), (MODIFIED, "a", "21")]
    assert [t.why for t in troubles] == ["gone", "disconnected", "disconnected"]


def test_so_is_one_that_is_refused_right_after_its_stream_broke():
    changes, troubles, *_ = follow(
        [([], "5")],
        [[Disconnected("reset")], [Forbidden("no roles yet")], [NotServed("no CRDs yet")], [(ADDED, obj("a", 6))]],
    )
    assert changes == [(ADDED, "a", "6")] and [t.why for t in troubles] == ["disconnected"]


def test_no_more_of_an_object_is_remembered_than_its_name_and_version():
    done = []
    player = Player([([{**obj("a", 1), "spec": {"values": "SECRET"}}], "5")], [[]], lambda: done.append(True))
    follower = Follower(KIND, player, PlayedClock(), lambda change: None, lambda: bool(done))
    follower.run()
    assert "SECRET" not in str(follower._known)


def test_the_watcher_puts_all_kinds_into_one_queue():
    class Api:
        def list(self, kind):
            return [obj(kind.plural, 1)], "1"

        def watch(self, kind, version):
            return iter(())

        def end_streams(self):
            pass

    kinds = [BY_KIND["Kustomization"], BY_KIND["HelmRelease"]]
    with Watcher(Api(), PlayedClock(), kinds) as watcher:
        watcher.wait_listed(10)
        assert {watcher.queue.get(timeout=1).kind for _ in kinds} == set(kinds)


def test_a_cluster_that_does_not_answer_is_no_fault_of_ours():
    answer = threading.Event()

    class Silent:
        def list(self, kind):
            answer.wait(10)
            return [], "1"

        def watch(self, kind, version):
            return iter(())

        def end_streams(self):
            pass

    with Watcher(Silent(), PlayedClock(), [BY_KIND["Kustomization"]]) as watcher:
        with pytest.raises(EnvironmentLacks, match="could not be listed within 0 s"):
            watcher.wait_listed(0.01)
        answer.set()

"""Events that notification-controller does not take: how long each holds its worker, and what is late for it."""

from __future__ import annotations

import pytest

from fleetbench import phases
from fleetbench.engine.notification import Refusals
from fleetbench.engine.simulate import simulate
from fleetbench.ids import KUSTOMIZATION
from fleetbench.model.parameters import NEVER_S, Parameters, ShardFlags
from fleetbench.model.scenario import COMMIT, EVICT, RESTART
from fleetbench.model.steps import shipped_steps
from fleetbench.timeline.causes import EVENTS, HEALTH_POLL, QUEUE, TIMEOUT
from fleetbench.timeline.queues import Queue
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation, why
from tests.builders import ROOT, fleet, hr, hr_id, ks, ks_id, scenario
from tests.invariants import check_invariants

GIVEN_UP_S = 15.0  # 1, 2, 4 and 8 s between five tries


def ready(of, refused_s=0.0, **fields):
    parameters = Parameters(events_refused_s=refused_s, **fields.pop("parameters", {}))
    sample = simulate(scenario(of, parameters=parameters, **fields))
    assert not check_invariants(of, sample.timeline, parameters)
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True)), sample


def test_of_many_refused_connections_a_node_tells_six_at_once_and_one_a_second_more():
    refusals = Refusals()
    assert [refusals.at_once(10.0) for _ in range(8)] == [True] * 6 + [False] * 2
    assert [refusals.at_once(t) for t in (10.5, 11.0, 11.5, 12.1)] == [False, True, False, True]


def test_an_event_that_nobody_takes_is_tried_five_times_before_what_comes_after_it():
    of = fleet(ks("a", wait=False))
    up, _ = ready(of)
    down, _ = ready(of, NEVER_S)
    # NewArtifact comes before the artifact shows in the status, "applied" before Ready; "finished" comes after it.
    assert down[ROOT] - up[ROOT] == pytest.approx(2 * GIVEN_UP_S, abs=0.1)
    # Once the root has applied it, before its own event: one more wait for the artifact, and one for what it applied.
    assert down[ks_id("a")] - up[ks_id("a")] == pytest.approx(2 * GIVEN_UP_S, abs=0.1)


def test_a_health_check_that_passes_is_an_event_more():
    of = fleet(ks("a"))
    up, _ = ready(of, durations={"a": 0.5})
    down, _ = ready(of, NEVER_S, durations={"a": 0.5})
    # Its first look comes later, too: once what was applied is told of, the pod runs already.
    assert 3 * GIVEN_UP_S - 5.1 < down[ks_id("a")] - up[ks_id("a")] <= 3 * GIVEN_UP_S + 0.1


def test_events_are_taken_from_the_next_try_on():
    of = fleet(ks("a", wait=False))
    up, _ = ready(of)
    late, _ = ready(of, 4.0)
    # GitRepository's first event comes in the first second: tried again 1, 3 and 7 s later.
    assert late[ks_id("a")] - up[ks_id("a")] == pytest.approx(7.0, abs=0.1)


def test_who_waits_for_a_dependency_holds_a_worker_meanwhile():
    of = fleet(ks("slow"), *(ks(f"w{n}", "slow") for n in range(4)), ks("other"))
    durations = {"slow": 200.0}
    up, _ = ready(of, durations=durations)
    down, sample = ready(of, NEVER_S, durations=durations)
    told = [e.t_s for e in sample.timeline.by_object[ks_id("w0")] if e.reason == phases.DEPENDENCY_NOT_READY]
    began = next(e.t_s for e in sample.timeline.by_object[ks_id("w0")])
    assert told[0] - began > GIVEN_UP_S and sample.most_busy == 4
    assert down[ks_id("other")] - up[ks_id("other")] > 3 * GIVEN_UP_S + 5.0


def test_a_release_tells_of_its_install_before_it_is_ready():
    of = fleet(ks("a"), hr("h", "a"))
    up, _ = ready(of)
    down, _ = ready(of, NEVER_S)
    later = {id: down[id] - up[id] for id in up}
    # GitRepository, its chart, the install; of a's own "applied" is told while the chart is made, "healthy" after all that.
    assert later[hr_id("h")] == pytest.approx(3 * GIVEN_UP_S, abs=0.1)
    assert later[ks_id("a")] == pytest.approx(4 * GIVEN_UP_S, abs=5.1)


def test_after_a_commit_what_it_leaves_as_it_was_tells_only_that_it_is_done():
    of = fleet(ks("a"), ks("b"))
    fields = {"kind": COMMIT, "changed": frozenset({ks_id("a")}), "webhook": True}
    up, _ = ready(of, **fields)
    down, _ = ready(of, NEVER_S, **fields)
    # The new artifact's event for both; of what changed "applied" and "healthy" besides.
    assert down[ks_id("b")] - up[ks_id("b")] == pytest.approx(GIVEN_UP_S, abs=0.1)
    assert down[ks_id("a")] - up[ks_id("a")] == pytest.approx(3 * GIVEN_UP_S, abs=5.1)


def test_a_check_that_passes_after_one_that_did_not_is_told_of_though_nothing_was_changed():
    of = fleet(ks("a", timeout_s=30.0, retry_interval_s=20.0))
    up, _ = ready(of, durations={"a": 45.0})  # its first check ends after 30 s, the next begins 20 s later
    down, _ = ready(of, NEVER_S, durations={"a": 60.0})
    # What is told of: the artifact, that it was applied, that the check failed, that it passed.
    assert up[ks_id("a")] == pytest.approx(51.5)
    assert down[ks_id("a")] == pytest.approx(51.5 + 4 * GIVEN_UP_S)


def test_a_shard_that_posts_nothing_is_not_held_up():
    shard = ShardFlags(KUSTOMIZATION, "s", (("events_refused_s", 0.0),))
    of = fleet(ks("a", wait=False), ks("b", wait=False, shard="s"))
    found, _ = ready(of, NEVER_S, parameters={"shards": (shard,)})
    assert found[ks_id("a")] - found[ks_id("b")] == pytest.approx(GIVEN_UP_S, abs=0.1)


def test_an_artifact_that_is_made_anew_as_it_was_is_not_told_of():
    of = fleet(ks("a", wait=False))
    restarted = {"kind": RESTART, "restart_by": EVICT}
    up, _ = ready(of, **restarted)
    down, _ = ready(of, NEVER_S, **restarted)
    # Ready comes before "finished", and nothing was changed.
    assert down[ks_id("a")] - up[ks_id("a")] == pytest.approx(0.0, abs=0.1)


def test_a_release_that_only_waited_for_its_chart_is_ready_without_an_action():
    of = fleet(ks("a"), hr("h", "a"))
    _, sample = ready(of, NEVER_S, kind=RESTART, restart_by=EVICT)  # the chart is told of for 15 s before it shows
    rows = sample.timeline.by_object[hr_id("h")]
    assert phases.ARTIFACT_FAILED in [row.reason for row in rows]
    assert phases.PROGRESSING not in [row.reason for row in rows] and rows[-1].status == phases.TRUE


def test_the_chain_names_what_was_spent_on_events_that_nobody_took():
    of = fleet(ks("a"))
    parameters = Parameters(events_refused_s=NEVER_S)
    sample = simulate(scenario(of, {"a": 20.0}, parameters=parameters))
    pieces = why(of, sample.timeline, ks_id("a"), parameters=parameters)
    events = [p.seconds for p in pieces if p.cause == EVENTS and p.object == ks_id("a")]
    assert events == pytest.approx([GIVEN_UP_S, GIVEN_UP_S])  # applied; healthy, after the rest of its 20 s
    assert sum(p.seconds for p in pieces) == pytest.approx(max(t for t in sample.ready_s if t is not None))


def seconds(of, sample, parameters, id):
    """Object's seconds by cause in the chain behind an object."""
    found: dict[str, float] = {}
    for piece in why(of, sample.timeline, id, parameters=parameters):
        if piece.object == id:
            found[piece.cause] = found.get(piece.cause, 0.0) + piece.seconds
    return found


def test_what_is_short_or_comes_once_events_are_taken_is_not_put_down_to_them():
    of = fleet(ks("a"))
    parameters = Parameters(events_refused_s=20.0)
    sample = simulate(scenario(of, {"a": 21.0}, parameters=parameters))
    found = seconds(of, sample, parameters, ks_id("a"))
    # Applied at 16.5 s, tried again 1, 3 and 7 s later; healthy after 37.5 s, which is told of at once.
    assert found[EVENTS] == pytest.approx(7.0, abs=0.1) and found[HEALTH_POLL] > 0.0
    parameters = Parameters(events_refused_s=NEVER_S)
    fields = {"kind": COMMIT, "changed": frozenset({ks_id("b")}), "webhook": True}
    both = fleet(ks("a"), ks("b"))
    sample = simulate(scenario(both, parameters=parameters, steps=shipped_steps(), **fields))
    assert EVENTS not in seconds(both, sample, parameters, ks_id("a"))  # of what stays as it was nothing is told


def test_who_tells_that_a_dependency_is_not_ready_is_not_in_the_queue_meanwhile():
    of = fleet(ks("slow"), ks("a", "slow", wait=False))
    parameters = Parameters(events_refused_s=NEVER_S)
    sample = simulate(scenario(of, {"slow": 5.0}, parameters=parameters))
    rollout = Explanation(Rollout(of, sample.timeline, parameters))
    spans = [(s.cause, s.to_s - s.from_s) for s in rollout.until_ready(ks_id("a"))]
    assert (EVENTS, pytest.approx(GIVEN_UP_S)) in spans and QUEUE not in [cause for cause, _ in spans]
    # The worker is seen held by whoever tells: with one worker, the other waits for it.
    one = Parameters(events_refused_s=NEVER_S, kustomize_concurrent=1)
    both = fleet(ks("slow", wait=False), ks("w", "never"), ks("a", wait=False))
    queue = Queue(Rollout(both, simulate(scenario(both, parameters=one, until_s=200.0)).timeline, one), [ks_id("w")], 1)
    assert queue.pool.held[0].to_s - queue.pool.held[0].from_s == pytest.approx(GIVEN_UP_S)


def test_a_failed_check_is_no_timeout_for_the_event_that_tells_of_it():
    of = fleet(ks("a", timeout_s=60.0, retry_interval_s=600.0))
    parameters = Parameters(events_refused_s=NEVER_S)
    fail = frozenset({ks_id("a")})
    sample = simulate(scenario(of, parameters=parameters, fail=fail, until_s=300.0))
    found = {s.cause: s.to_s - s.from_s for s in Explanation(Rollout(of, sample.timeline, parameters)).life(ks_id("a"))}
    assert found[TIMEOUT] == pytest.approx(60.0, abs=0.1)

"""Commits, restarts, and what every scenario owes: the same numbers for the same seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source
from fleetbench.graph.root import with_root
from fleetbench.ids import EXTERNAL_ARTIFACT, GIT_REPOSITORY, KUSTOMIZATION, ObjectId
from fleetbench.model.parameters import Parameters, ShardFlags
from fleetbench.model.scenario import COMMIT, RESTART
from fleetbench.model.steps import shipped_steps
from fleetbench.phases import RECONCILIATION_FAILED, RETRIES_EXCEEDED
from fleetbench.timeline.causes import DEPENDENCY_POLL, INTERVAL, QUEUE, SOURCE, WORKLOAD
from fleetbench.timeline.stats import max_parallel
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.invariants import check_invariants


def ready(sample, of):
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


GIT = ObjectId(GIT_REPOSITORY, "flux-system", "flux-system")
CHAIN = fleet(ks("a"), ks("b", "a"), ks("c", "b"))


def test_a_commit_walks_the_chain_link_by_link_although_nothing_changed():
    at = ready(simulate(scenario(CHAIN, kind=COMMIT, webhook=True)), CHAIN)
    assert at[ks_id("a")] < 1.0
    assert 30.0 <= at[ks_id("b")] < 31.0
    assert 60.0 <= at[ks_id("c")] < 61.0


def test_a_changed_workload_is_rolled_out_again():
    sample = simulate(scenario(CHAIN, {"a": 12.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")})))
    assert ready(sample, CHAIN)[ks_id("a")] == pytest.approx(15.0, abs=1.0)


def test_a_waiting_kustomization_is_not_ready_before_the_release_that_the_commit_changed():
    of = fleet(ks("data"), hr("redis", "data"), ks("after", "data"))
    changed = frozenset({ks_id("data"), hr_id("redis")})
    sample = simulate(scenario(of, {"redis": 40.0}, kind=COMMIT, webhook=True, changed=changed))
    at = ready(sample, of)
    assert 40.0 <= at[hr_id("redis")] <= at[ks_id("data")] <= at[ks_id("after")]


def test_what_was_ready_before_a_commit_is_in_flight_only_while_it_is_rolled_out_again():
    of = fleet(ks("a"), ks("b"), ks("c"))
    changed = frozenset({ks_id("a"), ks_id("b")})
    sample = simulate(scenario(of, {"a": 30.0, "b": 30.0}, kind=COMMIT, webhook=True, changed=changed))
    assert sample.timeline is not None
    assert max_parallel(of, sample.timeline) == 2


def test_the_chain_of_a_changed_release_goes_on_at_the_parent_that_waited_for_its_dependency():
    of = fleet(ks("db"), ks("app", "db"), hr("web", "app"))
    changed = frozenset({ks_id("app"), hr_id("web")})
    s = scenario(of, {"web": 20.0}, kind=COMMIT, webhook=True, changed=changed, steps=shipped_steps())
    sample = simulate(s)
    assert sample.timeline is not None
    chain = why(of, sample.timeline, hr_id("web"), parameters=s.parameters)
    polls = [p.seconds for p in chain if (p.object, p.cause) == (ks_id("app"), DEPENDENCY_POLL)]
    assert polls == [pytest.approx(30.0, abs=0.5)]
    assert INTERVAL not in [p.cause for p in chain]


def every_ten_minutes(of: Fleet) -> Fleet:
    """The fleet with a source that looks for commits every 10 minutes."""
    return replace(of, sources=tuple(replace(source, interval_s=600.0) for source in of.sources))


def test_without_a_webhook_the_commit_waits_for_the_sync_interval():
    of = every_ten_minutes(CHAIN)
    seen = [ready(simulate(scenario(of, kind=COMMIT), n), of)[ks_id("a")] for n in range(40)]
    assert 0.0 < min(seen) < 150.0 < max(seen) <= 631.0  # uniform over the source's 10 minutes, and its jitter


def test_a_fix_waits_behind_the_broken_health_check_unless_the_gate_cancels_it():
    of = fleet(ks("a", timeout_s=300.0))
    bad = scenario(
        of,
        {"a": 5.0},
        kind=COMMIT,
        webhook=True,
        changed=frozenset({ks_id("a")}),
        fail=frozenset({ks_id("a")}),
        fix_after_s=60.0,
    )
    waits = ready(simulate(bad), of)[ks_id("a")]
    gate = Parameters(interval_jitter=0.0, cancel_health_check_on_new_revision=True)
    cancels = ready(simulate(replace(bad, parameters=gate)), of)[ks_id("a")]
    assert waits is not None and cancels is not None
    assert cancels < 80.0 < 300.0 < waits


@pytest.mark.parametrize("gate", ["cancel_health_check_on_new_revision", "helm_cancel_health_check_on_new_revision"])
def test_a_release_is_cancelled_by_helm_controllers_own_gate_only(gate):
    of = fleet(ks("a", wait=False), hr("h", "a", timeout_s=300.0, strategy="RetryOnFailure"))
    h = hr_id("h")
    what = {"kind": COMMIT, "webhook": True, "changed": frozenset({h}), "fail": frozenset({h}), "fix_after_s": 60.0}
    at = ready(
        simulate(scenario(of, {"h": 5.0}, parameters=Parameters(interval_jitter=0.0).with_(**{gate: True}), **what)), of
    )[h]
    assert at is not None
    assert at < 80.0 if gate.startswith("helm_") else at > 300.0


def test_helms_own_wait_is_cancelled_by_nothing():
    of = fleet(ks("a", wait=False), hr("h", "a", timeout_s=300.0, strategy="RetryOnFailure", wait_strategy="legacy"))
    h = hr_id("h")
    what = {"kind": COMMIT, "webhook": True, "changed": frozenset({h}), "fail": frozenset({h}), "fix_after_s": 60.0}
    gate = Parameters(interval_jitter=0.0, helm_cancel_health_check_on_new_revision=True)
    assert ready(simulate(scenario(of, {"h": 5.0}, parameters=gate, **what)), of)[h] > 300.0


def test_a_restart_queues_everything_once_more():
    at = ready(simulate(scenario(CHAIN, kind=RESTART)), CHAIN)
    assert all(t is not None and 3.0 <= t <= 39.0 for t in at.values())


def test_recording_changes_no_number():
    of = fleet(*(ks(f"s{n}", *([f"s{n - 2}"] if n > 1 else [])) for n in range(12)))
    s = scenario(of, {f"s{n}": 3.0 + n for n in range(12)}, steps=shipped_steps())
    for n in range(5):
        assert simulate(s, n, record=True).ready_s == simulate(s, n, record=False).ready_s


def test_an_object_added_beside_the_others_does_not_change_their_draws():
    durations = {"a": 3.0, "z": 1.0}
    steps = shipped_steps()
    parameters = Parameters(kustomize_concurrent=20, cpus=1e9, kustomize_cpus=None)
    one = fleet(ks("a", wait=False))
    two = fleet(ks("a", wait=False), ks("z", wait=False))
    for n in range(10):
        alone = ready(simulate(scenario(one, durations, steps=steps, parameters=parameters), n), one)[ks_id("a")]
        beside = ready(simulate(scenario(two, durations, steps=steps, parameters=parameters), n), two)[ks_id("a")]
        assert beside - alone < 0.6  # the root applies one more object, and builds take turns


def test_until_stops_the_clock():
    sample = simulate(scenario(CHAIN, until_s=10.0))
    assert sample.until_s == 10.0 and not sample.complete
    assert all(e.t_s <= 10.0 for e in sample.timeline.events)


def test_a_commit_is_in_force_for_an_object_only_once_its_source_has_seen_it():
    of = fleet(ks("a", interval_s=60.0))
    changed = scenario(of, {"a": 100.0}, kind=COMMIT, changed=frozenset({ks_id("a")}))
    same = scenario(of, {"a": 100.0}, kind=COMMIT)
    for n in range(10):  # the same draws: what the source sees when
        seen = ready(simulate(same, n), of)[ks_id("a")]
        assert ready(simulate(changed, n), of)[ks_id("a")] == pytest.approx(seen + 100.0, abs=5.0)


def test_the_sync_delay_is_uniform_over_the_interval_also_of_the_commit_that_mends():
    of = every_ten_minutes(fleet(ks("a", timeout_s=30.0, retry_interval_s=10.0)))
    seen = sorted(ready(simulate(scenario(of, kind=COMMIT), n), of)[ks_id("a")] for n in range(300))
    assert 45.0 < seen[30] < 75.0 and 260.0 < seen[150] < 340.0 and 525.0 < seen[270] < 560.0
    bad = scenario(of, kind=COMMIT, changed=frozenset({ks_id("a")}), fail=frozenset({ks_id("a")}), fix_after_s=1200.0)
    mended = sorted(ready(simulate(bad, n), of)[ks_id("a")] for n in range(100))
    assert mended[0] < 1300.0 and 1400.0 < mended[50] < 1650.0 < mended[-1]


def test_a_release_is_upgraded_when_its_parent_has_applied_the_change_not_at_its_own_interval():
    of = fleet(ks("z"), ks("a", "z"), hr("h", "a", interval_s=30.0))
    changed = frozenset({ks_id("z"), hr_id("h")})
    at = ready(simulate(scenario(of, {"z": 40.0, "h": 10.0}, kind=COMMIT, webhook=True, changed=changed)), of)
    assert 60.0 < at[hr_id("h")] < 80.0  # a polls its dependency at 30 and 60


OTHER = ObjectId(GIT_REPOSITORY, "flux-system", "other")


def beside_another_source(*members):
    """A root of one repository that applies Kustomizations of another one."""
    return with_root(members, [], [Source(GIT, this_repository=True), Source(OTHER)], None, source=GIT)


@pytest.mark.parametrize("webhook", [True, False])
def test_a_changed_kustomization_of_another_source_applies_anew_the_revision_that_it_has(webhook):
    of = beside_another_source(replace(ks("y"), source=OTHER), ks("after", "y"), ks("other"))
    s = scenario(of, {"y": 40.0}, kind=COMMIT, webhook=webhook, changed=frozenset({ks_id("y")}), steps=shipped_steps())
    sample = simulate(s)
    seen = next(e.t_s for e in sample.timeline.by_object[GIT] if e.revision == "r2")
    at = ready(sample, of)
    assert sample.complete and seen + 40.0 < at[ks_id("y")] < seen + 50.0
    assert {e.revision for e in sample.timeline.by_object[ks_id("y")] if e.revision} == {"r1"}
    causes = [p.cause for p in why(of, sample.timeline, ks_id("y"), parameters=s.parameters)]
    assert {SOURCE, WORKLOAD} < set(causes), "the root's artifact is behind it, then its own workloads"


def test_a_commit_that_breaks_a_kustomization_of_another_source_and_one_that_mends_it():
    y = frozenset({ks_id("y")})
    for wait in (True, False):
        of = beside_another_source(replace(ks("y", wait=wait, timeout_s=60.0, retry_interval_s=60.0), source=OTHER))
        bad = simulate(scenario(of, kind=COMMIT, webhook=True, fail=y))
        assert ready(bad, of)[ks_id("y")] is None and bad.until_s < 600.0
        mended = simulate(scenario(of, kind=COMMIT, webhook=True, fail=y, fix_after_s=300.0))
        assert 300.0 <= ready(mended, of)[ks_id("y")] < 500.0


def test_what_no_kustomization_of_the_repository_applies_is_changed_by_hand_at_t0():
    orphan = replace(ks("y"), source=OTHER)
    of = replace(beside_another_source(), kustomizations=(*beside_another_source().kustomizations, orphan))
    assert of.kustomization(ks_id("y")).parent is None
    sample = simulate(scenario(of, {"y": 40.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("y")})))
    assert ready(sample, of)[ks_id("y")] == pytest.approx(40.0, abs=5.0)


def test_a_commit_that_never_gets_to_the_parent_s_apply_never_changes_its_release():
    of = fleet(ks("z", timeout_s=60.0), ks("a", "z"), hr("h", "a"))
    changed = frozenset({hr_id("h")})
    sample = simulate(scenario(of, kind=COMMIT, webhook=True, changed=changed, fail=frozenset({ks_id("z")})))
    assert ready(sample, of)[hr_id("h")] is None and sample.until_s < 600.0


def test_a_fix_brings_a_stalled_release_and_its_waiting_parent_back():
    of = fleet(ks("a", retry_interval_s=60.0), hr("h", "a", timeout_s=60.0))
    broken = frozenset({hr_id("h")})
    s = scenario(of, {"h": 5.0}, kind=COMMIT, webhook=True, changed=broken, fail=broken, fix_after_s=600.0)
    sample = simulate(s)
    at = ready(sample, of)
    assert RETRIES_EXCEEDED in [e.reason for e in sample.timeline.by_object[hr_id("h")]]
    assert 600.0 < at[hr_id("h")] < 615.0 and 600.0 < at[ks_id("a")] < 680.0


def test_a_copied_artifact_that_a_commit_leaves_alone_reconciles_nobody():
    copies = [Source(ObjectId(EXTERNAL_ARTIFACT, "flux-system", name), copied_from=GIT) for name in "ab"]
    members = [replace(ks(name), source=copy.id) for name, copy in zip("ab", copies, strict=True)]
    git = Source(GIT, this_repository=True)
    of = with_root(members, [], [git, *copies], None, source=GIT)
    sample = simulate(scenario(of, {"a": 5.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")})))
    assert ready(sample, of)[ks_id("a")] >= 5.0 and ready(sample, of)[ks_id("b")] == 0.0
    assert len(sample.timeline.by_object[ks_id("b")]) == 1  # Ready before the commit, and nothing since


def test_the_chain_of_a_commit_goes_on_at_the_dependency_that_was_still_at_work():
    of = fleet(ks("a"), ks("b", "a"))
    s = scenario(of, {"a": 22.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")}), steps=shipped_steps())
    chain = why(of, simulate(s).timeline, ks_id("b"), parameters=s.parameters)
    (poll,) = [p for p in chain if p.cause == DEPENDENCY_POLL]
    assert poll.from_s == pytest.approx(25.0, abs=1.5) and WORKLOAD in [p.cause for p in chain]


def test_what_a_bad_commit_breaks_was_healthy_before_it():
    of = fleet(ks("a", wait=False, interval_s=60.0))
    s = scenario(of, kind=COMMIT, fail=frozenset({ks_id("a")}), until_s=600.0)
    events = simulate(s).timeline.by_object[ks_id("a")]
    failed = next(e.t_s for e in events if e.reason == RECONCILIATION_FAILED)
    seen = next(e.t_s for e in simulate(s).timeline.by_object[GIT] if e.revision == "r2")
    assert failed >= seen > 0.0


def test_a_shards_workers_and_polls_are_those_of_its_own_controller():
    names = [f"{s}{n}" for s in "ms" for n in range(3)]
    kustomizations = [ks(name, shard="one" if name[0] == "s" else None) for name in names]
    of = fleet(*kustomizations, ks("after", "m0", shard="two"))
    one = ShardFlags(KUSTOMIZATION, "one", (("kustomize_concurrent", 1),))
    two = ShardFlags(KUSTOMIZATION, "two", (("requeue_dependency_s", 1.0),))
    flags = Parameters(kustomize_concurrent=10, interval_jitter=0.0, shards=(one, two))
    sample = simulate(scenario(of, dict.fromkeys(names, 20.0), parameters=flags))
    at = {id.name: ready_s for id, ready_s in ready(sample, of).items()}
    main, shard = ([at[f"{s}{n}"] for n in range(3)] for s in "ms")
    assert max(main) - min(main) < 1.0  # ten workers
    assert [round(b - a, -1) for a, b in pairwise(sorted(shard))] == [20.0, 20.0]  # one after the other
    assert at["after"] - at["m0"] <= 1.5  # looked at each second, not every 30 s
    assert sample.timeline is not None and check_invariants(of, sample.timeline, flags) == []
    last = ks_id(f"s{shard.index(max(shard))}")
    queued = [p.seconds for p in why(of, sample.timeline, last, parameters=flags) if p.cause == QUEUE]
    assert sum(queued) > 15.0

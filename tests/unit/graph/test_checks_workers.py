"""Which waiting parents can hold every worker, against an exhaustive search of small fleets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetbench.findings import CYCLE, SELF_DEPENDENCY_LOOP, WORKERS_EXHAUSTED
from fleetbench.graph.checks import check
from fleetbench.graph.checks.workers import largest_antichain, lock
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import health_checked
from fleetbench.ids import ObjectId
from tests.builders import fleet, ks, ks_id

State = tuple[frozenset[ObjectId], frozenset[ObjectId]]  # started, Ready


def can_lock(of: Fleet, workers: int) -> bool:
    """Whether some order of events ends with all workers held by parents that wait for what has no worker.

    Every interleaving is tried: a Kustomization may start when its parent has, its dependencies are Ready and a
    worker is free; it is Ready once all it waits for is, and holds its worker until then.
    """
    waits_for = {k.id: frozenset(health_checked(of, k)) for k in of.kustomizations}
    seen: set[State] = set()
    stack: list[State] = [(frozenset(), frozenset())]
    while stack:
        state = stack.pop()
        if state in seen:
            continue
        seen.add(state)
        started, ready = state
        following = list(_next(of, waits_for, started, ready, workers))
        if not following and len(started - ready) >= workers:
            return True
        stack += following
    return False


def _next(of: Fleet, waits_for: dict, started: frozenset, ready: frozenset, workers: int) -> Iterator[State]:
    for id in started - ready:
        if waits_for[id] <= ready:
            yield started, ready | {id}
    if len(started - ready) >= workers:
        return
    for k in of.kustomizations:
        if k.id in started or (k.parent is not None and k.parent not in started):
            continue
        if all(d.target in ready for d in k.depends_on):
            yield started | {k.id}, ready


def nested(parents: int, children: int) -> Fleet:
    """Independent waiting parents with independent children, as in a fleet that stalls."""
    objects = [ks(f"p{p}") for p in range(parents)]
    objects += [ks(f"p{p}c{c}", parent=f"p{p}") for p in range(parents) for c in range(children)]
    return fleet(*objects)


def test_independent_waiting_parents_can_each_hold_a_worker() -> None:
    assert lock(nested(4, 2)) == [ks_id(f"p{p}") for p in range(4)]


def test_waves_hold_one_worker_at_a_time() -> None:
    of = fleet(
        ks("w0"), ks("w1", "w0"), ks("w2", "w1"), ks("a", parent="w0"), ks("b", parent="w1"), ks("c", parent="w2")
    )
    assert len(lock(of)) == 1


def test_nested_waiting_parents_hold_a_worker_a_level() -> None:
    of = fleet(ks("top"), ks("middle", parent="top"), ks("leaf", parent="middle"))
    assert lock(of) == [ks_id("middle"), ks_id("top")]


def test_a_parent_that_waits_only_for_helm_releases_needs_no_second_worker() -> None:
    from tests.builders import hr

    assert lock(fleet(ks("a"), hr("a", "a"), ks("b"), hr("b", "b"))) == []


def test_a_parent_that_does_not_wait_holds_nothing() -> None:
    assert lock(fleet(ks("a", wait=False), ks("b", parent="a"))) == []


def test_a_parent_that_starts_after_the_others_children_is_not_counted_with_it() -> None:
    # b starts once a's only child is Ready: a is about to let go of its worker then.
    of = fleet(ks("a"), ks("a1", parent="a"), ks("b", "a1"), ks("b1", parent="b"))
    assert len(lock(of)) == 1


def test_a_parent_whose_innermost_child_has_its_worker_is_not_counted_with_what_that_child_creates() -> None:
    # inner is created by leaf, which has its worker by then: middle, and so top, are about to let go of theirs.
    of = fleet(
        ks("top"), ks("middle", parent="top"), ks("leaf", parent="middle", wait=False), ks("inner", parent="leaf")
    )
    of = fleet(*of.kustomizations, ks("deep", parent="inner"), ks("end", parent="deep", wait=False))
    assert len(lock(of)) == 2 and can_lock(of, 2) and not can_lock(of, 3)


def test_shards_have_workers_of_their_own() -> None:
    objects = [ks("p0"), ks("p0c", parent="p0"), ks("p1", shard="s"), ks("p1c", parent="p1", shard="s")]
    assert lock(fleet(*objects)) == [ks_id("p0")]
    assert lock(fleet(*objects), shard="s") == [ks_id("p1")]


def test_a_shard_locks_at_the_number_of_its_own_workers() -> None:
    of = fleet(ks("p0"), ks("p0c", parent="p0"), ks("p1", shard="s"), ks("p1c", parent="p1", shard="s"))
    found = [f for f in check(of, shard_concurrent={"s": 1}) if f.code == WORKERS_EXHAUSTED]
    assert [f.object for f in found] == [ks_id("p1")] and "now 1 of shard s" in found[0].message


def test_the_finding_names_the_number_of_workers_at_which_the_rollout_locks() -> None:
    def found(workers: int) -> list[str]:
        return [f.message for f in check(nested(4, 2), kustomize_concurrent=workers) if f.code == WORKERS_EXHAUSTED]

    assert "with 4 workers or fewer (now 4)" in found(4)[0]
    assert "with 4 workers or fewer (now 2)" in found(2)[0]
    assert found(5) == []


def test_a_single_waiting_parent_needs_a_second_worker() -> None:
    [finding] = [f for f in check(nested(1, 1), kustomize_concurrent=1) if f.code == WORKERS_EXHAUSTED]
    assert "with 1 worker (now 1) none is left for them" in finding.message
    assert finding.fix.startswith("--concurrent=2 or more")


@pytest.mark.parametrize("parents", [1, 2, 3])
def test_exhaustive_search_locks_at_exactly_the_stated_number(parents: int) -> None:
    of = nested(parents, 1)
    assert can_lock(of, parents)
    assert not can_lock(of, parents + 1)


def deadlocks(of: Fleet) -> bool:
    return bool({f.code for f in check(of)} & {CYCLE, SELF_DEPENDENCY_LOOP})


@st.composite
def small_fleets(draw: st.DrawFn) -> Fleet:
    """At most seven Kustomizations, with parents, waits and dependsOn towards earlier ones, and no deadlock."""
    objects = [ks("flux-system", wait=draw(st.booleans()))]
    for number in range(draw(st.integers(2, 6))):
        names = [k.id.name for k in objects]
        parent = draw(st.sampled_from(names))
        depends_on = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        wait = draw(st.booleans())
        objects.append(ks(f"k{number}", *depends_on, parent=parent, wait=wait))
        if deadlocks(fleet(*objects)):
            objects[-1] = ks(f"k{number}", parent=parent, wait=wait)
    return fleet(*objects)


@settings(max_examples=100, deadline=None)
@given(small_fleets())
def test_the_stated_number_of_workers_can_lock_and_one_more_cannot(of: Fleet) -> None:
    held = len(lock(of))
    assert held == 0 or can_lock(of, held)
    assert not can_lock(of, held + 1)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), min_size=1, max_size=12))
def test_antichain_of_intervals_is_their_greatest_overlap(intervals: list[tuple[int, int]]) -> None:
    ends = [(start, start + length) for start, length in intervals]
    before = [sum(1 << j for j, (start, _) in enumerate(ends) if end <= start) for _, end in ends]
    chosen = largest_antichain(before)
    overlap = max(sum(start <= at < end for start, end in ends) for at, _ in ends)
    assert len(chosen) == overlap
    assert not any(before[i] >> j & 1 for i in chosen for j in chosen)

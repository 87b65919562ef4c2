"""Waiting parents that can hold every worker while their children need one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import networkx as nx

from fleetbench.findings import WORKERS_EXHAUSTED, Finding
from fleetbench.graph.checks.about import about, said
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.order import applied, enforced_order, health_checked, marks_after, ready
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.units import go_duration


def check_workers(fleet: Fleet, kustomize_concurrent: int, shard_concurrent: Mapping[str, int]) -> Iterator[Finding]:
    """One finding for each controller (shard) whose workers can all be held."""
    order = enforced_order(fleet)
    for shard in sorted({k.shard or "" for k in fleet.kustomizations}):
        parents = lock(fleet, order, shard or None)
        workers = shard_concurrent.get(shard, kustomize_concurrent)
        if len(parents) >= max(workers, 1):
            first = fleet.kustomization(parents[0])
            assert first is not None
            timeouts = [k.effective_timeout_s for p in parents if (k := fleet.kustomization(p)) is not None]
            yield about(WORKERS_EXHAUSTED, first, _sentence(parents, workers, min(timeouts), shard), _fix(parents))


def _sentence(parents: list[ObjectId], workers: int, first_timeout_s: float, shard: str) -> str:
    now = f"now {workers}{f' of shard {shard}' if shard else ''}"
    until = f"nothing moves until a timeout ({go_duration(first_timeout_s)} at the earliest)"
    if len(parents) == 1:
        return f"waits for its children and holds a worker meanwhile: with 1 worker ({now}) none is left for them, and {until}."
    return (
        f"{len(parents)} waiting parents ({said(parents)}) can be in their health checks at one time, each holding a worker "
        f"until its children are Ready: with {len(parents)} workers or fewer ({now}) none may be left for the children, "
        f"and {until}."
    )


def _fix(parents: list[ObjectId]) -> str:
    return f"--concurrent={len(parents) + 1} or more, or wait: false on a parent and dependsOn on its children instead"


def lock(fleet: Fleet, order: nx.DiGraph | None = None, shard: str | None = None) -> list[ObjectId]:
    """The largest set of waiting parents that can hold a worker each while a child of each has yet to start.

    A *waiting parent* is a Kustomization whose health check covers a Kustomization that it creates and that the
    same controller reconciles: it holds its worker from its apply until all such children are Ready, and they need
    workers themselves. Two such parents cannot hold workers at one time if the enforced order (dependsOn, parents,
    waits) sees all children of the one through before the other is applied: waves are of this kind. The rollout can
    lock up with N workers exactly if N parents exist of which no two are so ordered: they may come to hold all N
    workers, and the innermost of them has a child that never gets one. So the answer's length is the largest N that
    can lock; with one worker more there is always one left for a child.

    The order is a partial one, so the largest set is a maximum antichain, found through Dilworth's theorem. It
    speaks of what can happen, not of how likely it is; where two parents together, but neither alone, finish off
    the children of a third, N may be one too high.

    Args:
        fleet: the fleet.
        order: :func:`fleetbench.graph.order.enforced_order` of it, where already at hand.
        shard: which controller, by its ``sharding.fluxcd.io/key``; None = the one without.

    Returns:
        Their ids, sorted; empty if no parent waits.
    """
    if order is None:
        order = enforced_order(fleet)
    children: dict[ObjectId, list[ObjectId]] = {}
    for k in fleet.kustomizations:
        if k.suspend or k.obstacle or k.shard != shard:
            continue
        own = set(fleet.children.get(k.id, ()))
        kids = [id for id in health_checked(fleet, k) if id.kind == KUSTOMIZATION and id in own]
        kids = [id for id in kids if (kid := fleet.kustomization(id)) is not None and kid.shard == shard]
        if kids:
            children[k.id] = kids
    parents = sorted(children)
    return [parents[i] for i in largest_antichain(_done_before(order, parents, children))]


def _done_before(order: nx.DiGraph, parents: list[ObjectId], children: dict[ObjectId, list[ObjectId]]) -> list[int]:
    """For each parent p, as bits: the parents q that are applied only once nothing can hold up a child of p.

    That is once the child is Ready; or already once it is applied if it is no waiting parent itself, as it then has
    the only worker that it takes; or, if it is one, once nothing can hold up its own children.
    """
    after = marks_after(order, [applied(p) for p in parents])
    through: dict[ObjectId, int] = {}
    for p in _innermost_first(parents, children):
        common = ~0
        for kid in children[p]:
            common &= after[ready(kid)] | through.get(kid, 0) if kid in children else after[applied(kid)]
        through[p] = common
    rows = [through[p] & ~(1 << i) for i, p in enumerate(parents)]
    # In a deadlock (reported on its own) both directions can hold: such pairs order nothing.
    return [
        sum(1 << j for j in range(len(rows)) if row >> j & 1 and not rows[j] >> i & 1) for i, row in enumerate(rows)
    ]


def _innermost_first(parents: list[ObjectId], children: dict[ObjectId, list[ObjectId]]) -> Iterator[ObjectId]:
    """Each parent after those of its children that are parents too (depth first; of a circle in any order)."""
    nesting = nx.DiGraph()
    nesting.add_nodes_from(parents)
    nesting.add_edges_from((p, kid) for p in parents for kid in children[p] if kid in children)
    yield from nx.dfs_postorder_nodes(nesting)


def largest_antichain(before: list[int]) -> list[int]:
    """A maximum antichain of a partial order: as many elements as possible of which none precedes another.

    By Dilworth's and König's theorems on a maximum matching of the pairs "i precedes j". The matching is Kuhn's,
    with sets of elements as bits: networkx's own took 166 s for 400 elements where this takes milliseconds.

    Args:
        before: row i as bits: bit j set = i precedes j. Transitive and without cycles.
    """
    size = len(before)
    taken_by: list[int] = [-1] * size  # right element -> the left one matched to it
    for start in range(size):
        _augment(start, before, taken_by)
    matched = set(taken_by)
    # König: what alternating paths reach from the unmatched left elements.
    reached_left = {i for i in range(size) if i not in matched}
    reached_right, stack = 0, list(reached_left)
    while stack:
        fresh = before[stack.pop()] & ~reached_right
        reached_right |= fresh
        for j in _bits(fresh):
            if taken_by[j] not in reached_left:
                reached_left.add(taken_by[j])
                stack.append(taken_by[j])
    return [i for i in range(size) if i in reached_left and not reached_right >> i & 1]


def _augment(start: int, before: list[int], taken_by: list[int]) -> None:
    """Match one more left element if an alternating path allows it (depth first, without recursion)."""
    unseen = ~0
    path: list[tuple[int, int]] = []  # (left, right tried)
    left = start
    while True:
        candidates = before[left] & unseen
        if candidates:
            right = (candidates & -candidates).bit_length() - 1
            unseen &= ~(1 << right)
            path.append((left, right))
            if taken_by[right] < 0:
                for matched_left, matched_right in path:
                    taken_by[matched_right] = matched_left
                return
            left = taken_by[right]
        elif path:
            left, _ = path.pop()
        else:
            return


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1

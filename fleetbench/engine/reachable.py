"""Which objects can turn Ready at all: what the others wait for in vain is known before the clock starts.

Least fixed point over the rules of :mod:`fleetbench.engine.readiness`; a cycle has no member that comes first, so
none of it is reached.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from fleetbench.engine.items import MISSING, Plan
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId


class Reach(NamedTuple):
    """How far each item can get: one flag an item, in the plan's order."""

    starts: list[bool]
    """It exists one day, and so do a source's artifact and Ready dependencies: a whole reconcile of it begins."""
    looked_at: list[bool]
    """It exists one day and is not suspended: its controller says at least what it waits for."""
    ready: list[bool]


def can_turn_ready(plan: Plan, given_up: Collection[int] = (), *, healthy: bool = False) -> list[bool]:
    """For each item whether it can turn Ready; see :func:`reach`."""
    return reach(plan, given_up, healthy=healthy).ready


def never_ready(plan: Plan) -> frozenset[ObjectId]:
    """The services that can never turn Ready, whatever the draws."""
    can = can_turn_ready(plan)
    return frozenset(plan.items[n].id for n in plan.services if not can[n])


def reach(plan: Plan, given_up: Collection[int] = (), *, healthy: bool = False) -> Reach:
    """How far each item can get.

    Args:
        plan: the compiled scenario.
        given_up: items that have reached a terminal state since (a HelmRelease whose retries are exhausted).
        healthy: as if nothing failed: what was Ready before a commit or a restart broke it.
    """
    items = plan.items
    healed = healthy or plan.scenario.fix_after_s is not None
    # Before a commit or a restart everything that could be Ready was, so it exists and its needs are met.
    before = [False] * len(items) if healthy or not plan.steady else plan.steady
    exists = [item.exists or there for item, there in zip(items, before, strict=True)]
    applies = [False] * len(items)
    ready = [False] * len(items)
    interested: list[list[int]] = [[] for _ in items]
    for n, item in enumerate(items):
        wanted = [d for d, _ in item.dependencies] + [item.source, item.parent, *item.checks]
        wanted += [*item.needs_apply, *item.needs_build, *item.needs_namespace, *item.needs_run]
        wanted.append(_artifact_of(plan, n))
        for other in set(wanted):
            if other != MISSING:
                interested[other].append(n)
    todo = list(range(len(items)))
    while todo:
        n = todo.pop()
        item = items[n]
        known = (exists[n], applies[n], ready[n])
        if not exists[n]:
            exists[n] = item.defined and item.parent != MISSING and applies[item.parent]
        if exists[n] and not applies[n]:
            applies[n] = (
                _can_start(plan, n, exists, ready)
                and not (item.broken or item.refused)
                and all(applies[p] or before[p] for p in (*item.needs_apply, *item.needs_build, *item.needs_namespace))
                and (healed or item.waits or not item.fails)
            )
        if applies[n] and not ready[n] and n not in given_up:
            ready[n] = (
                (healed or not item.fails)
                and (healed or not (item.failing_workloads and item.waits))
                and not (item.check_missing and item.waits)
                and (not item.waits or all(ready[c] for c in item.checks))
                and (healed or not any(items[owner].failing_workloads for owner, _ in item.checks_elsewhere))
                and (not item.waits or all(applies[p] or before[p] for p in item.needs_run))
            )
        if (exists[n], applies[n], ready[n]) != known:
            todo.extend(interested[n])
    starts = [exists[n] and _can_start(plan, n, exists, ready) for n in range(len(items))]
    return Reach(starts, [there and not item.suspend for there, item in zip(exists, items, strict=True)], ready)


def _artifact_of(plan: Plan, n: int) -> int:
    """What must have an artifact first: of a release that makes its own HelmChart, the chart's repository."""
    item = plan.items[n]
    made = item.id.kind == HELM_RELEASE and item.source in item.creates
    return plan.items[item.source].source if made else item.source


def _can_start(plan: Plan, n: int, exists: list[bool], ready: list[bool]) -> bool:
    """Whether a whole reconcile can begin: its source has an artifact and its dependencies are Ready one day."""
    item = plan.items[n]
    if item.suspend or item.denied or (item.broken and item.id.kind != KUSTOMIZATION):  # a chart that no source holds
        return False
    if item.id.kind not in (KUSTOMIZATION, HELM_RELEASE):  # a source: its artifact
        return item.source == MISSING or ready[item.source]
    source = _artifact_of(plan, n)
    if source == MISSING or not exists[source] or not ready[source]:
        return False
    return all(d != MISSING and ready[d] for d, _ in item.dependencies)

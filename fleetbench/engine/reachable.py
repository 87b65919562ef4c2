"""Which objects can turn Ready at all: what the others wait for in vain is known before the clock starts.

Least fixed point over the rules of :mod:`fleetbench.engine.readiness`; a cycle has no member that comes first, so
none of it is reached.
"""

from __future__ import annotations

from collections.abc import Collection

from fleetbench.engine.items import MISSING, Plan
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION


def can_turn_ready(plan: Plan, given_up: Collection[int] = (), *, healthy: bool = False) -> list[bool]:
    """For each item whether it can turn Ready.

    Args:
        plan: the compiled scenario.
        given_up: items that have reached a terminal state since (a HelmRelease whose retries are exhausted).
        healthy: as if nothing failed: what was Ready before a commit or a restart broke it.

    Returns:
        One flag an item, in the plan's order.
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
        wanted += [*item.needs_apply, *item.needs_build, *item.needs_run]
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
            applies[n] = _can_apply(plan, n, exists, applies, ready, before) and (
                healed or item.waits or not item.fails
            )
        if applies[n] and not ready[n] and n not in given_up:
            ready[n] = (
                (healed or not item.fails)
                and (healed or not (item.failing_workloads and item.waits))
                and not (item.check_missing and item.waits)
                and (not item.waits or all(ready[c] for c in item.checks))
                and (not item.waits or all(applies[p] or before[p] for p in item.needs_run))
            )
        if (exists[n], applies[n], ready[n]) != known:
            todo.extend(interested[n])
    return ready


def _artifact_of(plan: Plan, n: int) -> int:
    """What must have an artifact first: of a release that makes its own HelmChart, the chart's repository."""
    item = plan.items[n]
    made = item.id.kind == HELM_RELEASE and item.source in item.creates
    return plan.items[item.source].source if made else item.source


def _can_apply(
    plan: Plan, n: int, exists: list[bool], applies: list[bool], ready: list[bool], before: list[bool]
) -> bool:
    item = plan.items[n]
    if item.suspend or item.broken:
        return False
    if item.id.kind not in (KUSTOMIZATION, HELM_RELEASE):  # a source: its artifact
        return item.source == MISSING or ready[item.source]
    source = _artifact_of(plan, n)
    if source == MISSING or not exists[source] or not ready[source]:
        return False
    if any(d == MISSING or not ready[d] for d, _ in item.dependencies):
        return False
    return all(applies[p] or before[p] for p in (*item.needs_apply, *item.needs_build))

"""What a commit changes, in the numbers of a plan: whom a new artifact tells of it, and whom only a new manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fleetbench.engine.items import MISSING, Item, Plan
from fleetbench.graph.commit import Commit
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_RELEASE, KUSTOMIZATION, ObjectId

_SERVICES = (KUSTOMIZATION, HELM_RELEASE)


def mark_commit(items: list[Item], commit: Commit) -> None:
    """What a commit brings, how much of each object it changes, and what of that is refused."""
    refused, stay_released = commit.refused, commit.reconciled - commit.changed
    for item in items:
        item.added = item.id in commit.added
        item.stays_released = item.id in stay_released
        item.refuses_commit = item.id in refused
        item.changes = commit.applied.get(item.id, item.applies - len(item.creates))
    for item in items:
        if item.added and item.id.kind == HELM_RELEASE:
            for chart in item.creates:
                items[chart].added = True


def plan_commit(plan: Plan, index: Mapping[ObjectId, int], candidates: Collection[int]) -> None:
    """Work out what the commit of a plan's scenario moves.

    Args:
        plan: without its ``changed``, ``renewed``, ``moved`` and ``given_by``, which are set.
        index: object -> its number.
        candidates: services and HelmCharts.
    """
    plan.changed = frozenset(n for n in candidates if _is_changed(plan, n))
    renewed = (index[id] for id in plan.scenario.commit.renewed & index.keys())
    plan.renewed = frozenset(n for n in renewed if _is_given_one_day(plan, n)) - plan.following
    plan.moved = _moved(plan)
    plan.given_by = _given_by(plan)


def _is_changed(plan: Plan, n: int) -> bool:
    """Whether the commit changes what the object applies; what is left out gets none, nor applies a changed manifest."""
    item = plan.items[n]
    if n in plan.left_out:
        return False
    is_service = item.id.kind in _SERVICES
    if _is_unapplied(plan, n) and is_service and not _is_of_repository(plan, n):
        return False
    brings = any(plan.items[child].added for child in item.creates)
    named = item.id in plan.scenario.changed or item.stays_released
    is_new = item.added and is_service  # a new chart has no older version to differ from
    return named or is_new or brings or item.fails or item.failing_workloads


def _is_unapplied(plan: Plan, n: int) -> bool:
    """Whether nobody applies the object's manifest: who would is suspended or left out."""
    parent = plan.items[n].parent
    return parent != MISSING and (parent in plan.left_out or plan.items[parent].suspend)


def _is_given_one_day(plan: Plan, n: int) -> bool:
    """Whether a source gets its new manifest: a release makes its HelmChart anew as it sees its own."""
    parent = plan.items[n].parent
    by_release = parent != MISSING and plan.items[parent].id.kind == HELM_RELEASE
    return parent in plan.changed if by_release else not _is_unapplied(plan, n)


def _is_of_repository(plan: Plan, n: int) -> bool:
    """Whether a service is a Kustomization whose content is the repository, or copied from it."""
    item = plan.items[n]
    if item.id.kind != KUSTOMIZATION or item.source == MISSING:
        return False
    source = plan.items[item.source]
    return item.source in plan.following or (source.id.kind == EXTERNAL_ARTIFACT and source.source != MISSING)


def _given_by(plan: Plan) -> dict[int, int]:
    items = plan.items

    def moves(n: int) -> bool:
        return n != MISSING and items[n].id.kind == KUSTOMIZATION and items[n].source in plan.moved

    services = {n for n in plan.changed if items[n].id.kind in _SERVICES}
    given = {n for n in services if not moves(n)} | plan.renewed
    return {n: parent if moves(parent := items[n].parent) or parent in given else MISSING for n in given}


def _moved(plan: Plan) -> frozenset[int]:
    """The sources that show another revision once the commit is in: a copy only if it changes something of it."""
    items = plan.items
    copies = {n for n, item in enumerate(items) if item.id.kind == EXTERNAL_ARTIFACT and item.source != MISSING}
    differ: set[int] = set()
    below = list(plan.changed)
    for n in below:  # grows while it is walked
        source = items[n].source
        if source in copies and source not in differ:
            differ.add(source)
            below.append(source)
    moved = set(plan.following - copies) | plan.renewed
    below = list(moved)
    for n in below:
        fresh = [u for u in plan.users[n] if u in differ and u not in moved and not items[u].suspend]
        moved.update(fresh)
        below.extend(fresh)
    return frozenset(moved)

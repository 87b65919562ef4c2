"""Leave out of a combination what the rest of it makes superfluous: a patch should hold no line that saves nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fleetbench.decide.effect import WORTH_S
from fleetbench.decide.trial import Bench, Trial
from fleetbench.decide.whatif import AddEdges, DropEdges, Edge, SetFlags, WaitOff, WhatIf
from fleetbench.ids import ObjectId

MOST_PRUNED = 25
"""Simulations that pruning may take, about: of more members several are left out at once."""

_DIVISIBLE = (SetFlags, AddEdges, DropEdges, WaitOff)
"""Timeouts are not: which of many rare waits are among the draws is luck, so one that does nothing here may all the same."""


def pruned(
    bench: Bench,
    whole: Trial,
    allowed: Callable[[tuple[WhatIf, ...]], bool],
    coupled: Sequence[frozenset[str]] = (),
) -> tuple[Trial, list[WhatIf]]:
    """Backward elimination, one pass over the members, what was added last first.

    A member goes if without it as many samples are whole and the total is no later than that of the whole combination,
    beyond noise and :data:`~.effect.WORTH_S`, nor much later in more samples. All are held against the whole, so that many
    small losses cannot add up.

    Args:
        bench: what simulates.
        whole: the combination.
        allowed: whether fewer changes still keep every order that must be kept.
        coupled: flags that can only be set together.

    Returns:
        The combination without them, and what was left out.
    """
    groups = [_members(change, coupled) for change in _by_kind(whole.changes)]
    size = math.ceil(sum(map(len, groups)) / MOST_PRUNED)
    best, left_out = whole, []
    for n in reversed(range(len(groups))):
        gone: list[WhatIf] = []
        batches = _batches(groups[n], size)
        for at, batch in enumerate(batches):
            rest = _rest(groups, n, batch)
            changes = _changes(rest)
            if not allowed(changes):
                continue
            bench.look_ahead([changes, *(_changes(_rest(groups, n, later)) for later in batches[at + 1 :])])
            trial = bench.try_(*changes)
            if _as_good(bench, whole, trial):
                best, groups = trial, rest
                gone += batch
        left_out += [_joined(gone)] if gone else []
    return best, left_out


def _rest(groups: Sequence[list[WhatIf]], n: int, batch: Sequence[WhatIf]) -> list[list[WhatIf]]:
    return [*groups[:n], [m for m in groups[n] if m not in batch], *groups[n + 1 :]]


def _changes(groups: Sequence[list[WhatIf]]) -> tuple[WhatIf, ...]:
    return tuple(_joined(group) for group in groups if group)


def _by_kind(changes: Sequence[WhatIf]) -> list[WhatIf]:
    """One change of a kind, as two may hold the same edge or wait."""
    kinds: dict[object, list[WhatIf]] = {}
    for change in changes:
        kinds.setdefault(type(change) if isinstance(change, _DIVISIBLE) else change, []).append(change)
    return [_joined(alike) for alike in kinds.values()]


def _members(change: WhatIf, coupled: Sequence[frozenset[str]]) -> list[WhatIf]:
    """What can be left out of a change on its own: a flag (with those that it comes with), an object's edges, its wait."""
    if isinstance(change, SetFlags):
        sets: dict[frozenset[str], dict[str, Any]] = {}
        for name, value in change.flags.items():
            sets.setdefault(next((c for c in coupled if name in c), frozenset({name})), {})[name] = value
        return [SetFlags(flags) for flags in sets.values()]
    if isinstance(change, (AddEdges, DropEdges)):
        by: dict[ObjectId, list[Edge]] = {}
        for edge in change.edges:
            by.setdefault(edge[0], []).append(edge)
        return [type(change)(tuple(edges)) for edges in by.values()]
    if isinstance(change, WaitOff):
        return [WaitOff((id,)) for id in change.ids]
    return [change]


def _joined(parts: Sequence[Any]) -> WhatIf:
    """One change that does what several of a kind do."""
    first: WhatIf = parts[0]
    if isinstance(first, SetFlags):
        return SetFlags({name: value for part in parts for name, value in part.flags.items()})
    if isinstance(first, (AddEdges, DropEdges)):
        return type(first)(tuple(dict.fromkeys(edge for part in parts for edge in part.edges)))
    if isinstance(first, WaitOff):
        return WaitOff(tuple(dict.fromkeys(id for part in parts for id in part.ids)))
    return first


def _batches(parts: Sequence[WhatIf], size: int) -> list[Sequence[WhatIf]]:
    return [parts[at : at + size] for at in range(0, len(parts), size)]


def _as_good(bench: Bench, whole: Trial, fewer: Trial) -> bool:
    effect = bench.basis.effect(whole.prediction, fewer.prediction)
    later = effect.total is not None and effect.total.later and effect.total.p50_s > WORTH_S
    return (
        effect.lost <= effect.won
        and not later
        and not effect.much.leads()
        and (not fewer.changes or fewer.effect.better)
    )

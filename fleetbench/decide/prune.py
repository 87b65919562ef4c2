"""Leave out of a combination what the rest of it makes superfluous: a patch should hold no line that saves nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fleetbench.decide.trial import Bench, Trial, gained, is_better, total_difference
from fleetbench.decide.whatif import DropEdges, Edge, SetFlags, SetTimeouts, WaitOff, WhatIf
from fleetbench.ids import ObjectId

MOST_PRUNED = 25
"""Simulations that pruning may take, about: of more members several are left out at once."""
WORTH_S = 1.0
"""What saves less is worth no line in anybody's repository, however certain it is."""

_DIVISIBLE = (SetFlags, DropEdges, WaitOff, SetTimeouts)


def pruned(bench: Bench, whole: Trial, allowed: Callable[[tuple[WhatIf, ...]], bool]) -> tuple[Trial, list[WhatIf]]:
    """Backward elimination, one pass over the members, what was added last first.

    A member goes if without it the total is no later than that of the whole combination, beyond noise and
    :data:`WORTH_S`. All are held against the whole, so that many small losses cannot add up.

    Args:
        bench: what simulates.
        whole: the combination.
        allowed: whether fewer changes still keep every order that the manifests need.

    Returns:
        The combination without them, and what was left out.
    """
    groups = [_members(change) for change in _by_kind(whole.changes)]
    size = math.ceil(sum(map(len, groups)) / MOST_PRUNED)
    best, left_out = whole, []
    for n in reversed(range(len(groups))):
        gone: list[WhatIf] = []
        for batch in _batches(groups[n], size):
            rest = [*groups[:n], [m for m in groups[n] if m not in batch], *groups[n + 1 :]]
            changes = tuple(_joined(group) for group in rest if group)
            if not allowed(changes):
                continue
            trial = bench.try_(*changes)
            if _as_good(bench, whole, trial):
                best, groups = trial, rest
                gone += batch
        left_out += [_joined(gone)] if gone else []
    return best, left_out


def _by_kind(changes: Sequence[WhatIf]) -> list[WhatIf]:
    """One change of a kind, as two may hold the same edge or wait."""
    kinds: dict[object, list[WhatIf]] = {}
    for change in changes:
        kinds.setdefault(type(change) if isinstance(change, _DIVISIBLE) else change, []).append(change)
    return [_joined(alike) for alike in kinds.values()]


def _members(change: WhatIf) -> list[WhatIf]:
    """What can be left out of a change on its own: a flag, an object's edges, an object's wait or timeout."""
    if isinstance(change, SetFlags):
        return [SetFlags({name: value}) for name, value in change.flags.items()]
    if isinstance(change, DropEdges):
        by: dict[ObjectId, list[Edge]] = {}
        for edge in change.edges:
            by.setdefault(edge[0], []).append(edge)
        return [DropEdges(tuple(edges)) for edges in by.values()]
    if isinstance(change, WaitOff):
        return [WaitOff((id,)) for id in change.ids]
    if isinstance(change, SetTimeouts):
        return [SetTimeouts((timeout,)) for timeout in change.timeouts]
    return [change]


def _joined(parts: Sequence[Any]) -> WhatIf:
    """One change that does what several of a kind do."""
    first: WhatIf = parts[0]
    if isinstance(first, SetFlags):
        return SetFlags({name: value for part in parts for name, value in part.flags.items()})
    if isinstance(first, DropEdges):
        return DropEdges(tuple(dict.fromkeys(edge for part in parts for edge in part.edges)))
    if isinstance(first, WaitOff):
        return WaitOff(tuple(dict.fromkeys(id for part in parts for id in part.ids)))
    if isinstance(first, SetTimeouts):
        return SetTimeouts(tuple(dict.fromkeys(timeout for part in parts for timeout in part.timeouts)))
    return first


def _batches(parts: Sequence[WhatIf], size: int) -> list[Sequence[WhatIf]]:
    return [parts[at : at + size] for at in range(0, len(parts), size)]


def _as_good(bench: Bench, whole: Trial, fewer: Trial) -> bool:
    difference = total_difference(whole.prediction, fewer.prediction)
    worse = gained(whole.prediction, fewer.prediction) < 0 or (difference.later and difference.p50_s > WORTH_S)
    return not worse and (not fewer.changes or is_better(bench.base, fewer.prediction))

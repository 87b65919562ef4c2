"""Combine greedily what helps, and leave out again what costs Ready or saves nothing beside the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fleetbench.decide.candidates import EDGES_NONE, EDGES_SAFE, EDGES_UNNEEDED
from fleetbench.decide.change import FLOOR_S
from fleetbench.decide.effect import WORTH_S, Effect
from fleetbench.decide.intervals import SetInterval
from fleetbench.decide.needed import Guarantees, guarantees, lost_anything, lost_needs, lost_order, stated_edges
from fleetbench.decide.prune import pruned
from fleetbench.decide.retries import SetRetryInterval
from fleetbench.decide.trial import Bench, Trial
from fleetbench.decide.whatif import AddEdges, DropEdges, SetFlags, SplitParent, WaitOff, WhatIf, all_applied

MOST_COMBINED = 25
"""Changes that are tried for the combination, best first: what comes after saves next to nothing."""
MOST_BESIDE = 6

RELIABILITY, SPEED, BOTH = "reliability", "speed", "reliability and speed"
"""What a member of the combination is for."""

Lost = Callable[[Guarantees, Guarantees], bool]


@dataclass(frozen=True)
class Added:
    """A change on top of a combination, and what that adds to what the combination does."""

    change: WhatIf
    effect: Effect


def combine(
    bench: Bench, changes: Sequence[WhatIf], edges: str, coupled: Sequence[frozenset[str]], unsure: list[Added]
) -> tuple[Trial, list[WhatIf], dict[type, str]]:
    """The combination, what it no longer needs, and what each kind of change in it is for; notes what would cost Ready.

    A change is taken on proof of what it gains, and left on a doubt about Ready: fewer whole samples, by a single one, over
    the draws of the search and as many others are enough.
    """
    lost = {EDGES_SAFE: lost_order, EDGES_NONE: lost_order, EDGES_UNNEEDED: lost_anything}.get(edges, lost_needs)
    promised = guarantees(bench.scenario.fleet)
    purposes: dict[type, str] = {}
    best = Trial((), bench.base, bench.basis.effect(bench.base, bench.base))
    tried = changes[:MOST_COMBINED]
    bench.expect(2 * len(tried) + MOST_BESIDE)
    for at, change in enumerate(tried):
        wanted = _added(best.changes, change)
        if wanted is None or _loses(bench, wanted, promised, lost):
            continue
        more = (_added(best.changes, later) for later in tried[at + 1 :])
        bench.look_ahead([wanted, *(later for later in more if later is not None)])
        trial = bench.try_(*wanted)
        effect = bench.basis.effect(best.prediction, trial.prediction)
        if not effect.less_sure and not (effect.better and _worth_its_loss(change, effect)):
            continue
        seen = effect if effect.less_sure else bench.on_more_draws(best.changes, wanted)
        if seen.lost > seen.won:
            unsure += [Added(change, seen)] if effect.sooner and effect.saves_s >= WORTH_S else []
            continue
        purpose = RELIABILITY if effect.surer else SPEED
        purposes[type(change)] = purpose if purposes.get(type(change), purpose) == purpose else BOTH
        best = trial
    fewer, left_out = pruned(bench, best, lambda rest: not _loses(bench, rest, promised, lost), coupled)
    if left_out and (seen := bench.on_more_draws((), fewer.changes)).lost > seen.won:
        return best, [], purposes
    return fewer, left_out, purposes


def beside_it(bench: Bench, best: Trial, more: Sequence[WhatIf], unsure: list[Added]) -> Added | None:
    """The first of the changes, the best first, that helps on top of the combination; notes those that would cost Ready."""
    wanted = [(change, added) for change in more if (added := _added(best.changes, change)) is not None]
    bench.look_ahead([added for _, added in wanted])
    for change, added in wanted:
        effect = bench.basis.effect(best.prediction, bench.try_(*added).prediction)
        if effect.worth_a_line:
            return Added(change, effect)
        if effect.less_sure and effect.sooner and effect.saves_s >= WORTH_S:
            unsure.append(Added(change, effect))
    return None


def _worth_its_loss(change: WhatIf, effect: Effect) -> bool:
    """Whether enough is gained for a Ready that says less (the one whose wait goes is in no total), or drift that stays longer."""
    return not isinstance(change, (WaitOff, SplitParent, SetInterval)) or effect.surer or effect.saves_s > FLOOR_S


def _added(changes: tuple[WhatIf, ...], change: WhatIf) -> tuple[WhatIf, ...] | None:
    """The changes with one more, or None if it adds nothing; a later value of a flag never takes an earlier one back."""
    if isinstance(change, (AddEdges, DropEdges)):
        done = {edge for c in changes if type(c) is type(change) for edge in c.edges}
        return None if done.issuperset(change.edges) else (*changes, change)
    if isinstance(change, SetRetryInterval):
        known = next((c for c in changes if isinstance(c, SetRetryInterval)), None)
        if known is None or set(known.ids).issuperset(change.ids):
            return None if known else (*changes, change)
        both = SetRetryInterval(tuple(dict.fromkeys((*known.ids, *change.ids))))
        return tuple(both if c is known else c for c in changes)
    flags = next((c for c in changes if isinstance(c, SetFlags)), None)
    if flags is None or not isinstance(change, SetFlags):
        return (*changes, change)
    merged = SetFlags({**change.flags, **flags.flags})
    return None if merged == flags else tuple(merged if c is flags else c for c in changes)


def _loses(bench: Bench, changes: tuple[WhatIf, ...], promised: Guarantees, lost: Lost) -> bool:
    fleet = bench.scenario.fleet
    return lost(promised, guarantees(all_applied(bench.scenario, changes).fleet, stated_edges(fleet)))

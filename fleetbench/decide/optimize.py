"""Search the what-ifs: rank each by what it does, and combine greedily what a user can change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from fleetbench.decide.candidates import EDGES_NONE, EDGES_SAFE, EDGES_UNNEEDED, Candidate, candidates
from fleetbench.decide.change import FLOOR_S, Change, Policy, object_changes
from fleetbench.decide.effect import WORTH_S, Basis, Effect
from fleetbench.decide.intervals import SetInterval, short_intervals
from fleetbench.decide.needed import (
    Guarantees,
    classify,
    guarantees,
    lost_anything,
    lost_needs,
    lost_order,
    stated_edges,
)
from fleetbench.decide.perfect import Perfect, bound_of
from fleetbench.decide.prune import pruned
from fleetbench.decide.retries import SetRetryInterval, late_retries
from fleetbench.decide.timeouts import TimeoutAdvice, advise
from fleetbench.decide.trial import SCREENED, Bench, Progress, Trial
from fleetbench.decide.whatif import AddEdges, DropEdges, Edge, SetFlags, SplitParent, WaitOff, WhatIf, all_applied
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.causes import WORKLOAD

MOST_COMBINED = 25
"""Changes that are tried for the combination, best first: what comes after saves next to nothing."""
MOST_BESIDE = 6
SLOWEST = 2

RELIABILITY, SPEED, BOTH = "reliability", "speed", "reliability and speed"
"""What a member of the combination is for."""

Lost = Callable[[Guarantees, Guarantees], bool]


@dataclass(frozen=True)
class Ranked:
    """A candidate with what it saves on its own."""

    candidate: Candidate
    trial: Trial


@dataclass(frozen=True)
class Added:
    """A change on top of a combination, and what that adds to what the combination does."""

    change: WhatIf
    effect: Effect


@dataclass(frozen=True)
class Optimized:
    """What the search found."""

    base: Prediction
    basis: Basis
    perfect: Prediction
    """A controller without polls, queues, timeouts and work of its own, as simulated."""
    bound: Effect
    """What that makes of the samples: the least that flags, waits and timeouts leave with these edges."""
    ranked: tuple[Ranked, ...]
    """Every candidate: first those after which more samples are whole, then the most seconds saved."""
    best: Trial
    """The combination; without changes where nothing helps."""
    purposes: tuple[str, ...]
    """What each of its changes is for."""
    left_out: tuple[WhatIf, ...]
    """What was combined first and then did nothing any more beside the rest."""
    beside: Added | None
    """What would help most on top of that among what is not writable; None = nothing would."""
    unsure: tuple[Added, ...]
    """What saves seconds and was not taken, as fewer samples are whole with it."""
    fresh: Effect
    """What the combination does on draws that the search has not seen: the search picks what looks best on its own
    draws, so the figure there flatters it."""
    timeouts: tuple[TimeoutAdvice, ...]
    edge_classes: Mapping[Edge, str]
    """Each edge -> one of :data:`fleetbench.decide.needed.MEANING`."""
    scenario: Scenario
    """The fleet as it is, as trials simulate it."""

    @property
    def later(self) -> list[Change]:
        """Objects that the combination makes later."""
        return later_objects(self.base, self.best.prediction)


def optimize(
    scenario: Scenario,
    samples: int,
    *,
    edges: str = EDGES_SAFE,
    writable: Callable[[WhatIf], WhatIf | None] = lambda change: change,
    coupled: Sequence[frozenset[str]] = (),
    more: Sequence[Candidate] = (),
    progress: Progress | None = None,
) -> Optimized:
    """Try every candidate alone, then add the best to each other as long as it gets better.

    Better is told by :class:`~fleetbench.decide.effect.Effect`: more samples in which all turns Ready that can, or as
    many and a shorter total in those, beyond noise. A change is left out again, as a whole or in part, if the others
    make it superfluous (see :mod:`.prune`). No change is taken that loses an order which a dependsOn states (but for
    the edges that may go), which the manifests need (see :mod:`.needed`), or after which less turns Ready.

    Args:
        scenario: as it is.
        samples: rollouts of each trial, all from the same draws; where nothing speaks for a change, :data:`~.trial.SCREENED`.
        edges: which edges may go, see :func:`fleetbench.decide.candidates.candidates`.
        writable: what of a change may be part of the combination, None = nothing; all are tried whole.
        coupled: flags that can only be set together: they are tried so.
        more: further changes, which the repository's files show and its fleet does not.
        progress: called with (trials done, at most how many as far as is known then, or None).
    """
    with Bench(scenario, samples, progress) as bench:
        timeouts = advise(bench.limited, samples)
        chain = [piece.object for piece in why_pieces(bench.base)]
        retries = late_retries(scenario, min(SCREENED, samples), bench.basis.never)
        ended = short_intervals(scenario.fleet, max(bench.base.ordered_totals, default=0.0))
        wanted = candidates(scenario, edges, timeouts, _slowest_workloads(bench.base, SLOWEST), chain, retries, ended)
        wanted = _as_set([*wanted, *more], coupled)
        bench.expect(len(wanted) + MOST_COMBINED + MOST_BESIDE)
        ranked = _ranked(bench, wanted)
        mine = [r for r in ranked if r.candidate.mine and r.candidate.taken and _promising(r.trial.effect)]
        unsure: list[Added] = []
        parts = [(r.candidate.change, writable(r.candidate.change)) for r in mine]
        placed: list[WhatIf] = []
        for _, part in parts:
            placed += [part] if part is not None and part not in placed else []
        best, left_out, purposes = _combine(bench, placed, edges, coupled, unsure)
        no_place = [change for change, part in parts if part is None]
        beside = _beside(bench, best, no_place[:MOST_BESIDE], unsure)
        other = bench.predictions([(), best.changes], samples, scenario.seed + 1)
        (perfect,) = bench.predictions([(Perfect(),)], samples)
    return Optimized(
        bench.base,
        bench.basis,
        perfect,
        bound_of(bench.basis, bench.base, perfect),
        tuple(ranked),
        best,
        tuple(purposes.get(type(change), SPEED) for change in best.changes),
        tuple(left_out),
        beside,
        tuple(unsure),
        bench.basis.effect(*other),
        tuple(timeouts),
        {} if edges == EDGES_NONE else classify(scenario.fleet),
        bench.limited,
    )


def later_objects(before: Prediction, now: Prediction) -> list[Change]:
    """Objects whose Ready `fleetbench check --against` would call worse, however short the total; the latest first."""
    return [change for change in object_changes(before, now, Policy()) if change.worse]


def _slowest_workloads(prediction: Prediction, most: int) -> list[ObjectId]:
    """Objects at whose workloads the critical chain of the median sample stood longest."""
    seconds: dict[ObjectId, float] = {}
    for piece in why_pieces(prediction):
        if piece.cause == WORKLOAD:
            seconds[piece.object] = seconds.get(piece.object, 0.0) + piece.seconds
    return sorted(seconds, key=lambda id: (-seconds[id], id))[:most]


def _as_set(wanted: Sequence[Candidate], coupled: Sequence[frozenset[str]]) -> list[Candidate]:
    """The candidates with every flag that comes with another one; what is then the same stays once."""
    found: list[Candidate] = []
    for candidate in wanted:
        change = candidate.change
        together = (
            replace(candidate, change=_with_coupled(change, coupled)) if isinstance(change, SetFlags) else candidate
        )
        if together.change not in [c.change for c in found]:
            found.append(together)
    return found


def _with_coupled(change: SetFlags, coupled: Sequence[frozenset[str]]) -> SetFlags:
    """One line of the repository sets all flags of a group, so all of them get the value."""
    flags = dict(change.flags)
    for group in coupled:
        values = [change.flags[name] for name in change.flags if name in group]
        flags.update(dict.fromkeys(sorted(group), values[0]) if values else {})
    return SetFlags(flags)


def _ranked(bench: Bench, wanted: Sequence[Candidate]) -> list[Ranked]:
    """Every candidate on its own: some samples of each, all samples of those to combine for which something speaks."""
    alone = [(c.change,) for c in wanted]
    trials = bench.try_all(alone, min(SCREENED, bench.samples))
    if bench.samples > SCREENED:
        mine = [c.mine and c.taken for c in wanted]
        more = [n for n, trial in enumerate(trials) if mine[n] and _worth_more(trial.effect)]
        bench.expect(len(more) + MOST_COMBINED + MOST_BESIDE)
        for n, trial in zip(more, bench.try_all([alone[n] for n in more]), strict=True):
            trials[n] = trial
    found = [Ranked(c, trial) for c, trial in zip(wanted, trials, strict=True)]

    def order(r: Ranked) -> tuple[float, float, float, str]:
        effect = r.trial.effect
        gained = effect.won - effect.lost if effect.surer else 0
        high_s = 0.0 if effect.total is None else effect.total.high_s
        return -gained / effect.samples, -effect.saves_s, high_s, r.candidate.change.title

    return sorted(found, key=order)


def _worth_more(effect: Effect) -> bool:
    """Whether the first samples say something for a change, or nothing at all."""
    return effect.won > effect.lost or effect.total is None or effect.saves_s >= WORTH_S or effect.much_sooner


def _promising(effect: Effect) -> bool:
    """Surer, or not known to be later: two changes may only help together.

    One that makes less turn Ready by its speed (what pulls at once pulls slowly) may do well beside longer timeouts.
    """
    return effect.surer or effect.total is None or effect.sooner or (effect.saves_s > 0 and not effect.total.later)


def _beside(bench: Bench, best: Trial, more: Sequence[WhatIf], unsure: list[Added]) -> Added | None:
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


def _combine(
    bench: Bench, changes: Sequence[WhatIf], edges: str, coupled: Sequence[frozenset[str]], unsure: list[Added]
) -> tuple[Trial, list[WhatIf], dict[type, str]]:
    """The combination, what it no longer needs, and what each kind of change in it is for; notes what would cost Ready."""
    lost = {EDGES_SAFE: lost_order, EDGES_NONE: lost_order, EDGES_UNNEEDED: lost_anything}.get(edges, lost_needs)
    promised = guarantees(bench.scenario.fleet)
    purposes: dict[type, str] = {}
    best = surest = Trial((), bench.base, bench.basis.effect(bench.base, bench.base))
    tried = changes[:MOST_COMBINED]
    bench.expect(len(tried) + MOST_BESIDE)
    for at, change in enumerate(tried):
        wanted = _added(best.changes, change)
        if wanted is None or _loses(bench, wanted, promised, lost):
            continue
        more = (_added(best.changes, later) for later in tried[at + 1 :])
        bench.look_ahead([wanted, *(later for later in more if later is not None)])
        trial = bench.try_(*wanted)
        effect = bench.basis.effect(best.prediction, trial.prediction)
        if effect.less_sure or bench.basis.effect(surest.prediction, trial.prediction).less_sure:
            unsure += [Added(change, effect)] if effect.sooner and effect.saves_s >= WORTH_S else []
            continue
        if not effect.better or not _worth_its_loss(change, effect):
            continue
        purpose = RELIABILITY if effect.surer else SPEED
        purposes[type(change)] = purpose if purposes.get(type(change), purpose) == purpose else BOTH
        best = trial
        surest = trial if effect.surer else surest
    fewer, left_out = pruned(bench, best, lambda rest: not _loses(bench, rest, promised, lost), coupled)
    return fewer, left_out, purposes


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

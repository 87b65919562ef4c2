"""Search the what-ifs: rank each by what it does, and combine greedily what a user can change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from fleetbench.decide.candidates import EDGES_NONE, EDGES_SAFE, Candidate, candidates
from fleetbench.decide.change import Change, Policy, object_changes
from fleetbench.decide.combine import MOST_BESIDE, MOST_COMBINED, SPEED, Added, beside_it, combine
from fleetbench.decide.effect import WORTH_S, Basis, Effect
from fleetbench.decide.intervals import short_intervals
from fleetbench.decide.needed import classify
from fleetbench.decide.perfect import Perfect, bound_of
from fleetbench.decide.retries import late_retries
from fleetbench.decide.timeouts import TimeoutAdvice, advise
from fleetbench.decide.trial import SCREENED, Bench, Progress, Trial
from fleetbench.decide.whatif import Edge, SetFlags, WhatIf
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.causes import WORKLOAD

SLOWEST = 2


@dataclass(frozen=True)
class Ranked:
    """A candidate with what it saves on its own."""

    candidate: Candidate
    trial: Trial


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
    the edges that may go), which the manifests need (see :mod:`.needed`), or after which less turns Ready, as far as the
    search's draws and as many others tell (see :mod:`.combine`).

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
        best, left_out, purposes = combine(bench, placed, edges, coupled, unsure)
        no_place = [change for change, part in parts if part is None]
        beside = beside_it(bench, best, no_place[:MOST_BESIDE], unsure)
        fresh = bench.on_fresh_draws(best.changes)
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
        fresh,
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

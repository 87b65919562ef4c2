"""Search the what-ifs: rank each by the seconds it saves, and combine greedily what a user can change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fleetbench.decide.candidates import EDGES_SAFE, EDGES_UNPROVEN, Candidate, candidates
from fleetbench.decide.check import Change, Policy, object_changes
from fleetbench.decide.needed import Guarantees, guarantees, lost_anything, lost_needs
from fleetbench.decide.paired import Paired
from fleetbench.decide.prune import pruned
from fleetbench.decide.timeouts import TimeoutAdvice, advise
from fleetbench.decide.trial import Bench, Progress, Trial, gained, is_better, total_difference
from fleetbench.decide.whatif import SetFlags, WhatIf, all_applied
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import no_steps
from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.timeline.causes import WORKLOAD

MOST_COMBINED = 25
"""Changes that are tried for the combination, best first: what comes after saves next to nothing."""
SLOWEST = 2

Lost = Callable[[Guarantees, Guarantees], bool]


@dataclass(frozen=True)
class Ranked:
    """A candidate with what it saves on its own."""

    candidate: Candidate
    trial: Trial


@dataclass(frozen=True)
class Optimized:
    """What the search found."""

    base: Prediction
    perfect: Prediction
    """A controller without polls, queues and work of its own: what no tuning can go below with these edges."""
    ranked: tuple[Ranked, ...]
    """Every candidate, the most seconds saved first."""
    best: Trial
    """The combination; without changes where nothing helps."""
    left_out: tuple[WhatIf, ...]
    """What was combined first and then saved nothing any more beside the rest."""
    fresh: Paired
    """What the combination saves on draws that the search has not seen: the search picks what looks best on its own
    draws, so the figure there flatters it."""
    timeouts: tuple[TimeoutAdvice, ...]

    @property
    def later(self) -> list[Change]:
        """Objects that the combination makes later."""
        return later_objects(self.base, self.best.prediction)


def optimize(
    scenario: Scenario,
    samples: int,
    *,
    edges: str = EDGES_SAFE,
    writable: Callable[[WhatIf], bool] = lambda change: True,
    progress: Progress | None = None,
) -> Optimized:
    """Try every candidate alone, then add the best to each other as long as the total gets shorter.

    A change is kept only if the paired interval of what it adds lies below zero, and left out again, as a whole or in
    part, if the others make it superfluous (see :mod:`.prune`). No change is taken that loses an order which the
    manifests need (see :mod:`.needed`), or after which less turns Ready: half a fleet would be a fast one. One after
    which more does is kept in any case.

    Args:
        scenario: as it is.
        samples: simulated rollouts for each trial, all from the same draws.
        edges: which edges may go, see :func:`fleetbench.decide.candidates.candidates`.
        writable: whether a change may be part of the combination; all are tried.
        progress: called with (trials done, None).
    """
    bench = Bench(scenario, samples, progress)
    timeouts = advise(scenario, samples)
    chain = [piece.object for piece in why_pieces(bench.base)]
    wanted = candidates(scenario, edges, timeouts, _slowest_workloads(bench.base, SLOWEST), chain)
    tried = [Ranked(c, bench.try_(c.change)) for c in wanted]
    ranked = sorted(tried, key=lambda r: (r.trial.total.p50_s, r.trial.total.high_s, r.candidate.change.title))
    mine = [r for r in ranked if r.candidate.mine and _promising(bench.base, r.trial) and writable(r.candidate.change)]
    mine.sort(key=lambda r: gained(bench.base, r.trial.prediction) <= 0)  # first what lets more turn Ready
    best, left_out = _combine(bench, [r.candidate.change for r in mine], edges)
    fresh = _fresh_difference(scenario, best.changes, samples)
    return Optimized(
        bench.base, predict(perfect(scenario), samples), tuple(ranked), best, tuple(left_out), fresh, tuple(timeouts)
    )


def _fresh_difference(scenario: Scenario, changes: tuple[WhatIf, ...], samples: int) -> Paired:
    """What changes do to the total under the draws of the next seed."""
    other = replace(scenario, seed=scenario.seed + 1)
    return total_difference(predict(other, samples), predict(all_applied(other, changes), samples))


def later_objects(before: Prediction, now: Prediction) -> list[Change]:
    """Objects whose Ready `fleetbench check --against` would call worse, however short the total; the latest first."""
    return [change for change in object_changes(before, now, Policy()) if change.worse]


def perfect(scenario: Scenario) -> Scenario:
    """The scenario under controllers that take no time and never poll or queue; workloads and pulls stay."""
    return replace(scenario, parameters=scenario.parameters.perfect(), steps=no_steps())


def _slowest_workloads(prediction: Prediction, most: int) -> list[ObjectId]:
    """Objects at whose workloads the critical chain of the median sample stood longest."""
    seconds: dict[ObjectId, float] = {}
    for piece in why_pieces(prediction):
        if piece.cause == WORKLOAD:
            seconds[piece.object] = seconds.get(piece.object, 0.0) + piece.seconds
    return sorted(seconds, key=lambda id: (-seconds[id], id))[:most]


def _promising(base: Prediction, trial: Trial) -> bool:
    """Shorter at the median, or at least not known to be longer: two waits may only help together."""
    more = gained(base, trial.prediction)
    return more > 0 or (more == 0 and trial.total.p50_s < 0 and not trial.total.later)


def _combine(bench: Bench, changes: Sequence[WhatIf], edges: str) -> tuple[Trial, list[WhatIf]]:
    """The combination, and what it no longer needs."""
    lost = lost_needs if edges == EDGES_UNPROVEN else lost_anything
    promised = guarantees(bench.scenario.fleet)
    best = Trial((), bench.base, total_difference(bench.base, bench.base))
    for change in changes[:MOST_COMBINED]:
        wanted = _added(best.changes, change)
        if wanted is None or _loses(bench, wanted, promised, lost):
            continue
        trial = bench.try_(*wanted)
        if is_better(best.prediction, trial.prediction):
            best = trial
    return pruned(bench, best, lambda fewer: not _loses(bench, fewer, promised, lost))


def _added(changes: tuple[WhatIf, ...], change: WhatIf) -> tuple[WhatIf, ...] | None:
    """The changes with one more; flags are one change, of which a later value never takes an earlier one back."""
    flags = next((c for c in changes if isinstance(c, SetFlags)), None)
    if flags is None or not isinstance(change, SetFlags):
        return (*changes, change)
    merged = SetFlags({**change.flags, **flags.flags})
    return None if merged == flags else tuple(merged if c is flags else c for c in changes)


def _loses(bench: Bench, changes: tuple[WhatIf, ...], promised: Guarantees, lost: Lost) -> bool:
    return lost(promised, guarantees(all_applied(bench.scenario, changes).fleet))

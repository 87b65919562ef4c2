"""How close every object comes to its ``timeout``, and which to raise.

None is ever lowered: a timeout that is not reached costs no time, and waits that rest on priors are no ground for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetbench.engine.items import Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample
from fleetbench.engine.simulate import samples as simulated
from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.order import checks_health, health_checked
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import MAX_UNTIL_S, Scenario
from fleetbench.prediction.outlasted import Spent, explained, samples_to_play, spent_on, usual
from fleetbench.timeline.stats import lower_quantile

HEADROOM = 1.5
"""A timeout is raised to the 95 % quantile of what the wait takes, times this, in whole minutes."""

OUTLASTING = 2
"""Samples in which a wait must outlast its timeout before it is raised: a single one may be the far end of a prior."""


@dataclass(frozen=True, slots=True)
class TimeoutAdvice:
    """One object's timeout against what its wait would take if nothing cut it short."""

    object: ObjectId
    timeout_s: float
    chance: float
    """Share of samples in which the wait would outlast the timeout."""
    wait_s_p50: float | None
    """Seconds from applied to Ready; None = never."""
    wait_s_p90: float | None
    suggested_s: float | None
    """The one to have: what is set, or more; None: its wait does not end in 95 % of the samples, which no timeout
    mends."""
    guess: bool = False
    """The wait rests on a workload time that is a guess."""
    outlasted_by: Spent | None = None
    """What outlasts the timeout where a guess is in the wait: most of the wait is spent on that; None = not looked at."""

    @property
    def by_guess(self) -> bool:
        """Whether only a guess outlasts the timeout, as far as is known: no ground to raise it."""
        return self.guess and (self.outlasted_by is None or self.outlasted_by.guessed)

    @property
    def raised_s(self) -> float | None:
        """The timeout to set instead; None = leave it."""
        return None if self.suggested_s is None or self.suggested_s <= self.timeout_s else self.suggested_s

    @property
    def margin_s_p90(self) -> float | None:
        """Seconds left of the timeout at the 90 % quantile; negative = it runs out; None = never Ready."""
        return None if self.wait_s_p90 is None else self.timeout_s - self.wait_s_p90


def advise(scenario: Scenario, samples: int) -> list[TimeoutAdvice]:
    """Simulate with every timeout lifted, same draws, and hold the waits against the timeouts that are set.

    Returns:
        One entry for each object that waits at all, the least margin first; none for what is suspended, nor in a
        bootstrap for what only that would create.
    """
    fleet = scenario.fleet
    asleep = scenario.left_out
    waiting = [obj for obj in fleet.services() if obj.id not in asleep and checks_health(obj)]
    longest_s = MAX_UNTIL_S if scenario.until_s is None else scenario.until_s
    lifted = {obj.id: (lambda o: replace(o, timeout_s=longest_s)) for obj in waiting}
    plan = compile_plan(replace(scenario, fleet=changed(fleet, lifted)))
    waits: dict[ObjectId, list[float | None]] = {obj.id: [] for obj in waiting}
    ids = [plan.items[n].id for n in plan.services]
    for sample in simulated(plan, range(samples)):
        for id, ready_s, applied_s in zip(ids, sample.ready_s, sample.applied_s, strict=True):
            if id in waits:
                waits[id].append(None if ready_s is None or applied_s is None else ready_s - applied_s)
    timeouts = {obj.id: obj.effective_timeout_s for obj in waiting}
    suggested = _suggested(fleet, timeouts, waits)
    guessed = {id for id in waits if any(_is_guess(scenario, inside) for inside in (id, *fleet.inside(id)))}
    spent = _spent(
        plan, {id: waits[id] for id in guessed if (s := suggested[id]) is not None and s > timeouts[id]}, timeouts
    )
    found = [
        TimeoutAdvice(
            obj.id,
            timeouts[obj.id],
            sum(_outlasts(w, timeouts[obj.id]) for w in waits[obj.id]) / samples,
            lower_quantile(waits[obj.id], 0.5),
            lower_quantile(waits[obj.id], 0.9),
            suggested[obj.id],
            obj.id in guessed,
            spent.get(obj.id),
        )
        for obj in waiting
    ]
    return sorted(found, key=lambda a: (-math.inf if a.margin_s_p90 is None else a.margin_s_p90, a.object))


def _is_guess(scenario: Scenario, id: ObjectId) -> bool:
    time = scenario.workloads.get(id)
    return time is not None and "(guess)" in time.chosen_by


def _spent(
    plan: Plan, waits: Mapping[ObjectId, list[float | None]], timeouts: Mapping[ObjectId, float]
) -> dict[ObjectId, Spent]:
    """What the waits that outlast their timeouts are spent on, from as few samples as show each."""
    scenario = plan.scenario
    late = {id: [n for n, wait in enumerate(waits[id]) if _outlasts(wait, timeouts[id])] for id in waits}
    found: dict[ObjectId, list[Spent]] = {}
    for number in samples_to_play(late):
        sample = run_sample(plan, number, record=True)
        explanation = explained(scenario, sample)
        for obj, applied_s, ready_s in zip(scenario.fleet.services(), sample.applied_s, sample.ready_s, strict=True):
            if applied_s is not None and number in late.get(obj.id, ()):
                end_s = sample.until_s if ready_s is None else ready_s
                spent = spent_on(explanation.wait(obj.id, applied_s, end_s), lambda id: _is_guess(scenario, id))
                found.setdefault(obj.id, []).extend([spent] if spent else [])
    return {id: usual(seen) for id, seen in found.items() if seen}


def _outlasts(wait_s: float | None, timeout_s: float) -> bool:
    return wait_s is None or wait_s > timeout_s


def _enough(timeout_s: float, waits: list[float | None]) -> float | None:
    """What is set unless some waits outlast it, else whole minutes with headroom where that is more."""
    if sum(_outlasts(wait, timeout_s) for wait in waits) < OUTLASTING:
        return timeout_s
    p95 = lower_quantile(waits, 0.95)
    return None if p95 is None else max(timeout_s, math.ceil(p95 * HEADROOM / 60.0) * 60.0)


def _suggested(
    fleet: Fleet, timeouts: dict[ObjectId, float], waits: dict[ObjectId, list[float | None]]
) -> dict[ObjectId, float | None]:
    """What is enough for each; a waiting parent, once it or a child is raised, gets a minute above what it waits for."""
    found = {id: _enough(timeouts[id], waits[id]) for id in waits}
    parents = [k for k in fleet.kustomizations if k.id in found]
    for _ in parents:
        before = dict(found)
        for k in parents:
            below = {id: s for id in health_checked(fleet, k) if (s := found.get(id)) is not None}
            own = found[k.id]
            raised = own is not None and any(s > timeouts[id] for id, s in [*below.items(), (k.id, own)])
            if own is not None and raised and below and own <= max(below.values()):
                found[k.id] = max(below.values()) + 60.0
        if found == before or max((s or 0.0 for s in found.values()), default=0.0) > MAX_UNTIL_S:
            break
    return found

"""The gate: is the rollout within budget, and is it worse than what it is held against?

With a baseline only what is new or worse fails: a new finding of severity error; the total, or any object's Ready,
later by more than the tolerance *and* five seconds and beyond noise (:mod:`.change`); an object that is new and never
turns Ready in any sample. Without one every object does that never turns Ready, but for what is suspended or waits for that.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from fleetbench.decide.change import Change, Policy, object_changes, total_change
from fleetbench.decide.sides import Side, fixed, new_errors
from fleetbench.decide.whatif import Edge
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.findings import Finding
from fleetbench.graph.changes import resumed
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, say, some
from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.nothing import why_nothing
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.stats import lower_quantile, max_parallel
from fleetbench.timeline.why import critical_objects
from fleetbench.units import counted, format_duration

BUDGET, TOTAL, OBJECT, FINDING, PARALLELISM, NEVER = "budget", "total", "object", "finding", "parallelism", "never"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why the check fails."""

    kind: str
    message: str
    object: ObjectId | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What the check came to."""

    now: Side
    base: Side | None
    policy: Policy
    failures: tuple[Failure, ...]
    budget_s: float | None
    """The total at the policy's quantile, samples in which not all turned Ready counting as later than all others
    (:attr:`~fleetbench.prediction.predict.Prediction.whole_totals`); None = it falls among those."""
    parallel: int
    total: Change | None = None
    objects: tuple[Change, ...] = ()
    """Those that got later or sooner beyond tolerance and noise, the worst first."""
    edges_added: tuple[Edge, ...] = ()
    edges_dropped: tuple[Edge, ...] = ()
    added: tuple[ObjectId, ...] = ()
    removed: tuple[ObjectId, ...] = ()
    new_findings: tuple[Finding, ...] = ()
    chain: tuple[tuple[ObjectId, float], ...] = ()
    """The causal chain of the median sample: objects and seconds spent at each."""
    chain_before: tuple[tuple[ObjectId, float], ...] = ()
    fixed_findings: tuple[Finding, ...] = ()
    """Errors and warnings of the baseline that are gone."""
    never: tuple[ObjectId, ...] = ()
    """What never turns Ready in any sample, and not because something is suspended."""

    commit: Prediction | None = None
    """The change from the baseline to now as a commit on a cluster that runs, a receiver telling of it; None = not known."""

    @property
    def never_as_before(self) -> tuple[ObjectId, ...]:
        """Those of them for which the check does not fail, as they never did in the baseline either."""
        base = self.base
        return () if base is None else tuple(id for id in self.never if _never_in(base.prediction, id))

    @property
    def passed(self) -> bool:
        """Nothing fails."""
        return not self.failures


def judge(now: Side, base: Side | None, policy: Policy, commit: Prediction | None = None) -> Verdict:
    """Hold a rollout against the policy and, where there is one, against the baseline.

    Args:
        now: the state to judge.
        base: what it is held against.
        policy: what counts as worse.
        commit: what the change from one to the other does to a cluster that runs; it is told, and judged by nobody.
    """
    failures: list[Failure] = []
    errors = new_errors(now.findings, None if base is None else base.findings)
    failures += [Failure(FINDING, f"{f.code}: {f.in_full}", f.object, f.file, f.line) for f in errors]
    never = never_up(now.prediction)
    fresh = _unsaid(never, now, base, explained=bool(errors))
    if fresh:
        failures.append(_never_ready(fresh, now.fleet))
    budget_s = lower_quantile(now.prediction.whole_totals, policy.quantile)
    if policy.target_s is not None and (budget_s is None or budget_s > policy.target_s):
        failures.append(Failure(BUDGET, _over_budget(now, budget_s, policy)))
    parallel = _parallel(now.prediction)
    if policy.min_parallel is not None and parallel < policy.min_parallel:
        what = "applied and not yet Ready at one moment"
        text = f"at most {counted(parallel, 'service')} {what}, wanted at least {policy.min_parallel}"
        failures.append(Failure(PARALLELISM, text))
    if base is None:
        return Verdict(
            now, None, policy, tuple(failures), budget_s, parallel, new_findings=tuple(errors), chain=_chain(now),
            never=never,
        )  # fmt: skip
    total = total_change(base.prediction, now.prediction, policy)
    objects = object_changes(base.prediction, now.prediction, policy)
    added, dropped = _edges(base.fleet, now.fleet)
    if total.worse:
        failures.append(Failure(TOTAL, f"the whole rollout: {'; '.join(total.reasons)}"))
    failures += [_later(change, now.fleet, added) for change in objects if change.worse]
    ids, ids_before = ({o.id for o in side.fleet.services()} for side in (now, base))
    return Verdict(
        now, base, policy, tuple(failures), budget_s, parallel, total,
        tuple(c for c in objects if c.worse or c.better),
        added, dropped, tuple(sorted(ids - ids_before)), tuple(sorted(ids_before - ids)), tuple(errors),
        _chain(now), _chain(base), tuple(fixed(base.findings, now.findings)), never, commit,
    )  # fmt: skip


def never_up(prediction: Prediction) -> tuple[ObjectId, ...]:
    """What is Ready in no sample and would not be if nothing were suspended; sorted. Nobody asks for what is suspended."""
    down = [id for id in prediction.services if id not in prediction.left_out and _never_in(prediction, id)]
    if not down:
        return ()
    scenario = prediction.scenario
    awake = replace(scenario, fleet=resumed(scenario.fleet))
    asleep_only = never_ready(compile_plan(scenario)) - never_ready(compile_plan(awake))
    return tuple(id for id in down if id not in asleep_only)


def _never_in(prediction: Prediction, id: ObjectId) -> bool:
    return id in prediction.services and prediction.ready_fraction(id) == 0.0


def _never_ready(fresh: Sequence[ObjectId], fleet: Fleet) -> Failure:
    first = next((id for id in fresh if id != fleet.root), fresh[0])  # a root waits for others: they say more
    obj = fleet.service(first)
    where = (None, None) if obj is None else (obj.file, obj.line)
    text = (
        f"never Ready in any sample: {some([say(id) for id in fresh], 5)}; "
        f"`fleetbench simulate --why {say(first)}` says what that waits for"
    )
    return Failure(NEVER, text, first, *where)


def _unsaid(never: tuple[ObjectId, ...], now: Side, base: Side | None, *, explained: bool) -> list[ObjectId]:
    """Those for which nothing else fails: neither the finding that keeps them down nor that they were Ready before."""
    spared = set(now.prediction.kept_down) if explained else set()
    if base is not None:
        as_before = {id for id in never if _never_in(base.prediction, id)}
        spared |= set(base.prediction.services) | _waiting_for(as_before, never, now.fleet)
    return [id for id in never if id not in spared]


def _waiting_for(down: Collection[ObjectId], never: Sequence[ObjectId], fleet: Fleet) -> set[ObjectId]:
    """Those that wait for something that is down, directly or not: to be created, or by their dependsOn."""
    found = set(down)
    while more := {id for id in never if id not in found and not found.isdisjoint(_waits_for(fleet, id))}:
        found |= more
    return found - set(down)


def _waits_for(fleet: Fleet, id: ObjectId) -> set[ObjectId]:
    obj = fleet.service(id)
    return set() if obj is None else {d.target for d in obj.depends_on} | ({obj.parent} if obj.parent else set())


def _edges(before: Fleet, now: Fleet) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
    """Added and dropped; also those that lead nowhere, as a typing error makes one."""
    had, has = ({(o.id, d.target) for o in fleet.services() for d in o.depends_on} for fleet in (before, now))
    return tuple(sorted(has - had)), tuple(sorted(had - has))


def _later(change: Change, fleet: Fleet, added: tuple[Edge, ...]) -> Failure:
    assert change.object is not None
    own = [say(dependency) for dependant, dependency in added if dependant == change.object]
    because = f"; it now depends on {', '.join(own)}" if own else ""
    obj = fleet.service(change.object)
    where = (None, None) if obj is None else (obj.file, obj.line)
    return Failure(OBJECT, f"{say(change.object)}: {'; '.join(change.reasons)}{because}", change.object, *where)


def _over_budget(now: Side, budget_s: float | None, policy: Policy) -> str:
    assert policy.target_s is not None
    at = f"p{round(policy.quantile * 100)}"
    if budget_s is not None:
        over = budget_s - policy.target_s
        total_s = now.prediction.total_quantile(policy.quantile)
        late = "" if total_s == budget_s else ", the samples in which not all turns Ready counted as the latest"
        return (
            f"{at} of the total is {format_duration(budget_s)}{late}, {format_duration(over)} over "
            f"{format_duration(policy.target_s)}"
        )
    p = now.prediction
    asked = [id for id in p.services if id not in p.left_out | p.kept_down]
    never = [say(id) for id in asked if p.ready_fraction(id) < policy.quantile]
    share = sum(math.isfinite(t) for t in p.whole_totals) / p.samples
    why = f"all turns Ready in {100 * share:.0f} % of the samples, and {at} takes {100 * policy.quantile:.0f} %"
    if never:
        why = f"not Ready: {some(never, 5)}"
    nothing = why_nothing(p)
    if nothing is not None:
        why = f"{nothing[0].lower()}{nothing[1:].removesuffix('.')}"
    return f"{at} of the total: never, wanted {format_duration(policy.target_s)}; {why}"


def _parallel(prediction: Prediction) -> int:
    timeline = prediction.median.timeline
    assert timeline is not None
    return max_parallel(prediction.scenario.fleet, timeline)


def _chain(side: Side) -> tuple[tuple[ObjectId, float], ...]:
    return tuple(critical_objects(why_pieces(side.prediction)))

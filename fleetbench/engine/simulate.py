"""The front door of the engine: one sample of a scenario, from nothing to the last Ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from fleetbench.engine import helmrelease, kustomization, source
from fleetbench.engine.items import MISSING, Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reconcile import begin
from fleetbench.engine.restart import restart
from fleetbench.engine.running import settle
from fleetbench.engine.work_queue import WorkerPool, WorkQueue
from fleetbench.engine.workloads import tell_shown
from fleetbench.engine.world import World
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, MAX_UNTIL_S, RESTART, Scenario
from fleetbench.timeline.events import Timeline


@dataclass(frozen=True, slots=True)
class Sample:
    """What one sample came to; lists run along ``plan.services``."""

    number: int
    ready_s: tuple[float | None, ...]
    """First Ready of each service; None = never within the time simulated."""
    until_s: float
    """When the clock stopped."""
    most_busy: int
    """Most workers held at one moment, over the largest pool."""
    timeline: Timeline | None = None
    """The events, where asked for."""
    started_s: tuple[float | None, ...] = ()
    applied_s: tuple[float | None, ...] = ()
    attempts: tuple[int, ...] = ()
    complete: bool = False
    """Every service turned Ready, but for what is left out because something is suspended."""

    @property
    def total_s(self) -> float | None:
        """The last Ready of all that got there, the one definition of a rollout's total; None = nothing did."""
        return max((t for t in self.ready_s if t is not None), default=None)


def simulate(scenario: Scenario, sample: int = 0, *, record: bool = True) -> Sample:
    """Simulate one sample of a scenario."""
    return run_sample(compile_plan(scenario), sample, record=record)


def samples(plan: Plan, numbers: Iterator[int] | range) -> Iterator[Sample]:
    """Simulate several samples of a compiled scenario, one after the other, without recording events."""
    for number in numbers:
        yield run_sample(plan, number)


def run_sample(plan: Plan, number: int, *, record: bool = False) -> Sample:
    """Simulate one sample of a compiled scenario: same seed and number, same result, recorded or not."""
    w = World(plan, number, record)
    _make_pools(w)
    {BOOTSTRAP: _bootstrap, COMMIT: _commit, RESTART: restart}[plan.scenario.kind](w)
    limit = MAX_UNTIL_S if plan.scenario.until_s is None else min(plan.scenario.until_s, MAX_UNTIL_S)
    w.finish_if_over()
    hopeless = not all(plan.reconcilable[n] for n in plan.services)
    if record and hopeless and plan.scenario.until_s is not None:
        w.env.run(until=limit)  # with what goes on after the last Ready: failed checks and retries
    elif not w.finished.triggered:
        w.env.run(until=w.finished | w.env.timeout(limit))
    until = w.env.now if plan.scenario.until_s is None else limit
    services = plan.services
    complete = _is_complete(w)
    timeline = None
    if record:
        tell_shown(w)
        w.events.sort(key=lambda e: e.t_s)
        timeline = Timeline(tuple(e for e in w.events if e.t_s <= until), until, complete)
    return Sample(
        number,
        tuple(w.ready_s[n] for n in services),
        until,
        max((pool.most_busy for pool in w.pools.values()), default=0),
        timeline,
        tuple(w.started_s[n] for n in services),
        tuple(w.applied_s[n] for n in services),
        tuple(w.attempts[n] for n in services),
        complete,
    )


def _is_complete(w: World) -> bool:
    asked = [n for n in w.plan.services if n not in w.plan.left_out]
    return all(w.ready_s[n] is not None for n in asked) and bool(asked or not w.plan.services)


def _make_pools(w: World) -> None:
    for item in w.items:
        key, parameters = (item.id.kind, item.shard), item.parameters
        if key in w.pools:
            continue
        reconcile, workers = {
            KUSTOMIZATION: (kustomization.reconcile, parameters.kustomize_concurrent),
            HELM_RELEASE: (helmrelease.reconcile, parameters.helm_concurrent),
        }.get(item.id.kind, (source.reconcile, parameters.source_concurrent))
        queue = WorkQueue(w.env, *parameters.retry_delays_s(item.id.kind))

        w.pools[key] = WorkerPool(queue, workers, partial(begin, w, reconcile))


def _bootstrap(w: World) -> None:
    """t0: the sources and the root Kustomization are created, sources first."""
    for n, item in enumerate(w.items):
        if item.exists:
            w.create(n)


def _commit(w: World) -> None:
    """A push at t0; the GitRepository sees it at its next interval, or at once with a receiver."""
    scenario = w.plan.scenario
    settle(w)
    w.latest = w.goal_revision = w.breaks_at = 2
    for n, item in enumerate(w.items):
        if n in w.plan.changed or n in w.plan.renewed or (item.of_revision and item.source in w.plan.following):
            w.changes[n] = (2,)
    _count_goal(w)
    _announce_push(w)
    if scenario.fix_after_s is not None:
        w.more_revisions = True
        w.env.process(_fix(w, scenario.fix_after_s))


def _announce_push(w: World) -> None:
    """A receiver has the repository's sources look at once; without one they look at their next interval.

    What nothing that sees the commit applies is applied by hand.
    """
    for n, by in w.plan.given_by.items():
        if by == MISSING and w.exists[n]:
            w.give(n, w.latest)
    if w.plan.scenario.webhook:
        for n in w.plan.following:
            w.enqueue(n)


def _fix(w: World, after_s: float):  # type: ignore[no-untyped-def]
    """A second commit heals what failed."""
    yield w.env.timeout(after_s)
    w.latest = w.goal_revision = w.heals_at = 3
    for n, item in enumerate(w.items):
        if item.failing_workloads or item.refuses_commit or (item.of_revision and item.source in w.plan.following):
            w.changes[n] += (3,)
    w.ready_s = [None] * len(w.items)
    _count_goal(w)
    _announce_push(w)


def _count_goal(w: World) -> None:
    """Who must show the new revision: Kustomizations of the repository's sources; HelmReleases that changed."""
    asked = set()
    for n in w.plan.services:
        item = w.items[n]
        follows = item.id.kind == KUSTOMIZATION and source.follows(w, item.source, w.goal_revision)
        left_alone = item.suspend or n in w.plan.left_out
        if not left_alone and (follows or w.newest_change(n, w.goal_revision) == w.goal_revision):
            asked.add(n)
    w.count_only(asked)

"""Which objects can turn Ready at all: what the others wait for in vain is known before the clock starts.

Least fixed point over the rules of :mod:`fleetbench.engine.readiness`; a cycle has no member that comes first, so
none of it is reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence

from fleetbench.engine.items import MISSING, Brought, Item, Plan, Reach
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.model.scenario import RESTART


def never_ready(plan: Plan) -> frozenset[ObjectId]:
    """The services that can never turn Ready, whatever the draws."""
    can = reach(plan).ready
    return frozenset(plan.items[n].id for n in plan.services if not can[n])


def looked_at(plan: Plan, found: Reach, n: int) -> bool:
    """Whether its controller says at least what an item waits for: it exists one day and is not left alone.

    What a commit changes and nothing ever applies keeps the Ready that it had.
    """
    return found.exists[n] and not plan.items[n].suspend and is_given(plan, found.applies, n)


def is_given(plan: Plan, applies: Sequence[bool], n: int) -> bool:
    """Whether the manifest that a commit changes of it, or of its source, is applied one day.

    A source whose own manifest is not keeps the artifact that it has.
    """
    if plan.items[n].id.kind not in (KUSTOMIZATION, HELM_RELEASE):
        return True
    by = (plan.given_by.get(other, MISSING) for other in (n, plan.items[n].source))
    return all(applied in (MISSING, n) or applies[applied] for applied in by)


def kept_down(plan: Plan) -> frozenset[int]:
    """The items that an error or ``fail`` keeps from Ready, with all that waits for them in vain.

    Not what only a suspended object, a health check that names nothing, or a wait in a circle keeps from Ready: no
    finding of severity error tells of those, so the gate must.
    """
    found = _hoped_for(plan, lambda hoping: reach(plan, hoping=hoping, awake=True, circles=True))
    return frozenset(n for n, ready in enumerate(found.ready) if not ready)


def reach_before(plan: Plan) -> Reach:
    """How far each item had got before a commit or a restart, as if nothing failed or was suspended.

    What needs wait for in a circle counts as brought: a fleet that runs has got over that once, by hand or because the
    objects were added one after the other. Health checks in a circle end in a timeout at every revision anew. What the
    commit itself brings held up nobody, and was not there.
    """
    found = _hoped_for(plan, lambda hoping: reach(plan, hoping=hoping, healthy=True))
    for n, item in enumerate(plan.items):
        if item.added:
            for flags in found:
                flags[n] = False
    return found


def _hoped_for(plan: Plan, look: Callable[[Reach], Reach]) -> Reach:
    """The greatest fixed point over what no order of Flux's keeps: hope for all of it, then for what was reached."""
    every = [True] * len(plan.items)
    found = look(Reach(every, every, every, every, every))
    while True:
        last, found = found, look(found)
        if (last.stages, last.applies, last.ready) == (found.stages, found.applies, found.ready):
            return found


def reach(
    plan: Plan,
    given_up: Collection[int] = (),
    *,
    healthy: bool = False,
    awake: bool = False,
    hoping: Reach | None = None,
    circles: bool = False,
) -> Reach:
    """How far each item can get.

    Args:
        plan: the compiled scenario.
        given_up: items that have reached a terminal state since (a HelmRelease whose retries are exhausted).
        healthy: as if nothing failed or was suspended: what was Ready before a commit or a restart broke it.
        awake: as if nothing was suspended.
        hoping: what others bring, where no order of Flux's keeps it, came as far as in this earlier answer; None = as
            far as it comes by itself.
        circles: under ``hoping``, health checks too pass for what is hoped for, and for what they name in vain.
    """
    return _Reaching(plan, given_up, healthy, awake, hoping, circles).reached()


class _Reaching:
    """The fixed point, while it is worked out."""

    def __init__(
        self, plan: Plan, given_up: Collection[int], healthy: bool, awake: bool, hoping: Reach | None, circles: bool
    ):
        size = len(plan.items)
        self.plan, self.items, self.given_up = plan, plan.items, given_up
        self.healed = healthy or plan.scenario.fix_after_s is not None
        self.circles = circles
        self.resumed = healthy or awake
        nothing = [False] * size
        # Before a commit or a restart everything had come as far as it could.
        before = None if healthy else plan.before
        if before is None:
            before = Reach(nothing, nothing, nothing, nothing, nothing)
        existed, self.staged, self.applied, self.was_ready = before.exists, before.stages, before.applies, before.ready
        met = [healthy and item.added for item in self.items]
        self.exists = [item.exists or there for item, there in zip(self.items, map(max, existed, met), strict=True)]
        self.stages, self.applies, self.ready = [*met], [*met], [*met]
        self.brought_first: Sequence[bool] = self.stages if hoping is None else hoping.stages
        self.brought: Sequence[bool] = self.applies if hoping is None else hoping.applies
        self.healthy: Sequence[bool] = self.ready if hoping is None or not circles else hoping.ready

    def reached(self) -> Reach:
        """How far each item gets."""
        interested = self.plan.interested = self.plan.interested or self._interested()
        todo = deque(
            range(len(self.items))
        )  # first in, first out: else an item is looked at for each of what it waits for
        listed = [True] * len(self.items)
        while todo:
            n = todo.popleft()
            listed[n] = False
            known = (self.exists[n], self.stages[n], self.applies[n], self.ready[n])
            self._advance(n, self.items[n])
            if (self.exists[n], self.stages[n], self.applies[n], self.ready[n]) != known:
                more = [other for other in interested[n] if not listed[other]]
                for other in more:
                    listed[other] = True
                todo.extend(more)
        starts = [self.exists[n] and self._can_start(n) for n in range(len(self.items))]
        return Reach(self.exists, starts, self.stages, self.applies, self.ready)

    def _interested(self) -> list[list[int]]:
        """Item -> who must look again when it gets further."""
        interested: list[list[int]] = [[] for _ in self.items]
        for n, item in enumerate(self.items):
            wanted = [d for d, _ in item.dependencies] + [item.source, item.parent, *item.checks]
            wanted += [*item.after, *item.needs_build, *item.also_by]
            wanted += [need.by for need in (*item.needs_apply, *item.needs_namespace, *item.needs_run)]
            wanted.append(_artifact_of(self.plan, n))
            for other in set(wanted):
                if other != MISSING:
                    interested[other].append(n)
        return interested

    def _advance(self, n: int, item: Item) -> None:
        healed = self.healed or self._is_left_as_released(n)
        if not self.exists[n]:
            made = all(g != MISSING and (self.ready[g] or self._keeps(g)) for g in item.after)
            by_whom = (item.parent, *item.also_by)
            # what a fleet that runs applied before may be what its parent waits for
            applied = item.parent != MISSING and any(self.applies[by] or self.brought[by] for by in by_whom)
            self.exists[n] = item.defined and applied and made
        if self.exists[n] and not self.applies[n]:
            self.stages[n] = (
                self._can_start(n)
                and not (item.broken or item.lacks_values)
                and self._are_applied(item.needs_build)
                and (healed or item.waits or not item.fails)
                and is_given(self.plan, self.applies, n)
            )
            self.applies[n] = (
                self.stages[n]
                and not item.refused
                and (healed or not item.refuses_commit)
                and all(map(self._is_there, item.needs_apply))
                and all(map(self._is_there, item.needs_namespace))
            )
        if self.applies[n] and not self.ready[n] and n not in self.given_up:
            self.ready[n] = (
                (healed or not item.fails)
                and (healed or not (item.failing_workloads and item.waits))
                and (healed or not any(self.items[owner].failing_workloads for owner, _ in item.checks_elsewhere))
                and (not item.waits or self._passes(item))
            )

    def _is_left_as_released(self, n: int) -> bool:
        """After a restart helm-controller finds a release in sync, and does not ask whether its pods are well."""
        release = self.items[n].id.kind == HELM_RELEASE
        return release and self.plan.scenario.kind == RESTART and self.was_ready[n]

    def _passes(self, item: Item) -> bool:
        """Whether what its health check watches turns Current one day."""
        return (
            (self.circles or not item.check_missing)
            and all(self._is_current(c) for c in item.checks)
            and all(map(self._is_there, item.needs_run))
        )

    def _are_applied(self, needed: Sequence[int]) -> bool:
        return all(self.brought[p] or self.applied[p] for p in needed)

    def _is_there(self, need: Brought) -> bool:
        """Whether what is needed is in the cluster one day, or was when the scenario began."""
        if need.first:
            return self.brought_first[need.by] or self.staged[need.by]
        return self.brought[need.by] or self.applied[need.by]

    def _keeps(self, n: int) -> bool:
        """What was Ready before and is left as it is.

        It is suspended, its suspended source keeps the commit from it, or its controller is not among those restarted.
        """
        item = self.items[n]
        left = item.suspend or n in self.plan.left_out or self.plan.scenario.goes_on(item.id.kind)
        return self.was_ready[n] and left

    def _is_current(self, n: int) -> bool:
        """Whether kstatus calls it Current one day."""
        return self.healthy[n] or self._keeps(n) or (self.items[n].current_when_left_alone and self.exists[n])

    def _is_met(self, n: int, dependency: int, same_source: bool) -> bool:
        """Whether a dependant finds it Ready one day: a suspended one never applies a new revision."""
        if dependency == MISSING:
            return False
        stale = same_source and self.items[n].source in self.plan.moved
        return self.ready[dependency] or (self._keeps(dependency) and not stale)

    def _has_artifact(self, source: int) -> bool:
        """Whether there is something to fetch of it one day: a suspended source makes none, and may have lost what it had."""
        lost = self.plan.scenario.loses_storage and not self.items[source].static
        return self.ready[source] or (self._keeps(source) and not lost)

    def _can_start(self, n: int) -> bool:
        """Whether a whole reconcile can begin: its source has an artifact and its dependencies are Ready one day."""
        item = self.items[n]
        asleep = item.suspend and not (self.resumed and item.resumable)
        if asleep or item.denied or (item.broken and item.id.kind != KUSTOMIZATION):  # a chart that no source holds
            return False
        if item.id.kind not in (KUSTOMIZATION, HELM_RELEASE):  # a source: its artifact
            return item.source == MISSING or self._has_artifact(item.source)
        source = _artifact_of(self.plan, n)
        if source == MISSING or not self.exists[source] or not self._has_artifact(source):
            return False
        return all(self._is_met(n, d, same) for d, same in item.dependencies)


def _artifact_of(plan: Plan, n: int) -> int:
    """What must have an artifact first: of a release that makes its own HelmChart, the chart's repository."""
    item = plan.items[n]
    made = item.id.kind == HELM_RELEASE and item.source in item.creates
    return plan.items[item.source].source if made else item.source

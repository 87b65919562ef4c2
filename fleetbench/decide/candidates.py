"""What optimize tries: every change that a user could make, and what only others could."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fleetbench.decide.intervals import CORRECTED_LATER, SetInterval
from fleetbench.decide.layout import in_fine
from fleetbench.decide.needed import IMPLIED, UNNEEDED, UNPROVEN, classify, droppable
from fleetbench.decide.retries import TRIED_MORE_OFTEN, SetRetryInterval
from fleetbench.decide.timeouts import TimeoutAdvice
from fleetbench.decide.whatif import (
    AddEdges,
    DropEdges,
    Edge,
    FasterWorkload,
    OwnSource,
    SetFlags,
    SetTimeouts,
    Shard,
    SplitParent,
    WaitOff,
    WhatIf,
)
from fleetbench.errors import InputError
from fleetbench.graph.checks.needs import missing_edges
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.graph.order import health_checked
from fleetbench.graph.waves import FINE, WAVES, is_waves, to_waves
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.model.controller_manager import deployments_of
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import Scenario

WORKERS = (8, 20)
"""``--concurrent`` values tried: 20 is what Flux's own "vertical scaling" page shows, 8 half-way there."""
REQUEUE_S = 5.0
"""``--requeue-dependency`` tried: the same page's value."""
CPUS = 2.0
"""CPU limit of kustomize-controller tried: the same page's 2000m."""
MANAGER: dict[str, int] = {"controller_manager_qps": 100, "controller_manager_burst": 150}
"""kube-controller-manager's client tried: five times its defaults."""
AT_ONCE = 8
"""Deployments from which that is tried: one more than a burst of 30 requests lets through, at four each."""
MANY = 25
"""Edges or waits tried one by one, and dependants whose edges are tried together; of more, those along the critical
chain come first, and all of them together are tried in any case."""

READY_SAYS_LESS = "its Ready says that all is applied, no longer that it is healthy"
"""What a Kustomization no longer promises once it does not wait: alerts and ``flux reconcile`` go by it."""

ON_PURPOSE = "whether it is there on purpose is yours to say"
"""Of an order that somebody stated and that would go."""

EDGES_SAFE, EDGES_UNNEEDED, EDGES_UNPROVEN, EDGES_NONE = "safe", "unneeded", "unproven", "none"


@dataclass(frozen=True)
class Candidate:
    """A change to try."""

    change: WhatIf
    mine: bool
    """The user can make it in manifests and flags; False: it takes others (a release, a faster image, more machines)."""
    note: str = ""
    taken: bool = True
    """It may be combined with others and written; False: somebody must say so first."""


@dataclass(frozen=True)
class Layout:
    """The same services in the other layout: ``waves`` or ``fine``."""

    to: str

    @property
    def title(self) -> str:
        """``layout: waves``."""
        return f"layout: {self.to}"

    def applied(self, scenario: Scenario) -> Scenario:
        """Regrouped; services keep their workload times."""
        fleet = to_waves(scenario.fleet) if self.to == WAVES else in_fine(scenario.fleet)
        return replace(scenario, fleet=fleet)


def candidates(
    scenario: Scenario,
    edges: str,
    timeouts: Sequence[TimeoutAdvice],
    slowest: Sequence[ObjectId],
    chain: Sequence[ObjectId] = (),
    retries: Sequence[ObjectId] = (),
    intervals: tuple[ObjectId, ...] = (),
) -> list[Candidate]:
    """All that is worth a simulation.

    Args:
        scenario: as it is.
        edges: which edges may be combined: ``safe``: those that others imply, so that every stated order is kept;
            ``unneeded``: also those that nothing needs in the manifests, all of which were read; ``unproven``: also
            those that no need was found for although not all content was read. The others are tried alone, for
            somebody to judge. ``none``: none is tried.
        timeouts: what the waits take; those that run into their timeout, and not by a guess, get a longer one.
        slowest: objects whose workloads weigh most in the critical chain.
        chain: the objects of that chain.
        retries: Kustomizations that fail now and then and try again only after their interval.
        intervals: Kustomizations whose interval ends during the rollout.
    """
    fleet = scenario.fleet
    found = [Candidate(SetFlags(flags), True) for flags in flag_changes(scenario.parameters, fleet, scenario.fetch)]
    found += edge_changes(fleet, edges, chain)
    found += needed_edge_changes(fleet, chain)
    found += wait_changes(fleet, chain)
    found += retry_changes(retries, chain)
    if intervals:
        note = f"their intervals end during the rollout, and each end is a reconcile more; {CORRECTED_LATER}"
        found.append(Candidate(SetInterval(intervals), True, note))
    longer = _longer(fleet, timeouts)
    if longer:
        found.append(Candidate(SetTimeouts(longer), True, "for reliability: their waits outlast them"))
    found += layout_changes(fleet)
    found += beyond(scenario, slowest)
    return found


def _longer(fleet: Fleet, timeouts: Sequence[TimeoutAdvice]) -> tuple[tuple[ObjectId, float], ...]:
    """The timeouts to raise: those whose waits do not rest on a guess, and of what waits for such, so as not to end first."""
    raised = [(a, a.raised_s) for a in timeouts if a.raised_s is not None]
    known = {a.object for a, _ in raised if not a.by_guess}
    return tuple((a.object, s) for a, s in raised if a.object in known or not known.isdisjoint(fleet.inside(a.object)))


def layout_changes(fleet: Fleet) -> list[Candidate]:
    """The other layout, where the fleet can have it."""
    if not is_waves(fleet):
        return [Candidate(Layout(WAVES), False, "`fleetbench convert --to waves` writes it")]
    try:
        in_fine(fleet)
    except InputError:
        return []
    note = f"orders go that nothing is seen to need; {ON_PURPOSE} (`fleetbench convert --to fine` writes it)"
    return [Candidate(Layout(FINE), False, note)]


def flag_changes(now: Parameters, fleet: Fleet, fetched: Collection[ObjectId]) -> list[dict[str, Any]]:
    """Flags that differ from what is set: each alone, and all at once; ``fetched``: what waits for a server."""
    of_a_kind = max(Counter(id.kind for id in fetched).values(), default=0)
    changes: list[dict[str, Any]] = []
    workers = {
        "kustomize_concurrent": True,
        "helm_concurrent": bool(fleet.helmreleases),
        "source_concurrent": of_a_kind > now.source_concurrent,
    }
    for name, wanted in workers.items():
        changes += [{name: n} for n in WORKERS if wanted and n > getattr(now, name)]
    faster = {
        name: REQUEUE_S
        for name in ("requeue_dependency_s", "helm_requeue_dependency_s")
        if getattr(now, name) > REQUEUE_S
    }
    if not any(h.depends_on for h in fleet.helmreleases):
        faster.pop("helm_requeue_dependency_s", None)
    if faster:
        changes.append(faster)
    most = {name: change[name] for change in changes for name in change if name.endswith("_concurrent")}
    if len(most) > 1:
        changes.append(most)
    if most and faster:
        changes.append(most | faster)
    if not now.in_memory_builds:
        changes.append({"in_memory_builds": True})
    if now.kustomize_cpus is not None and now.kustomize_cpus < CPUS:
        changes.append({"kustomize_cpus": CPUS})
    return changes


def edge_changes(fleet: Fleet, edges: str, chain: Sequence[ObjectId] = ()) -> list[Candidate]:
    """Droppable edges: one by one, all of one dependant, all of a class."""
    if edges == EDGES_NONE:
        return []
    classes = classify(fleet)
    found = _groups(sorted(e for e, c in classes.items() if c == IMPLIED), "others imply them", True, chain)
    unneeded = [e for e, c in classes.items() if c in (IMPLIED, UNNEEDED)]
    if any(classes[e] == UNNEEDED for e in unneeded):
        taken = edges in (EDGES_UNNEEDED, EDGES_UNPROVEN)
        note = f"nothing needs it in the manifests; {ON_PURPOSE}"
        note += "" if taken else " (--edges unneeded takes it)"
        found += _groups(droppable(fleet, unneeded), note, taken, chain)
    unproven = [e for e, c in classes.items() if c in (IMPLIED, UNNEEDED, UNPROVEN)]
    if len(unproven) > len(unneeded):
        taken = edges == EDGES_UNPROVEN
        note = "no need found, but not all content could be read: check before you drop it"
        note += "" if taken else " (--edges unproven takes it)"
        found += _groups(droppable(fleet, unproven, unproven=True), note, taken, chain, one_by_one=taken)
    return _distinct(found)


def needed_edge_changes(fleet: Fleet, chain: Sequence[ObjectId] = ()) -> list[Candidate]:
    """Edges for what fails its apply or build where it comes first (FB201): all of them, and all of one dependant."""
    groups = _by_dependant(missing_edges(fleet), chain)
    note = "it needs what that brings and fails without it (FB201), which costs a retryInterval"
    return [Candidate(AddEdges(group), True, note) for group in dict.fromkeys(groups)]


def _groups(
    edges: list[Edge], note: str, taken: bool, chain: Sequence[ObjectId], *, one_by_one: bool = True
) -> list[Candidate]:
    groups = _by_dependant(edges, chain)
    if len(edges) <= MANY and one_by_one:
        groups += [(edge,) for edge in edges]
    return [Candidate(DropEdges(group), True, note, taken) for group in dict.fromkeys(groups)]


def _by_dependant(edges: Sequence[Edge], chain: Sequence[ObjectId]) -> list[tuple[Edge, ...]]:
    """All edges together, then those of each dependant; of many, those along the chain first."""
    by: dict[ObjectId, list[Edge]] = {}
    for edge in edges:
        by.setdefault(edge[0], []).append(edge)
    return [tuple(edges), *(tuple(by[id]) for id in _first(list(by), chain))] if edges else []


def _first(ids: Sequence[ObjectId], chain: Sequence[ObjectId]) -> list[ObjectId]:
    """At most :data:`MANY`, those of the chain first."""
    return sorted(ids, key=lambda id: (id not in chain, id))[:MANY]


def _distinct(found: list[Candidate]) -> list[Candidate]:
    return list({c.change: c for c in reversed(found)}.values())[::-1]


def wait_changes(fleet: Fleet, chain: Sequence[ObjectId] = ()) -> list[Candidate]:
    """Waits nobody needs, and waiting parents that could be split."""
    watched = {id for k in fleet.kustomizations for id in health_checked(fleet, k)}
    leaned_on = {d.target for o in fleet.services() for d in o.depends_on}
    off = tuple(k.id for k in fleet.kustomizations if k.id not in watched | leaned_on and _waits_for_others(fleet, k))
    found = [Candidate(WaitOff(off), True, f"nothing waits for them; lost: {READY_SAYS_LESS}")] if off else []
    if len(off) > 1:
        note = f"nothing waits for it; lost: {READY_SAYS_LESS}"
        found += [Candidate(WaitOff((id,)), True, note) for id in _first(off, chain)]
    parents = [
        k.id for k in fleet.kustomizations if k.id in leaned_on and k.id not in watched and _splittable(fleet, k)
    ]
    return found + [Candidate(SplitParent(id), True, f"lost: {READY_SAYS_LESS}") for id in _first(parents, chain)]


def retry_changes(retries: Sequence[ObjectId], chain: Sequence[ObjectId] = ()) -> list[Candidate]:
    """A retryInterval for all whose failures cost an interval, and for those along the chain alone."""
    groups = dict.fromkeys([tuple(retries), tuple(id for id in retries if id in chain)])
    note = f"they fail at times, and without one they try again after their interval; {TRIED_MORE_OFTEN}"
    return [Candidate(SetRetryInterval(ids), True, note) for ids in groups if ids]


def _waits_for_others(fleet: Fleet, k: Kustomization) -> bool:
    """All it waits for has a Ready of its own that still counts.

    Without that the total would only shrink because less is looked at.
    """
    return k.wait and not k.suspend and not k.workloads and k.id != fleet.root and bool(health_checked(fleet, k))


def _splittable(fleet: Fleet, k: Kustomization) -> bool:
    """A waiting parent of Kustomizations alone."""
    return _waits_for_others(fleet, k) and all(id.kind == KUSTOMIZATION for id in health_checked(fleet, k))


def beyond(scenario: Scenario, slowest: Sequence[ObjectId]) -> list[Candidate]:
    """What manifests and flags cannot do, for comparison."""
    found = [
        Candidate(SetFlags({"event_driven_dependents": True}), False, "kustomize-controller pull request 1412"),
        Candidate(Shard(2), False, "takes a second kustomize-controller (Flux docs: sharding)"),
        Candidate(OwnSource(), False, "matters for commits, not for a bootstrap"),
        Candidate(SetFlags({"nodes": scenario.parameters.nodes + 1}), False, "one node more to pull images on"),
    ]
    if scenario.parameters.events_refused_s:
        found.append(Candidate(SetFlags({"events_refused_s": 0.0}), False, "bring it up, or leave --events-addr empty"))
    limit = scenario.parameters.controller_manager_qps
    deployments = sum(d.waits for time in scenario.workloads.values() for d in deployments_of(time))
    if limit is not None and limit < MANAGER["controller_manager_qps"] and deployments >= AT_ONCE:
        note = "Deployments at once wait for each other; whose control plane it is must set it"
        found.append(Candidate(SetFlags(MANAGER), False, note))
    return found + [
        Candidate(FasterWorkload(id), False, "preloaded or smaller images, faster probes") for id in slowest
    ]

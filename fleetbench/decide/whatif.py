"""What-ifs: each turns a scenario into another one and changes nothing else, so both see the same draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from fleetbench.decide.flag_names import named_flag
from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source
from fleetbench.graph.order import health_checked
from fleetbench.ids import KUSTOMIZATION, ObjectId, say, some
from fleetbench.model.distributions import Distribution
from fleetbench.model.scenario import Scenario
from fleetbench.units import go_duration

Service = Kustomization | HelmRelease
Edge = tuple[ObjectId, ObjectId]
"""(dependant, dependency)."""


class WhatIf(Protocol):
    """A change to a scenario."""

    @property
    def title(self) -> str:
        """For people, a short line."""

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario with the change."""


def without(fleet: Fleet, gone: Iterable[Edge]) -> Fleet:
    """The fleet without these dependsOn entries."""
    gone = set(gone)

    def rest(obj: Service) -> Service:
        return replace(obj, depends_on=tuple(d for d in obj.depends_on if (obj.id, d.target) not in gone))

    return changed(fleet, {dependant: rest for dependant, _ in gone})


@dataclass(frozen=True)
class SetFlags:
    """Other controller flags: fields of :class:`~fleetbench.model.parameters.Parameters`."""

    flags: Mapping[str, Any]

    @property
    def title(self) -> str:
        """``requeue-dependency 5s``."""
        return ", ".join(named_flag(name, value) for name, value in self.flags.items())

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario under these flags."""
        return replace(scenario, parameters=scenario.parameters.with_(**self.flags))


def _titled(verb: str, edges: tuple[Edge, ...]) -> str:
    by: dict[ObjectId, list[str]] = {}
    for dependant, dependency in edges:
        by.setdefault(dependant, []).append(dependency.name)
    if len(by) > 2:
        return f"{verb} {len(edges)} edges of {len(by)} objects"
    return "; ".join(f"{verb} {say(id)} -> {', '.join(names)}" for id, names in by.items())


@dataclass(frozen=True)
class DropEdges:
    """dependsOn entries taken away: (dependant, dependency)."""

    edges: tuple[Edge, ...]

    @property
    def title(self) -> str:
        """``drop n8n -> redis``."""
        return _titled("drop", self.edges)

    def applied(self, scenario: Scenario) -> Scenario:
        """Without them."""
        return replace(scenario, fleet=without(scenario.fleet, self.edges))


@dataclass(frozen=True)
class AddEdges:
    """More dependsOn entries: (dependant, dependency)."""

    edges: tuple[Edge, ...]

    @property
    def title(self) -> str:
        """``add n8n -> redis``."""
        return _titled("add", self.edges)

    def applied(self, scenario: Scenario) -> Scenario:
        """With them."""
        fleet = scenario.fleet
        for dependant, dependency in self.edges:
            fleet = changed(fleet, {dependant: partial(with_edge, dependency=dependency)})
        return replace(scenario, fleet=fleet)


def with_edge(obj: Any, dependency: ObjectId) -> Any:
    """The object with one more entry, unless it has that one."""
    if dependency in [d.target for d in obj.depends_on]:
        return obj
    return replace(obj, depends_on=(*obj.depends_on, Dependency(dependency)))


@dataclass(frozen=True)
class WaitOff:
    """``wait: false`` on Kustomizations that nobody waits for: each gives its worker back once it is applied."""

    ids: tuple[ObjectId, ...]

    @property
    def title(self) -> str:
        """``wait: false on loki``."""
        return f"wait: false on {some([say(id) for id in self.ids], 3)}"

    def applied(self, scenario: Scenario) -> Scenario:
        """With their waits off."""
        off = {id: lambda k: replace(k, wait=False) for id in self.ids}
        return replace(scenario, fleet=changed(scenario.fleet, off))


@dataclass(frozen=True)
class SplitParent:
    """A waiting parent stops waiting, and who depends on it depends on its children as well."""

    id: ObjectId

    @property
    def title(self) -> str:
        """``split apps``."""
        return f"split {say(self.id)}: wait: false, its dependants depend on its children"

    def applied(self, scenario: Scenario) -> Scenario:
        """With the parent split."""
        fleet = scenario.fleet
        kids = self.children(fleet)
        changes: dict[ObjectId, Callable[[Any], Any]] = {self.id: lambda k: replace(k, wait=False)}
        for dependant in self.dependants(fleet):
            changes[dependant] = lambda k: _with_edges(k, kids)
        return replace(scenario, fleet=changed(fleet, changes))

    def children(self, fleet: Fleet) -> list[ObjectId]:
        """The Kustomizations whose Ready the parent waits for."""
        parent = fleet.kustomization(self.id)
        return [] if parent is None else [id for id in health_checked(fleet, parent) if id.kind == KUSTOMIZATION]

    def dependants(self, fleet: Fleet) -> list[ObjectId]:
        """Who depends on the parent."""
        return [k.id for k in fleet.kustomizations if any(d.target == self.id for d in k.depends_on)]


def _with_edges(obj: Any, dependencies: list[ObjectId]) -> Any:
    for id in dependencies:
        obj = with_edge(obj, id)
    return obj


@dataclass(frozen=True)
class SetTimeouts:
    """Other ``timeout``s: (object, seconds)."""

    timeouts: tuple[tuple[ObjectId, float], ...]

    @property
    def title(self) -> str:
        """``timeout 10m0s on loki``."""
        if len(self.timeouts) > 3:
            return f"longer timeouts on {len(self.timeouts)} objects"
        return ", ".join(f"timeout {go_duration(s)} on {say(id)}" for id, s in self.timeouts)

    def applied(self, scenario: Scenario) -> Scenario:
        """With them."""
        seconds = dict(self.timeouts)
        change = {id: (lambda o: replace(o, timeout_s=seconds[o.id])) for id in seconds}
        return replace(scenario, fleet=changed(scenario.fleet, change))


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another distribution times a constant."""

    base: Distribution
    factor: float

    def quantile(self, u: float) -> float:
        """The base's quantile times the factor."""
        return self.base.quantile(u) * self.factor

    def to_json(self) -> dict[str, Any]:
        """``{base, factor}``; only for people: no file holds it."""
        return {"base": self.base.to_json(), "factor": self.factor}


@dataclass(frozen=True)
class FasterWorkload:
    """An object's workloads take another share of their time."""

    id: ObjectId
    factor: float = 0.5

    @property
    def title(self) -> str:
        """``loki starts in 50 % of the time``."""
        return f"{say(self.id)} starts in {self.factor:.0%} of the time"

    def applied(self, scenario: Scenario) -> Scenario:
        """With every part of its workload time scaled; pulls by their size."""
        time = scenario.workloads.get(self.id)
        if time is None:
            return scenario
        pods = tuple(
            replace(
                p,
                start=Scaled(p.start, self.factor),
                ready=Scaled(p.ready, self.factor),
                pulls=tuple(replace(i, megabytes=Scaled(i.megabytes, self.factor)) for i in p.pulls),
            )
            for p in time.pods
        )
        total = None if time.total is None else Scaled(time.total, self.factor)
        return replace(scenario, workloads={**scenario.workloads, self.id: replace(time, pods=pods, total=total)})


@dataclass(frozen=True)
class Shard:
    """Kustomizations spread over shards, each with a kustomize-controller (and so workers) of its own.

    All of them with the flags of the main one, in the place of any shards that there are.
    """

    shards: int

    @property
    def title(self) -> str:
        """``2 shards of kustomize-controller``."""
        return f"{self.shards} shards of kustomize-controller"

    def applied(self, scenario: Scenario) -> Scenario:
        """All but the root dealt out in name order; the root stays with the main controller."""
        fleet = scenario.fleet
        moved = sorted(k.id for k in fleet.kustomizations if k.id != fleet.root)
        keys = {id: f"shard{n % self.shards}" for n, id in enumerate(moved)}
        deal = {id: (lambda k: replace(k, shard=keys[k.id])) for id in moved}
        others = tuple(s for s in scenario.parameters.shards if s.kind != KUSTOMIZATION)
        return replace(scenario, fleet=changed(fleet, deal), parameters=replace(scenario.parameters, shards=others))


@dataclass(frozen=True)
class OwnSource:
    """A source object of its own for every Kustomization but the root: revisions are no longer compared across them."""

    title: str = field(default="own source for every app", init=False)

    def applied(self, scenario: Scenario) -> Scenario:
        """With a copy of its source for each; the root applies it beside the Kustomization."""
        fleet = scenario.fleet
        made: dict[ObjectId, Source] = {}
        fetch = dict(scenario.fetch)
        for k in fleet.kustomizations:
            shared = None if k.source is None else fleet.source(k.source)
            if k.id != fleet.root and k.parent is not None and shared is not None and shared.defined:
                own = ObjectId(shared.id.kind, shared.id.namespace, f"{shared.id.name}-{k.id.name}")
                made[k.id] = replace(shared, id=own, parent=k.parent, file=None, line=None)
                if shared.id in fetch:
                    fetch[own] = fetch[shared.id]
        apart = changed(fleet, {id: (lambda k: replace(k, source=made[k.id].id)) for id in made})
        return replace(scenario, fleet=replace(apart, sources=(*fleet.sources, *made.values())), fetch=fetch)


def all_applied(scenario: Scenario, changes: tuple[WhatIf, ...]) -> Scenario:
    """One what-if after the other."""
    for change in changes:
        scenario = change.applied(scenario)
    return scenario

"""What a commit changes of a fleet that runs: two readings of a repository held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId


class Immutable(NamedTuple):
    """An object that a commit changes in a field which the API server lets nobody change."""

    object: ObjectId
    field: str
    """Such as ``spec.template``."""
    by: ObjectId
    """The Kustomization that applies it: its apply is refused as a whole."""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Commit:
    """One commit, as far as a rollout can tell it from none."""

    changed: frozenset[ObjectId] = frozenset()
    """Kustomizations and HelmReleases whose manifests, and HelmCharts whose files, it changes."""
    applied: Mapping[ObjectId, int] = field(default_factory=dict)
    """Changed Kustomization -> how many of its objects it adds or changes; one that is not named: all of them."""
    reconciled: frozenset[ObjectId] = frozenset()
    """HelmReleases whose spec it changes in nothing that upgrades them: another dependsOn, interval, timeout ..."""
    renewed: frozenset[ObjectId] = frozenset()
    """Sources and HelmCharts whose own manifests it changes, another tag or version most often: they fetch once they are applied."""
    added: frozenset[ObjectId] = frozenset()
    """Flux's objects that it brings; the services among them are ``changed`` too."""
    removed: tuple[ObjectId, ...] = ()
    """Flux's objects that it takes away. They are pruned, and nobody waits for that."""
    kept: Mapping[ObjectId, int] = field(default_factory=dict)
    """Workload of a changed Kustomization -> how many of its pods, from the first on, go on as they are."""
    started: frozenset[ObjectId] = frozenset()
    """Workloads of changed Kustomizations that start as the first time: they are new, or deleted and made anew. Every other
    one that is not ``kept`` is updated."""
    immutable: tuple[Immutable, ...] = ()
    """Why some of the Kustomizations can never apply it."""
    since: str | None = None
    """What it was held against, for people: ``merge base 1a2b3c4 with origin/main``; None = somebody said what it changes."""
    notes: tuple[str, ...] = ()
    """What of it the prediction does not see, for people."""

    @property
    def refused(self) -> frozenset[ObjectId]:
        """The Kustomizations whose apply of the commit fails."""
        return frozenset(i.by for i in self.immutable)


NOTHING = Commit()


def upgraded(commit: Commit, fleet: Fleet) -> tuple[ObjectId, ...]:
    """The releases that it upgrades: by their own manifest, or by the source of their chart."""
    refused = commit.refused
    found = {h.id for h in fleet.helmreleases if h.id in commit.changed or (h.chart_ref and h.source in commit.renewed)}
    held = {h.id for h in fleet.helmreleases if h.parent in refused and h.id in commit.changed}
    return tuple(sorted(found - held - commit.added))


def updated(commit: Commit, fleet: Fleet) -> tuple[ObjectId, ...]:
    """The workloads of changed Kustomizations whose pods the commit replaces, as far as it is known which those are."""
    changed = commit.changed - commit.added - commit.refused
    objects = (w.object for k in fleet.kustomizations if k.id in changed for w in k.workloads)
    return tuple(sorted(id for id in objects if id not in commit.started and id not in commit.kept))

"""A rollout with all that is known about it: fleet, flags, timeline, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.graph.commit import Commit as Changes
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId
from fleetbench.model.fetch import from_afar
from fleetbench.timeline.events import Timeline, ready_after_s, ready_again_s

SERVED, REMOTE = "served", "remote"
"""Where a measured run had its repository from: beside the cluster, or its own URL."""


@dataclass(frozen=True)
class Commit:
    """A new revision that came while the fleet was running."""

    t_s: float
    """When it was pushed, in seconds since t0."""
    revision: str
    touched: tuple[ObjectId, ...] = ()
    """Kustomizations and HelmReleases whose manifests it changed, and HelmCharts that it made anew."""
    source_s: float | None = None
    """From the push to the artifact."""
    changes: Changes | None = None
    """What it changes by two revisions of the repository; None = only what the record shows (``touched``) is known, or
    shows another commit."""

    @property
    def told(self) -> Changes:
        """What it changes, as far as it is known."""
        return Changes(frozenset(self.touched)) if self.changes is None else self.changes

    @property
    def artifact_s(self) -> float:
        """When its artifact was there, in seconds since t0: Ready counts from here."""
        return self.t_s + (self.source_s or 0.0)


@dataclass(frozen=True)
class Run:
    """One measured (or simulated) rollout."""

    name: str
    fleet: Fleet
    timeline: Timeline
    flags: Mapping[str, Any] = field(default_factory=dict)
    """The controllers' flags of the run, keyed as :class:`~fleetbench.model.parameters.Parameters` names them."""
    limit_s: float | None = None
    """Seconds it was watched at most."""
    commit: Commit | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Versions, nodes, CPUs, load, profile: whatever the recorder noted."""
    cut: str | None = None
    """Why the record stops early, for people; None = it is whole."""
    unseen: frozenset[ObjectId] = frozenset()
    """Services of which the record does not say when they were Ready: it was cut before it came to that."""
    source: str = "measured"
    """``measured`` or ``predicted``."""

    def services(self) -> list[ObjectId]:
        """Kustomizations and HelmReleases, sorted."""
        return sorted(obj.id for obj in self.fleet.services())

    @property
    def from_afar(self) -> frozenset[ObjectId]:
        """Its sources and HelmCharts that came from elsewhere than beside the cluster.

        Empty where its workloads were made up; of a timed commit not the repository's own, as it counts from the artifact.
        """
        if self.meta.get("workloads") != "real":
            return frozenset()
        return from_afar(self.fleet, served=self.commit is not None or self.meta.get("source") == SERVED)

    def ready_s(self) -> dict[ObjectId, float | None]:
        """Seconds from t0 to Ready of each service; of a commit's run from the artifact to Ready with what it brought."""
        if self.commit is None:
            return {id: None if id in self.unseen else self.timeline.ready_s(id) for id in self.services()}
        since, revision = self.commit.artifact_s, self.commit.revision
        beside = self.fleet.beside(self.fleet.users(self.fleet.root_source))
        events = {id: self.timeline.by_object.get(id, ()) for id in self.services()}
        return {
            id: ready_again_s(of, since) if id in beside else ready_after_s(of, since, revision)
            for id, of in events.items()
        }

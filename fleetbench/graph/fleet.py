"""The fleet: what a Flux repository (or a cluster, or a graph file) holds, and who in it creates, waits for or owns whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from fleetbench.graph.objects import (
    ControllerFlag,
    ControllerShard,
    Dependency,
    FluxVersion,
    HelmRelease,
    Kustomization,
    Made,
    Source,
)
from fleetbench.ids import ObjectId

_Object = TypeVar("_Object", Kustomization, HelmRelease, Source)


@dataclass(frozen=True)
class Fleet:
    """Everything that hangs off one cluster path."""

    root: ObjectId
    """The root Kustomization, also a member of ``kustomizations``."""
    kustomizations: tuple[Kustomization, ...]
    helmreleases: tuple[HelmRelease, ...] = ()
    sources: tuple[Source, ...] = ()
    flags: tuple[ControllerFlag, ...] = ()
    """Of the main controllers."""
    name: str = "fleet"
    """For run folders and titles."""
    cluster_path: str | None = None
    flux: FluxVersion | None = None
    """The Flux that the repository installs; None = it does not say."""
    installed: tuple[str, ...] = ()
    """What the user says that the cluster holds before Flux comes: :func:`fleetbench.graph.changes.with_installed`."""
    shards: tuple[ControllerShard, ...] = ()
    """The other Deployments of the controllers, where they are known."""
    _index: dict[ObjectId, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for obj in self.objects():
            self._index.setdefault(obj.id, obj)

    def objects(self) -> Iterator[Kustomization | HelmRelease | Source]:
        """Everything that the fleet holds."""
        yield from self.kustomizations
        yield from self.helmreleases
        yield from self.sources

    def under(self, release: str, strict_substitution: bool) -> Fleet:
        """The fleet with those obstacles alone that it meets under a release of Flux.

        See :meth:`Kustomization.under` and :meth:`Made.under`.
        """
        met: Fleet = self
        if any(k.unset_variables or k.refused_by for k in self.kustomizations):
            met = replace(met, kustomizations=tuple(k.under(release, strict_substitution) for k in self.kustomizations))
        if any(obj.made is not None and obj.made.refused_by for obj in self.objects()):
            met = replace(
                met,
                kustomizations=tuple(_made_under(k, release) for k in met.kustomizations),
                helmreleases=tuple(_made_under(h, release) for h in met.helmreleases),
                sources=tuple(_made_under(s, release) for s in met.sources),
            )
        return met

    def kustomization(self, id: ObjectId) -> Kustomization | None:
        """The Kustomization of that id, or None."""
        found = self._index.get(id)
        return found if isinstance(found, Kustomization) else None

    def helmrelease(self, id: ObjectId) -> HelmRelease | None:
        """The HelmRelease of that id, or None."""
        found = self._index.get(id)
        return found if isinstance(found, HelmRelease) else None

    def service(self, id: ObjectId) -> Kustomization | HelmRelease | None:
        """The Kustomization or HelmRelease of that id, or None."""
        found = self._index.get(id)
        return found if isinstance(found, (Kustomization, HelmRelease)) else None

    def source(self, id: ObjectId) -> Source | None:
        """The source of that id, or None."""
        found = self._index.get(id)
        return found if isinstance(found, Source) else None

    def made(self, id: ObjectId) -> Made | None:
        """How a ResourceSet comes to make an object; None = none does."""
        return getattr(self._index.get(id), "made", None)

    @cached_property
    def made_and_waited_for(self) -> dict[ObjectId, tuple[ObjectId, ...]]:
        """ResourceSet -> what it makes and waits for."""
        found: dict[ObjectId, list[ObjectId]] = {}
        for obj in self.objects():
            if obj.made is not None and obj.made.waited:
                found.setdefault(obj.made.by, []).append(obj.id)
        return {by: tuple(ids) for by, ids in found.items()}

    @property
    def root_source(self) -> ObjectId | None:
        """The source of the root: there before the rollout; None = the root is not in the fleet, or names none."""
        root = self.kustomization(self.root)
        return None if root is None else root.source

    def users(self, source: ObjectId | None) -> frozenset[ObjectId]:
        """The Kustomizations that apply what a source holds, and so show its revision."""
        return frozenset(k.id for k in self.kustomizations if source is not None and k.source == source)

    def beside(self, users: frozenset[ObjectId]) -> frozenset[ObjectId]:
        """The other services that somebody reconciles: after a commit they are Ready again, or were all along."""
        return frozenset(obj.id for obj in self.services() if not obj.suspend) - users

    def __contains__(self, id: object) -> bool:
        return id in self._index

    def waited_for(self, obj: Kustomization | HelmRelease) -> tuple[Dependency, ...]:
        """The dependencies of an object without those that something unread may make: nothing is known of their time."""
        return tuple(d for d in obj.depends_on if d.maker is None or d.target in self)

    def services(self) -> Iterator[Kustomization | HelmRelease]:
        """Kustomizations, then HelmReleases: what turns Ready."""
        yield from self.kustomizations
        yield from self.helmreleases

    @cached_property
    def also_applied(self) -> dict[ObjectId, tuple[ObjectId, ...]]:
        """Kustomization -> the sources that it applies and is not the first to hold."""
        found: dict[ObjectId, list[ObjectId]] = {}
        for source in self.sources:
            for by in source.also_by:
                found.setdefault(by, []).append(source.id)
        return {by: tuple(ids) for by, ids in found.items()}

    @cached_property
    def children(self) -> dict[ObjectId, tuple[ObjectId, ...]]:
        """Kustomization -> ids of the Kustomizations, HelmReleases and sources in its build, sorted."""
        found: dict[ObjectId, list[ObjectId]] = {}
        for obj in self.objects():
            if obj.parent is not None:
                found.setdefault(obj.parent, []).append(obj.id)
        return {parent: tuple(sorted(kids)) for parent, kids in found.items()}

    @cached_property
    def creators(self) -> dict[ObjectId, ObjectId]:
        """Object -> the first Kustomization whose build holds it."""
        return {object: k.id for k in reversed(self.kustomizations) for object in k.objects}

    @cached_property
    def workload_owners(self) -> dict[ObjectId, ObjectId]:
        """Workload -> the Kustomization or HelmRelease that brings it."""
        return {w.object: obj.id for obj in self.services() for w in obj.workloads}

    def inside(self, id: ObjectId) -> list[ObjectId]:
        """The Kustomizations and HelmReleases that an object brings, directly or by what it brings."""
        found, below = [], [id]
        while below:
            for child in self.children.get(below.pop(), ()):
                if child not in found and child != id and self.service(child):
                    found.append(child)
                    below.append(child)
        return found

    @cached_property
    def asleep(self) -> dict[ObjectId, ObjectId]:
        """The services that no bootstrap brings up because something is suspended -> what that is.

        Those that are suspended, those whose source is (it never gets an artifact), and what only these would create.
        """
        found: dict[ObjectId, ObjectId] = {}
        for obj in self.services():
            source = self.suspended_source(obj)
            if obj.suspend or source is not None:
                found[obj.id] = obj.id if source is None or obj.suspend else source.id
        below = {child: by for id, by in found.items() for child in self.inside(id) if child != self.root}
        return below | found

    def suspended_source(self, obj: Kustomization | HelmRelease) -> Source | None:
        """The suspended source that a service takes its content from, directly or by way of a copy; None = there is none.

        Source: source-controller v1.9.3 internal/controller/gitrepository_controller.go Reconcile (returns before it
        fetches, so there is no artifact, or none but the one it had); the same in that of OCIRepository, HelmRepository,
        Bucket and HelmChart.
        """
        at, seen = obj.source, set()
        while at is not None and at not in seen:
            seen.add(at)
            source = self.source(at)
            if source is None or source.suspend:
                return source
            at = source.copied_from
        return None


def _made_under(obj: _Object, release: str) -> _Object:
    return obj if obj.made is None else replace(obj, made=obj.made.under(release))


def changed(fleet: Fleet, ids: Mapping[ObjectId, Callable[[Any], Any]]) -> Fleet:
    """The fleet with a function applied to some of its services."""
    return replace(
        fleet,
        kustomizations=tuple(ids[k.id](k) if k.id in ids else k for k in fleet.kustomizations),
        helmreleases=tuple(ids[h.id](h) if h.id in ids else h for h in fleet.helmreleases),
    )


def artifact_files(fleet: Fleet, source: Source) -> int:
    """Files of a source's artifact; where nobody counted them: two for each Kustomization of it, and its objects."""
    if source.files is not None:
        return source.files
    return sum(2 + k.applies for k in fleet.kustomizations if k.source == source.id)

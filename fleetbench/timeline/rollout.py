"""A rollout put in order: per object its rows, its reconciles and the moments at which it turned Ready."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source
from fleetbench.graph.order import Watched, watched
from fleetbench.ids import HELM_CHART, HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS, ObjectId
from fleetbench.timeline import causes
from fleetbench.timeline.events import Event, Timeline, first_ready_s
from fleetbench.timeline.fold import Reconcile, flux_rows, is_workload_row, reconciles
from fleetbench.timeline.posts import posted_s
from fleetbench.units import format_duration

if TYPE_CHECKING:
    from fleetbench.model.parameters import Parameters

UNPACKED_LONG_S = 1.0
"""Fetching and unpacking an artifact is told of from here on: below, a run's other steps weigh as much."""


class Rollout:
    """A fleet's timeline, read once and asked many times.

    Args:
        fleet: what was rolled out.
        timeline: predicted or measured events.
        parameters: the controllers' flags of that rollout.
        since_s: only what turns Ready after this moment counts (a commit, a restart).
        revision: the revision that a Kustomization must show; None = any.
        ready_s: when each service was Ready, where the caller knows better than the rows.
    """

    def __init__(
        self,
        fleet: Fleet,
        timeline: Timeline,
        parameters: Parameters,
        since_s: float = 0.0,
        revision: str | None = None,
        ready_s: Mapping[ObjectId, float | None] | None = None,
    ):
        self.fleet, self.timeline, self.parameters = fleet, timeline, parameters
        self.since_s, self.revision, self.known_ready_s = since_s, revision, ready_s
        self._rows: dict[ObjectId, tuple[Event, ...]] = {}
        self._reconciles: dict[ObjectId, tuple[Reconcile, ...]] = {}
        self._begins: dict[ObjectId, list[float]] = {}
        self._turns: dict[ObjectId, list[float]] = {}
        self._artifacts: dict[ObjectId, list[float]] = {}
        self._periods: dict[ObjectId, list[tuple[ObjectId, float, float | None]]] = {}
        self._ready: dict[ObjectId, float | None] = {}
        self._watching: dict[ObjectId, Watched] = {}

    # --- one object ------------------------------------------------------------------------------------------------

    def service(self, id: ObjectId) -> Kustomization | HelmRelease | None:
        """The Kustomization or HelmRelease of that id."""
        return self._services.get(id)

    def rows(self, id: ObjectId) -> tuple[Event, ...]:
        """A Flux object's own rows."""
        if id not in self._rows:
            self._rows[id] = flux_rows(self.timeline, id)
        return self._rows[id]

    def unpacking(self, id: ObjectId, run: Reconcile, to_s: float) -> str:
        """For people, where most of a run up to a moment went into fetching and unpacking the artifact; else nothing."""
        obj = self.service(id)
        if run.unpacked_s is None or obj is None or obj.source is None:
            return ""
        took_s = min(run.unpacked_s, to_s) - run.from_s
        if took_s < max(UNPACKED_LONG_S, (to_s - run.from_s) / 2):
            return ""
        source = self.fleet.source(obj.source)
        files = "the artifact" if source is None or source.files is None else f"{source.files:,} files"
        return f"{format_duration(took_s)} of it fetching and unpacking {files}"

    def left_alone(self, id: ObjectId) -> tuple[str, None, str] | None:
        """Why nobody reconciles an object: a cause, nobody that it waits for, and the detail; None = somebody does.

        A source that is suspended, or an object that no controller should watch, may have rows of a reconcile all the
        same: of before it was suspended, or the repository does not tell all. Then those count.
        """
        obj = self.service(id) or self.fleet.source(id)
        if obj is None:
            return None
        untouched = all(row.status == phases.ABSENT for row in self.rows(id))
        if obj.suspend and (untouched or not isinstance(obj, Source)):
            return causes.SUSPENDED, None, ""
        if obj.unwatched is not None and untouched:
            return causes.UNWATCHED, None, obj.unwatched
        return None

    def reconciles(self, id: ObjectId) -> tuple[Reconcile, ...]:
        """A service's reconciles, in order."""
        if id not in self._reconciles:
            found = reconciles(self.rows(id))
            self._reconciles[id] = self._with_posts(id, found) if self.parameters.events_refused_s else found
        return self._reconciles[id]

    def _with_posts(self, id: ObjectId, shown: tuple[Reconcile, ...]) -> tuple[Reconcile, ...]:
        """Checks of dependencies begin before the row that tells their result, by the event of it that nobody took."""
        found: list[Reconcile] = []
        since = self.rows(id)[0].t_s if shown else 0.0
        for r in shown:
            if r.reason == phases.DEPENDENCY_NOT_READY and r.from_s == r.to_s:
                begun = r.to_s - posted_s(self.parameters_of(id), since, r.to_s, inf)
                r = r._replace(from_s=max(begun, since))
            found.append(r)
            since = self.timeline.until_s if r.to_s is None else r.to_s
        return tuple(found)

    def ready_s(self, id: ObjectId) -> float | None:
        """When a service was Ready, as far as this rollout is concerned; None = never within the timeline.

        A HelmRelease shows no revision of the repository: of a commit counts the first time it turned Ready since.
        """
        if self.known_ready_s is not None:
            return self.known_ready_s.get(id)
        if id not in self._ready:
            if id.kind == HELM_RELEASE and self.revision is not None:
                found = next((t for t in self.turns(id) if t > self.since_s), None)
            else:
                rows = [r for r in self.rows(id) if r.t_s > self.since_s]
                found = first_ready_s(rows, self.since_s, self.revision)
            self._ready[id] = found
        return self._ready[id]

    def turns(self, id: ObjectId) -> list[float]:
        """The moments at which an object turned Ready, ascending; of a source: got a new artifact."""
        if id.kind in SOURCE_KINDS:
            return self.artifacts(id)
        if id not in self._turns:
            self._turns[id] = [r.to_s for r in self.reconciles(id) if r.ok and r.to_s is not None]
        return self._turns[id]

    def turned_ready(self, id: ObjectId, by_s: float) -> float | None:
        """The last moment, up to ``by_s``, at which an object turned Ready."""
        turns = self.turns(id)
        n = bisect_right(turns, by_s)
        return turns[n - 1] if n else None

    def next_ready(self, id: ObjectId, after_s: float) -> float | None:
        """The first moment after ``after_s`` at which an object turned Ready."""
        turns = self.turns(id)
        n = bisect_right(turns, after_s)
        return turns[n] if n < len(turns) else None

    def is_ready(self, id: ObjectId, at_s: float, source: ObjectId | None) -> bool:
        """Whether a dependant of ``source`` would find this dependency Ready at a moment.

        Ready, not being reconciled, and of the same source: since that one's newest artifact.
        """
        turned = self.turned_ready(id, at_s)
        if turned is None:
            return False
        if id not in self._begins:
            self._begins[id] = [r.from_s for r in self.reconciles(id)]
        latest = self.reconciles(id)[bisect_right(self._begins[id], at_s) - 1]
        if not latest.ok or latest.to_s is None or latest.to_s > at_s:
            return False
        same = source is not None and id.kind == KUSTOMIZATION and self.chart_or_source(id) == source
        artifact = self.turned_ready(source, at_s) if same and source is not None else None
        return artifact is None or latest.from_s >= artifact

    def artifacts(self, id: ObjectId) -> list[float]:
        """The moments at which a source got a new artifact, ascending."""
        if id not in self._artifacts:
            found, before = [], None
            made = [row for row in self.rows(id) if row.status == phases.TRUE]
            # Of a status that is patched in several steps the first rows show no revision yet.
            for row in [row for row in made if row.revision] or made[:1]:
                if row.revision != before:
                    found.append(row.t_s)
                    before = row.revision
            self._artifacts[id] = found
        return self._artifacts[id]

    def chart_or_source(self, id: ObjectId) -> ObjectId | None:
        """What a service takes its manifests from: a source, or the HelmChart made for a HelmRelease."""
        return self._sources.get(id)

    def parent(self, id: ObjectId) -> ObjectId | None:
        """What creates an object: a Kustomization, or the HelmRelease of a HelmChart."""
        obj = self.service(id) or self.fleet.source(id)
        return obj.parent if obj is not None else self._chart_owners.get(id)

    def upstream(self, id: ObjectId) -> ObjectId | None:
        """What a source is made from: the repository of a release's chart, what an ExternalArtifact is copied from."""
        source, release = self.fleet.source(id), self.service(self._chart_owners.get(id, id))
        if source is not None:
            return source.copied_from
        return None if release is None else release.source

    def workloads(self, id: ObjectId) -> list[tuple[ObjectId, float, float | None]]:
        """Each stretch in which an own workload of a service was not Current: (workload, from, Current at or None)."""
        if id not in self._periods:
            obj = self.service(id)
            own = {w.object: self.timeline.by_object.get(w.object, ()) for w in obj.workloads} if obj else {}
            own[id] = tuple(row for row in self.timeline.by_object.get(id, ()) if is_workload_row(row))
            found: list[tuple[ObjectId, float, float | None]] = []
            for workload, rows in own.items():
                since: float | None = None
                for row in rows:
                    if row.status != phases.TRUE:
                        since = row.t_s if since is None else since
                    elif since is not None:
                        found.append((workload, since, row.t_s))
                        since = None
                if since is not None:
                    found.append((workload, since, None))
            self._periods[id] = found
        return self._periods[id]

    def watched_workloads(self, id: ObjectId) -> list[tuple[ObjectId, float, float | None]]:
        """As :meth:`workloads`, of those that the object's health check watches, its own and others'."""
        k = self.fleet.kustomization(id)
        if k is None or k.wait:
            return self.workloads(id)
        found = self._watched(k).workloads
        named = {workload for _, workload in found}
        owners = dict.fromkeys([id, *(owner for owner, _ in found)])
        return [p for owner in owners for p in self.workloads(owner) if p[0] in named or p[0] == id]

    def checked(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The Flux objects that a Kustomization's health check watches, and that can hold it up.

        kstatus calls a suspended HelmRelease Current (:attr:`fleetbench.engine.items.Item.current_when_left_alone`).
        """
        k = self.fleet.kustomization(id)
        if k is None:
            return ()
        releases = (self.fleet.helmrelease(found) for found in self._watched(k).objects)
        asleep = {release.id for release in releases if release is not None and release.suspend}
        return tuple(found for found in self._watched(k).objects if found not in asleep)

    def _watched(self, k: Kustomization) -> Watched:
        if k.id not in self._watching:
            self._watching[k.id] = watched(self.fleet, k)
        return self._watching[k.id]

    def parameters_of(self, id: ObjectId) -> Parameters:
        """The flags of the controller that reconciles an object."""
        service = self.service(id)
        return self.parameters if service is None else self.parameters.of(id.kind, service.shard)

    def workers_of(self, id: ObjectId) -> int:
        """How many workers reconcile what its controller has to reconcile: a Kustomization's, or a HelmRelease's."""
        p = self.parameters_of(id)
        return p.helm_concurrent if id.kind == HELM_RELEASE else p.kustomize_concurrent

    def requeue_dependency_s(self, id: ObjectId) -> float:
        """How often the object's controller looks again at a dependency that was not ready."""
        p = self.parameters_of(id)
        return p.requeue_dependency_s if id.kind == KUSTOMIZATION else p.helm_requeue_dependency_s

    def poll_s(self, id: ObjectId) -> float:
        """How often the object's health check looks."""
        p = self.parameters_of(id)
        release = self.fleet.helmrelease(id)
        return p.health_poll_s if release is None else p.release_poll_s(release.wait_strategy)

    # --- all objects -----------------------------------------------------------------------------------------------

    @cached_property
    def _services(self) -> dict[ObjectId, Kustomization | HelmRelease]:
        return {obj.id: obj for obj in self.fleet.services()}

    @cached_property
    def services(self) -> list[ObjectId]:
        """Kustomizations and HelmReleases, sorted."""
        return sorted(self._services)

    @cached_property
    def last_ready(self) -> ObjectId | None:
        """The service that was Ready last; None = none was."""
        ready = [(t, id) for id in self.services if (t := self.ready_s(id)) is not None]
        return max(ready)[1] if ready else None

    @cached_property
    def _sources(self) -> dict[ObjectId, ObjectId]:
        found = {}
        for obj in self.fleet.services():
            source = obj.source
            if source is not None and isinstance(obj, HelmRelease) and not obj.chart_ref:
                source = ObjectId(HELM_CHART, source.namespace, f"{obj.id.namespace}-{obj.id.name}")
            if source is not None:
                found[obj.id] = source
        return found

    @cached_property
    def _chart_owners(self) -> dict[ObjectId, ObjectId]:
        return {source: id for id, source in self._sources.items() if source.kind == HELM_CHART}

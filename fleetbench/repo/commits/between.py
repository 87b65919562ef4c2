"""What a commit changes, from what the repository renders before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetbench.graph.commit import Commit, Immutable
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import HELM_CHART, ObjectId, say
from fleetbench.repo.assemble import Reading
from fleetbench.repo.commits.charts import renewed_charts
from fleetbench.repo.commits.immutable import immutable_field, is_left_out, is_made_anew, is_only_created
from fleetbench.repo.manifest import Manifest, mapping, mappings

_ACTION = (
    "chartRef", "values", "valuesFrom", "postRenderers", "commonMetadata", "releaseName", "targetNamespace",
    "storageNamespace",
)  # fmt: skip
"""What of a HelmRelease's spec makes helm-controller upgrade. Source: helm-controller v1.6.3 internal/reconcile/state.go
DetermineReleaseState (chart, values, post-renderers, common metadata); with another name it is installed anew."""
_ALL_THE_SAME = (
    "interval", "timeout", "suspend", "secretRef", "certSecretRef", "proxySecretRef", "serviceAccountName", "provider", "insecure",
    "verify", "passCredentials", "accessFrom", "ignoreMissingValuesFiles",
)  # fmt: skip
"""What of a source's spec, or a chart's, does not change what is fetched."""
_WATCHED = "reconcile.fluxcd.io/watch"

Objects = Mapping[ObjectId, Manifest]


def commit_between(before: Reading, after: Reading, before_repo: Path, after_repo: Path) -> Commit:
    """What the commit from one state of a repository to another changes of a fleet that runs the first.

    Args:
        before: the state that runs.
        after: the state that the commit makes.
        before_repo: where the first one lies; of charts in the repository the files are held against each other.
        after_repo: where the second one lies.
    """
    found = _Between(before, after)
    for k in after.fleet.kustomizations:
        found.look_at(k)
    found.look_at_releases()
    found.look_at_sources()
    found.changed |= renewed_charts(after.fleet, before_repo, after_repo)
    found.note_what_is_not_seen()
    return found.commit()


@dataclass
class _Between:
    """The comparison, while it is made."""

    before: Reading
    after: Reading
    changed: set[ObjectId] = field(default_factory=set)
    renewed: set[ObjectId] = field(default_factory=set)
    applied: dict[ObjectId, int] = field(default_factory=dict)
    kept: dict[ObjectId, int] = field(default_factory=dict)
    started: set[ObjectId] = field(default_factory=set)
    immutable: list[Immutable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    differing: set[ObjectId] = field(default_factory=set)
    """Objects that are new or read otherwise."""

    def __post_init__(self) -> None:
        self.were, self.are = _everything(self.before), _everything(self.after)
        known = _flux_objects(self.before.fleet)
        self.added = _flux_objects(self.after.fleet) - known
        self.removed = known - _flux_objects(self.after.fleet)

    def look_at(self, k: Kustomization) -> None:
        """One Kustomization: which of its objects differ, which may not, and what that does to its pods."""
        own = _objects(self.after, k.id)
        gone = _objects(self.before, k.id).keys() - own.keys()
        differing = {id for id, manifest in own.items() if self._differs(id, manifest)}
        self.differing |= differing
        if k.id in self.added:
            self.changed.add(k.id)
            return
        if k.broken or not (differing or gone):  # of what cannot be built nothing is applied, nor pruned
            return
        self.changed.add(k.id)
        self.applied[k.id] = len(differing)
        spec = self.are[k.id].spec if k.id in self.are else {}
        anew = {id for id in differing if self._is_made_anew(id, own[id], k.id, spec)}
        for workload in k.workloads:
            self._pods_of(workload, own.get(workload.object), made_anew=workload.object in anew)

    def look_at_releases(self) -> None:
        """Which releases are installed or upgraded."""
        for release in self.after.fleet.helmreleases:
            if release.id in self.added or (release.id in self.differing and self._is_upgraded(release)):
                self.changed.add(release.id)
                if release.chart_id is not None and release.id in self.were and self._has_other_chart(release):
                    self.renewed.add(release.chart_id)

    def look_at_sources(self) -> None:
        """Which sources fetch something else; the repository's own and their copies follow it as they are."""
        for source in self.after.fleet.sources:
            elsewhere = (not source.this_repository and source.copied_from is None) or source.id.kind == HELM_CHART
            if elsewhere and source.id in self.differing - self.added and not source.static:
                was, is_now = (_fetched(of[source.id].spec) for of in (self.were, self.are))
                self.renewed |= {source.id} if was != is_now else set()

    def note_what_is_not_seen(self) -> None:
        """What the commit does that the prediction leaves out."""
        for release in self.after.fleet.helmreleases:
            manifest = self.are.get(release.id)
            if manifest is None or release.id in self.changed:
                continue
            late = [id for id in _values_of(manifest, release.id) if id in self.differing and id in self.were]
            if late and not all(_is_watched(self.are[id]) for id in late):
                text = f"{say(release.id)} takes values from {say(late[0])}, which it sees at its next interval alone"
                self.notes.append(f"{text} (no label {_WATCHED})")
            elif late:
                self.changed.add(release.id)
        for k in self.after.fleet.kustomizations:
            source = None if k.source is None else self.after.fleet.source(k.source)
            if source is not None and source.id in self.renewed and k.id not in self.added:
                self.notes.append(f"{say(source.id)} changes: what it brings to {say(k.id)} is not known here")
        for obj in self.after.fleet.services():
            was = self.before.fleet.service(obj.id)
            if was is not None and was.suspend != obj.suspend:
                done = "suspended" if obj.suspend else "resumed"
                self.notes.append(f"{say(obj.id)} is {done}: predicted as if it had been so all along")

    def commit(self) -> Commit:
        """What was found."""
        return Commit(
            frozenset(self.changed),
            self.applied,
            frozenset(self.renewed),
            frozenset(self.added),
            tuple(sorted(self.removed)),
            self.kept,
            frozenset(self.started),
            tuple(sorted(self.immutable)),
            notes=tuple(self.notes),
        )

    def _differs(self, id: ObjectId, manifest: Manifest) -> bool:
        was = self.were.get(id)
        if was is None:
            return True
        return not is_only_created(manifest) and was.body != manifest.body

    def _is_made_anew(self, id: ObjectId, manifest: Manifest, by: ObjectId, spec: Mapping[str, Any]) -> bool:
        """Whether an object is deleted and applied again; where its change is refused instead, that is kept in mind."""
        was = self.were.get(id)
        if was is None or "ttlSecondsAfterFinished" in was.spec:  # a Job that is gone by now
            return False
        refused = immutable_field(was, manifest)
        if refused is None:
            return False
        if is_made_anew(manifest, was, spec):
            return True
        self.immutable.append(Immutable(id, refused, by, manifest.file, manifest.line))
        return False

    def _pods_of(self, workload: Workload, manifest: Manifest | None, *, made_anew: bool) -> None:
        """Whether a workload's pods go on, are replaced, or start as the first time."""
        was = self.were.get(workload.object)
        runs_again = manifest is not None and "ttlSecondsAfterFinished" in manifest.spec
        if manifest is None or was is None or made_anew or runs_again:
            self.started.add(workload.object)
        elif _pods(was) == _pods(manifest):
            self.kept[workload.object] = (
                min(_replicas(was), workload.replicas) if _scales(manifest) else workload.replicas
            )

    def _is_upgraded(self, release: HelmRelease) -> bool:
        was, manifest = self.were.get(release.id), self.are[release.id]
        if was is None or any(was.spec.get(f) != manifest.spec.get(f) for f in _ACTION):
            return True
        return self._has_other_chart(release)

    def _has_other_chart(self, release: HelmRelease) -> bool:
        was, is_now = (_fetched(mapping(of[release.id].spec, "chart", "spec")) for of in (self.were, self.are))
        return was != is_now


def _everything(reading: Reading) -> dict[ObjectId, Manifest]:
    found: dict[ObjectId, Manifest] = {}
    for k in reading.rendered:
        found |= _objects(reading, k)
    return found


def _objects(reading: Reading, k: ObjectId) -> dict[ObjectId, Manifest]:
    """What a Kustomization applies, and what ResourceSets of it make."""
    return {m.id_in(k.namespace): m for m in reading.rendered.get(k, ()) if not is_left_out(m)}


def _flux_objects(fleet: Fleet) -> set[ObjectId]:
    """Those that are there for sure: nothing that is only assumed, or named and defined nowhere."""
    return {obj.id for obj in fleet.objects() if _is_stated(obj)}


def _is_stated(obj: Kustomization | HelmRelease | Source) -> bool:
    if isinstance(obj, HelmRelease):
        return True
    return not obj.assumed and (isinstance(obj, Kustomization) or obj.defined) and obj.parent is not None


def _pods(manifest: Manifest) -> Any:
    """What of a workload's manifest its pods are made of; of a kind without a template all that it says."""
    template = mapping(manifest.spec, "template")
    return template if template and manifest.kind != "Job" else manifest.spec


def _scales(manifest: Manifest) -> bool:
    return bool(mapping(manifest.spec, "template")) and manifest.kind != "Job"


def _fetched(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _ALL_THE_SAME}


def _replicas(manifest: Manifest) -> int:
    stated = manifest.spec.get("replicas", 1)
    return stated if isinstance(stated, int) else 1


def _values_of(manifest: Manifest, id: ObjectId) -> Iterable[ObjectId]:
    """The ConfigMaps and Secrets that a release takes values from."""
    for source in mappings(manifest.body, "spec", "valuesFrom"):
        yield ObjectId(str(source.get("kind")), id.namespace, str(source.get("name")))


def _is_watched(manifest: Manifest) -> bool:
    return str(mapping(manifest.metadata, "labels").get(_WATCHED) or "") == "Enabled"

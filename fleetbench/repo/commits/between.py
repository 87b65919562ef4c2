"""What a commit changes, from what the repository renders before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetbench.graph.commit import Commit, Immutable
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import HELM_CHART, ObjectId, say, some
from fleetbench.repo.assemble import Reading
from fleetbench.repo.commits.charts import renewed_charts
from fleetbench.repo.commits.immutable import HOLDS, immutable_field, is_made_anew
from fleetbench.repo.commits.releases import (
    WATCHED,
    fetches_anew,
    has_other_chart,
    is_installed_anew,
    is_upgraded,
    is_watched,
    values_of,
)
from fleetbench.repo.commits.unseen import FluxObject, told, unseen
from fleetbench.repo.manifest import Manifest, mapping

_TTL = "ttlSecondsAfterFinished"

Key = tuple[str, ObjectId]
"""API group and id: two groups may have a kind of one name."""
Objects = Mapping[Key, Manifest]


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
    reconciled: set[ObjectId] = field(default_factory=set)
    renewed: set[ObjectId] = field(default_factory=set)
    applied: dict[ObjectId, int] = field(default_factory=dict)
    kept: dict[ObjectId, int] = field(default_factory=dict)
    started: set[ObjectId] = field(default_factory=set)
    immutable: list[Immutable] = field(default_factory=list)
    lost: list[ObjectId] = field(default_factory=list)
    """Volumes and claims that are deleted and made anew."""
    notes: list[str] = field(default_factory=list)
    differing: set[ObjectId] = field(default_factory=set)
    """Objects that are new or read otherwise, and are applied."""

    def __post_init__(self) -> None:
        self.were, self.are = _everything(self.before), _everything(self.after)
        self.flux_before, self.flux_now = ({id: m for (_, id), m in of.items()} for of in (self.were, self.are))
        known, now = (_flux_objects(reading.fleet) for reading in (self.before, self.after))
        # the root and its source are what made the cluster run, whichever file states them now
        self.added = now.keys() - known.keys() - {self.after.fleet.root, self.after.fleet.root_source}
        gone = {id: obj for id, obj in known.items() if id not in now}
        self.gone = {id: obj for id, obj in gone.items() if self._is_pruned(obj)}
        self.unknown = unseen(self.gone, self.after.fleet)
        self.known_late = unseen({id: now[id] for id in self.added}, self.before.fleet)

    def look_at(self, k: Kustomization) -> None:
        """One Kustomization: which of its objects differ, which may not, and what that does to its pods."""
        own, owned = (_objects(reading, k.id) for reading in (self.after, self.before))
        if k.id in self.added:
            self.changed.add(k.id)
            self.differing |= {id for _, id in own}
            return
        if k.broken or k.suspend or not self._has_source(k):  # nothing of it is applied, nor pruned
            return
        earlier = self.before.fleet.kustomization(k.id)
        if earlier is not None and earlier.broken:
            self.notes.append(f"{say(k.id)} could not be built before: all that it holds counts as new")
        differing = {key: manifest for key, manifest in own.items() if self._differs(owned.get(key), manifest)}
        if not differing and owned.keys() <= own.keys():
            return
        self.changed.add(k.id)
        self.differing |= {id for _, id in differing}
        self.applied[k.id] = sum(manifest.made is None for manifest in differing.values())
        spec = self.flux_now[k.id].spec if k.id in self.flux_now else {}
        anew = {id for (_, id), m in differing.items() if self._meet_refusal(id, self._was(owned, m, k), m, k.id, spec)}
        workloads = {id: manifest for (_, id), manifest in own.items()}
        for workload in k.workloads:
            id = workload.object._replace(namespace=workload.object.namespace.partition("@")[0])
            manifest = workloads.get(id)
            was = None if manifest is None else self._was(owned, manifest, k)
            self._pods_of(workload, was, manifest, made_anew=id in anew)

    def look_at_releases(self) -> None:
        """Which releases are installed, upgraded, or only reconciled."""
        for release in self.after.fleet.helmreleases:
            was, becomes = (of.get(release.id) for of in (self.flux_before, self.flux_now))
            if release.id in self.added or (release.id in self.differing and was is None):
                self.changed.add(release.id)
            elif was is None or becomes is None:
                continue
            elif release.id in self.differing and is_upgraded(was, becomes):
                self.changed.add(release.id)
                if is_installed_anew(was, becomes):
                    self.notes.append(
                        f"{say(release.id)} is uninstalled first, as its chart or its place has another name"
                    )
                if release.chart_id is not None and has_other_chart(was, becomes):
                    self.renewed.add(release.chart_id)
            elif any(is_watched(self.flux_now[id]) for id in self._other_values(release)):
                self.changed.add(release.id)
            elif release.id in self.differing and was.spec != becomes.spec:
                self.reconciled.add(release.id)

    def look_at_sources(self) -> None:
        """Which sources fetch something else; the repository's own and their copies follow it as they are."""
        for source in self.after.fleet.sources:
            elsewhere = (not source.this_repository and source.copied_from is None) or source.id.kind == HELM_CHART
            was, becomes = (of.get(source.id) for of in (self.flux_before, self.flux_now))
            known = source.id in self.differing and source.id not in self.added and not source.static
            if elsewhere and known and was is not None and becomes is not None and fetches_anew(was, becomes):
                self.renewed.add(source.id)

    def note_what_is_not_seen(self) -> None:
        """What the commit does that the prediction leaves out, or that one should know."""
        if self.lost:
            self.notes.append(
                f"deleted and made anew, without what they hold: {some([say(id) for id in self.lost], 6)}"
            )
        self.notes += told(self.unknown, "whether {names} stay is not known, as {by} is not expanded")
        self.notes += told(self.known_late, "{names} count as new, as {by} was not expanded before")
        for release in self.after.fleet.helmreleases:
            late = [] if release.id in self.changed else sorted(self._other_values(release))
            if late:
                text = f"{say(release.id)} takes values from {say(late[0])}, which it sees at its next interval alone"
                self.notes.append(f"{text} (no label {WATCHED})")
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
            changed=frozenset(self.changed),
            applied=self.applied,
            reconciled=frozenset(self.reconciled),
            renewed=frozenset(self.renewed),
            added=frozenset(self.added),
            removed=tuple(sorted(self.gone.keys() - self.unknown.keys())),
            kept=self.kept,
            started=frozenset(self.started),
            immutable=tuple(sorted(self.immutable)),
            notes=tuple(self.notes),
        )

    def _has_source(self, k: Kustomization) -> bool:
        source = None if k.source is None else self.after.fleet.source(k.source)
        return source is None or source.defined or source.assumed

    def _was(self, owned: Objects, manifest: Manifest, k: Kustomization) -> Manifest | None:
        """An object as it is before the commit: as the same Kustomization applies it, else as any other does."""
        key = manifest.group, manifest.id_in(k.id.namespace)
        return owned.get(key) or (self.were.get(key) if k.cluster is None else None)

    def _differs(self, was: Manifest | None, manifest: Manifest) -> bool:
        """Whether an apply changes an object; one that another Kustomization had gets the labels of this one."""
        if was is None:
            return True
        return not manifest.is_only_created and _content(was) != _content(manifest)

    def _meet_refusal(
        self, id: ObjectId, was: Manifest | None, manifest: Manifest, by: ObjectId, spec: Mapping[str, Any]
    ) -> bool:
        """Whether an object is deleted and applied again as its change is refused; else what comes of that is kept in mind."""
        refused = None if was is None or _TTL in was.spec else immutable_field(was, manifest)  # else it is gone by now
        if was is None or refused is None:
            return False
        if manifest.made is not None:
            by_operator = f"{say(manifest.made.set)}, which makes it, fails"
            self.notes.append(f"{refused} of {say(id)} may not change, so that {by_operator}")
            return False
        if is_made_anew(manifest, was, spec):
            if manifest.kind in HOLDS:
                self.lost.append(id)
            return True
        self.immutable.append(Immutable(id, refused, by, manifest.file, manifest.line))
        return False

    def _pods_of(self, workload: Workload, was: Manifest | None, manifest: Manifest | None, *, made_anew: bool) -> None:
        """Whether a workload's pods go on, are replaced, or start as the first time."""
        if manifest is None or was is None or made_anew or _TTL in was.spec:
            self.started.add(workload.object)
        elif _pods(was) == _pods(manifest):
            scales = manifest.kind != "Job" and bool(mapping(manifest.spec, "template"))
            self.kept[workload.object] = min(_replicas(was), workload.replicas) if scales else workload.replicas

    def _other_values(self, release: HelmRelease) -> set[ObjectId]:
        """The ConfigMaps and Secrets that a release takes values from and that read otherwise."""
        manifest = self.flux_now.get(release.id)
        named = () if manifest is None else values_of(manifest, release.id.namespace)
        return {id for id in named if id in self.differing and id in self.flux_before}

    def _is_pruned(self, obj: FluxObject) -> bool:
        """Whether whoever applied an object takes it away, now that it does not hold it any more."""
        parent = obj.parent
        holder = None if parent is None else self.after.fleet.kustomization(parent)
        if holder is not None and (holder.suspend or holder.broken or not self._has_source(holder)):
            return False
        stated = self.flux_now.get(parent) or self.flux_before.get(parent) if parent is not None else None
        return stated is None or stated.spec.get("prune") is True  # bootstrap's root, which no file holds, prunes


def _everything(reading: Reading) -> dict[Key, Manifest]:
    found: dict[Key, Manifest] = {}
    for k in reading.rendered:
        found |= _objects(reading, k)
    return found


def _objects(reading: Reading, k: ObjectId) -> dict[Key, Manifest]:
    """What a Kustomization applies, here or to another cluster, and what ResourceSets of it make."""
    manifests = (*reading.rendered.get(k, ()), *reading.elsewhere.get(k, ()))
    return {(m.group, m.id_in(k.namespace)): m for m in manifests}


def _content(manifest: Manifest) -> dict[str, Any]:
    """What an apply would write; decryption takes SOPS' own part away."""
    return {name: value for name, value in manifest.body.items() if name != "sops"}


def _flux_objects(fleet: Fleet) -> dict[ObjectId, FluxObject]:
    """Those that are there for sure: nothing that is only assumed, or named and defined nowhere."""
    return {obj.id: obj for obj in fleet.objects() if _is_stated(obj)}


def _is_stated(obj: FluxObject) -> bool:
    if isinstance(obj, HelmRelease):
        return True
    defined = not isinstance(obj, Source) or obj.defined
    return defined and not obj.assumed and obj.parent is not None


def _pods(manifest: Manifest) -> Any:
    """What of a workload's manifest its pods are made of; of a kind without a template all that it says."""
    return mapping(manifest.spec, "template") or manifest.spec


def _replicas(manifest: Manifest) -> int:
    stated = manifest.spec.get("replicas", 1)
    return stated if isinstance(stated, int) else 1

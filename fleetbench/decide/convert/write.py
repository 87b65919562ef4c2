"""Write a change of layout into a copy of the repository, and keep the copy only if it reads as intended."""

from __future__ import annotations

import json
import posixpath
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetbench.decide.carried import still_there
from fleetbench.decide.convert.exclude import Excluder
from fleetbench.decide.convert.file_names import require_a_name
from fleetbench.decide.convert.verify import verify, without_their_edges
from fleetbench.decide.layout import ANNOTATION, HOME, Move, Relayout, into_fine, into_waves
from fleetbench.decide.patch.files import Files
from fleetbench.decide.patch.verify import copy_repository
from fleetbench.decide.patch.write import write_changes
from fleetbench.decide.patch.yaml_edit import NotEditable
from fleetbench.decide.whatif import AddEdges, DropEdges, WhatIf
from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.graph.waves import FINE, WAVES
from fleetbench.ids import ObjectId, say
from fleetbench.repo import Reading, read_repository
from fleetbench.repo.files.tree import spec_path
from fleetbench.repo.files.yamltext import dump
from fleetbench.repo.manifest import mapping
from fleetbench.repo.objects import is_kustomization
from fleetbench.units import go_duration
from fleetbench.whole_files import put_folder

_CARRIED = ("serviceAccountName", "postBuild", "commonMetadata", "decryption")
"""Fields of a parent's spec that shape its children beyond what kustomize renders: a wave takes them over."""


@dataclass(frozen=True)
class Converted:
    """What was written."""

    fleet: Fleet
    notes: tuple[str, ...]


def convert(repo: Path, cluster_path: str, to: str, output: Path) -> Converted:
    """Write the repository in the other layout to a folder that does not exist yet (or is empty).

    Raises:
        InputError: the folder holds something, the repository cannot be converted, or the result would not read as
            intended (then nothing is left behind).
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(
            f"-o {output}: it exists and holds something", "name a new folder: nothing is ever overwritten"
        )
    if output.resolve().is_relative_to(repo.resolve()):
        raise InputError(f"-o {output}: lies inside the repository", "name a folder outside it")
    reading = read_repository(repo, cluster_path)
    if to == WAVES:
        relayout = into_waves(reading.fleet)
    else:
        relayout = into_fine(reading.fleet, _noted(reading, ANNOTATION), _noted(reading, HOME))
    with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
        copy = Path(folder) / repo.resolve().name

        def written(otherwise: Collection[ObjectId]) -> tuple[_Writer, dict[str, str], Reading]:
            writer = _Writer(repo.resolve(), spec_path(cluster_path), reading, relayout, otherwise)
            try:
                changed = writer.write()
            except NotEditable as error:
                raise InputError(f"{repo}: {error}", "the files stay as they are") from None
            copy_repository(repo, copy, changed)
            return writer, changed, read_repository(copy, cluster_path, copy_of=repo)

        writer, changed, result = written(())
        if to == FINE and (otherwise := without_their_edges(result.fleet, relayout)):
            shutil.rmtree(copy)
            writer, changed, result = written(otherwise)
        verify(reading, result, relayout)
        put_folder(copy, output)
    return Converted(result.fleet, (*relayout.notes, *_to_look_at(writer, changed, result.fleet)))


def _to_look_at(writer: _Writer, changed: Mapping[str, str], fleet: Fleet) -> list[str]:
    """What is beyond this cluster: files that others see, too, and folders that nothing here builds any more."""
    notes = []
    if outside := sorted(p for p in changed if not p.startswith(writer.entry + "/")):
        notes.append(f"changed outside the cluster's own folder, so other clusters see it, too: {', '.join(outside)}")
    built = {spec_path(k.path) for k in fleet.kustomizations}
    emptied = (writer.reading.fleet.kustomization(id) for id in writer.relayout.emptied)
    if unused := sorted({spec_path(k.path) for k in emptied if k is not None} - built):
        notes.append(
            f"nothing of this cluster builds {', '.join(unused)} any more: delete what no other cluster builds"
        )
    return notes


def _noted(reading: Reading, annotation: str) -> dict[ObjectId, str]:
    found = {}
    for parent, manifests in reading.rendered.items():
        for m in manifests:
            note = mapping(m.metadata, "annotations").get(annotation)
            if is_kustomization(m) and note is not None:
                found[m.id_in(parent.namespace)] = str(note)
    return found


class _Writer:
    """Collects the files that change."""

    def __init__(
        self, repo: Path, entry: str, reading: Reading, relayout: Relayout, otherwise: Collection[ObjectId] = ()
    ):
        """``otherwise``: services whose old place, where they come back there, states another dependsOn."""
        self.repo, self.entry, self.reading, self.relayout, self.otherwise = repo, entry, reading, relayout, otherwise
        self.files = Files(repo)
        self.excluder = Excluder(repo, self.files)

    def write(self) -> dict[str, str]:
        """Path -> new text of every file that is new or changes."""
        moves = self.relayout.moves
        bodies = {m.id: self._body(m) for m in moves if self.relayout.waves or not self._restored(m)}
        for m in moves:
            if m.id in self.otherwise and m.id not in bodies:
                self.excluder.set_depends_on(self._old_place(m), m.id, m.depends_on)
        by_parent: dict[ObjectId, set[ObjectId]] = {}
        for m in moves:
            by_parent.setdefault(m.parent, set()).add(m.id)
        for id in self.relayout.emptied:
            k = self._kustomization(id)
            if k.parent is not None:
                by_parent.setdefault(k.parent, set()).add(id)
        root, tied = self.reading.fleet.root, {m.id for m in moves if m.home is not None}
        added = [f"{wave.id.name}.yaml" for wave in self.relayout.waves] or sorted(
            {m.into for m in moves if m.id in bodies}
        )
        for name in added:
            self._refuse_existing(posixpath.join(self.entry, name))
        self.excluder.exclude(self.entry, self._spec(root), by_parent.pop(root, set()), root.namespace)
        for name in added:
            self.excluder.include(self.entry, name)
        for parent, gone in sorted(by_parent.items()):
            if parent not in self.relayout.emptied:
                k = self._kustomization(parent)
                self.excluder.exclude(spec_path(k.path), self._spec(parent), gone, parent.namespace, tied)
        for wave in self.relayout.waves:
            self._wave(wave)
        self._folders(bodies)
        self._rewire()
        return self.files.changed

    def _old_place(self, move: Move) -> str:
        """The folder whose build held a service before it went into its wave."""
        return self.entry if move.home is None else spec_path(self._kustomization(move.home).path)

    def _restored(self, move: Move) -> bool:
        """Take back what keeps a service from being built at its old place, if it was kept from it there."""
        done = self.excluder.restore(self._old_place(move), move.id)
        if not done and move.home is not None:
            raise InputError(
                f"{say(move.id)}: {say(move.home)}, which it goes back to as its namespace comes from there, does not hold it "
                "any more",
                "convert it by hand",
            )
        return done

    def _kustomization(self, id: ObjectId) -> Kustomization:
        k = self.reading.fleet.kustomization(id)
        assert k is not None
        return k

    def _refuse_existing(self, path: str) -> None:
        for taken in (path, path.removesuffix(".yaml")):
            if (self.repo / taken).exists():
                raise InputError(
                    f"{taken}: is there already, and the new layout needs that name", "rename it, then convert"
                )

    def _spec(self, id: ObjectId) -> Mapping[str, Any]:
        """The spec of a Kustomization as rendered; of an assumed root, nothing."""
        parent = self._kustomization(id).parent or id
        for holder in (parent, id):
            for m in self.reading.rendered.get(holder, ()):
                if is_kustomization(m) and m.id_in(holder.namespace) == id:
                    return m.spec
        return {}

    def _body(self, move: Move) -> dict[str, Any]:
        """The service as its parent renders it, variables unfilled, with its new edges."""
        k = self._kustomization(move.parent)
        for m in self.excluder.manifests(spec_path(k.path), self._spec(move.parent)):
            if is_kustomization(m) and m.id_in(move.parent.namespace) == move.id:
                body: dict[str, Any] = json.loads(json.dumps(m.body, default=str))
                break
        else:
            made = self._kustomization(move.id).made
            who = f"{say(move.parent)} renders it under another name" if made is None else f"{say(made.by)} makes it"
            raise InputError(f"{say(move.id)}: {who}", "convert it by hand")
        metadata = body.setdefault("metadata", {})
        metadata["namespace"] = move.id.namespace
        spec = body["spec"] = dict(mapping(body, "spec"))  # `spec:` with nothing behind it is None
        old = spec.pop("dependsOn", None)
        notes = dict(mapping(metadata, "annotations"))
        for name in (ANNOTATION, HOME):
            notes.pop(name, None)
        if move.keep_note and move.home is not None:
            notes[HOME] = move.home.key
        if move.keep_note:
            notes[ANNOTATION] = json.dumps([*still_there(old, self.relayout.emptied, move.id.namespace), *move.carried])
        metadata["annotations"] = notes
        if not notes:
            del metadata["annotations"]
        if move.depends_on:
            spec["dependsOn"] = [dict(e) for e in move.depends_on]
        return body

    def _wave(self, wave: Kustomization) -> None:
        root = self.reading.fleet.root
        spec: dict[str, Any] = {
            name: self._carried(wave, name) for name in _CARRIED if self._carried(wave, name) is not None
        }
        if wave.depends_on:
            spec["dependsOn"] = [{"name": d.target.name} for d in wave.depends_on]
        source = wave.source
        spec |= {
            "interval": go_duration(wave.interval_s),
            "path": f"./{posixpath.join(self.entry, wave.id.name)}",
            "prune": bool(self._spec(root).get("prune", True)),
            "retryInterval": go_duration(wave.effective_retry_s),
            "timeout": go_duration(wave.effective_timeout_s),
            "wait": True,
        }
        if source is not None:
            spec["sourceRef"] = {"kind": source.kind, "name": source.name, "namespace": source.namespace}
        body = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": wave.id.name, "namespace": wave.id.namespace},
            "spec": spec,
        }
        self.files.write(posixpath.join(self.entry, f"{wave.id.name}.yaml"), _manifest(body))

    def _carried(self, wave: Kustomization, name: str) -> Any:
        """A field that every parent the wave's services come from has alike.

        Raises:
            InputError: they differ, so that one wave cannot stand for all of them.
        """
        parents = sorted({m.parent for m in self.relayout.moves if m.into == wave.id.name})
        values = [self._spec(p).get(name) for p in parents]
        if any(v != values[0] for v in values):
            named = " and ".join(say(p) for p in parents[:2])
            raise InputError(
                f"{named} differ in spec.{name}, so their services cannot share a wave",
                "convert this repository by hand",
            )
        return values[0] if values else None

    def _folders(self, bodies: Mapping[ObjectId, dict[str, Any]]) -> None:
        folders: dict[str, list[Move]] = {}
        for m in self.relayout.moves:
            if m.id in bodies:
                folders.setdefault(m.into, []).append(m)
        for name, moves in folders.items():
            alike = [m.id.name for m in moves]
            listed = []
            for m in sorted(moves, key=lambda m: m.id):
                require_a_name(m.id)
                file = f"{m.id.name}.yaml" if alike.count(m.id.name) == 1 else f"{m.id.namespace}-{m.id.name}.yaml"
                listed.append(file)
                self.files.write(posixpath.join(self.entry, name, file), _manifest(bodies[m.id]))
            top = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": listed}
            self.files.write(posixpath.join(self.entry, name, "kustomization.yaml"), _manifest(top))

    def _rewire(self) -> None:
        """Who stays and depended on something that goes now depends on what that held."""
        changes: list[WhatIf] = []
        for dependant, gone, instead in self.relayout.rewired:
            changes += [AddEdges(tuple((dependant, id) for id in instead))] if instead else []
            changes.append(DropEdges(((dependant, gone),)))
        written = write_changes(self.repo, self.reading, changes)
        if written.left:
            raise NotEditable(written.left[0])
        for path, text in written.files.changed.items():
            if path in self.files.changed:
                raise NotEditable(f"{path} would have to change in two ways at once")
            self.files.read(path)
            self.files.write(path, text)


def _manifest(body: Mapping[str, Any]) -> str:
    """A manifest as people write it: apiVersion, kind, metadata, then the rest."""
    return "---\n" + dump(dict(body), sort_keys=False)

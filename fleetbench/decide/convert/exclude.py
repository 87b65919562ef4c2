"""Take objects out of what a folder builds, by its kustomization file alone."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fleetbench.decide.patch.files import Files
from fleetbench.decide.patch.yaml_edit import NotEditable, add_item, child, documents_of, drop_item
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.repo.files.tree import Escapes, Tree, join
from fleetbench.repo.kinds import KUSTOMIZE_GROUP
from fleetbench.repo.kustomize.build import Builder
from fleetbench.repo.kustomize.cache import BuildCache
from fleetbench.repo.kustomize.program import kustomize
from fleetbench.repo.manifest import Manifest


class Excluder:
    """Edits kustomization files so that Kustomizations leave, and others join, a build."""

    def __init__(self, repo: Path, files: Files):
        self.tree, self.files = Tree.of_directory(repo), files
        self._builder = Builder(kustomize(), BuildCache())

    def manifests(self, folder: str, spec: Mapping[str, Any]) -> Sequence[Manifest]:
        """What a folder builds, variables unfilled."""
        return self._builder.build(self.tree, folder, spec).manifests

    def exclude(
        self,
        folder: str,
        spec: Mapping[str, Any],
        gone: set[ObjectId],
        namespace: str,
        by_patch: Collection[ObjectId] = (),
    ) -> None:
        """Make a folder's build hold these Kustomizations no more.

        A resource that brings nothing else is taken off the list; what shares one with others is deleted by a patch, as
        is ``by_patch``: what can only come back to where it was.

        Raises:
            NotEditable: the kustomization file cannot be edited safely.
        """
        if not gone:
            return
        path = self._kustomization_file(folder)
        left = set(gone)
        for resource in self._resources(path):
            brought = self._brought(folder, resource, namespace)
            if brought and brought <= gone - set(by_patch):
                text = self.files.read(path)
                try:
                    self.files.write(path, drop_item(text, _top(text), ("resources",), resource))
                    left -= brought
                except NotEditable:
                    continue
        for id in sorted(left):
            text = self.files.read(path)
            self.files.write(path, add_item(text, _top(text), ("patches",), _deletion(id)))

    def restore(self, folder: str, id: ObjectId) -> bool:
        """Take back a deletion that :meth:`exclude` wrote, so that the object is built from its old place again.

        Returns:
            Whether there was one.
        """
        path = self.tree.kustomization_file(folder)
        if path is None:
            return False
        wanted = yaml.safe_load("\n".join(_deletion(id)))["patch"]

        def deletes(item: Any) -> bool:
            patch = child(item, "patch")
            return isinstance(patch, yaml.ScalarNode) and patch.value.strip() == wanted.strip()

        text = self.files.read(path)
        try:
            self.files.write(path, drop_item(text, _top(text), ("patches",), deletes))
        except NotEditable:
            return False
        return True

    def set_depends_on(self, folder: str, id: ObjectId, entries: Sequence[Mapping[str, Any]]) -> None:
        """Patch the ``spec.dependsOn`` of an object that a folder builds."""
        path = self._kustomization_file(folder)
        text = self.files.read(path)
        value = json.dumps([dict(e) for e in entries])
        operation = ["patch: |", "  - op: add", "    path: /spec/dependsOn", f"    value: {value}"]
        self.files.write(path, add_item(text, _top(text), ("patches",), [*_target(id), *operation]))

    def include(self, folder: str, resource: str) -> None:
        """Add a resource to a folder's kustomization file."""
        path = self._kustomization_file(folder)
        text = self.files.read(path)
        owner = _top(text)
        items = child(owner, "resources")
        if isinstance(items, yaml.SequenceNode) and items.flow_style:
            at = items.end_mark.index - 1
            self.files.write(path, text[:at].rstrip() + (", " if items.value else "") + resource + text[at:])
        else:
            self.files.write(path, add_item(text, owner, ("resources",), [resource]))

    def _kustomization_file(self, folder: str) -> str:
        """Its path; where there is none, one is made that lists what Flux would have put into it.

        Source: fluxcd/pkg kustomize generator.go: every YAML file below the folder, subfolders with a kustomization
        file as a whole.
        """
        made = posixpath.join(folder, "kustomization.yaml")
        found = self.tree.kustomization_file(folder) or (made if made in self.files.after else None)
        if found is not None:
            return found
        top = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
        self.files.write(
            made, top + "".join(f"- {posixpath.relpath(r, folder or '.')}\n" for r in self._generated(folder))
        )
        return made

    def _generated(self, folder: str) -> list[str]:
        found = []
        for name in self.tree.listing(folder):
            path = posixpath.join(folder, name)
            if self.tree.is_directory(path):
                found += [path] if self.tree.kustomization_file(path) else self._generated(path)
            elif name.endswith((".yaml", ".yml")):
                found.append(path)
        return found

    def _resources(self, path: str) -> list[str]:
        items = child(_top(self.files.read(path)), "resources")
        return (
            [i.value for i in items.value if isinstance(i, yaml.ScalarNode)]
            if isinstance(items, yaml.SequenceNode)
            else []
        )

    def _brought(self, folder: str, resource: str, namespace: str) -> set[ObjectId]:
        """What one resource brings: objects of the folder's namespace rules aside, by kind, namespace and name."""
        try:
            path = join(folder, resource)
        except Escapes:
            return set()
        if self.tree.is_directory(path):
            return {m.id_in(namespace) for m in self.manifests(path, {})}
        if not self.tree.is_file(path):
            return set()
        try:
            bodies = [b for b in yaml.safe_load_all(self.files.read(path)) if b is not None]
        except (yaml.YAMLError, RecursionError, NotEditable):
            return set()
        if not all(isinstance(b, dict) and isinstance(b.get("metadata"), dict) for b in bodies):
            return set()
        return {Manifest(b).id_in(namespace) for b in bodies}


def _target(id: ObjectId) -> list[str]:
    return [
        "target:",
        f"  group: {KUSTOMIZE_GROUP}",
        f"  kind: {KUSTOMIZATION}",
        f"  name: ^{id.name.replace('.', '[.]')}$",
    ]


def _deletion(id: ObjectId) -> list[str]:
    """A patch that takes an object out of a build; https://kubectl.docs.kubernetes.io/references/kustomize/ , patches."""
    return [
        *_target(id),
        "patch: |",
        "  $patch: delete",
        f"  apiVersion: {KUSTOMIZE_GROUP}/v1",
        f"  kind: {KUSTOMIZATION}",
        "  metadata:",
        f"    name: {id.name}",
    ]


def _top(text: str) -> Any:
    documents = documents_of(text, "a kustomization file")
    if len(documents) != 1:
        raise NotEditable("a kustomization file holds more than one document")
    return documents[0]

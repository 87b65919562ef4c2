"""What a build reads, kept short, and which of its files shape which object beside the one that defines it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fleetbench.repo.files.tree import Escapes, Tree, Unreadable, folders_above, join
from fleetbench.repo.files.yamltext import decode, documents
from fleetbench.repo.kustomize.inputs import Inputs
from fleetbench.repo.manifest import Manifest, mapping, mappings

_GENERATED = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
_HASH = "(-[a-z0-9]{10})?"
"""What kustomize appends to the name of a generated object (api/hasher)."""


_MOST_REPETITIONS = 2
_MANIFESTS = (".yaml", ".yml", ".json")


class Shaper(NamedTuple):
    """A file of a build that changes objects defined elsewhere."""

    file: str
    """As the repository names it."""
    kind: str
    """Pattern of the kinds it patches, or the kind it generates; empty = any."""
    name: str
    """Pattern of the names; empty = any."""
    generates: bool = False

    def shapes(self, manifest: Manifest) -> bool:
        """Whether it patches an object, or generates what that takes its values or variables from."""
        if not self.generates:
            return selects(self.kind, manifest.kind) and selects(self.name, manifest.name)
        taken = [*mappings(manifest.spec, "valuesFrom"), *mappings(manifest.spec, "postBuild", "substituteFrom")]
        return any(r.get("kind") == self.kind and selects(self.name + _HASH, str(r.get("name"))) for r in taken)


def selects(pattern: str, text: str) -> bool:
    """As kustomize selects: a whole match (api/types/selector.go NewSelectorRegex); what is no pattern names itself.

    A pattern that could take Python for ever counts as matching: with repeated groups, or many repetitions.
    """
    if re.search(r"\)[*+{]", pattern) or len(re.findall(r"[*+{]", pattern)) > _MOST_REPETITIONS:
        return True
    try:
        return not pattern or re.fullmatch(pattern, text) is not None
    except re.error:
        return pattern == text


def read_files(tree: Tree, inputs: Inputs) -> tuple[str, ...]:
    """The files of a build as the repository names them; a kustomization that Flux generates is none."""
    return tuple(tree.name(path) for path in inputs.files if tree.is_file(path))


def shapers(tree: Tree, inputs: Inputs) -> tuple[Shaper, ...]:
    """The patches that are files of their own, and the files that ConfigMaps and Secrets are generated from."""
    found: list[Shaper] = []
    for directory, body in inputs.kustomizations.items():
        for file, target in _patches(body):
            found += _patch(tree, inputs, directory, file, target)
        for field, kind in _GENERATED.items():
            for generator in mappings(body, field):
                name = re.escape(str(generator.get("name") or ""))
                for file in _sources(generator):
                    if (path := _inside(directory, file)) in inputs.files:
                        found.append(Shaper(tree.name(path), kind, name, generates=True))
    return tuple(dict.fromkeys(found))


def _patches(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """File and target of a kustomization's patches."""
    for field in ("patches", "patchesJson6902"):
        for patch in mappings(body, field):
            if isinstance(patch.get("path"), str):
                yield patch["path"], mapping(patch, "target")
    merges = body.get("patchesStrategicMerge")
    for file in merges if isinstance(merges, list) else ():
        if isinstance(file, str):
            yield file, {}


def _patch(tree: Tree, inputs: Inputs, directory: str, file: str, target: Mapping[str, Any]) -> Iterator[Shaper]:
    path = _inside(directory, file)
    if path not in inputs.files:
        return
    if target:
        yield Shaper(tree.name(path), str(target.get("kind") or ""), str(target.get("name") or ""))
        return
    try:
        bodies = [body for _, body in documents(decode(inputs.files[path], path), path)]
    except Unreadable:
        return
    for body in bodies:
        if isinstance(body, Mapping):
            name = str(mapping(body, "metadata").get("name") or "")
            yield Shaper(tree.name(path), str(body.get("kind") or ""), re.escape(name))


def _sources(generator: Mapping[str, Any]) -> Iterator[str]:
    """Paths of the files that a generator reads: ``files`` as ``path`` or ``key=path``, ``envs`` and ``env``."""
    for field in ("files", "envs"):
        listed = generator.get(field)
        for entry in listed if isinstance(listed, list) else ():
            yield str(entry).rpartition("=")[2] if field == "files" else str(entry)
    if generator.get("env"):
        yield str(generator["env"])


def _inside(directory: str, path: str) -> str:
    try:
        return join(directory, path)
    except Escapes:
        return ""


def shaped_by(shapers: Sequence[Shaper], manifest: Manifest) -> tuple[str, ...]:
    """Files beside its own that change what an object is, sorted."""
    return tuple(sorted({s.file for s in shapers if s.shapes(manifest)} - {manifest.file}))


class Folders:
    """Files said shortly: a folder where all manifests in it are among them."""

    def __init__(self, tree: Tree, builds: Iterable[Iterable[str]]):
        self._all: dict[str, int] = {}
        manifests = {tree.name(path) for path in tree.files if path.endswith(_MANIFESTS)}
        for file in manifests.union(*builds):
            for folder in folders_above(file):
                self._all[folder] = self._all.get(folder, 0) + 1

    def short(self, files: Iterable[str]) -> tuple[str, ...]:
        """The same files, whole folders by their topmost name, sorted."""
        own: dict[str, int] = {}
        files = set(files)
        for file in files:
            for folder in folders_above(file):
                own[folder] = own.get(folder, 0) + 1
        whole = {folder for folder, count in own.items() if count == self._all.get(folder)}
        return tuple(sorted({next((f for f in folders_above(file) if f in whole), file) for file in files}))

"""ExternalArtifacts that an ArtifactGenerator copies from this repository, as trees of their own.

Source: fluxcd/source-watcher api/v1beta1 artifactgenerator_types.go, internal/builder/builder.go applyCopyOperation.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.ids import EXTERNAL_ARTIFACT, ObjectId
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kinds import WATCHER_GROUP
from fleetbench.repo.manifest import Manifest, mappings


@dataclass(frozen=True)
class Copied:
    """One output of an ArtifactGenerator."""

    id: ObjectId
    generator: Manifest
    parent: ObjectId
    """The Kustomization that applies the generator."""
    sources: Mapping[str, ObjectId]
    """Alias -> source."""
    copies: tuple[Mapping[str, object], ...]

    @property
    def origin(self) -> ObjectId | None:
        """The source of the first copy."""
        for copy in self.copies:
            source = self.sources.get(_split(copy.get("from"))[0])
            if source is not None:
                return source
        return None


@dataclass
class ArtifactTrees:
    """All ArtifactGenerators of a fleet."""

    copied: dict[ObjectId, Copied] = field(default_factory=dict)
    _trees: dict[ObjectId, Tree] = field(default_factory=dict)

    def add(self, manifests: Iterable[Manifest], parent: ObjectId, known: Mapping[ObjectId, Tree]) -> None:
        """Take in the ArtifactGenerators among a Kustomization's objects.

        Args:
            manifests: the objects.
            parent: the Kustomization.
            known: the sources whose files are known; a ``pathPattern`` is matched against them.
        """
        for manifest in manifests:
            if not manifest.is_flux(WATCHER_GROUP, "ArtifactGenerator"):
                continue
            namespace = manifest.namespace or parent.namespace
            sources = {
                str(s.get("alias")): ObjectId(
                    str(s.get("kind")), str(s.get("namespace") or namespace), str(s.get("name"))
                )
                for s in mappings(manifest.spec, "sources")
            }
            for output in _outputs(manifest.spec, sources, known):
                id = ObjectId(EXTERNAL_ARTIFACT, namespace, str(output.get("name")))
                self.copied.setdefault(id, Copied(id, manifest, parent, sources, tuple(mappings(output, "copy"))))

    def __contains__(self, id: object) -> bool:
        """Whether a generator fills that artifact."""
        return id in self.copied

    def origin(self, id: ObjectId) -> ObjectId:
        """The source that an artifact is copied from, through as many generators as there are; any other id itself."""
        seen = {id}
        while (output := self.copied.get(id)) is not None and output.origin is not None and output.origin not in seen:
            id = output.origin
            seen.add(id)
        return id

    def tree(self, id: ObjectId, known: Mapping[ObjectId, Tree]) -> Tree | None:
        """The artifact's files, as far as they come from sources whose files are known; None = none of them do.

        A generator may copy from another generator's artifact.
        """
        if id in self._trees:
            return self._trees[id]
        output = self.copied.get(id)
        if output is None:
            return None
        files: dict[str, object] = {}
        names: dict[str, str] = {}
        read = False
        for copy in output.copies:
            alias, pattern = _split(copy.get("from"))
            source = output.sources.get(alias)
            if source is None or source == id:
                continue
            tree = known.get(source) or (self.tree(source, known) if source.kind == EXTERNAL_ARTIFACT else None)
            if tree is None:
                continue
            read = True
            for path, target in _copied(tree, pattern, str(copy.get("to") or ""), copy.get("exclude"), files):
                files[target] = tree.files[path]
                names[target] = tree.name(path)
        if not read:
            return None
        found = self._trees[id] = Tree(dict(sorted(files.items())), names)  # type: ignore[arg-type]
        return found


def _outputs(
    spec: Mapping[str, Any], sources: Mapping[str, ObjectId], known: Mapping[ObjectId, Tree]
) -> list[Mapping[str, Any]]:
    """``spec.artifacts``, once for each directory that ``spec.pathPattern`` matches where there is one.

    Source: fluxcd/source-watcher internal/controller/artifactgenerator_pathpattern.go: names take the captures in
    lower case, paths take them as they are.
    """
    outputs = mappings(spec, "artifacts")
    alias, pattern = _split(spec.get("pathPattern"))
    if not pattern:
        return outputs
    source = sources.get(alias)
    tree = None if source is None else known.get(source)
    if tree is None:
        return []
    try:
        matcher = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern)))
    except re.error:
        return []
    found: list[Mapping[str, Any]] = []
    for directory in tree.directories():
        match = matcher.fullmatch(directory)
        for output in outputs if match else ():
            raw = match.groupdict() if match else {}
            copies = [
                {**c, "from": _rendered(c.get("from"), raw), "to": _rendered(c.get("to"), raw)}
                for c in mappings(output, "copy")
            ]
            name = _rendered(output.get("name"), {k: v.lower() for k, v in raw.items()})
            found.append({**output, "name": name, "copy": copies})
    return found


def _rendered(text: object, captures: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: captures.get(m[1], m[0]), str(text or ""))


def _split(source: object) -> tuple[str, str]:
    alias, _, pattern = str(source or "").removeprefix("@").partition("/")
    return alias, pattern


def _copied(
    tree: Tree, pattern: str, to: str, exclude: object, existing: Mapping[str, object]
) -> Iterable[tuple[str, str]]:
    """File in the source -> place in the artifact, with the meaning of ``cp``."""
    target = to.removeprefix("@artifact/").strip("/")
    excluded = [str(e) for e in exclude] if isinstance(exclude, list) else []
    if not any(c in pattern for c in "*?[]"):
        path = posixpath.normpath(pattern).strip("/")
        path = "" if path == "." else path
        if tree.is_file(path):
            into = to.endswith("/") or not target or any(e.startswith(target + "/") for e in existing)
            yield path, posixpath.join(target, posixpath.basename(path)) if into else target
            return
        inside = posixpath.join(target, posixpath.basename(path)) if path else target
        yield from _below(tree, path, inside, path, excluded)
        return
    base = pattern.removesuffix("/**") if pattern.endswith("/**") else None
    root = _literal(pattern)
    for match in _matches(tree, pattern):
        if _is_excluded(match, root, excluded):
            continue
        inside = match.removeprefix(base + "/") if base is not None and match.startswith(base + "/") else match
        place = posixpath.join(target, inside)
        if tree.is_file(match):
            yield match, place
        else:
            yield from _below(tree, match, place, root, excluded)


def _below(tree: Tree, directory: str, place: str, root: str, excluded: list[str]) -> Iterable[tuple[str, str]]:
    prefix = f"{directory}/" if directory else ""
    for path in tree.files:
        if path.startswith(prefix) and not _is_excluded(path, root, excluded):
            yield path, posixpath.join(place, path[len(prefix) :])


def _matches(tree: Tree, pattern: str) -> list[str]:
    """Go's ``fs.Glob``: a star stays within one path segment, and ``**`` is no more than a star."""
    found = [""]
    for part in pattern.split("/"):
        following = []
        for directory in found:
            for name in tree.listing(directory):
                if _segment(part, name):
                    following.append(f"{directory}/{name}" if directory else name)
        found = following
    return found


def _segment(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def _literal(pattern: str) -> str:
    parts = []
    for part in posixpath.normpath(pattern).split("/"):
        if any(c in part for c in "*?[]"):
            break
        parts.append(part)
    return "/".join(parts)


def _is_excluded(path: str, root: str, excluded: list[str]) -> bool:
    inside = path.removeprefix(root + "/") if root else path
    return any(
        _double_star(e, path) or _double_star(e, inside) or ("/" not in e and _double_star(e, posixpath.basename(path)))
        for e in excluded
    )


def _double_star(pattern: str, path: str) -> bool:
    """doublestar.Match: ``**`` matches any number of whole segments."""
    return _parts_match(pattern.split("/"), path.split("/"))


def _parts_match(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_parts_match(pattern[1:], path[i:]) for i in range(len(path) + 1))
    return bool(path) and _segment(pattern[0], path[0]) and _parts_match(pattern[1:], path[1:])

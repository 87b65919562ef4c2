"""Further GitRepositories that fetch this very repository: what they hold lies here too, as far as each leaves it in.

Source: source-controller v1.9.3 internal/controller/gitrepository_controller.go reconcileSource, reconcileArtifact (each
object clones for itself, and packs what its own ``ignore`` and ``sparseCheckout`` leave).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.manifest import Manifest, mapping

EVERYTHING: tuple[str, tuple[str, ...]] = ("", ())
"""What a source leaves out that says nothing of it: :func:`left_out`."""
Sources = Mapping[ObjectId, tuple[Manifest, ObjectId]]
Made = Mapping[ObjectId, Mapping[str, Any]]
"""Sources that flux-operator makes, so that no file holds them -> their specs."""
_ADDRESS = re.compile(r"(?:\w+://)?(?:[^@/]*@)?([^/:]+)(?::\d+(?=/))?[:/](.*?)(?:\.git)?/*")


def is_twin(id: ObjectId, sources: Sources, this: ObjectId, made: Made, by_hand: Collection[ObjectId] = ()) -> bool:
    """Whether a source has the address and the ref of the root's, and is another.

    One that a file of this very repository defines for somebody to apply by hand counts as one where the root's address
    is stated nowhere.
    """
    if id == this or not GIT_REPOSITORY == id.kind == this.kind:
        return False
    one, other = (sources[source][0].spec if source in sources else made.get(source) for source in (this, id))
    if one is None or other is None:
        return other is not None and id in by_hand
    same_ref = _ref(one) == _ref(other)
    return same_ref and not other.get("include") and _is_same_address(one.get("url"), other.get("url"))


class TwinTrees:
    """What each of them holds, read once."""

    def __init__(self, repo: Path):
        self._repo = repo
        self.made: Made = {}
        self.by_hand: Mapping[ObjectId, Manifest] = {}
        """Sources that somebody applied by hand: see :mod:`fleetbench.repo.sources_by_hand`."""
        self._trees: dict[tuple[str, tuple[str, ...]], Tree] = {}

    def has(self, source: ObjectId, sources: Sources, this: ObjectId) -> bool:
        """Whether a source is a twin of the root's."""
        return is_twin(source, sources, this, self.made, self.by_hand)

    def tree(self, source: ObjectId, sources: Sources, this: ObjectId) -> Tree | None:
        """The files of a source; None = it is no twin of the root's."""
        if not self.has(source, sources, this):
            return None
        ignore, only = left_out(sources[source][0].spec)
        key = (ignore, only)
        if key not in self._trees:
            self._trees[key] = Tree.of_directory(self._repo, ignore.splitlines(), only)
        return self._trees[key]


def left_out(spec: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """``spec.ignore``, and the directories of ``spec.sparseCheckout`` (empty = all)."""
    only = spec.get("sparseCheckout")
    return str(spec.get("ignore") or ""), tuple(map(str, only)) if isinstance(only, list) else ()


def _ref(spec: Mapping[str, Any]) -> str:
    """What is fetched, however it is written.

    Source: source-controller v1.9.3 api/v1/gitrepository_types.go GitRepositoryRef (a commit goes before a name, that before
    a range, that before a tag, that before a branch; without any: master).
    """
    ref = mapping(spec, "ref")
    for field in ("commit", "name", "semver"):
        if ref.get(field):
            return str(ref[field])
    return f"refs/tags/{ref['tag']}" if ref.get("tag") else f"refs/heads/{ref.get('branch') or 'master'}"


def _is_same_address(one: object, other: object) -> bool:
    """Whether two addresses name one repository, whatever the protocol and the user.

    >>> _is_same_address("ssh://git@example.org/a/b", "https://example.org/a/b.git")
    True
    >>> _is_same_address("git@example.org:a/b", "https://example.org/a/c")
    False
    """
    found = [_ADDRESS.fullmatch(str(url)) for url in (one, other)]
    names = [(m[1].lower(), m[2]) for m in found if m is not None]
    return len(names) == 2 and names[0] == names[1]

"""Sources that somebody applied by hand, as ``--installed`` names them: what a file of the repository says of each."""

from __future__ import annotations

from collections.abc import Collection

from fleetbench.ids import SOURCE_KINDS, ObjectId, parse_object
from fleetbench.repo.files.glance import beginning_of, bodies_of
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.missing_sources import files_defining


def sources_by_hand(tree: Tree, names: Collection[str]) -> dict[ObjectId, Manifest]:
    """The sources among what the cluster has before Flux, as far as a file defines them: the first one counts.

    Args:
        tree: the repository's files.
        names: as ``--installed`` gives them; those of anything else are passed by.
    """
    wanted = {id for name in names if (id := _source(name)) is not None}
    everything = tree.with_ignored() if wanted else tree
    found: dict[ObjectId, Manifest] = {}
    for id, paths in files_defining(everything, wanted).items():
        defined = (m for path in paths for m in _manifests(everything, path) if m.id_in(id.namespace) == id)
        if (first := next(defined, None)) is not None:
            found[id] = first
    return found


def _source(name: str) -> ObjectId | None:
    try:
        id = parse_object(name)
    except ValueError:
        return None
    return id if id.kind in SOURCE_KINDS else None


def _manifests(tree: Tree, path: str) -> list[Manifest]:
    return [Manifest(body, tree.name(path), line) for line, body in bodies_of(beginning_of(tree, path), path)]

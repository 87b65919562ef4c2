"""What the builds of a fleet read: which path changes what, and how many files a commit holds at least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.ids import ObjectId
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.shaping import Folders, shaped_by
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Walk


def with_reads(
    walk: Walk, tree: Tree, kustomizations: Sequence[Kustomization], releases: Sequence[HelmRelease]
) -> tuple[list[Kustomization], list[HelmRelease]]:
    """Kustomizations with what their builds read, and both with the files that shape them."""
    reads = {node.id: node.build.reads if node.build else () for node in walk.nodes.values()}
    folders = Folders(tree, reads.values())
    return (
        [
            replace(
                k, reads=folders.short(reads[k.id]), shaped_by=_shaped_by(walk, k.parent, walk.nodes[k.id].manifest)
            )
            for k in kustomizations
        ],
        [replace(r, shaped_by=_shaped_by(walk, r.parent, walk.releases[r.id][0])) for r in releases],
    )


def _shaped_by(walk: Walk, parent: ObjectId | None, manifest: Manifest) -> tuple[str, ...]:
    node = None if parent is None else walk.nodes.get(parent)
    return () if node is None or node.build is None else shaped_by(node.build.shapers, manifest)


def committed(walk: Walk, tree: Tree, tracked: frozenset[str] | None) -> int:
    """How many files the artifact holds: Flux sees commits, so what git tracks, and what the builds themselves read."""
    if tracked is None:
        return len(tree.files)
    read = {file for node in walk.nodes.values() if node.build for file in node.build.reads}
    return sum(1 for path in tree.files if path in tracked or path in read)

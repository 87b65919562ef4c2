"""Which Kustomization is the root, and the source of one that the repository does not hold.

That is what ``flux bootstrap`` or an operator made of this repository.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from fleetbench.graph.nearest import is_misspelt
from fleetbench.graph.root import ASSUMED_ROOT, ASSUMED_SOURCE
from fleetbench.ids import BUCKET, EXTERNAL_ARTIFACT, OCI_REPOSITORY, ObjectId
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.manifest import Manifest, names_in
from fleetbench.repo.missing_sources import files_defining
from fleetbench.repo.nodes import Node
from fleetbench.repo.objects import is_kustomization, source_of


def root_among(manifests: Sequence[Manifest], entry: str) -> Node | None:
    """The Kustomization whose path is the entry, of several the one that is usual or whose source most of them have."""
    listed = [(m.id_in(ASSUMED_ROOT.namespace), m) for m in manifests if is_kustomization(m)]
    used = Counter(source for id, m in listed if (source := source_of(m, id)) is not None)
    roots = [(id, m) for id, m in listed if spec_path(m.spec.get("path")) == entry and not m.spec.get("kubeConfig")]
    if not roots:
        return None
    roots.sort(key=lambda r: (r[0] != ASSUMED_ROOT, -used[source_of(r[1], r[0]) or ASSUMED_SOURCE], r[0]))
    id, manifest = roots[0]
    return Node(id, manifest, None, source_of(manifest, id))


def likely_source(
    named: Counter[ObjectId], defined: Collection[ObjectId], others: Collection[ObjectId], tree: Tree
) -> ObjectId:
    """The source that is most likely this repository, where no Kustomization of the entry is its root.

    Who bootstraps a cluster by hand defines its source by hand, too, so one that nothing here defines is the likelier:
    of several ``flux-system/flux-system`` before the most named. One that the files define is another repository, unless
    all are.

    Args:
        named: the sources of the entry's Kustomizations, each as often as it is named.
        defined: the sources that the entry defines.
        others: those that are another repository's: see :func:`of_another`.
        tree: the repository's files.
    """
    named = Counter({id: times for id, times in named.items() if id not in others})
    missing = {id for id in named if id not in defined and not any(_is_slip(id, other) for other in defined)}
    if missing and missing != set(named):
        # one that some file defines is applied further down, but for the root's own, which each cluster's folder may hold
        usual = {id for id in missing if _is_usual(id)}
        missing = usual | ((missing - usual) - files_defining(tree, missing - usual).keys())

    def rank(id: ObjectId) -> tuple[bool, bool, int, bool]:
        return id in missing, id in missing and _is_usual(id), named[id], id.kind != EXTERNAL_ARTIFACT

    return max(sorted(named), key=rank, default=ASSUMED_SOURCE)


def of_a_folder(
    listed: Sequence[tuple[ObjectId, Manifest]], defined: Collection[ObjectId], tree: Tree
) -> frozenset[ObjectId]:
    """The artifacts and buckets that were filled from some folder, or from elsewhere: a path in them is not here.

    ``flux push artifact --path`` packs any folder, so such a source is not the repository as a whole.

    Args:
        listed: the entry's Kustomizations.
        defined: the sources that the entry defines.
        tree: the repository's files.
    """
    used = ((source_of(m, id), spec_path(m.spec.get("path"))) for id, m in listed)
    there = {id for id in defined if id.kind in (OCI_REPOSITORY, BUCKET)}
    return frozenset(id for id, path in used if id is not None and id in there and not tree.is_directory(path))


def of_another(
    listed: Sequence[tuple[ObjectId, Manifest]], defined: Collection[ObjectId], tree: Tree
) -> frozenset[ObjectId]:
    """The sources of another repository: no path in them is here, nor anything like it, and none hangs on a variable.

    Not one that is called as the root's usually is. Of those that the entry does not define none that somebody meant
    otherwise, or that a file here defines: who made the root made the rest, too.

    Args:
        listed: the entry's Kustomizations.
        defined: the sources that the entry defines.
        tree: the repository's files.
    """
    used = [(source_of(m, id), spec_path(m.spec.get("path"))) for id, m in listed]
    here = {source for source, path in used if names_in(path) or _is_here(path, tree)}
    gone = {id for id, _ in used if id is not None and id not in here and not _is_usual(id)}
    strange = {id for id in gone if id not in defined and not any(_is_slip(id, other) for other in defined)}
    return frozenset((gone & set(defined)) | (strange - files_defining(tree, strange).keys()))


def _is_here(path: str, tree: Tree) -> bool:
    """Whether a path is that of a folder here, below one that an artifact may be pushed from, or of one misspelt."""
    below = any(tree.is_directory(f"{top}/{path}") for top in tree.listing(""))
    return tree.is_directory(path) or below or bool(tree.like(path))


def _is_usual(id: ObjectId) -> bool:
    """Whether it is called as ``flux bootstrap`` and flux-operator call it by default."""
    return id[1:] == ASSUMED_SOURCE[1:]


def _is_slip(id: ObjectId, defined: ObjectId) -> bool:
    """Whether somebody meant a source that is defined: of another kind, in another namespace, or with a name misspelt."""
    return id.name == defined.name or is_misspelt(id.name, defined.name)

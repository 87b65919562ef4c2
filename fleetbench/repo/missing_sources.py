"""Sources that objects name and nothing that was read applies: where a file defines them, and what would apply it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from fleetbench.findings import SOURCE_MISSING, Finding, Shared
from fleetbench.graph.objects import HelmRelease, Kustomization, Source
from fleetbench.graph.root import ASSUMED_SOURCE
from fleetbench.ids import KUSTOMIZATION, ObjectId, some
from fleetbench.repo.files.glance import beginning_of, bodies_of, yaml_files
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.kinds import KUSTOMIZE_GROUP
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import source_of

_NAME = re.compile(r"\bname[\"']?\s*:\s*[\"']?([\w.-]+)")


def missing_sources(
    users: Sequence[tuple[Kustomization | HelmRelease, ObjectId]],
    known: Sequence[Source],
    tree: Tree,
    walk: Walk,
    entry: str,
) -> Iterator[Finding]:
    """A finding for each object whose source is defined nowhere, or in a file that nothing applies.

    Args:
        users: who names a source, and which.
        known: the sources, those that only are named among them.
        tree: the repository's files.
        walk: what was read.
        entry: the cluster path.
    """
    missing = {s.id for s in known if not s.defined}
    missed = [(user, named) for user, named in users if named in missing]
    same = {id: _alike(id, known) for id in missing}
    files = files_defining(tree, {named for _, named in missed if not same[named]})
    defining = sorted({path for paths in files.values() for path in paths})
    above = _above(tree, walk, entry, defining, known) if defining else None
    for user, named in missed:
        unused = files.get(named, [])
        if unused:
            applied = "is applied by nothing that was read, though"
            defines = "defines" if len(unused) == 1 else "define"
            text = f"its source {named} {applied} {some(unused, 2)} {defines} it"
            if above is not None and any(_is_below(path, above[1]) for path in unused):
                manifest, path = above
                fix = (
                    f"{manifest.file} defines {manifest.id_in('flux-system')}, whose path {path or '.'} holds the "
                    f"entry and such files: if that is the cluster's root, give --cluster-path {path or '.'}; if somebody applied "
                    "them by hand, name them to --installed (KIND/NAMESPACE/NAME); else have a Kustomization apply them"
                )
                shared = Shared(f"have a source that {applied} a file below {path or '.'} defines it", fix)
            else:
                fix = (
                    "correct the paths that do not exist, if there are any; if somebody applied that file by hand, --installed "
                    f"{named}; else have a Kustomization apply it"
                )
                shared = Shared(f"have the source {named}, which {applied} {some(unused, 2)} {defines} it", fix)
        else:
            hint = f"; did you mean {' or '.join(same[named])}?" if same[named] else ""
            so = f"is defined nowhere in this repository{hint}"
            text = f"its source {named} {so}"
            fix = f"define {named} or correct the reference; where the cluster has it, --installed {named}"
            shared = Shared(f"have the source {named}, which {so}", fix)
        yield Finding(SOURCE_MISSING, text, fix, user.id, user.file, user.line, shared, settled_by=(str(named),))


def _alike(wanted: ObjectId, known: Sequence[Source]) -> list[str]:
    """The sources of that name, else those that a namePrefix or nameSuffix has made of it, which renames no reference."""
    named = [s.id for s in known if s.defined and s.id.name == wanted.name]
    beside = [s.id for s in known if s.defined and s.id[:2] == wanted[:2]]
    return sorted(map(str, named or (id for id in beside if _is_affixed(id.name, wanted.name))))


def _is_affixed(name: str, wanted: str) -> bool:
    return name.endswith(f"-{wanted}") or name.startswith(f"{wanted}-")


def files_defining(tree: Tree, wanted: Collection[ObjectId], *, exactly: bool = False) -> dict[ObjectId, list[str]]:
    """The files that define each object, whether anything applies them or not; each is read once, few are parsed.

    Args:
        tree: the repository's files.
        wanted: the objects.
        exactly: in the namespace that they state; else in whichever.
    """
    found: dict[ObjectId, list[str]] = {}
    names = {id.name for id in wanted}
    for path in yaml_files(tree) if wanted else ():
        text = beginning_of(tree, path)
        if not names.isdisjoint(_NAME.findall(text)):
            defined = [Manifest(body, path) for _, body in bodies_of(text, path)]
            for id in wanted:
                if any(m.id_in("") == id if exactly else (m.kind, m.name) == (id.kind, id.name) for m in defined):
                    found.setdefault(id, []).append(path)
    return found


def _above(
    tree: Tree, walk: Walk, entry: str, defining: Sequence[str], known: Sequence[Source]
) -> tuple[Manifest, str] | None:
    """A Kustomization of this repository that was not read, whose path holds the entry and one of these files.

    Of several the nearest to the entry.
    """
    found: list[tuple[int, str, Manifest, str]] = []
    for file in yaml_files(tree):
        text = beginning_of(tree, file)
        if KUSTOMIZE_GROUP not in text:
            continue
        for _, body in bodies_of(text, file):
            manifest = Manifest(body, file)
            if not manifest.is_flux(KUSTOMIZE_GROUP, KUSTOMIZATION) or manifest.id_in("flux-system") in walk.nodes:
                continue
            path = spec_path(manifest.spec.get("path"))
            holds = path != entry and _is_below(entry, path) and any(_is_below(one, path) for one in defining)
            if holds and tree.is_directory(path) and not _leaves_behind(manifest, walk, known):
                found.append((-len(path), file, manifest, path))
    nearest = sorted(found, key=lambda one: one[:2])
    return next((one[2:] for one in nearest if not _is_of_another(one[2], known, tree)), None)


def _leaves_behind(manifest: Manifest, walk: Walk, known: Sequence[Source]) -> bool:
    """Whether a root with that source has what the entry's Kustomizations name in a source that nothing defines."""
    assumed = {s.id for s in known if s.assumed} - {source_of(manifest, manifest.id_in("flux-system"))}
    return any(node.source in assumed for node in walk.nodes.values() if node.parent is not None)


def _is_of_another(manifest: Manifest, known: Sequence[Source], tree: Tree) -> bool:
    """Whether a Kustomization that was not read takes its content from a source that is defined and not this repository's.

    Where only files that were not read define it, a path that is here speaks for this repository; the path ``.`` is
    everywhere, and then only the name that ``flux bootstrap`` gives does.
    """
    source = source_of(manifest, manifest.id_in("flux-system"))
    if source is None or any(s.this_repository for s in known if s.id == source):
        return False
    if any(s.defined for s in known if s.id == source):
        return True
    anywhere = not spec_path(manifest.spec.get("path"))
    return anywhere and source != ASSUMED_SOURCE and bool(files_defining(tree, {source}))


def _is_below(path: str, directory: str) -> bool:
    return not directory or path.startswith(f"{directory}/")

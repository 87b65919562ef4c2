"""What ``flux bootstrap`` applies beside the entry: the folder ``flux-system`` in it that its kustomization.yaml leaves out.

Source: fluxcd/flux2 v2.9.4 pkg/bootstrap/bootstrap_plain_git.go ReconcileComponents and ReconcileSyncConfig: both apply
``<path>/flux-system/kustomization.yaml``, whatever the entry lists; the second writes it where it is not there. What the
root then applies of the entry does not hold those objects, so nobody prunes, patches or waits for them.
"""

from __future__ import annotations

from dataclasses import replace

from fleetbench.findings import BOOTSTRAP_UNBUILT, Finding
from fleetbench.ids import ObjectId
from fleetbench.repo.assumed_root import root_among
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES, Tree, Unreadable, join
from fleetbench.repo.files.yamltext import decode, documents
from fleetbench.repo.kustomize.build import Build, Builder
from fleetbench.repo.kustomize.inputs import Problem
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Node

FOLDER = "flux-system"


def applied_beside(builder: Builder, tree: Tree, entry: str, build: Build) -> tuple[Node, list[Finding]] | None:
    """The root as a node that holds what ``flux bootstrap`` applies, and what is wrong there; None = it applies no more.

    Args:
        builder: builds the folder.
        tree: the repository's files.
        entry: the cluster path.
        build: of the entry, in which no root is.
    """
    folder = join(entry, FOLDER)
    everything = tree.kustomization_file(entry) is None
    if everything or not tree.is_directory(folder) or any(file.startswith(f"{folder}/") for file in build.files):
        return None
    built = asked = builder.build(tree, folder, {})
    if asked.failure is not None:
        plain = _plain(tree, folder)
        built = Build(tuple(plain), files=tuple(dict.fromkeys(m.file for m in plain if m.file)))
    root = root_among(built.manifests, entry)
    if root is None or root.id in {m.id_in(FOLDER) for m in build.manifests}:  # the entry makes another of it
        return None
    node = replace(root, rendered=list(built.manifests), build=built)
    return node, [] if asked.failure is None else [_unbuilt(root.id, folder, (*asked.problems, asked.failure)[0])]


def _unbuilt(id: ObjectId, folder: str, problem: Problem) -> Finding:
    text = f"is in {folder}, which flux bootstrap applies and kustomize cannot build: {problem.text}"
    fix = "correct the file: until then its plain files count, without patches"
    return Finding(BOOTSTRAP_UNBUILT, text, fix, id, problem.file, problem.line)


def _plain(tree: Tree, folder: str) -> list[Manifest]:
    """The objects of the folder's own files, as far as they can be read; of several definitions the first."""
    found: dict[tuple[str, ObjectId], Manifest] = {}
    for name in tree.listing(folder):
        path = join(folder, name)
        if name in KUSTOMIZATION_FILES or not name.endswith((".yaml", ".yml")) or not tree.is_file(path):
            continue
        try:
            parsed = documents(decode(tree.read(path), path), path)
        except Unreadable:
            continue
        for line, body in parsed:
            manifest = Manifest(body, tree.name(path), line) if isinstance(body, dict) else None
            if manifest is not None and manifest.kind and manifest.name:
                found.setdefault((manifest.group, manifest.id_in(FOLDER)), manifest)
    return list(found.values())

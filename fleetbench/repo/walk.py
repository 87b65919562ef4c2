"""From the root Kustomization down: build, fill in variables, find the children, build them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from fleetbench.findings import (
    BUILD_FAILED,
    DUPLICATE_OBJECT,
    FILE_UNREADABLE,
    NOT_EXPANDED,
    PATH_MISSING,
    REMOTE_BASE,
    VARIABLE_UNKNOWN,
    Finding,
)
from fleetbench.ids import EXTERNAL_ARTIFACT, ObjectId
from fleetbench.repo.artifacts import ArtifactTrees
from fleetbench.repo.build import Build, Builder
from fleetbench.repo.manifest import Manifest, in_apply_order, mapping
from fleetbench.repo.objects import id_of, is_helmrelease, is_kustomization, is_source
from fleetbench.repo.tree import Tree, spec_path
from fleetbench.repo.variables import Variables, VariableStore, substituted, variables_of

_RECONCILE, _SSA = "kustomize.toolkit.fluxcd.io/reconcile", "kustomize.toolkit.fluxcd.io/ssa"
Progress = Callable[[str], None]


@dataclass
class Node:
    """A Kustomization on the way: its manifest, and what its build holds."""

    id: ObjectId
    manifest: Manifest
    parent: ObjectId | None
    source: ObjectId | None
    rendered: list[Manifest] = field(default_factory=list)
    """Its objects in apply order, variables filled in."""
    build: Build | None = None
    variables: Variables = field(default_factory=Variables)
    unknown: dict[str, Manifest] = field(default_factory=dict)
    broken: str | None = None
    not_expanded: str | None = None

    @property
    def spec(self) -> Mapping[str, Any]:
        """The Kustomization's spec."""
        return self.manifest.spec

    @property
    def directory(self) -> str:
        """``spec.path`` as a path of the tree."""
        return spec_path(self.spec.get("path"))


@dataclass
class Walk:
    """What one pass over the fleet found."""

    nodes: dict[ObjectId, Node] = field(default_factory=dict)
    releases: dict[ObjectId, tuple[Manifest, ObjectId]] = field(default_factory=dict)
    """HelmRelease -> manifest, parent."""
    sources: dict[ObjectId, tuple[Manifest, ObjectId]] = field(default_factory=dict)
    artifacts: ArtifactTrees = field(default_factory=ArtifactTrees)
    store: VariableStore = field(default_factory=VariableStore)
    """ConfigMaps and Secrets this pass found; the next pass uses them."""
    findings: list[Finding] = field(default_factory=list)

    def manifests(self) -> Iterator[tuple[Node, Manifest]]:
        """Every rendered object with the Kustomization that applies it."""
        for node in self.nodes.values():
            for manifest in node.rendered:
                yield node, manifest


class Walker:
    """Walks a fleet; builds of one level run side by side."""

    def __init__(self, builder: Builder, tree: Tree, this_repository: ObjectId, progress: Progress | None = None):
        self.builder, self.tree, self.this_repository, self.progress = builder, tree, this_repository, progress

    def walk(self, root: Node, store: VariableStore) -> Walk:
        """Expand everything below the root once, with the variables of an earlier pass."""
        found = Walk()
        found.nodes[root.id] = root
        level, waiting = [root], []
        with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
            while level:
                trees = {node.id: self._tree(node, found) for node in level}
                waiting += [n for n in level if trees[n.id] is None and n.not_expanded is None]
                ready = [n for n in level if trees[n.id] is not None]
                for done in pool.map(lambda n: self.render(n, trees[n.id], store), ready):  # type: ignore[arg-type]
                    if self.progress is not None:
                        self.progress(done.id.key)
                level = []
                for node in ready:
                    level += self._take_in(node, found)
                if not level:
                    level = [n for n in waiting if n.source in found.artifacts]
                    waiting = [n for n in waiting if n not in level]
        for node in waiting:
            node.not_expanded = f"its content is in {node.source}, not in this repository"
        for node in found.nodes.values():
            found.findings += _findings(node, self.tree)
        return found

    def _tree(self, node: Node, found: Walk) -> Tree | None:
        if node.spec.get("kubeConfig"):
            node.not_expanded = "it is applied to another cluster (spec.kubeConfig)"
            return None
        if node.source == self.this_repository or node.source is None:
            return self.tree
        if node.source.kind == EXTERNAL_ARTIFACT:
            return found.artifacts.tree(node.source, {self.this_repository: self.tree})
        return None

    def render(self, node: Node, tree: Tree, store: VariableStore) -> Node:
        """Build one Kustomization as kustomize-controller does: build, variables, common metadata, apply order."""
        if not tree.is_directory(node.directory):
            node.broken = f"spec.path {node.spec.get('path') or './'} {tree.why_missing(node.directory)}"
            return node
        node.build = self.builder.build(tree, node.directory, node.spec)
        if node.build.failure is not None:
            node.broken = f"kustomize cannot build it: {node.build.failure.text}"
            return node
        node.variables = variables_of(node.spec, node.id.namespace, store)
        result = substituted(node.build.manifests, node.variables)
        node.unknown = result.unknown
        if result.failure is not None:
            node.broken = result.failure
        kept = [m for m in result.manifests if m.kind and m.name and not _left_alone(m)]
        node.rendered = in_apply_order(_with_metadata(kept, node.spec))
        return node

    def _take_in(self, node: Node, found: Walk) -> list[Node]:
        """Record what a build holds; return the Kustomizations that are new."""
        new = []
        found.store.add(node.rendered, node.id.namespace)
        found.artifacts.add(node.rendered, node.id)
        for manifest in node.rendered:
            id = id_of(manifest, node.id.namespace)
            if is_kustomization(manifest):
                if id == node.id:
                    continue  # an object that renders itself
                if id in found.nodes:
                    found.findings.append(_duplicate(id, manifest, found.nodes[id].manifest, found.nodes[id].parent, node.id))
                    continue
                child = Node(id, manifest, node.id, source_of(manifest, id))
                found.nodes[id] = child
                new.append(child)
            elif is_helmrelease(manifest) or is_source(manifest):
                place = found.releases if is_helmrelease(manifest) else found.sources
                if id in place:
                    found.findings.append(_duplicate(id, manifest, *place[id], node.id))
                else:
                    place[id] = (manifest, node.id)
        return new


def source_of(manifest: Manifest, id: ObjectId) -> ObjectId | None:
    """The source of a Kustomization, or None where ``sourceRef`` is missing or incomplete."""
    reference = mapping(manifest.spec, "sourceRef")
    if not reference.get("kind") or not reference.get("name"):
        return None
    return ObjectId(str(reference["kind"]), str(reference.get("namespace") or id.namespace), str(reference["name"]))


def _left_alone(manifest: Manifest) -> bool:
    """What kustomize-controller excludes from its apply (kustomization_controller.go apply, ExclusionSelector)."""
    return (manifest.note(_RECONCILE) or "").lower() == "disabled" or (manifest.note(_SSA) or "").lower() == "ignore"


def _with_metadata(manifests: list[Manifest], spec: Mapping[str, Any]) -> list[Manifest]:
    """``spec.commonMetadata``: labels and annotations over all objects, after variables."""
    common = mapping(spec, "commonMetadata")
    if not common:
        return manifests
    changed = []
    for manifest in manifests:
        metadata = dict(manifest.metadata)
        for place in ("labels", "annotations"):
            if mapping(common, place):
                metadata[place] = {**mapping(metadata, place), **mapping(common, place)}
        changed.append(replace(manifest, body={**manifest.body, "metadata": metadata}))
    return changed


def _duplicate(id: ObjectId, second: Manifest, first: Manifest, by: ObjectId | None, again: ObjectId) -> Finding:
    where = "" if first.file is None else f" in {first.file}:{first.line}"
    return Finding(
        DUPLICATE_OBJECT,
        f"{id} is applied by {'the root' if by is None else by.key}{where} and again by {again.key}: "
        "both Kustomizations overwrite each other's version",
        "define it in one place",
        id,
        second.file,
        second.line,
    )


def _findings(node: Node, tree: Tree) -> Iterator[Finding]:
    """What there is to say about one Kustomization."""
    file, line = node.manifest.file, node.manifest.line
    if node.not_expanded is not None:
        text = f"{node.id.key} is listed but not expanded: {node.not_expanded}"
        fix = "nothing to do; to see its objects, read the repository that holds them"
        yield Finding(NOT_EXPANDED, text, fix, node.id, file, line)
    build = node.build
    if node.broken is not None and build is None:
        hint = tree.like(node.directory)
        fix = "create the directory or correct spec.path"
        yield Finding(PATH_MISSING, f"{node.id.key}: {node.broken}{hint}", fix, node.id, file, line)
    for problem in build.remote if build else ():
        text = f"{node.id.key}: the remote base {problem.text} was left out: nothing is downloaded"
        fix = "copy what it holds into the repository to have it counted"
        yield Finding(REMOTE_BASE, text, fix, node.id, problem.file, problem.line)
    for problem in build.problems if build else ():
        text = f"{node.id.key} cannot be built: {problem.text}"
        yield Finding(problem.code, text, "correct the file", node.id, problem.file, problem.line)
    if build and build.failure and build.failure not in build.problems:
        at = build.failure
        bad = build.problems[0] if build.problems else at
        fix = f"correct {bad.file} and try `kubectl kustomize {node.directory or '.'}`"
        yield Finding(BUILD_FAILED, f"{node.id.key} cannot be built: {at.text}", fix, node.id, at.file, at.line)
    elif build and not build.failure and node.broken:
        yield Finding(BUILD_FAILED, f"{node.id.key}: {node.broken}", "correct the variable", node.id, file, line)
    for name, user in sorted(node.unknown.items()):
        yield _unknown_variable(node, name, user)


def _unknown_variable(node: Node, name: str, user: Manifest) -> Finding:
    if name in node.variables.values:
        why, fix = "its value is encrypted", "nothing to do; where it decides the graph, give it a default: ${VAR:=value}"
    elif node.variables.missing:
        named = ", ".join(f"{i.kind} {i.key}" for i in node.variables.missing)
        why, fix = f"the repository does not hold {named}", "nothing to do if something outside the repository makes it"
    else:
        why = "nothing sets it: Flux 2.9 fails such a build (StrictPostBuildSubstitutions), earlier ones put nothing in its place"
        fix = "set it in postBuild.substitute, give it a default ${VAR:=value}, or escape it as $${VAR}"
    text = f"{node.id.key}: variable {name}, used by {user.id}, has no value and stays as it is: {why}"
    return Finding(VARIABLE_UNKNOWN, text, fix, node.id, user.file or node.manifest.file, user.line or node.manifest.line)


__all__ = ["FILE_UNREADABLE", "Node", "Progress", "Walk", "Walker", "source_of"]

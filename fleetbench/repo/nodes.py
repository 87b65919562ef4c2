"""What a walk over the fleet finds, and what there is to say about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.findings import (
    BUILD_FAILED,
    NOT_EXPANDED,
    PATH_MISSING,
    REMOTE_BASE,
    Finding,
    Shared,
)
from fleetbench.ids import ObjectId, some
from fleetbench.repo.artifacts import ArtifactTrees
from fleetbench.repo.files.tree import DOES_NOT_EXIST, Tree, spec_path
from fleetbench.repo.kinds import FLUX_GROUPS
from fleetbench.repo.kustomize.build import Build
from fleetbench.repo.kustomize.variables import Variables, VariableStore, variables_of
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.objects import other_cluster
from fleetbench.units import counted

_COPY_IT = "copy what it holds into the repository to have it counted"
"""What to do about a remote base."""


@dataclass
class Node:
    """A Kustomization on the way: its manifest, and what its build holds."""

    id: ObjectId
    manifest: Manifest
    parent: ObjectId | None
    source: ObjectId | None
    rendered: list[Manifest] = field(default_factory=list)
    """Its objects in apply order, variables filled in; behind them what the ResourceSets among them make."""
    elsewhere: list[Manifest] = field(default_factory=list)
    """The same of one that is applied to another cluster, in which nothing of this one is."""
    unexpanded: dict[ObjectId, str] = field(default_factory=dict)
    """ResourceSets among them, or made by those, of which it is not known what they make -> why."""
    build: Build | None = None
    variables: Variables = field(default_factory=Variables)
    unseen: bool = False
    """Whether no file holds it and what it applies shows that in the cluster it substitutes variables."""
    unknown: dict[str, Manifest] = field(default_factory=dict)
    broken: str | None = None
    no_path: str | None = None
    """Why there is nothing at its path, which is then why it is broken."""
    not_expanded: str | None = None
    content_url: str | None = None
    """Where the content of one that is not expanded for that reason comes from."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """The Kustomization's spec."""
        return self.manifest.spec

    def variables_from(self, store: VariableStore) -> Variables:
        """Its variables, with the ConfigMaps and Secrets that are known."""
        return variables_of(self.spec, self.id.namespace, store, unseen=self.unseen)

    @property
    def cluster(self) -> str | None:
        """The other cluster that it is applied to; None = this one."""
        return other_cluster(self.manifest)

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
    by_hand: frozenset[ObjectId] = frozenset()
    """Those among them that nothing here applies and ``--installed`` names."""
    artifacts: ArtifactTrees = field(default_factory=ArtifactTrees)
    store: VariableStore = field(default_factory=VariableStore)
    """ConfigMaps and Secrets this pass found; the next pass uses them."""
    again: dict[ObjectId, list[tuple[Manifest, ObjectId]]] = field(default_factory=dict)
    """Objects that further Kustomizations apply too: the manifest and which; the first one found counts."""
    findings: list[Finding] = field(default_factory=list)
    beside: Node | None = None
    """The root with what ``flux bootstrap`` applies beside the entry and no Kustomization does: see :mod:`.bootstrapped`."""

    given: Node | None = None
    """Holds the FluxInstance alone that a file of values makes, which nothing here applies: see :mod:`.install.given`."""

    elsewhere: frozenset[ObjectId] = frozenset()
    """Sources of other repositories that are there as the assumed root is: see :mod:`.assumed_root`."""

    def appliers(self) -> list[Node]:
        """The Kustomizations, and what is applied beside them."""
        return [*self.nodes.values(), *filter(None, [self.beside])]

    def installed(self) -> Iterator[tuple[Node, Manifest]]:
        """As :meth:`manifests`, with what is applied beside them, and the FluxInstance that is given from outside."""
        for node in (*self.appliers(), *filter(None, [self.given])):
            for manifest in node.rendered:
                yield node, manifest

    def manifests(self) -> Iterator[tuple[Node, Manifest]]:
        """Every rendered object with the Kustomization that applies it."""
        for node in self.nodes.values():
            for manifest in node.rendered:
                yield node, manifest

    def first(self, id: ObjectId) -> tuple[Manifest, ObjectId | None]:
        """The definition of an object that counts, and the Kustomization that applies it."""
        node = self.nodes.get(id)
        if node is not None:
            return node.manifest, node.parent
        return self.releases.get(id) or self.sources[id]


def findings_of(walk: Walk, tree: Tree) -> list[Finding]:
    """What a walk has to say of each Kustomization."""
    root = _other_root(walk, tree)
    return [f for node in walk.nodes.values() for f in _findings(node, tree, root)]


def _other_root(walk: Walk, tree: Tree) -> str | None:
    """The folder below which the paths that do not exist do: an OCI artifact may be pushed from it. None = there is none.

    Of several the one that explains most of them.
    """
    missing = {node.directory for node in walk.nodes.values() if node.no_path == DOES_NOT_EXIST}
    held = Counter(top for top in tree.listing("") for path in missing if path and tree.is_directory(f"{top}/{path}"))
    return max(sorted(held), key=held.__getitem__, default=None)


def _path_missing(node: Node, tree: Tree, root: str | None) -> Finding:
    at = (node.id, node.manifest.file, node.manifest.line)
    exists_below = root is not None and node.directory and tree.is_directory(f"{root}/{node.directory}")
    if node.no_path == DOES_NOT_EXIST and exists_below:
        text = f"{node.broken}, but {root}/{node.directory} does: the source seems to hold the folder {root} alone"
        fix = (
            f"if it does (an OCI artifact pushed from there), read it with --repo .../{root} and a --cluster-path without "
            f"{root}; else correct spec.path"
        )
        return Finding(PATH_MISSING, text, fix, *at)
    hint = tree.like(node.directory) if node.no_path == DOES_NOT_EXIST else ""
    make = "create the directory" if node.no_path == DOES_NOT_EXIST else "put its manifests there"
    fix = f"{make} or correct spec.path"
    shared = None if hint else Shared("have a spec.path that is not there, or holds nothing", fix)
    return Finding(PATH_MISSING, f"{node.broken}{hint}", fix, *at, shared)


def unset_variables(node: Node) -> list[str]:
    """Variables of its build that nothing sets and that have no default."""
    return [name for name in node.unknown if node.variables.unset(name)]


def _components(node: Node) -> list[Any]:
    """``spec.components``, which Flux adds to the kustomization.yaml of the path, or of the one that it generates."""
    components = node.spec.get("components")
    return components if isinstance(components, list) else []


def try_kustomize(tree: Tree, directory: str) -> str:
    """How to see the failure again; nothing where Flux generates the kustomization.yaml, which kubectl wants to be there.

    As Flux builds it: files outside the folder may be loaded (fluxcd/pkg kustomize v1.35.4 kustomize_generator.go Build).
    """
    if not tree.kustomization_file(directory):
        return ""
    return f" and try `kubectl kustomize --load-restrictor LoadRestrictionsNone {directory or '.'}`"


def _findings(node: Node, tree: Tree, root: str | None) -> Iterator[Finding]:
    """What there is to say about one Kustomization; ``root`` is the folder that its source may hold alone."""
    file, line = node.manifest.file, node.manifest.line
    build = node.build
    if build and build.unknown is not None:
        text = f"is listed but not expanded: {node.not_expanded}"
        yield Finding(REMOTE_BASE, text, _COPY_IT, node.id, file, line)
    elif node.not_expanded is not None and not (build and build.failure):
        text = f"is listed but not expanded: {node.not_expanded}"
        fix = "nothing to do; to see its objects, read the repository that holds them"
        shared = Shared(f"are listed but not expanded: {node.not_expanded}", fix)
        yield Finding(NOT_EXPANDED, text, fix, node.id, file, line, shared)
    if flux := [m for m in node.elsewhere if m.group in FLUX_GROUPS]:
        what = f"holds {counted(len(flux), 'object')} of Flux's for another cluster (spec.kubeConfig)"
        fix = "nothing to do; to see what they bring there, read the cluster path of that cluster"
        yield Finding(NOT_EXPANDED, f"{what}, which are not expanded", fix, node.id, file, line)
    if node.no_path is not None:
        yield _path_missing(node, tree, root)
    for problem in build.remote if build else ():
        text = f"the remote base {problem.text} was left out: nothing is downloaded"
        shared = Shared("leave out remote bases: nothing is downloaded", _COPY_IT)
        yield Finding(REMOTE_BASE, text, _COPY_IT, node.id, problem.file, problem.line, shared)
    for problem in build.cut if build else ():
        base = some([base.text for base in build.bases], 2) if build else ""
        text = f"some of its {problem.text} are left out, too: kustomize wants an object for them that only {base} may hold"
        yield Finding(REMOTE_BASE, text, _COPY_IT, node.id, problem.file, problem.line)
    for problem in build.problems if build else ():
        if any(problem.text.startswith(f"components: {named}") for named in _components(node)):
            text = f"cannot be built: spec.{problem.text} (relative to its path, {node.directory or '.'})"
            yield Finding(problem.code, text, "correct spec.components", node.id, file, line)
            continue
        limit = problem.code == NOT_EXPANDED
        text = f"is listed but not expanded: {problem.text}" if limit else f"cannot be built: {problem.text}"
        fix = "nothing to do; to have its objects counted, list plain files there" if limit else "correct the file"
        yield Finding(problem.code, text, fix, node.id, problem.file, problem.line)
    if build and build.failure and not build.problems:
        at = build.failure
        fix = f"correct {at.file}{try_kustomize(tree, node.directory)}"
        where = (at.file, at.line) if tree.is_file(at.file) else (file, line)
        yield Finding(BUILD_FAILED, f"cannot be built: {at.text}", fix, node.id, *where)
    elif build and not build.failure and node.broken:
        yield Finding(BUILD_FAILED, f"{node.broken}", "correct the variable", node.id, file, line)

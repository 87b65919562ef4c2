"""The front door: a repository and a cluster path in, a fleet and what there is to say about it out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError, place
from fleetbench.findings import Finding
from fleetbench.graph.objects import FluxVersion
from fleetbench.graph.release import Substitution, substitution
from fleetbench.graph.root import ASSUMED_ROOT, ASSUMED_SOURCE
from fleetbench.ids import ObjectId
from fleetbench.repo.artifacts import ArtifactTrees
from fleetbench.repo.assemble import Reading, assemble
from fleetbench.repo.assumed_root import likely_source, of_a_folder, of_another, root_among
from fleetbench.repo.bootstrapped import applied_beside
from fleetbench.repo.entries import check_entry, entries, entry_of
from fleetbench.repo.files.git import tracked
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.install.flags import flags_of
from fleetbench.repo.install.given import given_instance
from fleetbench.repo.install.instance import Sync, sync_of
from fleetbench.repo.install.likely_version import likely_flux
from fleetbench.repo.kustomize.build import BUILD_FIELDS, Build, Builder
from fleetbench.repo.kustomize.cache import BuildCache
from fleetbench.repo.kustomize.program import kustomize
from fleetbench.repo.kustomize.variables import VariableStore, shows_substitution
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Node, Walk, findings_of, try_kustomize, unset_variables
from fleetbench.repo.objects import is_kustomization, is_source, source_of
from fleetbench.repo.sources_by_hand import sources_by_hand
from fleetbench.repo.twins import EVERYTHING, TwinTrees, left_out
from fleetbench.repo.unknown_variables import unknown_variables
from fleetbench.repo.walk import Progress, Walker

_TWICE = re.compile(r"already registered id: (\w+)\.[^/\s]*/([\w-]+)")
MAX_PASSES = 6
"""Variables may come from ConfigMaps whose place depends on variables; after so many passes it is what it is."""


def read_repository(
    repo: Path,
    cluster_path: str,
    *,
    progress: Progress | None = None,
    cache: bool = True,
    copy_of: Path | None = None,
    flux: str | None = None,
    installed: Collection[str] = (),
) -> Reading:
    """Read a Flux repository as Flux does, from the cluster path down.

    Args:
        repo: the repository's directory, read as it lies on disk.
        cluster_path: what the root Kustomization points at, relative to ``repo``.
        progress: called with ``ns/name`` as each Kustomization is built.
        cache: keep builds in the user's cache directory and use those kept.
        flux: the release of Flux by which it is read and judged, such as ``2.8``; None = the one that it installs itself.
        installed: what ``--installed`` names: the sources among that count as applied, as a file here defines them.
        copy_of: the work tree that ``repo`` is a copy of: git is asked there which files it tracks; None = in ``repo``.

    Raises:
        InputError: ``repo`` or the cluster path does not exist, or the entry itself cannot be built.
        EnvironmentLacks: neither kustomize nor kubectl is installed.
    """
    root = repo.resolve()
    if not root.is_dir():
        raise InputError.at(repo, None, "--repo", wanted="a directory that exists")
    entry = entry_of(root, cluster_path)
    tree = Tree.of_directory(root)
    check_entry(tree, entry, cluster_path)
    store, committed = BuildCache() if cache else None, tracked(root if copy_of is None else copy_of.resolve())
    release = None if flux is None else FluxVersion(flux)
    builder = Builder(kustomize(), store)
    reader = _Reader(builder, root.name, root, tree, entry, progress, committed, release)
    reader.twins.by_hand = sources_by_hand(tree, installed)
    reading = reader.read()
    if store is not None and reading.builds_run:
        store.tidy()
    return reading


class _Reader:
    def __init__(
        self,
        builder: Builder,
        name: str,
        repo: Path,
        tree: Tree,
        entry: str,
        progress: Progress | None,
        committed: frozenset[str] | None,
        flux: FluxVersion | None,
    ):
        self.name, self.committed, self.flux = name, committed, flux
        self.builder, self.repo, self.tree, self.entry, self.progress = builder, repo, tree, entry, progress
        self.twins = TwinTrees(repo)
        self.assumed = False
        self.sync: Sync | None = None
        self.beside: Node | None = None
        self.given: Node | None = None
        self.elsewhere: frozenset[ObjectId] = frozenset()

    def read(self) -> Reading:
        first = self.builder.build(self.tree, self.entry, {})
        self._refuse_failure(first)
        root, said = self._find_root(first)
        walk, settled = self._walk(root)
        made_up = self.assumed or self.beside is not None
        sync = sync_of(walk, self.tree, self.entry, self.builder.program) if made_up else None
        if sync is not None and self.beside is not None:  # who went over to flux-operator may have left the folder
            self.beside, said = None, []
            root = self._without_root(first)
            walk, settled = self._walk(root)
        if sync is None and self.assumed:
            self.given = walk.given = given_instance(self.tree.with_ignored(), self.entry)
            sync = sync_of(walk, self.tree, self.entry, self.builder.program)
        if sync is not None:
            stated, self.sync = self._assumed_root(sync.root, sync.source, sync.spec), sync
            self.twins.made = sync.made
            twins = [id for id in walk.sources if self.twins.has(id, walk.sources, sync.source)]
            same = (stated.id, stated.source, _shape(stated.spec)) == (root.id, root.source, _shape(root.spec))
            if same and not root.unseen and not twins and self._ignore(walk, stated.source) == EVERYTHING:
                settled.manifest = stated.manifest
            else:
                walk, settled = self._walk(stated)
        walk.findings += [*said, *findings_of(walk, self.tree), *unknown_variables(walk, self._substitution(walk))]
        return assemble(
            walk, settled, self.tree, self.name, self.entry, self.builder.ran,
            assumed=self.assumed, sync=sync, tracked=self.committed, judged_by=self.flux,
        )  # fmt: skip

    def _walk(self, root: Node) -> tuple[Walk, Node]:
        """Everything below a root, with the variables and the rules of what is left out that it finds itself."""
        ignore = EVERYTHING
        store = VariableStore()
        strict = True
        for _ in range(MAX_PASSES):
            this = root.source or ASSUMED_SOURCE
            walker = Walker(self.builder, self.tree, this, self.twins, self.progress, strict, self.beside)
            settled = self._settled_root(root, walker, store)
            walk = walker.walk(settled, store)
            walk.given, walk.elsewhere = self.given, self.elsewhere
            wanted = self._ignore(walk, root.source)
            if wanted != ignore:
                ignore = wanted
                self.tree = Tree.of_directory(self.repo, wanted[0].splitlines(), wanted[1])
                continue
            if strict and any(unset_variables(n) for n in walk.nodes.values()):
                strict = self._substitution(walk).strict
                if not strict:
                    store = walk.store
                    continue  # another text may be another object
            if not any(n.variables_from(walk.store) != n.variables for n in walk.nodes.values() if n.build):
                break
            store = walk.store
        return walk, settled

    def _substitution(self, walk: Walk) -> Substitution:
        """What the Flux that holds makes of a variable that nothing sets; not asked where there is none."""
        if not any(node.unknown for node in walk.nodes.values()):
            return substitution((), None)
        return substitution(flags_of(walk, self.tree), self.flux or likely_flux(walk, self.tree, self.entry))

    def _refuse_failure(self, build: Build) -> None:
        """The entry itself must build: without it there is no fleet."""
        if build.failure is None:
            return
        problems = list(dict.fromkeys(build.problems or [build.failure]))
        lines = [f"{place(p.file, p.line)}: {p.text}" for p in problems]
        below = [path for path in entries(self.tree) if path != "." and spec_path(path).startswith(_prefix(self.entry))]
        if self.tree.kustomization_file(self.entry) is None and below:
            text = (
                f"--cluster-path {self.entry or '.'}: Flux applies all that lies below it as one, which cannot be built"
            )
            twice = _TWICE.search(lines[0])
            why = f"it defines {twice[1]} {twice[2]} more than once" if twice else lines[0]
            raise InputError(f"{text}: {why}", f"paths that look like clusters: {', '.join(below)}")
        raise InputError(
            f"the entry {self.entry or '.'} cannot be built: " + "; ".join(lines),
            f"correct it{try_kustomize(self.tree, self.entry)}",
        )

    def _find_root(self, build: Build) -> tuple[Node, list[Finding]]:
        """The Kustomization at the entry whose path is the entry, or beside it; else an assumed one."""
        if (root := root_among(build.manifests, self.entry)) is not None:
            return root, []
        found = applied_beside(self.builder, self.tree, self.entry, build)
        if found is None:
            return self._without_root(build), []
        self.beside, said = found
        return replace(self.beside, rendered=[], build=None), said

    def _without_root(self, build: Build) -> Node:
        """An assumed root."""
        listed = [(m.id_in("flux-system"), m) for m in build.manifests if is_kustomization(m)]
        copies = ArtifactTrees()
        copies.add(
            build.manifests, ASSUMED_ROOT, {m.id: self.tree for m in build.manifests} | {ASSUMED_SOURCE: self.tree}
        )
        used = Counter(source for id, m in listed if (source := source_of(m, id)) is not None)
        self.assumed = True
        defined = {m.id_in("flux-system") for m in build.manifests if is_source(m)}
        self.elsewhere = of_another(listed, defined, self.tree)
        packed = of_a_folder(listed, defined, self.tree)
        origins = Counter(copies.origin(source) for source in used.elements() if source not in packed)
        source = likely_source(origins, defined, self.elsewhere, self.tree)
        id = ASSUMED_ROOT
        while id in dict(listed):
            id = id._replace(name=id.name + "-root")
        return replace(self._assumed_root(id, source), unseen=shows_substitution(build.manifests))

    def _assumed_root(self, id: ObjectId, source: ObjectId, stated: Mapping[str, Any] | None = None) -> Node:
        """A root Kustomization that no file holds; ``stated`` is its spec where a FluxInstance says it."""
        spec = {
            **(stated or {}),
            "path": f"./{self.entry}",
            "sourceRef": {"kind": source.kind, "namespace": source.namespace, "name": source.name},
        }
        body = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": id.name, "namespace": id.namespace},
            "spec": spec,
        }
        return Node(id, Manifest(body), None, source)

    def _settled_root(self, root: Node, walker: Walker, store: VariableStore) -> Node:
        """The root with its own patches and variables applied to itself, until that changes nothing more.

        Where it never settles (a patch that takes itself away), the version of the file wins, as in a bootstrap.
        """
        versions: list[str] = []
        node = replace(root, rendered=[], build=None)
        for _ in range(4):
            walker.render([node], [self.tree], store)
            if node.build is not None:
                self._refuse_failure(node.build)
            itself = next(
                (m for m in node.rendered if is_kustomization(m) and m.id_in(root.id.namespace) == root.id), None
            )
            if itself is None or _shape(itself.spec) == _shape(node.spec):
                return node if itself is None else replace(node, manifest=itself)
            versions.append(_shape(node.spec))
            if _shape(itself.spec) in versions:
                break
            node = replace(root, manifest=itself, rendered=[], build=None)
        node = replace(root, rendered=[], build=None)
        walker.render([node], [self.tree], store)
        return node

    def _ignore(self, walk: Walk, source: ObjectId | None) -> tuple[str, tuple[str, ...]]:
        """``spec.ignore`` and ``spec.sparseCheckout`` of this repository's source object."""
        defined = None if source is None else walk.sources.get(source)
        made = self.sync.source_spec if self.sync is not None else {}
        return left_out(made if defined is None else defined[0].spec)


def _prefix(directory: str) -> str:
    """How the paths below a directory of the tree begin."""
    return f"{directory}/" if directory else ""


def _shape(spec: Mapping[str, Any]) -> str:
    """The part of a spec that changes what it renders, comparable."""
    fields = {k: spec.get(k) for k in (*BUILD_FIELDS, "commonMetadata", "path")}
    fields["postBuild"] = mapping(spec, "postBuild")
    return json.dumps(fields, sort_keys=True, default=str)

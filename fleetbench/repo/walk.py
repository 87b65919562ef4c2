"""From the root Kustomization down: build, fill in variables, find the children, build them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fleetbench.findings import NOT_EXPANDED
from fleetbench.graph.objects import NO_PATH
from fleetbench.ids import EXTERNAL_ARTIFACT, ObjectId, some
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.build import Build, Builder, Request
from fleetbench.repo.kustomize.variables import VariableStore, substituted
from fleetbench.repo.manifest import in_apply_order, with_metadata
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import (
    is_helmrelease,
    is_kustomization,
    is_source,
    read_helmrelease,
    source_of,
    with_chart_of,
)
from fleetbench.repo.resource_sets.expand import expanded
from fleetbench.repo.twins import TwinTrees

Progress = Callable[[str], None]
WEBHOOK_CHART = "kustomize-mutating-webhook"
"""Chart of an admission webhook that adds the keys of its ConfigMaps and Secrets to the ``postBuild.substitute`` of every
Kustomization as it is created or updated (xunholy/fluxcd-kustomize-mutating-webhook 0.12.1
internal/handlers/mutate.go createPatch)."""
PORTION = 96
"""Builds that are asked for at once: enough for batches to fill, few enough for progress to be seen."""


class Walker:
    """Walks a fleet; builds of one level run side by side."""

    def __init__(
        self,
        builder: Builder,
        tree: Tree,
        this_repository: ObjectId,
        twins: TwinTrees,
        progress: Progress | None = None,
        strict: bool = True,
        beside: Node | None = None,
    ):
        """Take in what a walk needs; ``strict`` as in :func:`fleetbench.repo.kustomize.variables.substituted`.

        ``beside`` is what is applied beside the root's own build: see :class:`fleetbench.repo.nodes.Walk`.
        """
        self.beside = beside
        self.builder, self.tree, self.progress, self.strict = builder, tree, progress, strict
        self.this_repository, self.twins = this_repository, twins

    def walk(self, root: Node, store: VariableStore) -> Walk:
        """Expand everything below the root once, with the variables of an earlier pass."""
        found = Walk()
        found.nodes[root.id] = root
        level, waiting = [root], []
        while level:
            trees = {node.id: tree for node in level if (tree := self._tree(node, found)) is not None}
            waiting += [n for n in level if n.id not in trees and n.not_expanded is None]
            ready = [n for n in level if n.id in trees]
            self.render(ready, [trees[n.id] for n in ready], store)
            level = []
            for node in ready:
                level += self._take_in(node, found)
            if not level:
                # a generator found meanwhile may hold what an earlier Kustomization reads
                level = [n for n in waiting if self._tree(n, found) is not None]
                waiting = [n for n in waiting if n not in level]
            if not level and self.beside is not None and found.beside is None:
                level = self._take_in_beside(self.beside, found)
            if not level and self.twins.by_hand and not found.by_hand:
                found.by_hand = frozenset(self.twins.by_hand.keys() - found.sources.keys())
                found.sources |= {id: (self.twins.by_hand[id], root.id) for id in found.by_hand}
                level = [n for n in waiting if self._tree(n, found) is not None]
                waiting = [n for n in waiting if n not in level]
        for node in waiting:
            node.not_expanded = f"the content is in {node.source}, not in this repository"
            if node.source in found.sources:
                node.content_url = str(found.sources[node.source][0].spec.get("url") or "")
        found.store.webhook = next((id for id in found.releases if _chart_name(id, found) == WEBHOOK_CHART), None)
        return found

    def _tree(self, node: Node, found: Walk) -> Tree | None:
        if node.manifest.is_undecided(node.spec.get("path")):
            node.not_expanded = "its path hangs on a variable whose value is not known here"
            return None
        if node.source == self.this_repository or node.source is None:
            return self.tree
        if node.source.kind == EXTERNAL_ARTIFACT:
            return found.artifacts.tree(node.source, self._known(found))
        tree = self.twins.tree(node.source, found.sources, self.this_repository)
        elsewhere = tree is not None and node.source in found.by_hand and not tree.is_directory(node.directory)
        return None if elsewhere else tree

    def _known(self, found: Walk) -> dict[ObjectId, Tree]:
        """The sources whose files are this repository's: its own, and what that is itself copied from."""
        return {self.this_repository: self.tree, found.artifacts.origin(self.this_repository): self.tree}

    def render(self, nodes: Sequence[Node], trees: Sequence[Tree], store: VariableStore) -> None:
        """Build Kustomizations as kustomize-controller does: build, variables, common metadata, apply order."""
        wanted = []
        for node, tree in zip(nodes, trees, strict=True):
            if tree.is_directory(node.directory):
                wanted.append((node, Request(tree, node.directory, node.spec)))
            else:
                node.no_path = tree.why_missing(node.directory)
                node.broken = f"{NO_PATH}{node.spec.get('path') or './'} {node.no_path}"
        for at in range(0, len(wanted), PORTION):
            portion = wanted[at : at + PORTION]
            for (node, _), build in zip(portion, self.builder.build_all([r for _, r in portion]), strict=True):
                _fill(node, build, store, self.strict)
                if self.progress is not None:
                    self.progress(node.id.key)

    def _take_in_beside(self, beside: Node, found: Walk) -> list[Node]:
        """The same of what is applied beside, as far as no Kustomization applies it: that makes it its own."""
        applied = {(m.group, m.id_in(node.id.namespace)) for node, m in found.manifests()}
        rest = [m for m in beside.rendered if (m.group, m.id_in(beside.id.namespace)) not in applied]
        found.beside = replace(beside, rendered=rest)
        return self._take_in(found.beside, found)

    def _take_in(self, node: Node, found: Walk) -> list[Node]:
        """Record what a build holds; return the Kustomizations that are new."""
        new = []
        found.store.add(node.rendered, node.id.namespace)
        found.artifacts.add(node.rendered, node.id, self._known(found))
        for manifest in node.rendered:
            id = manifest.id_in(node.id.namespace)
            if is_kustomization(manifest):
                if id == node.id:
                    continue  # it renders itself: the version its parent applies counts
                if self.beside is not None and id == self.beside.id:
                    continue  # flux bootstrap applied the root once, and nobody else does
                if id in found.nodes:
                    found.again.setdefault(id, []).append((manifest, node.id))
                    continue
                child = Node(id, manifest, node.id, source_of(manifest, id))
                found.nodes[id] = child
                new.append(child)
            elif is_helmrelease(manifest) or is_source(manifest):
                place = found.releases if is_helmrelease(manifest) else found.sources
                if id in place:
                    found.again.setdefault(id, []).append((manifest, node.id))
                else:
                    place[id] = (manifest, node.id)
        return new


def _chart_name(id: ObjectId, found: Walk) -> str:
    manifest, parent = found.releases[id]
    release, _ = read_helmrelease(manifest, id, parent)
    source = None if release.source is None else found.sources.get(release.source)
    return with_chart_of(release, None if source is None else source[0]).chart_name


def _fill(node: Node, build: Build, store: VariableStore, strict: bool) -> None:
    """What a Kustomization's build says of it."""
    node.build = build
    if build.failure is not None and build.failure.code == NOT_EXPANDED:
        node.not_expanded = build.failure.text
        return
    if build.failure is not None:
        node.broken = f"kustomize cannot build it: {build.failure.text}"
        return
    if build.unknown is not None:
        node.not_expanded = (
            f"kustomize cannot build it without {some([p.text for p in build.bases], 2)}: {build.unknown}"
        )
        return
    node.variables = node.variables_from(store)
    result = substituted(build.manifests, node.variables, strict)
    node.unknown = result.unknown
    if result.failure is not None:
        node.broken = result.failure
    kept = [m for m in result.manifests if m.kind and m.name and not m.is_left_alone]
    ordered = in_apply_order(with_metadata(kept, node.spec))
    if node.cluster is None:
        made, node.unexpanded = expanded(ordered, node.id.namespace)
        node.rendered = [*ordered, *made]
    else:
        node.elsewhere = ordered

"""What makes objects that nothing here shows: ResourceSets that are not expanded, Kustomizations of another repository.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/resourceset_types.go (``resources``, ``resourcesTemplate``,
``steps``; templates between ``<<`` and ``>>``), internal/builder/resourceset.go BuildResourceSet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from fleetbench.findings import NOT_EXPANDED, Finding
from fleetbench.graph.nearest import is_misspelt
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization
from fleetbench.ids import ObjectId
from fleetbench.repo.install.own_manifests import is_of_flux_alone
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.nodes import Walk
from fleetbench.repo.resource_sets.expand import is_disabled, is_resource_set

_TEMPLATE = re.compile(r"<<.*?>>", re.S)
_Service = TypeVar("_Service", Kustomization, HelmRelease)


class Makers:
    """Who may make an object that nothing here is seen to make."""

    def __init__(
        self,
        walk: Walk,
        kustomizations: Sequence[Kustomization],
        releases: Sequence[HelmRelease],
        this: ObjectId | None,
    ):
        """Take in what is not read to the end.

        Args:
            walk: what was found.
            kustomizations: all of them; those whose source nothing defines never make anything, and those of Flux's own
                manifests nothing that Flux reconciles.
            releases: all of them.
            this: the source of the repository itself, which need not be defined.
        """
        self._sets = [(id, m) for id, m, _ in _unexpanded(walk) if not is_disabled(m)]
        self._known = {k.id for k in kustomizations} | {release.id for release in releases}
        self._unread = [
            k
            for k in kustomizations
            if (k.source == this or k.source in walk.sources) and not is_of_flux_alone(walk.nodes[k.id], walk)
        ]

    def of(self, id: ObjectId) -> ObjectId | None:
        """The first that may make it, one whose templates say so before one of which nothing is known; None = nobody."""
        return self.by_template(id) or next((k.id for k in self._unread if k.may_hold_unread(id)), None)

    def by_template(self, id: ObjectId) -> ObjectId | None:
        """The first ResourceSet whose templates may be that object."""
        return next((by for by, manifest in self._sets if _may_make(manifest, id)), None)

    def marked(self, services: Sequence[_Service]) -> list[_Service]:
        """The services with a maker at each dependency that is none of them."""
        return [replace(s, depends_on=tuple(map(self._dependency, s.depends_on))) for s in services]

    def _dependency(self, dependency: Dependency) -> Dependency:
        target = dependency.target
        if target in self._known:
            return dependency
        maker = self.by_template(target) if _is_slip(target, self._known) else self.of(target)
        return replace(dependency, maker=maker)


def _is_slip(target: ObjectId, known: Collection[ObjectId]) -> bool:
    """Whether somebody meant an object that is there: of the other kind, in another namespace, or with a name misspelt."""
    alike = [id for id in known if id.kind == target.kind]
    by_place = any(id[1:] == target[1:] for id in known) or any(id.name == target.name for id in alike)
    return by_place or any(is_misspelt(target.name, id.name) for id in alike)


def _unexpanded(walk: Walk) -> Iterator[tuple[ObjectId, Manifest, str]]:
    """The ResourceSets that are not expanded, and why."""
    for node, manifest in walk.manifests():
        id = manifest.id_in(node.id.namespace)
        if is_resource_set(manifest) and id in node.unexpanded:
            yield id, manifest, node.unexpanded[id]


def _may_make(manifest: Manifest, id: ObjectId) -> bool:
    parts = [manifest.spec, *mappings(manifest.spec, "steps")]
    for part in parts:
        text = part.get("resourcesTemplate")
        if isinstance(text, str) and (id.kind in text or re.search(r"kind:\s*[\"']?<<", text)):
            return True
        if any(_may_be(body, id) for body in mappings(part, "resources")):
            return True
    return False


def _may_be(template: Mapping[str, Any], id: ObjectId) -> bool:
    metadata = mapping(template, "metadata")
    named = (template.get("kind"), id.kind), (metadata.get("name"), id.name)
    namespace = metadata.get("namespace")
    return all(_fits(text, value) for text, value in named) and (not namespace or _fits(namespace, id.namespace))


def _fits(template: object, value: str) -> bool:
    """Whether a text with templates may become a value."""
    pattern = ".*".join(re.escape(part) for part in _TEMPLATE.split(str(template)))
    return re.fullmatch(pattern, value, re.S) is not None


def not_expanded(walk: Walk) -> Iterator[Finding]:
    """The ResourceSets of which it is not worked out what flux-operator makes, and why."""
    for id, manifest, why in _unexpanded(walk):
        text = f"is listed but not expanded: flux-operator makes its objects in the cluster, and {why}"
        fix = "nothing to do; its objects are not counted"
        yield Finding(NOT_EXPANDED, text, fix, id, manifest.file, manifest.line)

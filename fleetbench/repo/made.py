"""When flux-operator makes what its ResourceSets hold: what must be Ready first, over the whole fleet.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 internal/controller/resourceset_controller.go checkDependencies (each of
``spec.dependsOn`` must exist, and with ``ready`` be Ready), apply (a step begins once the objects of the one before it are).
It looks at dependencies only until it applies: what was Ready once counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from fleetbench.findings import SET_WAITS_IN_VAIN, WAIT_NOT_MODELLED, Finding
from fleetbench.graph.objects import HelmRelease, Kustomization, Made, Source
from fleetbench.graph.order import RESOURCE_SET
from fleetbench.ids import CRD, HELM_RELEASE, KUSTOMIZATION, ObjectId, say, some
from fleetbench.repo.kinds import HELM_GROUP, INSTANCE_GROUP, KUSTOMIZE_GROUP
from fleetbench.repo.makers import Makers
from fleetbench.repo.manifest import MadeBy, Manifest, mappings
from fleetbench.repo.nodes import Walk
from fleetbench.repo.resource_sets.expand import is_resource_set

MAX_GATES = 100
"""What one object is made to wait for at most: each of them is an edge for each object of the ResourceSet."""
_FOLLOWED = {(KUSTOMIZE_GROUP, KUSTOMIZATION), (HELM_GROUP, HELM_RELEASE), (INSTANCE_GROUP, RESOURCE_SET)}
_READY_AT_ONCE = frozenset({"ClusterRole", "ConfigMap", "Namespace", "Role", "Secret", "ServiceAccount"})
_Object = TypeVar("_Object", Kustomization, HelmRelease, Source)


class _Wait(NamedTuple):
    """One entry of a ResourceSet's ``spec.dependsOn``."""

    target: ObjectId
    ready: bool
    """It must be Ready, not only there."""
    followed: bool
    """It is of a kind whose Ready is predicted."""


class Operator:
    """What the ResourceSets of a fleet wait for."""

    def __init__(
        self,
        walk: Walk,
        makers: Makers,
        refused: Collection[ObjectId] = (),
        refusing: Mapping[ObjectId, tuple[str, ...]] | None = None,
    ):
        """Take in all ResourceSets, and the Kustomizations and HelmReleases that they make.

        Args:
            walk: what was found.
            makers: who may make what nothing is seen to make.
            refused: those of which the API server refuses something, so that they make nothing.
            refusing: the releases of Flux by which it does; those that are missing here: by any.
        """
        self.walk, self.makers, self.refused, self.refusing = walk, makers, refused, refusing or {}
        self.sets: dict[ObjectId, Manifest] = {}
        for node, manifest in walk.manifests():
            if is_resource_set(manifest):
                self.sets.setdefault(manifest.id_in(node.id.namespace), manifest)
        self._made: dict[ObjectId, list[tuple[ObjectId, MadeBy]]] = {}
        for id in (*walk.nodes, *walk.releases):
            if (by := walk.first(id)[0].made) is not None:
                self._made.setdefault(by.set, []).append((id, by))
        self._known: dict[tuple[ObjectId, int], tuple[ObjectId, ...]] = {}

    def marked(self, objects: Sequence[_Object]) -> list[_Object]:
        """The objects, those that a ResourceSet makes with how it comes to that."""
        found = []
        for obj in objects:
            by = self._by(obj.id)
            found.append(obj if by is None else replace(obj, made=self._made_by(by)))
        return found

    def findings(self) -> Iterator[Finding]:
        """What ResourceSets that are expanded wait for in vain, or for a time that is not predicted."""
        for id, manifest in self.sets.items():
            if id not in self._made:
                continue
            waits = list(_waits(manifest))
            at = (id, manifest.file, manifest.line)
            for wait in waits:
                if wait.followed and not self._is_there(wait.target) and self.makers.of(wait.target) is None:
                    text = f"depends on {say(wait.target)}, which exists nowhere: flux-operator polls for ever and makes nothing"
                    fix = "define it, or correct the name or the namespace in spec.dependsOn"
                    yield Finding(SET_WAITS_IN_VAIN, text, fix, *at)
            unseen = [say(w.target) for w in waits if not self._is_modelled(w)]
            steps = {by.step: by for _, by in self._made[id]}
            most = max(len(self._gates(by)) for by in steps.values())
            unseen += [f"{most} objects"] if most > MAX_GATES else []
            if unseen:
                text = f"waits for {some(unseen, 4)}, which is not modelled: what it makes is predicted sooner than it can be"
                yield Finding(
                    WAIT_NOT_MODELLED, text, "nothing to do; read its times as the least that they can be", *at
                )

    def _by(self, id: ObjectId) -> MadeBy | None:
        known = id in self.walk.nodes or id in self.walk.releases or id in self.walk.sources
        return self.walk.first(id)[0].made if known else None

    def _is_there(self, target: ObjectId) -> bool:
        return target in self.walk.nodes or target in self.walk.releases or target in self.sets

    def _is_modelled(self, wait: _Wait) -> bool:
        """Whether the time until it is over is predicted, or none to speak of."""
        if wait.followed:
            return self._is_there(wait.target) or self.makers.of(wait.target) is None
        if wait.target.kind == CRD:
            return wait.target.name.endswith((".fluxcd.io", f".{INSTANCE_GROUP}"))  # as soon as Flux is
        return not wait.ready or wait.target.kind in _READY_AT_ONCE

    def _made_by(self, by: MadeBy) -> Made:
        gates, refusing = self._gates(by), self.refusing.get(by.set, ())
        # it is no member of the fleet, so never Ready
        never = (by.set,) if by.set in self.refused and not refusing else ()
        return Made(by.set, by.waited, (*gates, *never) if len(gates) <= MAX_GATES else never, refusing)

    def _gates(self, by: MadeBy) -> tuple[ObjectId, ...]:
        """The Kustomizations and HelmReleases that must be Ready before what a step of a ResourceSet holds is made."""
        start = (by.set, by.step)
        if start not in self._known:
            self._known[start] = tuple(sorted(set(self._reached(start))))
        return self._known[start]

    def _reached(self, start: tuple[ObjectId, int]) -> Iterator[ObjectId]:
        below, seen = [start], {start}

        def follow(set: ObjectId, step: int) -> None:
            if set in self.sets and (set, step) not in seen:
                seen.add((set, step))
                below.append((set, step))

        while below:
            id, step = below.pop()
            yield from (made for made, by in self._made.get(id, ()) if by.step < step)
            manifest = self.sets[id]
            if manifest.made is not None:
                follow(manifest.made.set, manifest.made.step)
            for target, must_be_ready, followed in _waits(manifest):
                if not followed:
                    continue
                by = self.sets[target].made if target in self.sets else self._by(target)
                if by is not None and not must_be_ready:
                    follow(by.set, by.step)
                elif must_be_ready and target in self.sets:
                    waited = [made for made, by in self._made.get(target, ()) if by.waited]
                    yield from waited
                    follow(target, 0)
                elif (must_be_ready and self._is_there(target)) or (
                    not self._is_there(target) and self.makers.of(target) is None
                ):
                    yield target


def _waits(manifest: Manifest) -> Iterator[_Wait]:
    """What a ResourceSet depends on.

    A ``readyExpr`` counts as Ready, whatever it says: the usual ones ask for that, or for what is so from the first Ready on
    (``status.observedGeneration >= 0``: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go
    finalizeStatus).
    """
    for dependency in mappings(manifest.spec, "dependsOn"):
        group, kind = str(dependency.get("apiVersion") or "").rpartition("/")[0], str(dependency.get("kind") or "")
        target = ObjectId(kind, str(dependency.get("namespace") or ""), str(dependency.get("name") or ""))
        yield _Wait(target, dependency.get("ready") is True, (group, kind) in _FOLLOWED)

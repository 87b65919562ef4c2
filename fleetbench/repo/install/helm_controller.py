"""Whether the Flux that a repository installs has helm-controller, without which nobody reconciles a HelmRelease.

Source: fluxcd/flux2 v2.9.4 pkg/manifestgen/install/options.go (``--components`` names what is deployed, each with its CRDs:
manifests/bases); flux-operator v0.58.1 internal/builder/templates.go kustomizationTmpl (of ``spec.components`` one file each).
"""

from __future__ import annotations

from typing import NamedTuple

from fleetbench.ids import CRD, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.repo.install.controllers import run_by
from fleetbench.repo.install.instance import flux_charts, instance_spec
from fleetbench.repo.install.own_manifests import is_base_of_flux, is_of_flux_alone
from fleetbench.repo.install.source_watcher import components
from fleetbench.repo.kinds import HELM_GROUP, KUSTOMIZE_GROUP
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import is_helmrelease

_NAME = "helm-controller"
_THE_OTHERS = frozenset({"kustomize-controller", "source-controller"})
"""Who installs both by his own Deployments installs all that there is of Flux."""


class HelmController(NamedTuple):
    """What the repository says of it."""

    missing: bool
    """It is surely not installed."""
    without_crd: bool
    """Nor is the CRD of a HelmRelease, so that what applies one fails."""


def helm_controller(walk: Walk, root: ObjectId) -> HelmController:
    """What a repository says of it; where it does not state the whole set of controllers, it counts as there.

    Args:
        walk: what was found.
        root: the root, whose build holds the controllers of ``flux bootstrap``.
    """
    listed = [of_instance or frozenset({_NAME}) for of_instance in components(walk)]
    own = {name for node, m in walk.installed() if node.id == root for name, _ in run_by(m)}
    stated = bool(listed) or own.issuperset(_THE_OTHERS)
    there = any(_NAME in of_instance for of_instance in listed) or any(_may_run(m) for _, m in walk.installed())
    if not stated or there or _charts(walk) or _may_come_from_elsewhere(walk, root):
        return HelmController(missing=False, without_crd=False)
    crds = {(m.spec.get("group"), mapping(m.spec, "names").get("kind")) for _, m in walk.installed() if m.kind == CRD}
    all_stated = bool(listed) or (KUSTOMIZE_GROUP, KUSTOMIZATION) in crds
    return HelmController(missing=True, without_crd=all_stated and (HELM_GROUP, HELM_RELEASE) not in crds)


def _charts(walk: Walk) -> bool:
    """Whether a chart installs Flux: what it makes is not all known, and a helm-controller has to be there for it."""
    return bool(flux_charts(walk)) or any(
        is_helmrelease(m) and instance_spec(node, m, walk) for node, m in walk.installed()
    )


def _may_run(manifest: Manifest) -> bool:
    """Whether an object may run it, under whatever name: a copy of its image is often called otherwise."""
    images = [str(c.get("image")) for c in mappings(manifest.spec, "template", "spec", "containers")]
    return bool(images) and any(_NAME in text for text in (manifest.name, *images))


def _may_come_from_elsewhere(walk: Walk, root: ObjectId) -> bool:
    """Whether manifests that are not here may hold it: Flux's own, or any that the root's build takes in."""
    for node in walk.appliers():
        bases = node.build.bases if node.build else ()
        if any(node.id == root or is_base_of_flux(base.text) for base in bases):
            return True
        if node.not_expanded is not None and (node.id == root or is_of_flux_alone(node, walk)):
            return True
    return False

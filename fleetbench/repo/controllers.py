"""The three controllers: which of them a Kustomize patch is for, and what their pods say beside arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM
from fleetbench.repo.label_selector import meets, selector
from fleetbench.repo.manifest import CONTROLLERS, mapping, mappings
from fleetbench.repo.shaping import selects

HELM_VALUES = {
    "kustomizeController": "kustomize-controller",
    "helmController": "helm-controller",
    "sourceController": "source-controller",
}
"""fluxcd-community flux2 chart: values.<controller>.container.additionalArgs."""
_COMPONENT = "app.kubernetes.io/component"
_LABELS = {"app.kubernetes.io/part-of": "flux", "control-plane": "controller"}
"""What each controller's Deployment carries beside its component."""
INSTALL_LABELS = frozenset({"app.kubernetes.io/instance", "app.kubernetes.io/version"})
"""Labels that ``flux install`` writes too, with a namespace and a version; flux-operator adds them after every patch."""


def patched_by(target: Mapping[str, Any], body: Any, undecided: Collection[str] = ()) -> list[str]:
    """The controllers whose Deployment a patch changes.

    Source: controlplaneio-fluxcd/flux-operator v0.58.1 config/data/flux (the labels; there are no annotations);
    kustomize api v0.21.1 internal/builtins/PatchTransformer.go (with a target, the patch's own name says nothing),
    api/resmap/reswrangler.go Select. A selector that cannot be read fails the build, so that nothing is patched.

    Args:
        target: the patch's ``target``; empty where it has none.
        body: the patch itself; a strategic merge without a target names its object.
        undecided: labels of which it is not known whether they are there: what a selector asks of them counts as met.
    """
    if not target:
        named = mapping(body, "metadata").get("name") if isinstance(body, Mapping) else None
        return [c for c in CONTROLLERS if c == named and body.get("kind") in (None, "Deployment")]
    if not selects(str(target.get("kind") or ""), "Deployment"):
        return []
    name, labels = str(target.get("name") or ""), selector(str(target.get("labelSelector") or ""))
    if labels is None or not meets(str(target.get("annotationSelector") or ""), {}):
        return []
    asked = [term for term in labels if term.key not in undecided]
    return [c for c in CONTROLLERS if selects(name, c) and all(term.holds(_LABELS | {_COMPONENT: c}) for term in asked)]


def pod_settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments: its CPU limit, and where its temporary folder is."""
    for container in mappings(pod, "containers"):
        limit = mapping(container, "resources", "limits").get("cpu")
        if limit is not None:
            yield CPU_LIMIT, str(limit)
    for volume in mappings(pod, "volumes"):
        medium = mapping(volume, "emptyDir").get("medium")
        if volume.get("name") == "temp" and medium:
            yield TEMP_MEDIUM, str(medium)

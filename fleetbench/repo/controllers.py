"""The three controllers, and which of them a Kustomize patch is for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fleetbench.repo.label_selector import meets, selector
from fleetbench.repo.manifest import CONTROLLERS, mapping
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

"""The three controllers, and which of them a Kustomize patch is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fleetbench.repo.manifest import CONTROLLERS, mapping

HELM_VALUES = {
    "kustomizeController": "kustomize-controller",
    "helmController": "helm-controller",
    "sourceController": "source-controller",
}
"""fluxcd-community flux2 chart: values.<controller>.container.additionalArgs."""


def patched_by(target: Mapping[str, Any], body: Any) -> list[str]:
    """The controllers whose Deployment a patch changes.

    Args:
        target: the patch's ``target``; empty where it has none.
        body: the patch itself; a strategic merge may name its object.
    """
    if target.get("kind") not in (None, "", "Deployment"):
        return []
    named = mapping(body, "metadata").get("name") if isinstance(body, Mapping) else ""
    name = str(target.get("name") or named or "")
    return [c for c in CONTROLLERS if target.get("labelSelector") or _selects(name, c, bool(target))]


def _selects(name: str, controller: str, targeted: bool) -> bool:
    if not name:
        return targeted
    try:
        return re.fullmatch(name, controller) is not None
    except re.error:
        return name == controller

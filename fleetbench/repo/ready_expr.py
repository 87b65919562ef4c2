"""``readyExpr``: what can be said of one without evaluating CEL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetbench.graph.objects import Dependency
from fleetbench.ids import ObjectId
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Walk

_READ = re.compile(
    r"\b(self|dep)\.metadata\.(labels|annotations)(?:\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]|\.([A-Za-z_]\w*))"
)
_MAY_GO_ON = re.compile(r"\|\||\?|!\s*\(|\bhas\s*\(|\bin\b|\bfalse\b|\btrue\b|\borValue\b")
"""What lets an expression be true, or be anything but an error, although a part of it cannot be evaluated."""
_MACRO = re.compile(r"\.(?:all|exists|exists_one|existsOne|map|filter|transform\w*)\(")
_SET_IN_THE_CLUSTER = re.compile(r"(?:^|\.)(?:fluxcd\.io|kubernetes\.io|k8s\.io)/")
_APP = "app.kubernetes.io/"
"""Labels of this prefix are people's own."""


def with_verdicts(walk: Walk, id: ObjectId, depends_on: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
    """The dependencies of an object, those told whose expression can never be true."""
    if not any(d.ready_expr for d in depends_on):
        return depends_on
    return tuple(replace(d, never=_never(walk, id, d)) for d in depends_on)


def _never(walk: Walk, id: ObjectId, dependency: Dependency) -> str | None:
    target = dependency.target
    known = target in walk.nodes or target in walk.releases
    if dependency.ready_expr is None or not known:
        return None
    return unset_metadata(dependency.ready_expr, {"self": walk.first(id)[0], "dep": walk.first(target)[0]})


def unset_metadata(expr: str, of: Mapping[str, Manifest]) -> str | None:
    """The label or annotation that a ``readyExpr`` must read and that no manifest sets, as it names it; None = none.

    CEL fails with "no such key" then, which the controller takes for a dependency that is not ready (kustomize-controller
    v1.9.4 internal/controller/kustomization_controller.go evalReadyExpr, checkDependencies; helm-controller v1.6.3
    internal/controller/helmrelease_controller.go). Expressions that may be true all the same are let pass, as are keys
    that Flux and Kubernetes set themselves, and what no file defines.

    Args:
        expr: the expression.
        of: ``self`` and ``dep`` -> the object.
    """
    text = _without_macros(expr)
    if _MAY_GO_ON.search(re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)):
        return None
    for match in _READ.finditer(text):
        whose, place, *keys = match.groups()
        key = next(k for k in keys if k is not None)
        manifest = of[whose]
        ours = key.startswith(_APP) or not _SET_IN_THE_CLUSTER.search(key)
        if manifest.file is not None and ours and key not in _metadata(manifest, place):
            return match[0]
    return None


def _metadata(manifest: Manifest, place: str) -> Mapping[str, Any]:
    return mapping(manifest.metadata, place)


def _without_macros(expr: str) -> str:
    """The expression less what macros do with each element: of an empty list that is never evaluated."""
    parts, at = [], 0
    while (match := _MACRO.search(expr, at)) is not None:
        parts.append(expr[at : match.start()])
        depth, at = 1, match.end()
        while at < len(expr) and depth:
            depth += {"(": 1, ")": -1}.get(expr[at], 0)
            at += 1
    return "".join([*parts, expr[at:]])

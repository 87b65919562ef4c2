"""What several Kustomizations apply: each takes it from the others, and prune by one of them may delete it for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from fleetbench.errors import place
from fleetbench.findings import DUPLICATE_OBJECT, Finding, Shared
from fleetbench.ids import ObjectId, some
from fleetbench.repo.kinds import FLUX_GROUPS
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Walk

MANY_PAIRS = 4
"""Kustomizations that each apply what one other does, from which on they are one cause and not one each."""


def applied_twice(walk: Walk, never: Collection[ObjectId]) -> Iterator[Finding]:
    """What several Kustomizations apply, as far as they ever do.

    Args:
        walk: what was found.
        never: Kustomizations that errors keep from applying anything: once those are mended there is more to say.
    """
    for id, others in walk.again.items():
        first, by = walk.first(id)
        doing = [(manifest, parent) for manifest, parent in others if parent not in never]
        if doing and by not in never:
            yield _duplicate(id, first, by, doing)
    yield from _contended(walk, never)


def _duplicate(id: ObjectId, first: Manifest, by: ObjectId | None, others: list[tuple[Manifest, ObjectId]]) -> Finding:
    shown = some([parent.key for _, parent in others], 5)
    at_first = place(first.file, first.line)
    where = f" ({at_first})" if at_first else ""
    differ = any(manifest.spec != first.spec for manifest, _ in others)
    effect = (
        "with another spec: each overwrites the other's"
        if differ
        else "with the same spec: pruning one removes it for all"
    )
    at = next((m for m, _ in others if m.file is not None), first)
    return Finding(
        DUPLICATE_OBJECT,
        f"is applied by {'the root' if by is None else by.key}{where} and again by {shown}, {effect}",
        "define it in one place",
        id,
        at.file,
        at.line,
    )


def _contended(walk: Walk, never: Collection[ObjectId]) -> Iterator[Finding]:
    """What is no object of Flux and several Kustomizations apply: each in turn becomes its owner.

    Source: fluxcd/pkg ssa v0.76.1 manager.go SetOwnerLabels (the labels of the last one that applied it; all apply as
    the same field manager, so fields that one lacks go), manager_delete.go Delete (only what bears the pruning one's
    labels goes); kustomize-controller v1.9.4 kustomization_controller.go apply (``ssa: IfNotPresent`` leaves it alone).
    """
    appliers: dict[tuple[str, ObjectId], dict[ObjectId, Manifest]] = {}
    for node, manifest in walk.manifests():
        idle = node.id in never or node.spec.get("suspend") is True
        if idle or manifest.group in FLUX_GROUPS or manifest.is_only_created:
            continue
        key = manifest.group, manifest.id_in(node.id.namespace)
        appliers.setdefault(key, {}).setdefault(node.id, manifest)
    several = {key: found for key, found in appliers.items() if len(found) > 1}
    pairs = Counter(first for first, *_ in {tuple(found) for found in several.values()})
    for (_, id), found in several.items():
        (first, manifest), *others = found.items()
        differ = any(_content(other) != _content(manifest) for _, other in others)
        effect = (
            "with other content: each overwrites the other's at every reconcile"
            if differ
            else "each of which takes it from the others at every reconcile; prune by its last owner deletes it for all"
        )
        by = f"applied by {first.key} and again by {some([other.key for other, _ in others], 5)}, {effect}"
        fix = "apply it from one Kustomization, on which the others depend"
        many = pairs[first] >= MANY_PAIRS
        alike = f"applied by {first.key} and again by another Kustomization each, {effect}" if many else by
        shared = Shared(f"are {alike}", "apply them from one Kustomization, on which the others depend")
        yield Finding(DUPLICATE_OBJECT, f"is {by}", fix, id, manifest.file, manifest.line, shared)


def _content(manifest: Manifest) -> dict[str, Any]:
    """What an apply would write; what is encrypted reads otherwise each time, and decryption takes the rest of SOPS away."""
    left_out = ("metadata", "status", "sops")
    return {name: value for name, value in manifest.body.items() if name not in left_out}

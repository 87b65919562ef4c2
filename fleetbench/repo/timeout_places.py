"""Timeouts that do not stand in an object's own file: the Kustomization whose patch sets them."""

from __future__ import annotations

from fleetbench.ids import ObjectId
from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import decode, documents
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.nodes import Walk

_FIELD = "timeout"


def timeout_from(walk: Walk, tree: Tree, manifest: Manifest, parent: ObjectId | None) -> ObjectId | None:
    """The Kustomization that patches ``spec.timeout`` into an object; None = its own file states it, or nobody does.

    It is the nearest above whose own file speaks of a timeout and whose ``spec.patches`` do (a patch may itself be patched
    in), else the one whose build holds the object.
    """
    if parent is None or manifest.spec.get(_FIELD) is None or _states(tree, manifest) is not False:
        return None
    node = walk.nodes.get(parent)
    while node is not None:
        patches = any(_FIELD in str(patch.get("patch")) for patch in mappings(node.spec, "patches"))
        if patches and _FIELD in _text(tree, node.manifest.file):
            return node.id
        node = None if node.parent is None else walk.nodes.get(node.parent)
    return parent


def _states(tree: Tree, manifest: Manifest) -> bool | None:
    """Whether the object's own document states a timeout; None = that cannot be told."""
    text = _text(tree, manifest.file)
    if not text or manifest.line is None:
        return None
    if _FIELD not in text:
        return False
    try:
        bodies = [body for line, body in documents(text, str(manifest.file)) if line == manifest.line]
    except Unreadable:
        return None
    return mapping(bodies[0], "spec").get(_FIELD) is not None if bodies and isinstance(bodies[0], dict) else None


def _text(tree: Tree, file: str | None) -> str:
    if file is None or not tree.is_file(file):
        return ""
    try:
        return decode(tree.read(file), file)
    except Unreadable:
        return ""

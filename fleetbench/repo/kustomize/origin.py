"""Where a rendered object is defined: the file and line among those that its build read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import decode
from fleetbench.repo.kustomize.inputs import Inputs
from fleetbench.repo.kustomize.shaping import shapers
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping

_PLACED = ("toolkit.fluxcd.io", "fluxcd.controlplane.io", "extensions.fluxcd.io")
"""API groups whose objects get a line; of others nobody asks, but for Flux's own Deployments."""


class Origins:
    """An index of the Flux objects, and of the Deployments of Flux itself, in a build's files."""

    def __init__(self, tree: Tree, inputs: Inputs):
        self._found: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
        patches = {shaper.file for shaper in shapers(tree, inputs)} - {tree.name(path) for path in inputs.resources}
        for path in dict.fromkeys([*inputs.resources, *inputs.files]):
            if path.endswith((".yaml", ".yml", ".json")) and tree.name(path) not in patches:
                for kind, name, namespace, line in flux_objects(tree, path):
                    self._found.setdefault((kind, name), []).append((namespace, tree.name(path), line))
        self._affixes = [
            (str(k.get("namePrefix") or ""), str(k.get("nameSuffix") or "")) for k in inputs.kustomizations.values()
        ]

    def place(self, body: Mapping[str, Any]) -> Manifest:
        """The object with its file and line, where they are known."""
        kind, metadata = str(body.get("kind")), mapping(body, "metadata")
        name, namespace = str(metadata.get("name")), str(metadata.get("namespace") or "")
        if not _is_placed(str(body.get("apiVersion") or ""), kind, name):
            return Manifest(body)
        candidates = self._found.get((kind, name), [])
        for prefix, suffix in self._affixes:
            if candidates:
                break
            if (prefix or suffix) and name.startswith(prefix) and name.endswith(suffix):
                candidates = self._found.get((kind, name[len(prefix) : len(name) - len(suffix)]), [])
        exact = [c for c in candidates if c[0] == namespace] or candidates
        return Manifest(body, exact[0][1], exact[0][2]) if exact else Manifest(body)


def _is_placed(api_version: str, kind: str, name: str) -> bool:
    return api_version.rpartition("/")[0].endswith(_PLACED) or (kind == "Deployment" and name in CONTROLLERS)


def flux_objects(tree: Tree, path: str) -> list[tuple[str, str, str, int]]:
    """Kind, name, namespace and line of the objects in a file that :class:`Origins` places; patches do not count."""
    key = "flux:" + path
    found: list[tuple[str, str, str, int]] | None = tree.memo.get(key)
    if found is None:
        found = tree.memo[key] = _scan(tree, path)
    return found


def _scan(tree: Tree, path: str) -> list[tuple[str, str, str, int]]:
    try:
        text = decode(tree.read(path), path)
    except Unreadable:
        return []
    if not any(mark in text for mark in (*_PLACED, *CONTROLLERS)):
        return []
    found = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_node():
            for node in objects_of(loader.get_node()):
                top = scalars_of(node)
                metadata = scalars_of(_child(node, "metadata"))
                kind, name = top.get("kind", ""), metadata.get("name", "")
                if name and "spec" in _keys(node) and _is_placed(top.get("apiVersion", ""), kind, name):
                    found.append((kind, name, metadata.get("namespace", ""), node.start_mark.line + 1))
    except (yaml.YAMLError, RecursionError):
        pass
    finally:
        loader.dispose()
    return found


def objects_of(node: Any) -> list[Any]:
    """The nodes of the objects of a document: itself, or the items of a List."""
    items = _child(node, "items") if scalars_of(node).get("kind", "").endswith("List") else None
    return items.value if isinstance(items, yaml.SequenceNode) else [node]


def _child(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        for k, v in node.value:
            if k.value == key:
                return v
    return None


def _keys(node: Any) -> set[str]:
    return (
        {k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode)}
        if isinstance(node, yaml.MappingNode)
        else set()
    )


def scalars_of(node: Any) -> dict[str, str]:
    """The plain values of a mapping node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        k.value: v.value for k, v in node.value if isinstance(k, yaml.ScalarNode) and isinstance(v, yaml.ScalarNode)
    }

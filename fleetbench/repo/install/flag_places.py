"""Where a controller's flag is written: the file, and the line where it can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml

from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES, Tree, Unreadable, join
from fleetbench.repo.files.yamltext import decode, guard, load
from fleetbench.repo.install.controllers import HELM_VALUES, INSTALL_LABELS, patched_by
from fleetbench.repo.kustomize.origin import scalars_of
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Node

_TO_THE_END = 10**9


class Setting(NamedTuple):
    """A flag of a controller, or what else its Deployment says, as one object sets it."""

    controller: str
    flag: str
    value: str
    size: str | None = None
    """The size of a FluxInstance that stands for it; None = it is written out."""
    shard: str | None = None
    """Which of the controller's Deployments; None = the main one."""


class _Region(NamedTuple):
    """Lines of a file that are about some controllers, or Deployments of theirs."""

    controllers: tuple[str, ...]
    path: str
    first: int
    last: int


def place_of(setting: Setting, node: Node, manifest: Manifest, tree: Tree) -> tuple[str | None, int | None]:
    """File and line where a setting is written, among the files that its build read; else its object's own.

    Of several places the one counts that kustomize applies last: a patch of the outermost kustomization.
    """
    outermost_first = [*reversed(node.build.files if node.build else ()), *filter(None, [node.manifest.file])]
    files = list(dict.fromkeys(outermost_first))
    places = [[(path, line) for path in files for line in _lines(tree, path, p)] for p in _patterns(setting)]
    own_name = [manifest.name] if setting.shard is not None and manifest.kind == "Deployment" else []
    for found, name in ((found, name) for found in places for name in (*own_name, setting.controller)):
        own = _about(name, tree, files, found)
        if own:
            return tree.name(own[0][0]), [line for path, line in own if path == own[0][0]][-1]
    for found in filter(None, places):  # in what is not known to be about it: the line only where there is one
        return tree.name(found[0][0]), found[0][1] if len(found) == 1 else None
    return manifest.file, manifest.line


def line_in(tree: Tree, manifest: Manifest, pattern: str, after: str | None = None) -> int | None:
    """The first line of an object's file that holds a pattern; the object's own document comes before the rest.

    Args:
        tree: the files.
        manifest: the object.
        pattern: what the line holds.
        after: a pattern that stands before it, on the same line or an earlier one.
    """
    if manifest.file is None or manifest.line is None or not tree.is_file(manifest.file):
        return None
    text = _text(tree, manifest.file)
    starts = [m.start() for m in re.finditer("^", text, re.M)]
    own = starts[min(manifest.line, len(starts)) - 1]
    for start in (own, 0):
        if after is not None:
            before = re.compile(after).search(text, start)
            if before is None:
                continue
            start = before.end()
        match = re.compile(pattern, re.M).search(text, start)
        if match is not None:
            return text.count("\n", 0, match.start()) + 1
    return None


def _patterns(setting: Setting) -> Iterator[str]:
    value = rf"""["']?{re.escape(setting.value)}(?![\w.-])"""
    if setting.size is not None:
        yield rf"""size["']?\s*:\s*["']?{re.escape(setting.size)}"""
    elif setting.flag == CPU_LIMIT:
        yield rf"""(?:cpu|value)["']?\s*:\s*{value}"""
        yield r"limits/cpu|cpu\s*:"
    elif setting.flag == TEMP_MEDIUM:
        yield rf"""medium["']?\s*:\s*{value}"""
    else:
        yield rf"--{re.escape(setting.flag)}={re.escape(setting.value)}(?![\w.-])"
        yield rf"--{re.escape(setting.flag)}(?![\w-])"


def _lines(tree: Tree, path: str, pattern: str) -> list[int]:
    text = _text(tree, path)
    return [text.count("\n", 0, match.start()) + 1 for match in re.finditer(pattern, text)]


def _text(tree: Tree, path: str) -> str:
    try:
        return decode(tree.read(path), path)
    except Unreadable:
        return ""


def _about(controller: str, tree: Tree, files: Iterable[str], found: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those of some places that are about a controller."""
    looked_at = {path for path, _ in found}
    looked_at |= {path for path in files if path.rpartition("/")[2] in KUSTOMIZATION_FILES}
    regions = [r for path in looked_at if found for r in _regions(tree, path) if controller in r.controllers]
    return [at for at in found if any(r.path == at[0] and r.first <= at[1] <= r.last for r in regions)]


def _regions(tree: Tree, path: str) -> list[_Region]:
    key = "controllers:" + path
    found: list[_Region] | None = tree.memo.get(key)
    if found is None:
        found = tree.memo[key] = list(_scan(_text(tree, path), path))
    return found


def _scan(text: str, path: str) -> Iterator[_Region]:
    try:
        guard(text, path)
        for document in yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            yield from _walk(document, path)
    except (yaml.YAMLError, Unreadable):
        return


def _walk(node: Any, path: str) -> Iterator[_Region]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    children = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    name = scalars_of(children.get("metadata")).get("name", "")
    scalars = scalars_of(node)
    if scalars.get("kind") == "Deployment":
        yield _region((name,), path, node)
    elif "patch" in scalars or ("path" in scalars and "target" in children):
        yield from _patch(scalars, scalars_of(children.get("target")), path, node)
    for key, child in children.items():
        if key in HELM_VALUES:
            yield _region((HELM_VALUES[key],), path, child)
        yield from _walk(child, path)


def _patch(scalars: dict[str, str], target: dict[str, str], path: str, node: Any) -> Iterator[_Region]:
    """A patch that stands there itself, or the file that it names."""
    try:
        controllers = tuple(patched_by(target, load(scalars.get("patch", ""), path), INSTALL_LABELS))
        yield _region(controllers, path, node)
        if scalars.get("path"):
            yield _Region(controllers, join(path.rpartition("/")[0], scalars["path"]), 1, _TO_THE_END)
    except Unreadable:
        return


def _region(controllers: tuple[str, ...], path: str, node: Any) -> _Region:
    # A block ends where the next token starts, a flow mapping at its own bracket.
    last = node.end_mark.line + (1 if node.flow_style else 0)
    return _Region(controllers, path, node.start_mark.line + 1, last)

"""A look at a repository's YAML files, whether anything applies them or not: their names, and how each begins."""

from __future__ import annotations

from itertools import islice
from typing import Any

from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import documents, encoding_of

_READ_BYTES = 256 * 2**10
_MAX_FILES = 20_000


def beginning_of(tree: Tree, path: str) -> str:
    """The beginning of a file; empty where it cannot be read."""
    try:
        with tree.files[path].open("rb") as handle:
            content = handle.read(_READ_BYTES)
            return content.decode(encoding_of(content), errors="replace")
    except OSError:
        return ""


def bodies_of(text: str, file: str) -> list[tuple[int, dict[str, Any]]]:
    """The documents of a file that hold an object, each with its line; none where it is no YAML."""
    try:
        return [(line, body) for line, body in documents(text, file) if isinstance(body, dict)]
    except Unreadable:
        return []


def yaml_files(tree: Tree) -> list[str]:
    """The YAML files of a repository, sorted, but for what is hidden or vendored; at most :data:`_MAX_FILES`."""
    found = (
        path
        for path in sorted(tree.files)
        if path.endswith((".yaml", ".yml"))
        and not any(p.startswith(".") or p == "node_modules" for p in path.split("/"))
    )
    return list(islice(found, _MAX_FILES))

"""What a kustomization, and a configuration of one of kustomize's plugins, names: files, directories and addresses.

A build runs without kustomize's load restrictor, as Flux's does, so what is not found here is read from wherever it lies.
Where in doubt, a text therefore counts as a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import documents

REMOTE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|git::|gh:|[\w.-]+@[\w.-]+:|github\.com[:/]|bitbucket\.org[:/]|gitlab\.com[:/])|\?(?:ref|version)=|\.git(?:/|\?|$)",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PLUGINS = ("generators", "transformers", "validators")


class Reference(NamedTuple):
    """One path in a kustomization and how to leave it out."""

    field: str
    path: str
    holder: list[Any] | dict[str, Any]
    key: Any
    optional: bool = False
    """Nothing need be there: it may be no path at all."""


_NAMING = (
    "resources", "bases", "components", "crds", "configurations", *PLUGINS, "patchesStrategicMerge", "patches",
    "patchesJson6902", "replacements", "openapi", "configMapGenerator", "secretGenerator",
)  # fmt: skip
"""Fields of a kustomization that name files."""
_NAMING_INSIDE = {
    "patches": ("path",), "patchesJson6902": ("path",), "replacements": ("path",),
    "configMapGenerator": ("files", "envs", "env"), "secretGenerator": ("files", "envs", "env"),
}  # fmt: skip
"""Field -> fields of its items that do."""
_SAME_AS = {
    "bases": "resources", "patchesStrategicMerge": "patches", "patchesJson6902": "patches",
}  # fmt: skip
"""Field -> the field that people know it by."""
_PLUGIN_PATH = frozenset({"path", "env", "valuesfile", "targetfilepath"})
_PLUGIN_PATHS = frozenset({"paths", "envs", "additionalvaluesfiles"})
"""Fields of the builtin plugins' configurations that name a file, and that list some."""


def misspelt(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields in another case: kustomize takes ``Files`` for ``files`` (Go's JSON does), and we would not follow it."""
    openapi = body.get("openapi")
    inside = [(item, keys) for name, keys in _NAMING_INSIDE.items() for item in _list(body, name)]
    for mapping, keys in ((body, _NAMING), (openapi, ("path",)), *inside):
        exact = {_folded(key): key for key in keys}
        for key in mapping if isinstance(mapping, dict) else ():
            if _folded(key) in exact and key not in keys:
                yield str(key), exact[_folded(key)]


def _folded(key: Any) -> str:
    """As Go's JSON compares names of fields: a long s is an s to it."""
    return str(key).casefold()


def _is_written_out(item: str) -> bool:
    """Whether kustomize may take a text for objects; what is none after all it takes for a path."""
    if "\n" in item or item.lstrip().startswith("{"):
        return True
    try:
        return ":" in item and any(isinstance(body, dict | list) for _, body in documents(item, ""))
    except Unreadable:
        return False


def references(body: dict[str, Any]) -> Iterator[Reference]:
    """All paths that a kustomization names."""
    for field in _NAMING[: _NAMING.index("openapi")]:
        plain, listed = _SAME_AS.get(field, field), _list(body, field)
        for i, item in enumerate(listed):
            if isinstance(item, str):
                may_be_text = field in PLUGINS or field == "patchesStrategicMerge"
                yield Reference(plain, item, listed, i, may_be_text and _is_written_out(item))
            elif isinstance(item, dict) and isinstance(item.get("path"), str) and item["path"]:
                yield Reference(plain, item["path"], listed, i)
    openapi = body.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield Reference("openapi", openapi["path"], body, "openapi")
    for field in ("configMapGenerator", "secretGenerator"):
        for generator in _list(body, field):
            if isinstance(generator, dict):
                yield from _generator_references(generator)


def _generator_references(generator: dict[str, Any]) -> Iterator[Reference]:
    for key in ("files", "envs"):
        listed = _list(generator, key)
        for i, item in enumerate(listed):
            if isinstance(item, str):
                yield Reference("files", item.rpartition("=")[2] if key == "files" else item, listed, i)
    if isinstance(generator.get("env"), str):
        yield Reference("files", generator["env"], generator, "env")


def _list(body: dict[str, Any], field_name: str) -> list[Any]:
    value = body.get(field_name)
    return value if isinstance(value, list) else []


def plugin_paths(body: Any) -> Iterator[str]:
    """All that may be a path in a plugin's configuration."""
    if isinstance(body, dict):
        for key, value in body.items():
            name = _folded(key)
            if name in _PLUGIN_PATH and isinstance(value, str):
                yield value
            elif name in _PLUGIN_PATHS and isinstance(value, list):
                yield from (v for v in value if isinstance(v, str))
            elif name == "files" and isinstance(value, list):
                yield from (v.rpartition("=")[2] for v in value if isinstance(v, str))
            else:
                yield from plugin_paths(value)
    elif isinstance(body, list):
        for value in body:
            yield from plugin_paths(value)

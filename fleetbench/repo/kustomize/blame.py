"""After a failed build: which file, and which line of it, is at fault."""

from __future__ import annotations

import re
from typing import Any

from fleetbench.findings import FILE_UNREADABLE
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES, Tree, Unreadable
from fleetbench.repo.files.yamltext import decode, documents, line_of
from fleetbench.repo.kustomize.inputs import Inputs, Problem

_FILES = re.compile(r"""(?:['"]|File: )([^'"\s]+)""")
_OBJECT = re.compile(r"\bid: (\w+)\.\S*?/(\S+)")
"""A resource as kustomize writes it: ``Deployment.v1.apps/web.default``."""
_FIELD = re.compile(r'unknown field "([^"]+)"')


def named_place(tree: Tree, inputs: Inputs, message: str) -> tuple[str, int | None] | None:
    """The file of the build that kustomize's message names, and the line of the object or field it speaks of."""
    names = [match[1] for match in _FILES.finditer(message)]
    path = next((found for name in names if (found := _file(inputs, name)) is not None), None)
    field = _FIELD.search(message)
    if path is None and field is not None:
        path = tree.kustomization_file(inputs.directory)
    return None if path is None else (tree.name(path), _line(tree, path, message))


def _file(inputs: Inputs, name: str) -> str | None:
    """The file of that name; kustomize names one relative to the folder that lists it."""
    same = [path for path in inputs.files if path == name or path.endswith("/" + name.removeprefix("./"))]
    return same[0] if len(same) == 1 else None


def _line(tree: Tree, path: str, message: str) -> int | None:
    try:
        text = decode(tree.read(path), path)
        parsed = documents(text, path)
    except Unreadable:
        return None
    field, object = _FIELD.search(message), _OBJECT.search(message)
    if path.rpartition("/")[2] in KUSTOMIZATION_FILES:
        return None if field is None else line_of(text, field[1])
    if object is None:
        return None
    return next((line for line, body in parsed if _is(body, object[1], object[2])), None)


def _is(body: Any, kind: str, name: str) -> bool:
    metadata = body.get("metadata") if isinstance(body, dict) and body.get("kind") == kind else None
    return isinstance(metadata, dict) and name.startswith(f"{metadata.get('name')}.")


def bad_files(tree: Tree, inputs: Inputs) -> list[Problem]:
    """After a failed build: which of its YAML files are themselves at fault."""
    found = []
    for path in [*inputs.resources, *(p for p in inputs.files if p not in inputs.resources)]:
        if not path.endswith((".yaml", ".yml")):
            continue
        try:
            parsed = documents(decode(inputs.files[path], tree.name(path)), tree.name(path))
        except Unreadable as error:
            found.append(Problem(error.path, error.line, error.reason, FILE_UNREADABLE))
            continue
        if path in inputs.resources:
            for line, body in parsed:
                wrong = _not_an_object(body)
                if wrong:
                    found.append(Problem(tree.name(path), line, wrong, FILE_UNREADABLE))
    return found


def _not_an_object(body: Any) -> str | None:
    if body is None:
        return None
    if not isinstance(body, dict):
        return f"got a {type(body).__name__}, wanted a Kubernetes object"
    for key in ("apiVersion", "kind"):
        if not isinstance(body.get(key), str):
            got = "nothing" if body.get(key) is None else repr(body[key])
            return f"{key}: got {got}, wanted text: a Kubernetes object needs it"
    if str(body["kind"]).endswith("List"):
        return None
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "metadata.name: got nothing, wanted text: a Kubernetes object needs it"
    return None

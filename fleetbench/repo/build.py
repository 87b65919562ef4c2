"""Build a path of the repository: kustomize's output as manifests, each with its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.findings import FILE_UNREADABLE
from fleetbench.repo.cache import BuildCache, content_key
from fleetbench.repo.inputs import Inputs, Problem, collect
from fleetbench.repo.manifest import Manifest, crd_header
from fleetbench.repo.origin import Origins
from fleetbench.repo.plain import plain_build
from fleetbench.repo.program import BuildFailed, Program
from fleetbench.repo.tree import Tree, Unreadable
from fleetbench.repo.yamltext import decode, documents

BUILD_FIELDS = ["targetNamespace", "namePrefix", "nameSuffix", "patches", "components", "ignoreMissingComponents", "patchesStrategicMerge", "patchesJson6902", "images", "buildMetadata"]
"""Fields of a Flux Kustomization's spec that change what kustomize builds."""


@dataclass(frozen=True)
class Build:
    """The outcome of one build."""

    manifests: tuple[Manifest, ...] = ()
    remote: tuple[Problem, ...] = ()
    """Remote bases that were left out."""
    problems: tuple[Problem, ...] = ()
    """Bad files, each with its line."""
    files: tuple[str, ...] = ()
    """Paths of the tree that it read."""
    failure: Problem | None = None
    """Why there are no manifests; None = it built."""


@dataclass
class Builder:
    """Builds paths of trees; the same build is run once, in this run and, with a cache, in later ones."""

    program: Program
    cache: BuildCache | None
    ran: int = 0
    """How many times the program was started."""
    _known: dict[str, Build] = field(default_factory=dict)
    _asked: dict[tuple[int, str, str], Build] = field(default_factory=dict)

    def build(self, tree: Tree, directory: str, spec: Mapping[str, Any]) -> Build:
        """Build a directory with a Flux Kustomization's spec merged in, as kustomize-controller does."""
        asked = (id(tree), directory, json.dumps({k: spec[k] for k in BUILD_FIELDS if k in spec}, sort_keys=True, default=str))
        build = self._asked.get(asked)
        if build is None:
            build = self._asked[asked] = self._collected(tree, directory, spec)
        return build

    def _collected(self, tree: Tree, directory: str, spec: Mapping[str, Any]) -> Build:
        inputs = collect(tree, directory, spec)
        file = tree.kustomization_file(directory)
        where = tree.name(file) if file else directory or "."
        if inputs.problems:
            first = inputs.problems[0]
            return Build((), tuple(inputs.remote), tuple(inputs.problems), failure=first)
        key = content_key(inputs, self.program.version)
        build = self._known.get(key)
        if build is None:
            build = self._known[key] = self._build(tree, inputs, key, where)
        return build

    def _build(self, tree: Tree, inputs: Inputs, key: str, where: str) -> Build:
        plain = plain_build(tree, inputs)
        if plain is not None:
            return Build(tuple(plain), tuple(inputs.remote), files=tuple(inputs.files))
        bodies = self.cache.get(key) if self.cache else None
        if bodies is None:
            try:
                self.ran += 1
                bodies = _bodies(self.program.run(inputs), where)
            except BuildFailed as error:
                problems = tuple(_bad_files(tree, inputs))
                return Build((), tuple(inputs.remote), problems, failure=Problem(where, None, str(error)))
            except Unreadable as error:
                return Build((), tuple(inputs.remote), failure=Problem(where, None, error.reason))
            if self.cache:
                self.cache.put(key, bodies)
        origins = Origins(tree, inputs)
        manifests = tuple(origins.place(body) for body in bodies)
        return Build(manifests, tuple(inputs.remote), files=tuple(inputs.files))


def _bodies(output: str, where: str) -> list[dict[str, Any]]:
    """Parse kustomize's output, lists taken apart."""
    found: list[dict[str, Any]] = []
    for text in re.split(r"^---\n", output, flags=re.M):
        header = crd_header("\n" + text)
        if header is not None:
            found.append(header)
            continue
        for _, body in documents(text, where):
            if isinstance(body, dict):
                items = body.get("items")
                if str(body.get("kind", "")).endswith("List") and isinstance(items, list):
                    found += [item for item in items if isinstance(item, dict)]
                else:
                    found.append(body)
    return found


def _bad_files(tree: Tree, inputs: Inputs) -> list[Problem]:
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
            return f"{key}: got {body.get(key)!r}, wanted text: a Kubernetes object needs it"
    if str(body["kind"]).endswith("List"):
        return None
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "metadata.name: got nothing, wanted text: a Kubernetes object needs it"
    return None

"""Every file a kustomize build can read, found before it runs.

They make the build's cache key, and the folder in which it runs: kustomize sees these files and nothing else, so it can
neither leave the repository nor load anything from a network.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fleetbench.findings import BUILD_FAILED, FILE_UNREADABLE
from fleetbench.repo.merge import merged, read_kustomization
from fleetbench.repo.tree import Escapes, Tree, Unreadable, join
from fleetbench.repo.yamltext import decode, documents, dump, guard, line_of

_REMOTE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|git::|gh:|[\w.-]+@[\w.-]+:|github\.com[:/]|bitbucket\.org[:/]|gitlab\.com[:/])|\?(?:ref|version)=|\.git(?:/|\?|$)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_YAML = (".yaml", ".yml", ".json")


class Problem(NamedTuple):
    """Something in a build's files: where, and what is wrong with it."""

    file: str
    line: int | None
    text: str
    code: str = BUILD_FAILED
    """The finding it becomes."""


@dataclass
class Inputs:
    """The files of one build."""

    directory: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> content, kustomization files as Flux and we rewrite them."""
    kustomizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Directory -> its kustomization."""
    resources: list[str] = field(default_factory=list)
    """The files listed as resources, in order."""
    remote: list[Problem] = field(default_factory=list)
    """Remote bases and files that were dropped."""
    repeated: bool = False
    """A directory is used twice: whether its objects clash is for kustomize to say."""
    problems: list[Problem] = field(default_factory=list)
    """What makes the build fail before it runs: missing, escaping or unreadable files."""


class _NoKustomization(Unreadable):
    """A directory that is no kustomization."""


class _Reference(NamedTuple):
    """One path in a kustomization and how to leave it out."""

    field: str
    path: str
    holder: list[Any] | dict[str, Any]
    key: Any


def collect(tree: Tree, directory: str, spec: Mapping[str, Any]) -> Inputs:
    """Find the files of the build of a directory with a Flux Kustomization's spec merged in."""
    inputs = Inputs(directory)
    file = tree.kustomization_file(directory)
    try:
        body = merged(tree, directory, spec)
    except Unreadable as error:
        inputs.problems.append(Problem(error.path, error.line, error.reason, FILE_UNREADABLE))
        return inputs
    _Collector(tree, inputs).kustomization(
        directory, file or join(directory, "kustomization.yaml"), body, rewritten=True
    )
    return inputs


class _Collector:
    def __init__(self, tree: Tree, inputs: Inputs):
        self.tree, self.inputs = tree, inputs

    def kustomization(self, directory: str, file: str, body: dict[str, Any], rewritten: bool) -> None:
        self.inputs.kustomizations[directory] = body
        body = copy.deepcopy(body)
        dropped: list[_Reference] = []
        text = ""
        if self.tree.is_file(file):
            text = decode(self.tree.read(file), self.tree.name(file))
        for wrong, right in _misspelt(body):
            self._problem(
                file, line_of(text, wrong), f"{wrong}: wanted {right}, as kustomize's documentation writes it"
            )
        for config in _inline_plugins(body):
            self._plugin(file, config.encode(), directory)
        for reference in list(_references(body)):
            if self._remote(reference, directory):
                line = line_of(text, reference.path)
                self.inputs.remote.append(Problem(self.tree.name(file), line, reference.path))
                dropped.append(reference)
            else:
                self._follow(reference, directory, file, text)
        for reference in reversed(dropped):
            del reference.holder[reference.key]
        if dropped:
            self.inputs.kustomizations[directory] = body
        if rewritten or dropped:
            self.inputs.files[file] = dump(body or {"resources": []}).encode()
        else:
            self.inputs.files[file] = self.tree.read(file)

    def _remote(self, reference: _Reference, directory: str) -> bool:
        if not _REMOTE.search(reference.path):
            return False
        if _ADDRESS.match(reference.path):
            return True  # kustomize asks the network first, even where a file has that very name
        try:
            path = join(directory, reference.path)
        except Escapes:
            return True
        return not (self.tree.is_file(path) or self.tree.is_directory(path))

    def _follow(self, reference: _Reference, directory: str, file: str, text: str) -> None:
        try:
            path = join(directory, reference.path)
            if self.tree.is_file(path):
                self._file(reference, path, directory)
            elif reference.field in _PLUGINS and self.tree.is_directory(path):
                # What such a directory builds names files in turn, and only kustomize would see which.
                raise Unreadable(file, f"{reference.field}: got the directory {reference.path}, wanted a file")
            elif reference.field in _MAY_BE_DIRECTORY and self.tree.is_directory(path):
                self._directory(reference, path)
            elif reference.field == "optional":
                return
            else:
                among = None if reference.field == "components" else [*self.tree.files]
                hint = self.tree.like(path, among) if len(self.tree.files) < 20_000 else ""
                raise Unreadable(file, f"{reference.field}: {reference.path} {self.tree.why_missing(path)}{hint}")
        except Escapes as error:
            said = "" if reference.field == "optional" else f"{reference.field}: "
            self._problem(file, line_of(text, reference.path), f"{said}{error.path} {error.reason}")
        except Unreadable as error:
            if error.path == file or isinstance(error, _NoKustomization):
                self._problem(file, line_of(text, reference.path), error.reason)
            else:
                self._problem(error.path, error.line, error.reason, FILE_UNREADABLE)

    def _problem(self, file: str, line: int | None, text: str, code: str = BUILD_FAILED) -> None:
        problem = Problem(self.tree.name(file), line, text, code)
        if problem not in self.inputs.problems:
            self.inputs.problems.append(problem)

    def _file(self, reference: _Reference, path: str, directory: str) -> None:
        content = self.tree.read(path)
        self.inputs.files.setdefault(path, content)
        if reference.field == "resources":
            self.inputs.resources.append(path)
        if path.endswith(_YAML) and reference.field != "files":
            guard(decode(content, self.tree.name(path)), self.tree.name(path))
        if reference.field in _PLUGINS:
            self._plugin(path, content, directory)

    def _plugin(self, path: str, content: bytes, directory: str) -> None:
        """Follow the files that a transformer's or generator's own configuration names."""
        try:
            configs = documents(decode(content, self.tree.name(path)), self.tree.name(path))
        except Unreadable as error:
            self._problem(path, error.line, error.reason, FILE_UNREADABLE)
            return
        for _, body in configs:
            for named in _plugin_paths(body):
                if _REMOTE.search(named):
                    self._problem(path, None, f"{named}: names a remote file, and nothing is downloaded")
                else:
                    self._follow(_Reference("optional", named, {}, None), directory, path, "")

    def _directory(self, reference: _Reference, path: str) -> None:
        if path in self.inputs.kustomizations:
            self.inputs.repeated = True
            return
        file = self.tree.kustomization_file(path)
        if file is None:
            raise _NoKustomization(
                path, f"{reference.field}: the directory {reference.path} holds no kustomization.yaml"
            )
        self.kustomization(path, file, read_kustomization(self.tree, file), rewritten=False)


_MAY_BE_DIRECTORY = frozenset({"resources", "components"})
_PLUGINS = ("generators", "transformers", "validators")
_NAMING = (
    "resources", "bases", "components", "crds", "configurations", *_PLUGINS, "patchesStrategicMerge", "patches",
    "patchesJson6902", "replacements", "openapi", "configMapGenerator", "secretGenerator",
)  # fmt: skip
"""Fields of a kustomization that name files."""
_NAMING_INSIDE = {
    "patches": ("path",), "patchesJson6902": ("path",), "replacements": ("path",),
    "configMapGenerator": ("files", "envs", "env"), "secretGenerator": ("files", "envs", "env"),
}  # fmt: skip
"""Field -> fields of its items that do."""


def _misspelt(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields in another case: kustomize takes ``Files`` for ``files`` (Go's JSON does), and we would not follow it."""
    openapi = body.get("openapi")
    inside = [(item, keys) for name, keys in _NAMING_INSIDE.items() for item in _list(body, name)]
    for mapping, keys in ((body, _NAMING), (openapi, ("path",)), *inside):
        exact = {key.lower(): key for key in keys}
        for key in mapping if isinstance(mapping, dict) else ():
            if str(key).lower() in exact and key not in keys:
                yield str(key), exact[str(key).lower()]


def _inline_plugins(body: dict[str, Any]) -> list[str]:
    """The configurations of generators and transformers that are written out in the kustomization itself."""
    return [item for name in _PLUGINS for item in _list(body, name) if isinstance(item, str) and not _is_path(item)]


def _is_path(item: str) -> bool:
    return "\n" not in item and not item.lstrip().startswith("{")


def _references(body: dict[str, Any]) -> Iterator[_Reference]:
    """All paths that a kustomization names."""
    for field_name, plain in (
        ("resources", "resources"),
        ("bases", "resources"),
        ("components", "components"),
        ("crds", "crds"),
        ("configurations", "configurations"),
        ("generators", "generators"),
        ("transformers", "transformers"),
        ("validators", "validators"),
        ("patchesStrategicMerge", "patches"),
        ("patches", "patches"),
        ("patchesJson6902", "patches"),
        ("replacements", "replacements"),
    ):
        listed = _list(body, field_name)
        for i, item in enumerate(listed):
            if isinstance(item, str) and _is_path(item):
                yield _Reference(plain, item, listed, i)
            elif isinstance(item, dict) and isinstance(item.get("path"), str) and item["path"]:
                yield _Reference(plain, item["path"], listed, i)
    openapi = body.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield _Reference("openapi", openapi["path"], body, "openapi")
    for field_name in ("configMapGenerator", "secretGenerator"):
        for generator in _list(body, field_name):
            if isinstance(generator, dict):
                yield from _generator_references(generator)


def _generator_references(generator: dict[str, Any]) -> Iterator[_Reference]:
    for key in ("files", "envs"):
        listed = _list(generator, key)
        for i, item in enumerate(listed):
            if isinstance(item, str):
                yield _Reference("files", item.rpartition("=")[2] if key == "files" else item, listed, i)
    if isinstance(generator.get("env"), str):
        yield _Reference("files", generator["env"], generator, "env")


def _list(body: dict[str, Any], field_name: str) -> list[Any]:
    value = body.get(field_name)
    return value if isinstance(value, list) else []


def _plugin_paths(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for key, value in body.items():
            name = str(key).lower()
            if name in ("path", "env", "valuesfile") and isinstance(value, str):
                yield value
            elif name in ("paths", "files", "envs") and isinstance(value, list):
                yield from (v.rpartition("=")[2] for v in value if isinstance(v, str))
            else:
                yield from _plugin_paths(value)
    elif isinstance(body, list):
        for value in body:
            yield from _plugin_paths(value)

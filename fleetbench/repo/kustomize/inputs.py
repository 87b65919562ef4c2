"""Every file a kustomize build can read, found before it runs.

They make the build's cache key, and the folder in which it runs: kustomize sees these files and nothing else, so it can
neither leave the repository nor load anything from a network.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fleetbench.findings import BUILD_FAILED, FILE_UNREADABLE, NOT_EXPANDED
from fleetbench.repo.files.tree import Escapes, Tree, Unreadable, join
from fleetbench.repo.files.yamltext import decode, documents, dump, guard, line_of, may_be_read_otherwise
from fleetbench.repo.kustomize.merge import merged, read_kustomization
from fleetbench.repo.kustomize.references import (
    ADDRESS,
    PLUGINS,
    REMOTE,
    Reference,
    misspelt,
    plugin_paths,
    references,
)

MAX_LEVELS = 50
"""Bases inside bases that are followed; Python allows some thousand calls inside each other."""
_YAML = (".yaml", ".yml", ".json")


class Problem(NamedTuple):
    """Something in a build's files: where, and what is wrong with it."""

    file: str
    line: int | None
    text: str
    code: str = BUILD_FAILED
    """The finding it becomes."""
    holds_objects: bool = True
    """Of something remote: it would bring objects, and not only a part of one or a schema."""


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
    """What makes the build fail before it runs: missing, escaping or unreadable files; and what it is not run for."""

    @property
    def lacks_objects(self) -> bool:
        """Whether something that would bring objects was dropped."""
        return any(dropped.holds_objects for dropped in self.remote)


class _NoKustomization(Unreadable):
    """A directory that is no kustomization, or one too many."""


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
        self.level = 0
        self.plugins: set[tuple[str, str]] = set()
        """Directories of plugin configurations that were looked at: for which directory's build, and which one."""

    def kustomization(
        self, directory: str, file: str, body: dict[str, Any], rewritten: bool, plugins_of: str | None = None
    ) -> None:
        """Follow what a kustomization names; its objects are manifests, or configure the plugins of another directory."""
        if plugins_of is None:
            self.inputs.kustomizations[directory] = body
        body = copy.deepcopy(body)
        dropped: list[Reference] = []
        text = ""
        if self.tree.is_file(file):
            text = decode(self.tree.read(file), self.tree.name(file))
        for wrong, right in misspelt(body):
            self._problem(
                file, line_of(text, wrong), f"{wrong}: wanted {right}, as kustomize's documentation writes it"
            )
        self.level += 1
        rewritten = rewritten or may_be_read_otherwise(text)
        for reference in list(references(body)):
            configures = directory if reference.field in PLUGINS else plugins_of
            if reference.field in PLUGINS and reference.optional:
                as_read = self._plugin(file, reference.path.encode(), directory).decode()
                rewritten = rewritten or as_read != reference.path
                reference.holder[reference.key] = as_read
            if self._remote(reference, directory):
                line = line_of(text, reference.path)
                remote = Problem(
                    self.tree.name(file), line, reference.path, holds_objects=reference.field in _OF_OBJECTS
                )
                self.inputs.remote.append(remote)
                dropped.append(reference)
            else:
                self._follow(reference, directory, file, text, configures)
        self.level -= 1
        for reference in reversed(dropped):
            del reference.holder[reference.key]
        if dropped and plugins_of is None:
            self.inputs.kustomizations[directory] = body
        if rewritten or dropped:
            self.inputs.files[file] = dump(body or {"resources": []}).encode()
        else:
            self.inputs.files[file] = self.tree.read(file)

    def _remote(self, reference: Reference, directory: str) -> bool:
        if ADDRESS.match(reference.path):
            return True  # kustomize asks the network first, even where a file has that very name
        if reference.optional or not REMOTE.search(reference.path):
            return False
        try:
            path = join(directory, reference.path)
        except Escapes:
            return True
        return not (self.tree.is_file(path) or self.tree.is_directory(path))

    def _follow(
        self, reference: Reference, directory: str, file: str, text: str, configures: str | None = None
    ) -> None:
        try:
            path = join(directory, reference.path)
            if self.tree.is_file(path):
                self._file(reference, path, configures)
            elif configures is not None and self.tree.is_directory(path):
                self._plugins(reference, path, configures)
            elif reference.field in _MAY_BE_DIRECTORY and self.tree.is_directory(path):
                self._directory(reference, path)
            elif reference.optional:
                return
            else:
                among = None if reference.field == "components" else [*self.tree.files]
                hint = self.tree.like(path, among) if len(self.tree.files) < 20_000 else ""
                raise Unreadable(file, f"{reference.field}: {reference.path} {self.tree.why_missing(path)}{hint}")
        except Escapes as error:
            said = f"{reference.field}: " if reference.field else ""
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

    def _file(self, reference: Reference, path: str, configures: str | None) -> None:
        content = self.tree.read(path)
        self.inputs.files.setdefault(path, content)
        if reference.field == "resources" and configures is None:
            self.inputs.resources.append(path)
        if path.endswith(_YAML) and reference.field != "files":
            guard(decode(content, self.tree.name(path)), self.tree.name(path))
        if configures is not None:
            as_read = self._plugin(path, content, configures)
            if self.inputs.files[path] == content:  # and no kustomization, of which something was left out
                self.inputs.files[path] = as_read

    def _plugin(self, path: str, content: bytes, directory: str) -> bytes:
        """Follow the files that a transformer's or generator's own configuration names; give what kustomize is to see."""
        try:
            text = decode(content, self.tree.name(path))
            configs = documents(text, self.tree.name(path))
        except Unreadable as error:
            self._problem(path, error.line, error.reason, FILE_UNREADABLE)
            return content
        for _, body in configs:
            for named in plugin_paths(body):
                if REMOTE.search(named):
                    self._problem(path, None, f"{named}: names a remote file, and nothing is downloaded")
                else:
                    self._follow(Reference("", named, {}, None, optional=True), directory, path, "")
        return "---\n".join(dump(body) for _, body in configs).encode() if may_be_read_otherwise(text) else content

    def _directory(self, reference: Reference, path: str) -> None:
        if path in self.inputs.kustomizations:
            self.inputs.repeated = True
            return
        file = self._kustomization_file(reference, path)
        self.kustomization(path, file, read_kustomization(self.tree, file), rewritten=False)

    def _plugins(self, reference: Reference, path: str, configures: str) -> None:
        """Follow a directory whose objects configure plugins.

        It may only list files and such directories, and set a namespace. Anything more (patches, replacements, components,
        generators, ...) could turn harmless objects into configurations that name any file, and what kustomize makes of
        them in there no build prints: it would also drop the local ones and fill in the variables. A namespace is put into
        metadata.namespace, and into fields of kinds that configure no plugin: kustomize api v0.21.1
        internal/konfig/builtinpluginconsts/namespace.go, filters/namespace/namespace.go.
        """
        if (configures, path) in self.plugins:
            return  # whether that is a cycle is for kustomize to say
        self.plugins.add((configures, path))
        file = self._kustomization_file(reference, path)
        body = read_kustomization(self.tree, file)
        text = decode(self.tree.read(file), self.tree.name(file))
        for name in (str(name) for name, value in body.items() if value and name not in _ONLY_LISTS):
            self._problem(
                file,
                line_of(text, name),
                f"{name}: beside resources and a namespace fleetbench follows nothing where the objects configure "
                "generators, transformers or validators, as which files those read is not known before kustomize runs",
                NOT_EXPANDED,
            )
        self.kustomization(path, file, body, rewritten=False, plugins_of=configures)

    def _kustomization_file(self, reference: Reference, path: str) -> str:
        file = self.tree.kustomization_file(path)
        if file is None:
            raise _NoKustomization(
                path, f"{reference.field}: the directory {reference.path} holds no kustomization.yaml"
            )
        if self.level >= MAX_LEVELS:
            raise _NoKustomization(path, f"{reference.field}: got bases nested deeper than {MAX_LEVELS}, wanted fewer")
        return file


_OF_OBJECTS = frozenset({"resources", "components", "generators"})
_MAY_BE_DIRECTORY = frozenset({"resources", "components"})
_ONLY_LISTS = frozenset({"apiVersion", "kind", "metadata", "resources", "bases", "namespace"})
"""Fields of a kustomization that leave what its objects name as it is in their files."""

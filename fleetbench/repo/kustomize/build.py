"""Build a path of the repository: kustomize's output as manifests, each with its file and line."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fleetbench.findings import NOT_EXPANDED
from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import documents
from fleetbench.repo.kustomize.batch import MAX_MEMBERS, can_share, run_together, split
from fleetbench.repo.kustomize.blame import bad_files, named_place
from fleetbench.repo.kustomize.cache import BuildCache, content_key
from fleetbench.repo.kustomize.inputs import Inputs, Problem, collect
from fleetbench.repo.kustomize.origin import Origins
from fleetbench.repo.kustomize.patches import Patch, in_build
from fleetbench.repo.kustomize.plain import plain_build
from fleetbench.repo.kustomize.program import BuildFailed, Program
from fleetbench.repo.kustomize.shaping import Shaper, read_files, shapers
from fleetbench.repo.kustomize.without_base import Part, cut, least, missed_softly, misses, parts, told
from fleetbench.repo.manifest import Manifest, crd_header

BUILD_FIELDS = [
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "components",
    "ignoreMissingComponents",
    "patchesStrategicMerge",
    "patchesJson6902",
    "images",
    "buildMetadata",
]
"""Fields of a Flux Kustomization's spec that change what kustomize builds."""


@dataclass(frozen=True)
class Build:
    """The outcome of one build."""

    manifests: tuple[Manifest, ...] = ()
    remote: tuple[Problem, ...] = ()
    """Remote bases and files that were left out."""
    cut: tuple[Problem, ...] = ()
    """What else was left out, as kustomize cannot do it without them."""
    unknown: str | None = None
    """Why kustomize builds nothing without them, so that what is at the path is not known; None = it builds."""
    problems: tuple[Problem, ...] = ()
    """Bad files, each with its line."""
    files: tuple[str, ...] = ()
    """Paths of the tree that it read."""
    failure: Problem | None = None
    """Why there are no manifests, of code ``NOT_EXPANDED`` where kustomize was not asked; None = it built."""
    reads: tuple[str, ...] = ()
    """The same as the repository names them, without what Flux generates; also of a build that fails."""
    shapers: tuple[Shaper, ...] = ()
    """Those of them that change objects which others define."""
    patches: tuple[Patch, ...] = ()
    """Those of its kustomizations, whether what they are for is among ``manifests`` or not."""

    @property
    def bases(self) -> tuple[Problem, ...]:
        """Those of ``remote`` that would bring objects."""
        return tuple(problem for problem in self.remote if problem.holds_objects)


class Request(NamedTuple):
    """One build that is wanted: a directory of a tree with a Flux Kustomization's spec merged in."""

    tree: Tree
    directory: str
    spec: Mapping[str, Any]


@dataclass
class _Job:
    """A request whose objects only kustomize can say."""

    request: Request
    inputs: Inputs
    key: str


@dataclass
class Builder:
    """Builds paths of trees; the same build is run once, in this run and, with a cache, in later ones."""

    program: Program
    cache: BuildCache | None
    ran: int = 0
    """How many builds were left to the program."""
    _known: dict[str, Build] = field(default_factory=dict)
    _asked: dict[tuple[int, str, str], str] = field(default_factory=dict)

    def build(self, tree: Tree, directory: str, spec: Mapping[str, Any]) -> Build:
        """Build one directory, as kustomize-controller does."""
        return self.build_all([Request(tree, directory, spec)])[0]

    def build_all(self, requests: Sequence[Request]) -> list[Build]:
        """Build several directories side by side, small ones together in one run of the program."""
        jobs: dict[str, _Job] = {}
        keys = [self._key(request, jobs) for request in requests]
        if jobs:
            self.ran += len(jobs)
            with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
                for built in pool.map(self._run, _portions(list(jobs.values()), pool_size=os.cpu_count() or 2)):
                    self._known.update(built)
        return [self._known[key] for key in keys]

    def _key(self, request: Request, jobs: dict[str, _Job]) -> str:
        """The key of a build in what is known; a build that needs the program becomes a job."""
        spec = {k: request.spec[k] for k in BUILD_FIELDS if k in request.spec}
        asked = (id(request.tree), request.directory, json.dumps(spec, sort_keys=True, default=str))
        key = self._asked.get(asked)
        if key is None:
            inputs = collect(request.tree, request.directory, request.spec)
            if inputs.lacks_objects and not inputs.problems:
                missed_softly(request.tree, inputs)
            key = self._asked[asked] = content_key(inputs, self.program.version)
            if key not in self._known:
                build = self._without_program(request, inputs, key)
                if build is None:
                    jobs[key] = _Job(request, inputs, key)
                else:
                    self._known[key] = build
        return key

    def _without_program(self, request: Request, inputs: Inputs, key: str) -> Build | None:
        if inputs.problems:
            first = min(inputs.problems, key=lambda problem: problem.code == NOT_EXPANDED)
            return _built(request.tree, inputs, problems=inputs.problems, failure=first)
        plain = plain_build(request.tree, inputs)
        if plain is not None:
            return _built(request.tree, inputs, plain)
        bodies = self.cache.get(key) if self.cache else None
        return None if bodies is None else _placed(request.tree, inputs, bodies)

    def _run(self, jobs: Sequence[_Job]) -> dict[str, Build]:
        """Run a portion; a batch in which something fails is halved until what fails is alone."""
        if len(jobs) == 1:
            return {jobs[0].key: self._alone(jobs[0])}
        try:
            printed = run_together(self.program, [job.inputs for job in jobs])
            bodies = [_bodies(texts, "") for texts in printed]
        except (BuildFailed, Unreadable):
            half = len(jobs) // 2
            return self._run(jobs[:half]) | self._run(jobs[half:])
        return {job.key: self._keep(job, found) for job, found in zip(jobs, bodies, strict=True)}

    def _alone(self, job: _Job) -> Build:
        tree, inputs = job.request.tree, job.inputs
        file = tree.kustomization_file(job.request.directory)
        where = tree.name(file) if file else job.request.directory or "."
        try:
            try:
                return self._keep(job, _bodies(split(self.program.run(inputs.files, inputs.directory)), where))
            except BuildFailed as error:
                if not (inputs.lacks_objects and misses(str(error))):
                    raise
                return self._without_bases(job, str(error), where)
        except BuildFailed as error:
            at = named_place(tree, inputs, str(error)) or (where, None)
            return _built(tree, inputs, problems=bad_files(tree, inputs), failure=Problem(*at, str(error)))
        except Unreadable as error:
            return _built(tree, inputs, failure=Problem(where, None, error.reason))

    def _without_bases(self, job: _Job, message: str, where: str) -> Build:
        """What is built of something that wants an object which only a remote base may hold.

        Raises:
            BuildFailed: it fails for something else, too.
        """
        tree, inputs = job.request.tree, job.inputs
        found: dict[frozenset[Part], list[dict[str, Any]]] = {}

        def attempt(gone: Collection[Part]) -> str | None:
            try:
                left = cut(tree, inputs, gone)
                found[frozenset(gone)] = _bodies(split(self.program.run(left.files, left.directory)), where)
            except BuildFailed as error:
                return str(error)
            return None

        every = parts(inputs)
        said = attempt(every) if every else message
        if said is not None and not misses(said):
            raise BuildFailed(said)
        if said is not None:
            return _built(tree, inputs, unknown=said)
        gone = least(every, lambda rest: attempt(rest) is None)
        build = _placed(tree, inputs, found[frozenset(gone)])
        return replace(build, cut=tuple(dict.fromkeys(told(tree, inputs, part) for part in gone)))

    def _keep(self, job: _Job, bodies: list[dict[str, Any]]) -> Build:
        if self.cache:
            self.cache.put(job.key, bodies)
        return _placed(job.request.tree, job.inputs, bodies)


def _portions(jobs: list[_Job], pool_size: int) -> list[list[_Job]]:
    """What goes into one run each: batches of like size, enough of them to keep all processors busy, then the rest."""
    together: list[_Job] = []
    alone: list[list[_Job]] = []
    for job in jobs:
        if can_share(job.inputs):
            together.append(job)
        else:
            alone.append([job])
    size = max(1, min(MAX_MEMBERS, -(-len(together) // pool_size)))
    return [together[i : i + size] for i in range(0, len(together), size)] + alone


def _placed(tree: Tree, inputs: Inputs, bodies: list[dict[str, Any]]) -> Build:
    origins = Origins(tree, inputs)
    return _built(tree, inputs, [origins.place(body) for body in bodies])


def _built(
    tree: Tree,
    inputs: Inputs,
    manifests: Iterable[Manifest] = (),
    problems: Iterable[Problem] = (),
    failure: Problem | None = None,
    unknown: str | None = None,
) -> Build:
    """The outcome, with what can be said of its files."""
    files = tuple(inputs.files) if failure is None else ()
    reads, shape = read_files(tree, inputs), shapers(tree, inputs)
    patches = in_build(inputs) if failure is None else ()
    return Build(
        manifests=tuple(manifests),
        remote=tuple(inputs.remote),
        unknown=unknown,
        problems=tuple(problems),
        files=files,
        failure=failure,
        reads=reads,
        shapers=shape,
        patches=patches,
    )


def _bodies(printed: Iterable[str], where: str) -> list[dict[str, Any]]:
    """Parse kustomize's documents, lists taken apart."""
    found: list[dict[str, Any]] = []
    for text in printed:
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

"""What of a build can still be said where something remote was left out: nothing is wrong for wanting what that holds.

A strategic-merge patch without a target fails the build where its object is not there; with one it selects nothing. So it
is given the target that names its object. What cannot be put so (replacements, replicas, ...) is cut out if the build
fails for it.
Source: kustomize api v0.21.1 internal/builtins/PatchTransformer.go transformStrategicMerge, resmap/reswrangler.go Select
and GetById, internal/target/kusttarget_configplugin.go (patchesStrategicMerge goes first).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from fleetbench.repo.files.tree import Escapes, Tree, Unreadable, join
from fleetbench.repo.files.yamltext import decode, documents, dump, line_of, load
from fleetbench.repo.kustomize.inputs import Inputs, Problem
from fleetbench.repo.manifest import mapping

_MISSES = re.compile(
    r"no resource matches|no matches for|nothing selected by|does not exist; cannot merge or replace"
    r"|does not match a config with|cannot be mapped to a field in the set of known resources|failed to find unique target"
)
"""How kustomize says that an object is not there: PatchTransformer.go, reswrangler.go GetById and appendReplaceOrMerge,
filters/replacement/replacement.go selectSourceNode, ReplicaCountTransformer.go, resaccumulator.go findVarValueFromResources."""
_CUT = ("replacements", "replicas", "vars", "configMapGenerator", "secretGenerator")
"""Fields whose items may want an object; of the generators those that change one (``behavior``)."""
_MERGE = "patchesStrategicMerge"
_MOST_TRIED = 16
"""Items of which each is tried alone; of more, all are cut."""
_NO_NAMESPACE = "_non_namespaceable_"
"""What kustomize takes for the namespace of an object that is in none: kyaml v0.21.1 resid/resid.go EffectiveNamespace."""


class Part(NamedTuple):
    """An item of a kustomization that may want what is not there."""

    directory: str
    field: str
    at: int


def misses(message: str) -> bool:
    """Whether a build fails for an object that is not there."""
    return _MISSES.search(message) is not None


def missed_softly(tree: Tree, inputs: Inputs) -> None:
    """Write the patches of a build so that none fails it for an object that is not there."""
    for directory in inputs.kustomizations:
        path, body = _read(tree, directory, inputs)
        merges = [
            _targeted({"patch": m} if _is_text(m) else {"path": m}, directory, inputs) for m in _listed(body, _MERGE)
        ]
        left = [m for m, found in zip(_listed(body, _MERGE), merges, strict=True) if found is None]
        patches = [_targeted(p, directory, inputs) or [p] for p in _listed(body, "patches")]
        changed = {_MERGE: left, "patches": [p for found in (*merges, *patches) for p in found or ()]}
        if any(changed[field] != _listed(body, field) for field in changed):
            written = {k: v for k, v in {**body, **changed}.items() if v or k not in changed}
            inputs.files[path] = dump(written).encode()


def parts(inputs: Inputs) -> list[Part]:
    """What may want an object that is not there, in the order in which the build was read."""
    found = []
    for directory, body in inputs.kustomizations.items():
        for field in _CUT:
            for index, item in enumerate(_listed(body, field)):
                changes = isinstance(item, Mapping) and item.get("behavior") in ("merge", "replace")
                if changes or not field.endswith("Generator"):
                    found.append(Part(directory, field, index))
    return found


def cut(tree: Tree, inputs: Inputs, gone: Collection[Part]) -> Inputs:
    """The inputs without some parts."""
    files = dict(inputs.files)
    for directory in {part.directory for part in gone}:
        path, body = _read(tree, directory, inputs)
        for field in {part.field for part in gone if part.directory == directory}:
            body[field] = [v for n, v in enumerate(_listed(body, field)) if Part(directory, field, n) not in gone]
        files[path] = dump(body).encode()
    return replace(inputs, files=files)


def least(gone: Sequence[Part], builds: Callable[[Collection[Part]], bool]) -> list[Part]:
    """Of parts without which it builds, those without which it does not: the others are put back, one by one."""
    kept = list(gone)
    for part in gone if 1 < len(gone) <= _MOST_TRIED else ():
        rest = [other for other in kept if other != part]
        if builds(rest):
            kept = rest
    return kept


def told(tree: Tree, inputs: Inputs, part: Part) -> Problem:
    """A part that was cut out, where it is written."""
    path = _file(tree, part.directory)
    text = decode(tree.read(path), path) if tree.is_file(path) else ""
    return Problem(tree.name(path), line_of(text, part.field), part.field)


def _read(tree: Tree, directory: str, inputs: Inputs) -> tuple[str, dict[str, Any]]:
    path = _file(tree, directory)
    body = load(decode(inputs.files[path], path), path)
    return path, body if isinstance(body, dict) else {}


def _file(tree: Tree, directory: str) -> str:
    return tree.kustomization_file(directory) or join(directory, "kustomization.yaml")


def _listed(body: Mapping[str, Any], field: str) -> list[Any]:
    value = body.get(field)
    return value if isinstance(value, list) else []


def _is_text(merge: Any) -> bool:
    """Whether an item of patchesStrategicMerge is the patch itself and not the name of its file."""
    return isinstance(merge, str) and ("\n" in merge or merge.lstrip().startswith("{") or ": " in merge)


def _targeted(patch: Any, directory: str, inputs: Inputs) -> list[dict[str, Any]] | None:
    """A strategic merge as one patch for each object, with the target that names it; None = it is to stay as it is."""
    if not isinstance(patch, dict) or patch.get("target") is not None:
        return None
    found = []
    for body in _documents(patch, directory, inputs):
        target = _target(body)
        if target is None:
            return None
        rest = {key: value for key, value in patch.items() if key not in ("path", "patch")}
        found.append({**rest, "patch": dump(body), "target": target})
    return found or None


def _documents(patch: Mapping[str, Any], directory: str, inputs: Inputs) -> list[Any]:
    try:
        text, path = patch.get("patch"), patch.get("path")
        if isinstance(path, str) and path:
            text = decode(inputs.files[join(directory, path)], path)
        return [body for _, body in documents(str(text or ""), "patch") if body is not None]
    except (Escapes, Unreadable, KeyError):
        return []


def _target(body: Any) -> dict[str, str] | None:
    """What selects the object that a strategic merge names, and no other; None = it names none.

    An object without a namespace counts as in ``default``, as the patch does (kyaml resid.go EffectiveNamespace).
    """
    metadata = mapping(body, "metadata") if isinstance(body, Mapping) else {}
    named = [body.get("apiVersion"), body.get("kind"), metadata.get("name")] if metadata else []
    if not named or not all(isinstance(text, str) and text for text in named) or str(named[1]).endswith("List"):
        return None
    group, _, version = str(named[0]).rpartition("/")
    namespace = re.escape(str(metadata.get("namespace") or "default"))
    return {
        "group": re.escape(group) or "()",  # an empty one selects any
        "version": re.escape(version),
        "kind": re.escape(str(named[1])),
        "name": re.escape(str(named[2])),
        "namespace": f"{namespace}|{_NO_NAMESPACE}",
    }

"""The patches of a kustomization, whatever they are put on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from fleetbench.repo.files.tree import Escapes, Unreadable, join
from fleetbench.repo.files.yamltext import decode, documents
from fleetbench.repo.kustomize.inputs import Inputs
from fleetbench.repo.manifest import mapping, mappings


class Patch(NamedTuple):
    """A Kustomize patch."""

    target: Mapping[str, Any]
    """Empty where it has none."""
    body: Any
    """A strategic merge (a mapping) or JSON 6902 operations (a list)."""


def in_build(inputs: Inputs) -> tuple[Patch, ...]:
    """Those of the kustomizations that a build reads, in the order in which they are put on: the outermost last.

    ``patchesStrategicMerge`` only where a remote base was left out: else one whose object is not there fails the build.
    """
    found: list[Patch] = []
    for directory, body in reversed(inputs.kustomizations.items()):
        merges = body.get("patchesStrategicMerge") if inputs.lacks_objects else None
        listed = [{"patch": m} for m in merges if isinstance(m, str)] if isinstance(merges, list) else []
        for patches in (listed, mappings(body, "patches"), mappings(body, "patchesJson6902")):
            found += _all(patches, directory, inputs)
    return tuple(found)


def in_spec(spec: Mapping[str, Any]) -> tuple[Patch, ...]:
    """A Flux Kustomization's ``spec.patches``."""
    return tuple(_all(mappings(spec, "patches"), "", Inputs("")))


def _all(patches: Collection[Mapping[str, Any]], directory: str, inputs: Inputs) -> Iterator[Patch]:
    for patch in patches:
        text = patch.get("path") or patch.get("patch")
        if isinstance(text, str):
            yield from _read(mapping(patch, "target"), text, directory, inputs)


def _read(target: Mapping[str, Any], text: str, directory: str, inputs: Inputs) -> Iterator[Patch]:
    """The documents of a patch, which is a file of the build or stands there itself."""
    try:
        path = join(directory, text) if "\n" not in text else ""
        held = decode(inputs.files[path], path) if path in inputs.files else text
        for _, body in documents(held, "patch"):
            yield Patch(target, body)
    except (Escapes, Unreadable):
        return

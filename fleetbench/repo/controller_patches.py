"""Patches on the controllers in a build that does not hold them.

``flux bootstrap`` writes gotk-components.yaml beside a kustomization.yaml with patches; many repositories keep only the
latter, or hold a Flux Kustomization of Flux's own manifests with ``spec.patches``. kustomize leaves such a patch without
effect here, and it has its effect in the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from fleetbench.repo.controllers import patched_by
from fleetbench.repo.inputs import Inputs
from fleetbench.repo.manifest import CONTROLLERS, mapping, mappings
from fleetbench.repo.shaping import selects
from fleetbench.repo.tree import Escapes, Unreadable, join
from fleetbench.repo.yamltext import decode, documents

_NOBODY = "not-a-controller"
"""What selects this, too, is meant for any Deployment."""


class Patch(NamedTuple):
    """A Kustomize patch."""

    target: Mapping[str, Any]
    """Empty where it has none."""
    body: Any
    """A strategic merge (a mapping) or JSON 6902 operations (a list)."""


def in_build(inputs: Inputs) -> tuple[Patch, ...]:
    """Those of the kustomizations that a build reads that name a controller, in the order in which they are put on."""
    found: list[Patch] = []
    for directory, body in reversed(inputs.kustomizations.items()):  # the outermost last
        for field in ("patches", "patchesJson6902"):  # a patchesStrategicMerge fails where its object is not there
            found += _all(mappings(body, field), directory, inputs)
    return tuple(patch for patch in found if _names_a_controller(patch))


def in_spec(spec: Mapping[str, Any]) -> tuple[Patch, ...]:
    """Those of a Flux Kustomization's ``spec.patches``."""
    return tuple(patch for patch in _all(mappings(spec, "patches"), "", Inputs("")) if _names_a_controller(patch))


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


def _names_a_controller(patch: Patch) -> bool:
    target, body = patch
    if not target:
        return mapping(body, "metadata").get("name") in CONTROLLERS if isinstance(body, Mapping) else False
    name = str(target.get("name") or "")
    meant = bool(target.get("labelSelector")) or (bool(name) and not selects(name, _NOBODY))
    return meant and bool(patched_by(target, body))

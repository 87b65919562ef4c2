"""What somebody changes of a fleet, in the words of an option: other dependsOn, or what a commit touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Dependency, Fleet, HelmRelease, Kustomization, changed
from fleetbench.graph.named import without_namespace
from fleetbench.ids import ObjectId, parse_reference


def with_dependencies(fleet: Fleet, changes: Mapping[ObjectId, tuple[ObjectId, ...]]) -> Fleet:
    """The fleet with other ``dependsOn`` for some objects.

    Raises:
        InputError: an object that the fleet does not hold.
    """
    for id in changes:
        if fleet.service(id) is None:
            raise InputError(f"--set-depends-on: got {id}, wanted an object of this fleet")

    def depending(obj: Kustomization | HelmRelease) -> Kustomization | HelmRelease:
        return replace(obj, depends_on=tuple(Dependency(target) for target in changes[obj.id]))

    return changed(fleet, dict.fromkeys(changes, depending))


def changed_by(fleet: Fleet, changed: str) -> frozenset[ObjectId]:
    """What a commit changes, from ``--changed``: an OBJECT, a path in the repository, or else a name without its namespace.

    A path changes every Kustomization whose own path holds it (the deepest ones), and every object that is defined in
    that file or below that folder.

    Raises:
        InputError: nothing in the fleet is touched by it.
    """
    services = {obj.id: obj for obj in fleet.services()}
    try:
        reference = parse_reference(changed)
    except ValueError:
        reference = None
    if reference in services:
        return frozenset({reference})
    path = _parts(changed)
    defined = {id for id, obj in services.items() if obj.file and _parts(obj.file)[: len(path)] == path}
    holding = [
        (len(_parts(k.path)), k.id)
        for k in fleet.kustomizations
        if path[: len(_parts(k.path))] == _parts(k.path) and k.expanded
    ]
    below = {
        k.id
        for k in fleet.kustomizations
        if k.expanded and len(_parts(k.path)) > len(path) and _parts(k.path)[: len(path)] == path
    }
    deepest = max((depth for depth, _ in holding), default=0)
    found = defined | below | {id for depth, id in holding if depth == deepest and depth > 0}
    if not found and reference is not None:
        found = set(without_namespace(reference, services))
    if not found:
        raise InputError(
            f"--changed: got {changed!r}, wanted an object of this fleet or a path that one of its Kustomizations builds",
            "`fleetbench graph` lists the objects with their paths",
        )
    return frozenset(found)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(p for p in path.split("/") if p not in ("", "."))

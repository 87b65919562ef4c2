"""The object of a fleet that somebody names, in full or without its namespace."""

from __future__ import annotations

from collections.abc import Iterable

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.nearest import nearest
from fleetbench.ids import ObjectId, say


def named(fleet: Fleet, object: ObjectId, option: str = "OBJECT", *, workloads: bool = False) -> ObjectId:
    """The Kustomization or HelmRelease that is meant; without a namespace the name must be clear.

    Args:
        fleet: what holds it.
        object: as :func:`~fleetbench.ids.parse_reference` read it.
        option: where it was said, for messages.
        workloads: it may also be a workload of one of them.

    Raises:
        InputError: there is none, and the hint names the nearest one, or there are several.
    """
    known = [obj.id for obj in fleet.services()]
    if workloads:
        known += [w.object for obj in fleet.services() for w in obj.workloads]
    if object in known:
        return object
    found = without_namespace(object, known)
    if len(found) == 1:
        return found[0]
    typed = say(object).replace("//", "/")
    if found:
        raise InputError(f"{option}: got {typed}, wanted one of {', '.join(map(say, found))}")
    near = nearest(object, known)
    hint = f"did you mean {say(near)}?" if near else "`fleetbench graph` lists the objects"
    kinds = "Kustomization, HelmRelease or workload" if workloads else "Kustomization or HelmRelease"
    raise InputError(f"{option}: got {typed}, wanted a {kinds} of this fleet", hint)


def without_namespace(object: ObjectId, known: Iterable[ObjectId]) -> list[ObjectId]:
    """The known objects of that kind and name, where the user gave no namespace."""
    same = (id for id in known if id.kind == object.kind and id.name == object.name)
    return [] if object.namespace else sorted(set(same))

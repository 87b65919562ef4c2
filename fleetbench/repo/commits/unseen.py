"""What may be as it was, though one of the two states of a repository does not show it: its maker is not expanded there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source
from fleetbench.ids import ObjectId, say, some

FluxObject = Kustomization | HelmRelease | Source


def unseen(objects: Mapping[ObjectId, FluxObject], other: Fleet) -> dict[ObjectId, ObjectId]:
    """Object -> the ResourceSet or Kustomization that may make it in the other state too, where it is not expanded.

    Args:
        objects: those that the other state does not show.
        other: that state.
    """
    sets = {id for k in other.kustomizations for id in k.unexpanded}

    def maker(obj: FluxObject) -> ObjectId | None:
        seen: set[ObjectId] = set()
        at: FluxObject | None = obj
        while at is not None and at.id not in seen:
            seen.add(at.id)
            if at.made is not None and at.made.by in sets:
                return at.made.by
            holder = None if at.parent is None else other.kustomization(at.parent)
            if holder is not None:
                return None if holder.expanded else holder.id
            at = None if at.parent is None else objects.get(at.parent)
        return None

    found = {id: maker(obj) for id, obj in objects.items()}
    return {id: by for id, by in found.items() if by is not None}


def told(objects: Mapping[ObjectId, ObjectId], stated: str) -> Iterator[str]:
    """What is not known of such objects, a sentence for each maker.

    Args:
        objects: they, with the maker of each.
        stated: a sentence of both: ``{by}``, ``{names}``.
    """
    for by in sorted(set(objects.values())):
        names = [say(id) for id, maker in sorted(objects.items()) if maker == by]
        yield stated.format(by=say(by), names=some(names, 4))

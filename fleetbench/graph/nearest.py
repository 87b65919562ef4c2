"""The object that somebody most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fleetbench.ids import ObjectId


def nearest(wanted: ObjectId, known: Iterable[ObjectId], cutoff: float = 0.7) -> ObjectId | None:
    """The known object whose name is the same or most like the wanted one's.

    Among equals the same namespace and then the same kind are preferred.

    Args:
        wanted: what was named and does not exist.
        known: what exists.
        cutoff: how alike names must be, 0 to 1 (:func:`difflib.get_close_matches`).

    Returns:
        The best match, or None if no name is like it.
    """
    by_name: dict[str, list[ObjectId]] = {}
    for id in known:
        by_name.setdefault(id.name.lower(), []).append(id)
    close = difflib.get_close_matches(wanted.name.lower(), sorted(by_name), n=1, cutoff=cutoff)
    if not close:
        return None
    return min(by_name[close[0]], key=lambda id: (id.namespace != wanted.namespace, id.kind != wanted.kind, id))

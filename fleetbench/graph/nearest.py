"""The object that somebody most likely meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from fleetbench.ids import ObjectId

_ALIKE = 0.7
"""How alike names must be, 0 to 1 (:func:`difflib.get_close_matches`)."""


def nearest(wanted: ObjectId, known: Iterable[ObjectId]) -> ObjectId | None:
    """The known object whose name is the same or most like the wanted one's.

    Among equals the same namespace and then the same kind are preferred.

    Args:
        wanted: what was named and does not exist.
        known: what exists.

    Returns:
        The best match, or None if no name is like it.
    """
    by_name: dict[str, list[ObjectId]] = {}
    for id in known:
        by_name.setdefault(id.name.lower(), []).append(id)
    close = difflib.get_close_matches(wanted.name.lower(), sorted(by_name), n=1, cutoff=_ALIKE)
    if not close:
        return None
    return min(by_name[close[0]], key=lambda id: (id.namespace != wanted.namespace, id.kind != wanted.kind, id))


def is_misspelt(wanted: str, known: str) -> bool:
    """Whether one name can only be the other with a slip of the pen, not the next of a series.

    >>> is_misspelt("traefk", "traefik"), is_misspelt("infra-controler", "infra-controllers")
    (True, True)
    >>> is_misspelt("tenant-b", "tenant-a"), is_misspelt("shop-eu-2", "shop-eu-1"), is_misspelt("shop-prod", "shop-staging")
    (False, False, False)
    """
    if difflib.SequenceMatcher(None, wanted, known).ratio() < _SLIP:
        return False
    parts = re.split(r"[-.]", wanted), re.split(r"[-.]", known)
    if len(parts[0]) != len(parts[1]):
        return True
    differ = [pair for pair in zip(*parts, strict=True) if pair[0] != pair[1]]
    return not all(min(map(len, pair)) <= _SHORT or any(map(_has_digit, pair)) for pair in differ)


_SLIP = 0.85
"""How alike two names are that differ by a slip, 0 to 1: one letter of seven."""
_SHORT = 2
"""Characters of a part that tells the members of a series apart: a, b; eu, us."""


def _has_digit(part: str) -> bool:
    return any(character.isdigit() for character in part)

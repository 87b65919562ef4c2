"""Text that others wrote, made harmless to the terminal that shows it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from fleetbench.ids import KUSTOMIZATION, ObjectId, say

_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that move the cursor, reorder or break lines, or cannot be encoded: controls (the escape
character among them), formats (bidirectional overrides), lone surrogates, line and paragraph separators."""


def inert(text: str, *, newlines: bool = False) -> str:
    r"""Escape every character that could steer a terminal or forge a line.

    Args:
        text: a name, a path, a message.
        newlines: leave line feeds as they are (for text of our own that has several lines).

    >>> inert("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) if not (newlines and c == "\n") else c for c in text)


def name_of(id: ObjectId) -> str:
    """An object for people: Kustomizations by name, other kinds with the kind."""
    return inert(id.name if id.kind == KUSTOMIZATION else f"{id.kind}/{id.name}")


def clear_names(ids: Iterable[ObjectId]) -> dict[ObjectId, str]:
    """Objects that are named side by side: each by :func:`name_of`, in full where another would be called the same.

    >>> a, b = ObjectId(KUSTOMIZATION, "x", "redis"), ObjectId(KUSTOMIZATION, "y", "redis")
    >>> list(clear_names([a, b, ObjectId("HelmRelease", "x", "redis")]).values())
    ['x/redis', 'y/redis', 'HelmRelease/redis']
    """
    objects = list(dict.fromkeys(ids))
    called = Counter(map(name_of, objects))
    return {id: name_of(id) if called[name_of(id)] == 1 else inert(say(id)) for id in objects}


def _shown(c: str) -> str:
    if unicodedata.category(c) not in _HARMFUL:
        return c
    return c.encode("unicode_escape", "backslashreplace").decode("ascii")

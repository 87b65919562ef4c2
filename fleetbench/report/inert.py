"""Text that others wrote, made harmless to the terminal that shows it."""

from __future__ import annotations

import unicodedata

from fleetbench.ids import KUSTOMIZATION, ObjectId

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


def _shown(c: str) -> str:
    if unicodedata.category(c) not in _HARMFUL:
        return c
    return c.encode("unicode_escape", "backslashreplace").decode("ascii")

"""JSON as text: where a value stands, and what of a text that was cut short is whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
"""Keys and list places from the top of a document: ``("spec", "kustomizations", 3)``."""
ANY = None
"""In :func:`as_far_as_whole`: whatever the key is."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_TORN = object()
_TOKEN = 8
"""Characters that a token takes which is no text and was cut: ``-12.5e+1`` is about the longest to expect."""


def shown(path: Path) -> str:
    """A path as messages name it.

    >>> shown(("spec", "kustomizations", 3, "name"))
    'spec.kustomizations[3].name'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def line_of(text: str, path: Path) -> int:
    r"""The line, from 1, of a value of a JSON document; of one that is not there, the line of what should hold it.

    >>> line_of('{"a": [1,\n 2]}', ("a", 1)), line_of('{"a": [1,\n 2]}', ("b",))
    (2, 1)
    """
    at = _after_space(text, 0)
    for step in path:
        found = [start for key, start, _ in _members(text, at) if key == step]
        if not found:
            break
        at = found[-1]  # of a key that is there twice, the last counts
    return text.count("\n", 0, at) + 1


def ends_early(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the text is no JSON only for being cut short: what is wrong with it is wrong with its end."""
    return error.msg.startswith("Unterminated string") or len(text.rstrip()) - error.pos <= _TOKEN


def as_far_as_whole(text: str, within: tuple[str | None, ...]) -> Any:
    """What is whole of a document that was cut short; None = not even its beginning.

    A member that is not whole is left out, but for the one that ``within`` names next: that is kept as far as its own
    members are whole.

    >>> as_far_as_whole('{"a": {"b": [1, 2], "c": [3', ("a",)), as_far_as_whole('{"a": {"b": [{}, {', ("a", ANY))
    ({'a': {'b': [1, 2]}}, {'a': {'b': [{}]}})
    """
    found = _whole_part(text, _after_space(text, 0), within)
    return None if found is _TORN else found


def _whole_part(text: str, at: int, within: tuple[str | None, ...]) -> Any:
    if text[at : at + 1] not in ("{", "["):
        return _TORN
    keyed: dict[str | int, Any] = {}
    for key, start, value in _members(text, at):
        if value is _TORN and within and within[0] in (key, ANY):
            value = _whole_part(text, start, within[1:])
        if value is not _TORN:
            keyed[key] = value
    return keyed if text[at] == "{" else list(keyed.values())


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, Any]]:
    """Key, place in the text and value of all that the object or list at ``at`` holds; one that is not whole ends it."""
    closing = {"{": "}", "[": "]"}.get(text[at : at + 1])
    number, at = 0, _after_space(text, at + 1)
    while closing and at < len(text) and text[at] != closing:
        key: str | int = number
        if closing == "}":
            name, end = _value(text, at)
            colon = _after_space(text, end)
            if not isinstance(name, str) or text[colon : colon + 1] != ":":
                return
            key, at = name, _after_space(text, colon + 1)
        value, end = _value(text, at)
        yield key, at, value
        if value is _TORN:
            return
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at : at + 1] == "," else at
        number += 1


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except ValueError:
        return _TORN, len(text)
    may_go_on = end == len(text) and text[end - 1] not in '}]"'
    return (_TORN if may_go_on else value), end


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return len(text) if match is None else match.end()

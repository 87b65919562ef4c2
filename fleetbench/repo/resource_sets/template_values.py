"""Values of flux-operator's templates: how Go prints them, which are true, and what functions may be given.

Source: Go 1.26 text/template exec.go isTrue, validateType, and fmt (``%v``); controlplaneio-fluxcd/flux-operator v0.58.1
api/v1/resourceset_types.go GetInputs (k8s.io/apimachinery util/json: whole numbers are int64, any other float64).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TEXT = 1_000_000
"""Characters that one value, or one filled-in template, may have: no manifest that the API server takes has more."""


class NotPlain(Exception):
    """What is not worked out: the text says what, for people."""


class Whole(int):
    """Go's ``int``, which what is written, counted or converted is: numbers of the inputs are of other types."""


def printed(value: object) -> str:
    """A value as Go prints it (``%v``).

    Raises:
        NotPlain: it is no text, number, true or false, or too long.
    """
    if isinstance(value, str):
        return checked(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -(2**63) <= value < 2**63:  # beyond, JSON makes it a fraction
        return str(int(value))
    if isinstance(value, float) and (value == 0 or 1e-4 <= abs(value) < 1e6):  # beyond, Go writes exponents
        return str(int(value)) if value.is_integer() else repr(value)
    raise NotPlain(
        f"a template prints {'nothing' if value is None else 'a ' + type(value).__name__}, no text or number"
    )


def checked(text: str) -> str:
    """The text, unless it is too long.

    Raises:
        NotPlain: it is.
    """
    if len(text) > MAX_TEXT:
        raise NotPlain(f"a template of more than {MAX_TEXT} characters")
    return text


def text_of(value: object) -> str:
    """An argument that must be text."""
    if not isinstance(value, str):
        raise TypeError
    return checked(value)


def whole_of(value: object) -> int:
    """An argument that must be a whole number of Go's ``int``: one of the inputs, an ``int64``, is refused."""
    if not isinstance(value, Whole):
        raise TypeError
    return value


def ascii_of(value: object) -> str:
    """Text of which Go counts or turns the bytes."""
    text = text_of(value)
    if not text.isascii():
        raise NotPlain(f"letters beyond ASCII: {text[:40]!r}")
    return text


def truth(value: object) -> bool:
    """Whether Go takes it for true: nothing, no text, 0, false, an empty list or object are not.

    Raises:
        NotPlain: it is nothing that JSON has.
    """
    if value is None or isinstance(value, (str, bool, int, float, list, Mapping)):
        return bool(value)
    raise NotPlain(f"a template asks whether a {type(value).__name__} is true")


def keys(of: Mapping[Any, Any]) -> list[str]:
    """The keys of an object.

    Raises:
        NotPlain: one is no text, of which JSON makes one.
    """
    if not all(isinstance(key, str) for key in of):
        raise NotPlain("an object of the inputs has a key that is no text")
    return list(of)


def size(value: object, enough: int) -> int:
    """About how many characters a value has once it is written, aliases followed; counted no further than ``enough``."""
    found, below = 0, [value]
    while below and found <= enough:
        at = below.pop()
        if isinstance(at, Mapping):
            found += sum(len(str(key)) + 2 for key in at)
            below += at.values()
        elif isinstance(at, list):
            found += 2 * len(at)
            below += at
        else:
            found += len(at) if isinstance(at, str) else 4
    return found

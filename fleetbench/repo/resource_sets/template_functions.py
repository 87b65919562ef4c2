"""The functions of flux-operator's templates that are worked out here: those in common use that give one text or value.

Each does what its namesake does for plain values, and refuses the rest instead of guessing.

Source: go-task/slim-sprig v3.0.0 strings.go, numeric.go, defaults.go, dict.go; controlplaneio-fluxcd/flux-operator v0.58.1
internal/builder/resourceset.go newTemplate, toYaml, init (slugify).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fleetbench.repo.files.yamltext import dump

MAX_TEXT = 1_000_000
"""Characters that one value, or one filled-in template, may have: no manifest that the API server takes has more."""
_MAX_INDENT = 200
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"%[sdv]")


class NotPlain(Exception):
    """What is not worked out: the text says what, for people."""


def printed(value: object) -> str:
    """A value as Go prints it (``%v``).

    Raises:
        NotPlain: it is no text, number, true or false, or too long.
    """
    if isinstance(value, str):
        return _checked(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and (value == 0 or 1e-4 <= abs(value) < 1e6):  # beyond, Go writes exponents
        return str(int(value)) if value.is_integer() else repr(value)
    raise NotPlain(
        f"a template prints {'nothing' if value is None else 'a ' + type(value).__name__}, no text or number"
    )


def _checked(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise NotPlain(f"a template of more than {MAX_TEXT} characters")
    return text


def _text(value: object) -> str:
    """An argument that must be text."""
    if not isinstance(value, str):
        raise TypeError
    return _checked(value)


def _whole(value: object) -> int:
    """An argument that must be a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _quote(value: object) -> str:
    """``%q``, of what needs no escapes beyond those of quotes and backslashes."""
    text = printed(value)
    if not text.isprintable():
        raise NotPlain("quote of a text with control characters")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return _checked(f'"{escaped}"')


def _squote(value: object) -> str:
    return f"'{printed(value)}'"


def _int(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value):
        return int(value)
    if isinstance(value, float) and abs(value) < 2**53:
        return int(value)
    return _whole(value)


def _default(default: object, given: object) -> object:
    """``given`` unless it is empty: nothing, no text, 0, false, an empty list or object."""
    return given if given else default


def _get(of: object, key: object) -> object:
    if not isinstance(of, Mapping):
        raise TypeError
    return of.get(_text(key), "")


def _to_yaml(value: object) -> str:
    if not isinstance(value, (dict, list)) or not value:
        raise NotPlain("toYaml of what is no list or object with something in it")
    if size(value, MAX_TEXT) > MAX_TEXT:
        raise NotPlain(f"a template of more than {MAX_TEXT} characters")
    return _checked(dump(value))


def _indent(spaces: object, text: object) -> str:
    n, body = _whole(spaces), _text(text)
    if not 0 <= n <= _MAX_INDENT or len(body) + n * (body.count("\n") + 1) > MAX_TEXT:
        raise NotPlain(f"an indentation by {n}")
    pad = " " * n
    return pad + body.replace("\n", f"\n{pad}")


def _nindent(spaces: object, text: object) -> str:
    return "\n" + _indent(spaces, text)


def _slugify(value: object) -> str:
    """Of what is a slug already; what becomes of other letters hangs on a table of some thousand signs."""
    text = _text(value)
    if len(text) > 63 or not _SLUG.fullmatch(text):
        raise NotPlain(f"slugify of {text[:40]!r}")
    return text


def _replace(old: object, new: object, text: object) -> str:
    was, now, body = _text(old), _text(new), _text(text)
    if not was or len(body) + len(now) * body.count(was) > MAX_TEXT:
        raise NotPlain(f"replace of {was[:40]!r}")
    return body.replace(was, now)


def _trunc(n: object, text: object) -> str:
    length, body = _whole(n), _text(text)
    if not body.isascii():  # Go counts bytes
        raise NotPlain("trunc of letters beyond ASCII")
    return body[:length] if length >= 0 else body[length:]


def _printf(form: object, *values: object) -> str:
    """``%s``, ``%d`` and ``%v`` alone."""
    pieces = _PLACEHOLDER.split(_text(form))
    verbs = _PLACEHOLDER.findall(str(form))
    if len(verbs) != len(values) or any("%" in piece for piece in pieces):
        raise TypeError
    for verb, value in zip(verbs, values, strict=True):
        if verb != "%s" and isinstance(value, int) and not isinstance(value, bool):
            continue
        if verb == "%d" or not isinstance(value, str):
            raise TypeError
    texts = [printed(value) for value in values]
    if sum(map(len, [*pieces, *texts])) > MAX_TEXT:
        raise NotPlain(f"a template of more than {MAX_TEXT} characters")
    return pieces[0] + "".join(text + piece for text, piece in zip(texts, pieces[1:], strict=True))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "default": _default,
    "get": _get,
    "indent": _indent,
    "int": _int,
    "lower": lambda text: _text(text).lower(),
    "nindent": _nindent,
    "printf": _printf,
    "quote": _quote,
    "replace": _replace,
    "slugify": _slugify,
    "squote": _squote,
    "toString": printed,
    "toYaml": _to_yaml,
    "trim": lambda text: _text(text).strip(),
    "trimPrefix": lambda prefix, text: _text(text).removeprefix(_text(prefix)),
    "trimSuffix": lambda suffix, text: _text(text).removesuffix(_text(suffix)),
    "trunc": _trunc,
    "upper": lambda text: _text(text).upper(),
}


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

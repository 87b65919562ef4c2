"""The functions of flux-operator's templates that are worked out here: those in common use that give one text or value.

Each does what its namesake does for plain values, and refuses the rest instead of guessing.

Source: Go 1.26 text/template funcs.go (``index``, ``len``, ``not``, comparisons); go-task/slim-sprig v3.0.0
strings.go, numeric.go, defaults.go, dict.go, list.go; controlplaneio-fluxcd/flux-operator v0.58.1
internal/builder/resourceset.go newTemplate, toYaml, init (slugify).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fleetbench.repo.files.yamltext import dump
from fleetbench.repo.resource_sets.template_values import (
    MAX_TEXT,
    NotPlain,
    Whole,
    ascii_of,
    checked,
    keys,
    printed,
    size,
    text_of,
    truth,
    whole_of,
)

_MAX_INDENT = 200
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"%[sdv]")


def _quote(value: object) -> str:
    """``%q``, of what needs no escapes beyond those of quotes and backslashes."""
    text = printed(value)
    if not text.isprintable():
        raise NotPlain("quote of a text with control characters")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return checked(f'"{escaped}"')


def _squote(value: object) -> str:
    return f"'{printed(value)}'"


def _int(value: object) -> Whole:
    if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value):
        return Whole(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) >= 2**53:
        raise TypeError
    return Whole(value)


def _default(default: object, given: object) -> object:
    """``given`` unless it is empty: nothing, no text, 0, false, an empty list or object."""
    return given if truth(given) else default


def _has_key(of: object, key: object) -> bool:
    if not isinstance(of, Mapping):
        raise TypeError
    return text_of(key) in of or text_of(key) in keys(of)


def _get(of: object, key: object) -> object:
    return of[key] if _has_key(of, key) and isinstance(of, Mapping) else ""


def _index(of: object, *at: object) -> object:
    """What is not there in an object is nothing; in a list it is an error."""
    for key in at:
        if isinstance(of, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(of):
            of = of[key]
        else:
            of = of[key] if _has_key(of, key) and isinstance(of, Mapping) else None
    if of is None and not at:
        raise TypeError
    return of


def _len(of: object) -> Whole:
    return Whole(len(of if isinstance(of, (list, Mapping)) else ascii_of(of)))


def _has(wanted: object, of: object) -> bool:
    """Of texts alone."""
    if of is not None and not isinstance(of, list):
        raise TypeError
    return text_of(wanted) in (one for one in of or () if isinstance(one, str))


def _comparable(value: object) -> tuple[str, Any]:
    """A value with the kind of which another must be to be compared with it."""
    if value is None:
        return "", None
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int) and abs(value) < 2**63:
        return "whole", value
    if isinstance(value, float) and not value.is_integer():  # 2.0 may be either in JSON
        return "fraction", value
    raise TypeError


def _eq(one: object, *others: object) -> bool:
    """Whether it is one of the others; comparing with nothing is no error, with a value of another kind it is."""
    kind, value = _comparable(one)
    if not others:
        raise TypeError
    for other_kind, other in map(_comparable, others):
        if kind and other_kind and kind != other_kind:
            raise TypeError
        if (kind, value) == (other_kind, other):
            return True
    return False


def _lt(one: object, other: object) -> bool:
    (kind, value), (other_kind, of) = _comparable(one), _comparable(other)
    if kind != other_kind or kind in ("", "bool"):
        raise TypeError
    return bool(value < of)


def _lazy(*values: object) -> object:
    raise TypeError  # worked out where they stand, as they stop early


LAZY = frozenset({"and", "or"})
"""Functions that look at no more arguments than they need."""


def _to_yaml(value: object) -> str:
    if not isinstance(value, (dict, list)) or not value:
        raise NotPlain("toYaml of what is no list or object with something in it")
    if size(value, MAX_TEXT) > MAX_TEXT:
        raise NotPlain(f"a template of more than {MAX_TEXT} characters")
    return checked(dump(value))


def _indent(spaces: object, text: object) -> str:
    n, body = whole_of(spaces), text_of(text)
    if not 0 <= n <= _MAX_INDENT or len(body) + n * (body.count("\n") + 1) > MAX_TEXT:
        raise NotPlain(f"an indentation by {n}")
    pad = " " * n
    return pad + body.replace("\n", f"\n{pad}")


def _nindent(spaces: object, text: object) -> str:
    return "\n" + _indent(spaces, text)


def _slugify(value: object) -> str:
    """Of what is a slug already; what becomes of other letters hangs on a table of some thousand signs."""
    text = text_of(value)
    if len(text) > 63 or not _SLUG.fullmatch(text):
        raise NotPlain(f"slugify of {text[:40]!r}")
    return text


def _replace(old: object, new: object, text: object) -> str:
    was, now, body = text_of(old), text_of(new), text_of(text)
    if not was or len(body) + len(now) * body.count(was) > MAX_TEXT:
        raise NotPlain(f"replace of {was[:40]!r}")
    return body.replace(was, now)


def _trunc(n: object, text: object) -> str:
    length, body = whole_of(n), ascii_of(text)
    return body[:length] if length >= 0 else body[length:]


def _printf(form: object, *values: object) -> str:
    """``%s``, ``%d`` and ``%v`` alone."""
    pieces = _PLACEHOLDER.split(text_of(form))
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
    "and": _lazy,
    "contains": lambda part, text: text_of(part) in text_of(text),
    "default": _default,
    "empty": lambda value: not truth(value),
    "eq": _eq,
    "ge": lambda one, other: not _lt(one, other),
    "get": _get,
    "gt": lambda one, other: _lt(other, one),
    "has": _has,
    "hasKey": _has_key,
    "hasPrefix": lambda prefix, text: text_of(text).startswith(text_of(prefix)),
    "hasSuffix": lambda suffix, text: text_of(text).endswith(text_of(suffix)),
    "indent": _indent,
    "index": _index,
    "int": _int,
    "le": lambda one, other: not _lt(other, one),
    "len": _len,
    "lower": lambda text: ascii_of(text).lower(),
    "lt": _lt,
    "ne": lambda one, other: not _eq(one, other),
    "nindent": _nindent,
    "not": lambda value: not truth(value),
    "or": _lazy,
    "printf": _printf,
    "quote": _quote,
    "replace": _replace,
    "slugify": _slugify,
    "squote": _squote,
    "toString": printed,
    "toYaml": _to_yaml,
    "trim": lambda text: text_of(text).strip(),
    "trimPrefix": lambda prefix, text: text_of(text).removeprefix(text_of(prefix)),
    "trimSuffix": lambda suffix, text: text_of(text).removesuffix(text_of(suffix)),
    "trunc": _trunc,
    "upper": lambda text: ascii_of(text).upper(),
}

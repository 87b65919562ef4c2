"""The fields of a trace, each checked as it is read: a trace may come from anywhere."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError, briefly
from fleetbench.ids import ObjectId, parse_object
from fleetbench.json_node import Node
from fleetbench.model.parameters import Parameters
from fleetbench.timeline.events import Event

MAX_BYTES = 64 * 2**20
"""Of a file, unpacked: beyond it memory would be the limit. The largest trace known takes a few MB."""
MAX_SECONDS = 1e10
_LEAST_ONE = ("kustomize_concurrent", "helm_concurrent", "source_concurrent")


def read_text(file: Path, wanted: str) -> str:
    """The text of a regular file; one that ends in ``.gz`` is unpacked. Of one that was cut short, what there is.

    Raises:
        InputError: it is a pipe or a device, cannot be read, is no UTF-8, or is larger than :data:`MAX_BYTES`.
    """
    if not file.is_file():
        raise InputError.at(file, None, None, got="no regular file", wanted=wanted)
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if file.name.endswith(".gz"):
            content = _unpacked(content)
    except (OSError, zlib.error) as error:
        raise InputError.at(
            file, None, None, got=getattr(error, "strerror", None) or str(error), wanted=wanted
        ) from None
    if len(content) > MAX_BYTES:
        raise InputError.at(file, None, None, got=f"more than {MAX_BYTES >> 20} MB", wanted=wanted)
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content)  # it keeps back half of a character
    except UnicodeDecodeError as error:
        raise InputError.at(file, None, None, got=f"bytes that are no UTF-8 ({error.reason})", wanted=wanted) from None


def _unpacked(packed: bytes) -> bytes:
    """What a gzip file holds, also one whose end is missing; never much more than :data:`MAX_BYTES`."""
    content = b""
    while packed and len(content) <= MAX_BYTES:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        content += member.decompress(packed, MAX_BYTES + 1 - len(content))
        packed = member.unused_data
    return content


def seconds(value: Any) -> float:
    """A finite number of seconds; one before t0 is negative.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -MAX_SECONDS < value < MAX_SECONDS:
        raise ValueError(f"got {briefly(value)}, wanted seconds")
    return float(value)


def share(value: Any) -> float:
    """A share, from 0 to 1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"got {briefly(value)}, wanted a share, from 0 to 1")
    return float(value)


def text(value: Any) -> str:
    """Text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"got {briefly(value)}, wanted text")
    return value


def whole(value: Any) -> int:
    """A whole number, at least -1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 2**63:
        raise ValueError(f"got {briefly(value)}, wanted a whole number")
    return value


def event(row: Node) -> Event:
    """One event; fields that are left out have their defaults.

    Raises:
        InputError: it is none.
    """
    rest: dict[str, Any] = {}
    for name, default in Event._field_defaults.items():
        if name in row.data:
            rest[name] = row.field(name, text if isinstance(default, str) else whole)
    return Event(row.field("t_s", seconds), row.field("object", object_id), **rest)


def object_id(value: Any) -> ObjectId:
    """An object's name.

    Raises:
        ValueError: it is none.
    """
    return parse_object(text(value))


def flags(top: Node) -> dict[str, Any]:
    """The controllers' flags of a trace; those that :class:`Parameters` knows have its types.

    Raises:
        InputError: one has a value it cannot have.
    """
    found = top.below("flags", data=top.mapping("flags"))
    for known in fields(Parameters):
        if found.data.get(known.name) is not None and not _fits(found.data[known.name], known.name, known.default):
            raise found.bad(known.name, found.data[known.name], f"a value like {known.default!r}")
    return dict(found.data)


def _fits(value: Any, name: str, default: Any) -> bool:
    if isinstance(default, (bool, str)) or isinstance(value, bool):
        return type(value) is type(default)
    least = 1 if name in _LEAST_ONE else 0
    return isinstance(value, int if isinstance(default, int) else (int, float)) and least <= value <= 1e9

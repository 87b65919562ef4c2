"""A JSON document being read: parsed, and typed access to its objects' fields, with messages that say where."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from fleetbench import json_values as values
from fleetbench.errors import InputError, briefly
from fleetbench.ids import ObjectId
from fleetbench.json_text import Path, line_of, shown

_T = TypeVar("_T")


def parse(
    text: str, file: object, wanted: str, hint: str | None = None, *, line: int | None = None, got: str | None = None
) -> Any:
    """Parse a JSON document.

    Args:
        text: the document.
        file: for messages.
        wanted: what it should be, for messages.
        hint: what to do if it is none.
        line: where it stands, for a document on a line of its own; None = the mistake's own line.
        got: what to say of one that is none; None = what is wrong with it.

    Raises:
        InputError: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise no_json(error, text, file, wanted, hint, line=line, got=got) from None


def no_json(
    error: ValueError | RecursionError,
    text: str,
    file: object,
    wanted: str,
    hint: str | None = None,
    *,
    line: int | None = None,
    got: str | None = None,
) -> InputError:
    """The error for a text that ``json`` cannot parse; the arguments are those of :func:`parse`."""
    said = (
        "JSON nested too deeply" if isinstance(error, RecursionError) else f"no JSON ({getattr(error, 'msg', error)})"
    )
    line = getattr(error, "lineno", None) if line is None else line
    return InputError.at(file, line, None, got or (said if text else "an empty file"), wanted, hint)


class Node:
    """One JSON object: its fields, the file and the place in it."""

    def __init__(self, data: Any, file: str, text: str | None = None, path: Path = (), first_line: int = 1):
        """Take the object.

        Args:
            data: what should be one.
            file: for messages.
            text: the document's text, from which messages take the line; None = no line.
            path: where the object stands in it.
            first_line: the line of the file on which that text begins.

        Raises:
            InputError: it is no object.
        """
        self.file, self.text, self.path, self.first_line = file, text, path, first_line
        if not isinstance(data, dict):
            raise self.bad((), data, "an object")
        self.data: dict[str, Any] = data

    def bad(self, field: str | Path, got: object, wanted: str, hint: str | None = None) -> InputError:
        """The error for a field of this object, or for what stands at a path below it."""
        path = (*self.path, *((field,) if isinstance(field, str) else field))
        line = None if self.text is None else self.first_line - 1 + line_of(self.text, path)
        return InputError.at(self.file, line, shown(path), "nothing" if got is None else briefly(got), wanted, hint)

    def below(self, *path: str | int, data: Any) -> Node:
        """An object that stands at a path below this one."""
        return Node(data, self.file, self.text, (*self.path, *path), self.first_line)

    def read(self, field: str | Path, value: Any, reader: Callable[[Any], _T]) -> _T:
        """What ``reader`` makes of a value; its ``ValueError: got ..., wanted ...`` becomes the error for that place."""
        try:
            return reader(value)
        except ValueError as error:
            raise self.bad(field, value, str(error).rpartition("wanted ")[2]) from None

    def field(self, field: str, reader: Callable[[Any], _T]) -> _T:
        """What ``reader`` makes of a field."""
        return self.read(field, self.data.get(field), reader)

    def optional(self, field: str, reader: Callable[[Any], _T]) -> _T | None:
        """What ``reader`` makes of a field; None where that is missing."""
        return None if self.data.get(field) is None else self.field(field, reader)

    def text_of(self, field: str, default: str | None = None) -> str | None:
        """A text; ``default`` where the field is missing."""
        value = self.optional(field, values.text)
        return default if value is None else value

    def required(self, field: str) -> str:
        """A text that must be there, and not empty."""
        value = self.text_of(field)
        if not value:
            raise self.bad(field, value, "text")
        return value

    def id(self, field: str, kind: str) -> ObjectId | None:
        """An object's name; None where the field is missing."""
        return self.optional(field, lambda v: values.object_id(v, kind))

    def items(self, field: str) -> list[Any]:
        """A list; empty where the field is missing."""
        value = self.data.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.bad(field, value, "a list")
        return value

    def mapping(self, field: str) -> dict[str, Any]:
        """An object as it is; empty where the field is missing."""
        value = self.data.get(field)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.bad(field, value, "an object")
        return value

    def each(self, field: str) -> list[Node]:
        """A list of objects."""
        return [self.below(field, i, data=item) for i, item in enumerate(self.items(field))]

    def ids(self, field: str, kind: str) -> tuple[ObjectId, ...]:
        """A list of names."""
        found = []
        for i, item in enumerate(self.items(field)):
            if not isinstance(item, str):
                raise self.bad((field, i), item, "ns/name or Kind/ns/name")
            found.append(self.read((field, i), item, lambda v: values.object_id(v, kind)))
        return tuple(found)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.items(field)
        for i, item in enumerate(found):
            if not isinstance(item, str):  # a trace has 100 000 of these lists: no path is built for a text that is one
                self.read((field, i), item, values.text)
        return tuple(found)

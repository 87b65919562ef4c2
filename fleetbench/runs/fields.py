"""The rows and the flags of a trace, each field checked as it is read: a trace may come from anywhere."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from fleetbench.json_node import Node
from fleetbench.json_values import object_id, seconds, text, whole
from fleetbench.model.parameters import Parameters, shards_of_run
from fleetbench.timeline.events import Event

_LEAST_ONE = ("kustomize_concurrent", "helm_concurrent", "source_concurrent")


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


def flags(top: Node) -> dict[str, Any]:
    """The controllers' flags of a trace; those that :class:`Parameters` knows have its types.

    Raises:
        InputError: one has a value it cannot have.
    """
    found = top.below("flags", data=top.mapping("flags"))
    found.optional("shards", shards_of_run)
    for known in fields(Parameters):
        if known.name == "shards":
            continue
        if found.data.get(known.name) is not None and not _fits(found.data[known.name], known.name, known.default):
            raise found.bad(known.name, found.data[known.name], f"a value like {known.default!r}")
    return dict(found.data)


def _fits(value: Any, name: str, default: Any) -> bool:
    if isinstance(default, (bool, str)) or isinstance(value, bool):
        return type(value) is type(default)
    least = 1 if name in _LEAST_ONE else 0
    return isinstance(value, int if isinstance(default, int) else (int, float)) and least <= value <= 1e9

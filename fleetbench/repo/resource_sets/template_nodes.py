"""What a template of flux-operator is made of, once it is taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INPUTS, DOT = "inputs", "."
"""The function that gives the inputs, and what Go calls dot: within a range, its element."""


@dataclass(frozen=True, slots=True)
class Path:
    """A value and what is taken out of it: ``inputs.a.b``, ``$x.a``, ``(get inputs "a").b``."""

    of: str | Pipeline
    """``inputs``, ``.`` or a variable with its ``$``; or what stands in parentheses."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A function with its arguments, or one value."""

    function: str | None
    operands: tuple[Any, ...]
    """:class:`Path`, or a value that is written there."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, the result of each the last argument of the next."""

    commands: tuple[Command, ...]
    shown: str
    """The action in which it stands, for people."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is printed, or kept in variables: then nothing is."""

    pipeline: Pipeline
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class If:
    """The first branch whose value is true counts."""

    branches: tuple[tuple[Action, Body], ...]
    otherwise: Body


@dataclass(frozen=True, slots=True)
class Range:
    """The body for each element."""

    over: Action
    body: Body
    otherwise: Body


Node = str | Action | If | Range
Body = tuple[Node, ...]

"""One value of a JSON document as what its field holds: the checks, and the words for what is none.

Each reader takes a value of any type and raises ``ValueError: got ..., wanted ...``; :meth:`.json_node.Node.field`
makes of that the error which names file, line and field.
"""

from __future__ import annotations

from typing import Any

from fleetbench.errors import briefly
from fleetbench.ids import KUSTOMIZATION, ObjectId, parse_object

MAX_SECONDS = 1e10
MAX_COUNT = 10_000_000
"""Of what a fleet can hold: beyond it a number is a mistake that would cost memory."""


def text(value: Any) -> str:
    """Text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise _none(value, "text")
    return value


def flag(value: Any) -> bool:
    """True or false.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, bool):
        raise _none(value, "true or false")
    return value


def whole(value: Any, most: int = 2**63 - 1) -> int:
    """A whole number, at least -1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= most:
        raise _none(value, "a whole number")
    return value


def count(value: Any) -> int:
    """A whole number of things in a fleet; -1 = not known.

    Raises:
        ValueError: it is none.
    """
    return whole(value, MAX_COUNT)


def seconds(value: Any) -> float:
    """A finite number of seconds; one before t0 is negative.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -MAX_SECONDS < value < MAX_SECONDS:
        raise _none(value, "seconds")
    return float(value)


def duration_s(value: Any) -> float:
    """How many seconds something takes.

    Raises:
        ValueError: it is no number, or negative.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < MAX_SECONDS:
        raise _none(value, "seconds, not negative")
    return float(value)


def share(value: Any) -> float:
    """A share, from 0 to 1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise _none(value, "a share, from 0 to 1")
    return float(value)


def object_id(value: Any, kind: str = KUSTOMIZATION) -> ObjectId:
    """An object's name; ``ns/name`` is one of ``kind``.

    Raises:
        ValueError: it is none.
    """
    return parse_object(text(value), kind)


def _none(value: Any, wanted: str) -> ValueError:
    return ValueError(f"got {briefly(value)}, wanted {wanted}")

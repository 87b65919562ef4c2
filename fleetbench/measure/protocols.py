"""What the watch needs from the world, small enough that tests hand it a player of recorded streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from fleetbench.measure.kinds import WatchedKind

Manifest = Mapping[str, Any]
"""An object as the API writes it."""

ADDED, MODIFIED, DELETED, BOOKMARK = "ADDED", "MODIFIED", "DELETED", "BOOKMARK"


class Gone(Exception):
    """The API no longer knows the resourceVersion (HTTP 410): list again."""


class Disconnected(Exception):
    """The connection was refused, dropped or answered with a server error: try again."""


class Forbidden(Exception):
    """The account may not do this with this kind."""


class Unauthenticated(Forbidden):
    """The cluster does not know who is asking (HTTP 401): a token that ran out, or none."""


class NotServed(Exception):
    """The cluster does not know this kind (its CRD is not installed)."""


class Clock(Protocol):
    """Time: monotonic for intervals, wall for beside the API's stamps."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def wall_s(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class ClusterApi(Protocol):
    """Reading one kind of object in all namespaces."""

    def list(self, kind: WatchedKind) -> tuple[list[Manifest], str]:
        """All objects and the list's resourceVersion.

        Raises:
            Disconnected, Forbidden, NotServed: see there.
        """
        ...

    def watch(self, kind: WatchedKind, resource_version: str) -> Iterator[tuple[str, Manifest]]:
        """(type, object) of every change after ``resource_version``; ends when the server closes the stream.

        Raises:
            Gone, Disconnected, Forbidden, NotServed: see there.
        """
        ...

    def end_streams(self) -> None:
        """End every stream that is open, for good; called from another thread."""
        ...


class Seen(NamedTuple):
    """One change of one object as it arrived."""

    at_s: float
    """Monotonic clock."""
    kind: WatchedKind
    type: str
    """ADDED, MODIFIED or DELETED."""
    object: Manifest


class Trouble(NamedTuple):
    """A watch that broke off and went on, or one that cannot be had."""

    at_s: float
    kind: WatchedKind
    why: str
    """``gone``, ``disconnected``, ``forbidden`` or ``not served``."""
    detail: str = ""
    lasted_s: float | None = None
    """How long nothing was seen; None = it has not come back yet."""

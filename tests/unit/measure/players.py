"""Stand-ins for a cluster and a clock: recorded streams, played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fleetbench.measure.kinds import WatchedKind
from fleetbench.measure.protocols import ADDED, DELETED, MODIFIED, Manifest, Seen


class PlayedClock:
    """Time that only sleeping moves."""

    def __init__(self, start_s: float = 100.0, wall_s: float = 1_700_000_000.0):
        self.now_s, self._wall_s = start_s, wall_s - start_s
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return self._wall_s + self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


class Player:
    """Plays a script: each list and each watch takes the next entry.

    An entry of ``lists`` is (objects, resourceVersion) or an exception; one of ``streams`` a list of (type, object)
    that may end with an exception. When the streams are over, ``over`` is called.
    """

    def __init__(self, lists: list[Any], streams: list[Any], over: Callable[[], None]):
        self.lists, self.streams, self.over = list(lists), list(streams), over
        self.watched_from: list[str] = []

    def list(self, kind: WatchedKind) -> tuple[list[Manifest], str]:
        entry = self.lists.pop(0)
        if isinstance(entry, Exception):
            raise entry
        return entry

    def watch(self, kind: WatchedKind, resource_version: str) -> Iterator[tuple[str, Manifest]]:
        if not self.streams:
            self.over()
            return
        self.watched_from.append(resource_version)
        for step in self.streams.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step

    def end_streams(self) -> None:
        self.over()


def obj(name: str, version: int, status: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """An object with a resourceVersion; its uid is its name unless given."""
    metadata = {
        "namespace": "flux-system",
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "generation": 1,
    }
    return {"metadata": metadata | meta, "status": status or {}}


def ready(
    status: str, reason: str = "", message: str = "", *, observed: int = 1, reconciling: str = "", revision: str = ""
) -> dict[str, Any]:
    """A Flux object's status."""
    conditions = [
        {
            "type": "Ready",
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": "2026-01-01T00:00:05Z",
        }
    ]
    if reconciling:
        conditions.append({"type": "Reconciling", "status": "True", "reason": "Progressing", "message": reconciling})
    found: dict[str, Any] = {"conditions": conditions, "observedGeneration": observed}
    if revision:
        found["lastAppliedRevision"] = revision
    return found


def seen(kind: WatchedKind, at_s: float, object: Manifest, type: str = MODIFIED) -> Seen:
    """One change."""
    return Seen(at_s, kind, type, object)


__all__ = ["ADDED", "DELETED", "MODIFIED", "PlayedClock", "Player", "obj", "ready", "seen"]

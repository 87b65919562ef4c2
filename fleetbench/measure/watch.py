"""Follow every kind at once: a thread a kind, all changes in one queue, none lost and none twice.

The API server's stream of a kind is read from a resourceVersion; when it ends or breaks it is taken up again from
the last one seen. When the server no longer knows that version (410 Gone) the kind is listed anew and compared with
what was known, so the net change of the gap is still seen, at the time of the list.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable

import tenacity

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.kinds import WatchedKind
from fleetbench.measure.protocols import (
    ADDED,
    BOOKMARK,
    DELETED,
    MODIFIED,
    Clock,
    ClusterApi,
    Disconnected,
    Forbidden,
    Gone,
    Manifest,
    NotServed,
    Seen,
    Trouble,
)

RETRY_MIN_S, RETRY_MAX_S = 0.1, 5.0
END_S = 6.0
"""All threads end within this, unless one hangs in a list: a retry sleeps for RETRY_MAX_S at most."""


class Follower:
    """Follows one kind; :meth:`run` ends only when ``stopped`` says so."""

    def __init__(
        self,
        kind: WatchedKind,
        api: ClusterApi,
        clock: Clock,
        emit: Callable[[Seen | Trouble], None],
        stopped: Callable[[], bool],
    ):
        self._kind, self._api, self._clock, self._emit, self._stopped = kind, api, clock, emit, stopped
        self._known: dict[str, Manifest] = {}
        self._version: str | None = None
        self._lost_at_s: float | None = None
        self.listed = threading.Event()
        """Set once the first list is in the queue (or the kind turned out not to be had)."""

    def run(self) -> None:
        """List, watch, and take up again whatever breaks."""
        try:
            while not self._stopped():
                self._retrying(self._attempt)
        except _Stopped:
            pass
        except (Forbidden, NotServed) as error:
            why = "forbidden" if isinstance(error, Forbidden) else "not served"
            self._emit(Trouble(self._clock.monotonic_s(), self._kind, why, str(error)))
        finally:
            self.listed.set()

    def _retrying(self, step: Callable[[], None]) -> None:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Disconnected),
            wait=tenacity.wait_random_exponential(multiplier=RETRY_MIN_S, max=RETRY_MAX_S),
            sleep=self._clock.sleep,
            before_sleep=self._lost,
            reraise=True,
        )
        retrying(step)

    def _lost(self, state: tenacity.RetryCallState) -> None:
        if self._stopped():
            raise _Stopped
        if self._lost_at_s is None:
            self._lost_at_s = self._clock.monotonic_s()

    def _back(self) -> None:
        if self._lost_at_s is not None:
            now = self._clock.monotonic_s()
            self._emit(Trouble(now, self._kind, "disconnected", lasted_s=now - self._lost_at_s))
            self._lost_at_s = None

    def _attempt(self) -> None:
        """As :meth:`_once`; of a kind that could be read a refusal is a break: an API server that starts refuses at first.

        It answers 403 before it has read the roles, and 404 before it has read the CRDs.
        """
        try:
            self._once()
        except (Forbidden, NotServed) as error:
            if not self.listed.is_set():
                raise
            raise Disconnected(str(error)) from error

    def _once(self) -> None:
        """One list, if one is needed, and one stream until it ends."""
        if self._version is None:
            items, version = self._api.list(self._kind)
            self._back()
            self._compare(items)
            self._version = version
            self.listed.set()
        try:
            for type, obj in self._api.watch(self._kind, self._version):
                self._back()
                self._change(type, obj)
                if self._stopped():
                    raise _Stopped
            self._back()
        except Gone:
            self._emit(Trouble(self._clock.monotonic_s(), self._kind, "gone"))
            self._version = None

    def _change(self, type: str, obj: Manifest) -> None:
        meta = obj.get("metadata") or {}
        self._version = meta.get("resourceVersion") or self._version
        if type == BOOKMARK:
            return
        uid = meta.get("uid") or f"{meta.get('namespace')}/{meta.get('name')}"
        known = self._known.get(uid)
        if type == DELETED:
            self._known.pop(uid, None)
        elif known is not None and _version(known) == meta.get("resourceVersion"):
            return
        else:
            self._known[uid] = _stub(obj)
        self._emit(Seen(self._clock.monotonic_s(), self._kind, type, obj))

    def _compare(self, items: Iterable[Manifest]) -> None:
        """Emit what a list shows that was not known: new and changed objects, and those that are gone."""
        listed = {}
        for obj in items:
            meta = obj.get("metadata") or {}
            listed[meta.get("uid") or f"{meta.get('namespace')}/{meta.get('name')}"] = obj
        now = self._clock.monotonic_s()
        for uid in [u for u in self._known if u not in listed]:
            self._emit(Seen(now, self._kind, DELETED, self._known.pop(uid)))
        for uid, obj in listed.items():
            known = self._known.get(uid)
            if known is None or _version(known) != _version(obj):
                self._known[uid] = _stub(obj)
                self._emit(Seen(now, self._kind, ADDED if known is None else MODIFIED, obj))


class _Stopped(Exception):
    """The run is over."""


def _version(obj: Manifest) -> str | None:
    return (obj.get("metadata") or {}).get("resourceVersion")


def _stub(obj: Manifest) -> Manifest:
    """What must be remembered of an object: its name and version, not its content."""
    meta = obj.get("metadata") or {}
    kept = ("uid", "namespace", "name", "resourceVersion", "generation")
    return {"metadata": {name: meta[name] for name in kept if name in meta}}


class Watcher:
    """All kinds at once, in threads, into :attr:`queue`; a context manager."""

    def __init__(self, api: ClusterApi, clock: Clock, kinds: Iterable[WatchedKind]):
        self._api = api
        self.queue: queue.SimpleQueue[Seen | Trouble] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._followers = [Follower(k, api, clock, self.queue.put, self._stop.is_set) for k in kinds]
        # Daemons: a stream that hangs must not keep the program from ending.
        self._threads = [
            threading.Thread(target=f.run, name=f"watch-{f._kind.plural}", daemon=True) for f in self._followers
        ]

    def __enter__(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        # A thread that still reads when the interpreter ends takes it down with SIGABRT.
        self._api.end_streams()
        end_s = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(end_s - time.monotonic(), 0.0))

    def wait_listed(self, timeout_s: float) -> None:
        """Wait until every kind has been listed once.

        Raises:
            EnvironmentLacks: that took longer than ``timeout_s`` for one of them.
        """
        if not all(follower.listed.wait(timeout_s) for follower in self._followers):
            raise EnvironmentLacks(
                f"the cluster could not be listed within {timeout_s:.0f} s", "is it reachable from here?"
            )

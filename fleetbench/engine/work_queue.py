"""controller-runtime's priority queue and the workers that take from it.

Source: controller-runtime v0.24.1 pkg/controller/priorityqueue/priorityqueue.go (lockedAddWithOpts,
handleWaitingItems, handleReadyItems) and pkg/internal/controller/controller.go (reconcileHandler).

- Items are unique; adding one that waits for a time keeps the earlier of the two times, and the higher priority.
- Ready items come by priority, then in the order in which they were added, or became ready if they had to wait. An
  item that is pulled forward from waiting to ready keeps the number it got when it was put to wait.
- An item that a worker holds is not handed out again before that worker is done with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from itertools import count
from typing import Any

import simpy

LOW_PRIORITY = -100
"""handler.LowPriority: objects of the initial list."""


AGAIN_S = 0.05
"""A second retry in a row comes no sooner, also of a controller without delays: else the clock would stand still."""


Entry = tuple[int, int, int]
"""A ready item: (-priority, counter, item)."""


class WorkQueue:
    """One controller's queue."""

    __slots__ = (
        "_alarms", "_due", "_failures", "_heap", "_held", "_idle", "_next", "_ready", "_waiting", "env", "max_delay_s", "min_delay_s",
        "spawn",
    )  # fmt: skip

    def __init__(self, env: simpy.Environment, min_delay_s: float, max_delay_s: float):
        self.env = env
        self.min_delay_s, self.max_delay_s = min_delay_s, max_delay_s
        self._waiting: dict[int, tuple[float, int, int]] = {}  # item -> (ready at, priority, counter)
        self._due: list[tuple[float, int, int]] = []  # heap of (ready at, number, item); stale if not so in _waiting
        self._alarms: list[float] = []  # when the clock wakes the queue; the earliest, which was set last, at the end
        self._ready: dict[int, Entry] = {}
        self._heap: list[Entry] = []  # stale entries, which are not their item's in _ready, are skipped
        self._held: set[int] = set()
        self._idle: deque[simpy.Event] = deque()
        self._next = count(1).__next__
        self._failures: dict[int, int] = {}
        self.spawn: Callable[[], None] | None = None
        """Starts one more worker; None = there may be no more (:class:`WorkerPool` sets it)."""

    def add(self, item: int, after_s: float = 0.0, priority: int = 0) -> None:
        """Put an item in the queue, now or ``after_s`` seconds from now."""
        if self._due and not (self._alarms and self._alarms[-1] <= self._due[0][0]):  # no alarm tells of it
            self._come_due(self.env.now)
        ready = self._ready.get(item)
        if ready is not None:
            if priority > -ready[0]:
                self._make_ready(item, priority, self._next())
            return
        waiting = self._waiting.get(item)
        if after_s <= 0.0:
            if waiting is None:
                self._make_ready(item, priority, self._next())
            else:
                del self._waiting[item]
                higher = priority > waiting[1]
                self._make_ready(item, max(priority, waiting[1]), self._next() if higher else waiting[2])
            return
        at = self.env.now + after_s
        if waiting is not None:
            if waiting[0] <= at:
                if priority > waiting[1]:
                    self._waiting[item] = (waiting[0], priority, self._next())
                return
            priority = max(priority, waiting[1])
        self._waiting[item] = (at, priority, self._next() if waiting is None else waiting[2])
        heappush(self._due, (at, self._next(), item))
        self._set_alarm()

    def add_rate_limited(self, item: int, priority: int = 0) -> None:
        """Requeue: true: the item's own exponential delay (workqueue.TypedItemExponentialFailureRateLimiter)."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        delay_s = min(self.min_delay_s * 2.0 ** min(failures, 60), self.max_delay_s)
        self.add(item, max(delay_s, AGAIN_S) if failures else delay_s, priority)

    def has_failed_for_long(self, item: int) -> None:
        """Its delay is the longest there is."""
        self._failures[item] = 60

    def forget(self, item: int) -> None:
        """Reset the item's delay."""
        self._failures.pop(item, None)

    def take(self) -> tuple[int, int] | None:
        """The next item and its priority, held from now on; None where nothing can be handed out."""
        if self._due and not (self._alarms and self._alarms[-1] <= self._due[0][0]):  # no alarm tells of it
            self._come_due(self.env.now)
        heap, ready, held = self._heap, self._ready, self._held
        blocked: list[Entry] = []
        found = None
        while heap:
            entry = heappop(heap)
            item = entry[2]
            if ready.get(item) is not entry:
                continue  # an older entry of an item that moved
            if item in held:
                blocked.append(entry)
                continue
            del ready[item]
            held.add(item)
            found = (item, -entry[0])
            break
        for entry in blocked:
            heappush(heap, entry)
        return found

    def done(self, item: int) -> None:
        """The worker lets go of the item; if it was added meanwhile it can be handed out again."""
        self._held.discard(item)
        if item in self._ready:
            self._wake()

    def idle_event(self) -> simpy.Event:
        """An event for a worker with nothing to do: it fires when something can be handed out."""
        event = self.env.event()
        self._idle.append(event)
        self._set_alarm()
        return event

    def _make_ready(self, item: int, priority: int, counter: int) -> None:
        entry = self._ready[item] = (-priority, counter, item)
        heappush(self._heap, entry)
        if item not in self._held:
            self._wake()

    def _wake(self) -> None:
        if self._idle:
            self._idle.popleft().succeed()
        elif self.spawn is not None:
            self.spawn()

    def _come_due(self, now_s: float) -> None:
        """Waiting items whose time has come are ready, in that order.

        As in handleWaitingItems the queue has one timer, not one an item; where every worker is held it has none, as
        whoever lets go looks here first.
        """
        due = self._due
        while due and due[0][0] <= now_s:
            at, _, item = heappop(due)
            waiting = self._waiting.get(item)
            if waiting is not None and waiting[0] == at:  # else pulled forward meanwhile
                del self._waiting[item]
                self._make_ready(item, waiting[1], self._next())

    def _set_alarm(self) -> None:
        """Have the clock wake the queue when the next item comes due, if there is a worker for it."""
        if not self._due or not (self._idle or self.spawn):
            return
        at, alarms = self._due[0][0], self._alarms
        if alarms and alarms[-1] <= at:
            return
        alarms.append(at)
        self.env.timeout(max(at - self.env.now, 0.0)).callbacks.append(self._ring)

    def _ring(self, _: simpy.Event) -> None:
        self._come_due(max(self._alarms.pop(), self.env.now))  # the clock may be a rounding error before the alarm
        self._set_alarm()


class Result:
    """What a reconcile returns (reconcile.Result)."""

    __slots__ = ("after_s", "requeue")

    def __init__(self, after_s: float = 0.0, requeue: bool = False):
        self.after_s, self.requeue = after_s, requeue


REQUEUE = Result(requeue=True)
"""``Requeue: true``, or an error: through the rate limiter."""
STOP = Result()
"""Nothing more until an event."""


def worker(queue: WorkQueue, reconcile: Any, pool: WorkerPool) -> Generator[simpy.Event, Any, None]:
    """One worker: takes an item, reconciles it, requeues it as the result says; for ever."""
    while True:
        taken = queue.take()
        if taken is None:
            yield queue.idle_event()
            continue
        item, priority = taken
        pool.busy += 1
        if pool.busy > pool.most_busy:
            pool.most_busy = pool.busy
        result = yield from reconcile(item)
        pool.busy -= 1
        if result.after_s > 0.0:
            queue.forget(item)
            queue.add(item, result.after_s, priority)
        elif result.requeue:
            queue.add_rate_limited(item, priority)
        else:
            queue.forget(item)
        queue.done(item)


class WorkerPool:
    """A controller's queue with its workers; ``most_busy`` is the most that were held at one moment.

    A worker's process is started when there is first something for it to do.
    """

    __slots__ = ("_reconcile", "_started", "busy", "most_busy", "queue", "workers")

    def __init__(self, queue: WorkQueue, workers: int, reconcile: Any):
        self.queue, self.workers = queue, workers
        self.busy = self.most_busy = self._started = 0
        self._reconcile = reconcile
        queue.spawn = self._spawn

    def stop(self) -> None:
        """Its process is gone: nobody takes what is added."""
        self.queue.spawn = None

    def start(self) -> None:
        """A new process, with a queue of its own."""
        old = self.queue
        self.queue = WorkQueue(old.env, old.min_delay_s, old.max_delay_s)
        self._started = 0
        self.queue.spawn = self._spawn

    def _spawn(self) -> None:
        self._started += 1
        if self._started == self.workers:
            self.queue.spawn = None
        self.queue.env.process(worker(self.queue, self._reconcile, self))

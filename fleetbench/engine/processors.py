"""The machine that the controllers run on: steps slow each other down, kustomize builds take turns."""

from __future__ import annotations

from collections import deque
from math import inf

import simpy
from simpy.events import Timeout


class Processors:
    """Processor sharing: with more steps running than processors, each gets its share.

    A step's rate is fixed when it starts (the steps last 10-200 ms, so the share hardly moves while one runs); that
    costs one event a step where exact sharing would cost one for every other step that starts or ends.
    """

    __slots__ = ("_ended", "count", "env", "running")

    def __init__(self, env: simpy.Environment, count: float):
        self.env, self.count, self.running = env, count, 0
        self._ended = self._end  # bound once: a step is started some hundred thousand times

    def work(self, seconds: float) -> simpy.Timeout:
        """Start a step of ``seconds`` of processor time; the event comes when it is done."""
        self.running = running = self.running + 1
        if running > self.count:
            seconds *= running / self.count
        timeout = Timeout(self.env, seconds)
        timeout.callbacks.append(self._ended)
        return timeout

    def work_within(self, container: Container, seconds: float) -> simpy.Timeout:
        """A step inside a container whose processors are limited; such steps share that limit among themselves."""
        container.running = inside = container.running + 1
        self.running = running = self.running + 1
        share = max(running / self.count, inside / container.limit)
        timeout = Timeout(self.env, seconds * share if share > 1.0 else seconds)
        timeout.callbacks.append(self._ended)
        timeout.callbacks.append(container.ended)
        return timeout

    def _end(self, _: simpy.Event) -> None:
        self.running -= 1


class Container:
    """One kustomize-controller, its shards being others: what it may use of the machine, and its turns at building."""

    __slots__ = ("builds", "ended", "limit", "running")

    def __init__(self, env: simpy.Environment, limit: float | None):
        self.limit, self.running = inf if limit is None else limit, 0
        self.builds = Mutex(env)
        self.ended = self._end

    def _end(self, _: simpy.Event) -> None:
        self.running -= 1


class Mutex:
    """First come, first served."""

    __slots__ = ("_waiting", "env", "held")

    def __init__(self, env: simpy.Environment):
        self.env, self.held = env, False
        self._waiting: deque[simpy.Event] = deque()

    def acquire(self) -> simpy.Event | None:
        """None: it is yours; otherwise the event to wait for."""
        if not self.held:
            self.held = True
            return None
        event = self.env.event()
        self._waiting.append(event)
        return event

    def release(self) -> None:
        """Hand it to the next, or free it."""
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self.held = False

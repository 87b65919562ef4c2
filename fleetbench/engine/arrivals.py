"""What has come to the cluster, and who waits for that."""

from __future__ import annotations

from collections.abc import Callable

import simpy

from fleetbench.engine.items import Brought, Plan
from fleetbench.engine.revisions import Revisions


class Arrivals(Revisions):
    """Manifests that are applied, health checks that sleep until something changes, and pods that lack what they need."""

    __slots__ = ("applied_s", "held_pods", "staged", "waiting_for_provider", "wake")

    def __init__(self, plan: Plan, sample: int):
        super().__init__(plan, sample)
        size = len(plan.items)
        self.staged = [False] * size
        """Whether its CRDs, namespaces and classes are in the cluster."""
        self.applied_s: list[float | None] = [None] * size
        self.wake: dict[int, simpy.Event] = {}
        """Object -> what its health check sleeps on."""
        self.waiting_for_provider: dict[int, list[int]] = {}
        """Who brings something -> whose health check waits for that."""
        self.held_pods: dict[int, list[Callable[[], None]]] = {}
        """Who brings something -> what starts the pods that wait for that."""

    def are_applied(self, needed: tuple[int, ...]) -> bool:
        """Whether the manifests of all these objects are in the cluster."""
        return all(self.applied_s[n] is not None for n in needed)

    def are_there(self, needed: tuple[Brought, ...]) -> bool:
        """Whether all that these objects bring is in the cluster."""
        return all(map(self.is_there, needed))

    def is_there(self, need: Brought) -> bool:
        """Whether what the object brings is in the cluster."""
        return self.staged[need.by] if need.first else self.applied_s[need.by] is not None

    def applied_first(self, n: int) -> None:
        """Its CRDs, namespaces and classes are in the cluster."""
        self.staged[n] = True
        self.tell_waiting(n)

    def tell_waiting(self, n: int) -> None:
        """Something of an object has come: pods that waited for it start, health checks look again."""
        for start in self.held_pods.pop(n, ()):
            start()
        for waiting in self.waiting_for_provider.pop(n, ()):
            self.wake_up(waiting)

    def wake_up(self, n: int) -> None:
        """Have the object's health check, if one is going on, look again."""
        event = self.wake.get(n)
        if event is not None and not event.triggered:
            event.succeed("changed")

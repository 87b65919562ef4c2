"""What a stretch of a rollout is spent on: the one list of causes, for predicted and measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fleetbench.ids import ObjectId

SOURCE = "source"
FINALIZER_REQUEUE = "finalizer-requeue"
QUEUE = "queue"
DEPENDENCY_POLL = "dependency-poll"
FETCH_BUILD_APPLY = "fetch-build-apply"
NEED = "need"
WORKLOAD = "workload"
HEALTH_POLL = "health-poll"
HELM = "helm"
EVENTS = "events"
RETRY = "retry"
TIMEOUT = "timeout"
FAILED = "failed"
INTERVAL = "interval"
PARENT = "parent"
SUSPENDED = "suspended"
UNWATCHED = "unwatched"

DEPENDENCY = "dependency"
CHILD = "child"
READY = "ready"

MEANING = {
    SOURCE: "the source or chart has no artifact yet",
    FINALIZER_REQUEUE: "the first reconcile only adds the finalizer; the second one follows after the rate limiter",
    QUEUE: "due, but no worker is free: others hold them, some with short work that no row shows",
    DEPENDENCY_POLL: "all dependencies are Ready, the next look at them is not due yet",
    FETCH_BUILD_APPLY: "kustomize-controller's own work, from the check of dependencies to applied, and its last patches",
    NEED: "its build or its pods need something that is not there (in a chain, the causes of who brings it stand instead)",
    WORKLOAD: "applied, the object's own workloads are not Current yet",
    HEALTH_POLL: "all is Current or Ready, the next look of the health check has not seen it yet",
    HELM: "helm-controller's own work: prerequisites, rendering, install or upgrade",
    EVENTS: "notification-controller does not take an event: it is posted again and again, with the worker held",
    RETRY: "waits out retryInterval (or the rate limiter) after a failed reconcile",
    TIMEOUT: "a health check that ran into its timeout",
    FAILED: "a reconcile that failed for another reason than its timeout",
    INTERVAL: "nothing is due before the next interval, or the controller is not up",
    PARENT: "not created yet, and what creates it is not in the timeline",
    SUSPENDED: "spec.suspend: its controller leaves it alone until it is resumed",
    UNWATCHED: "no controller watches it (its labels, or its kind), so nobody reconciles it",
    DEPENDENCY: "a dependency is not Ready (in a chain, its own causes stand instead, unless nothing of it was seen)",
    CHILD: "applied, an object that the health check watches is not Ready (in a chain, likewise)",
    READY: "Ready",
}
"""Cause -> what it means, for people."""

IN_CHAIN = tuple(cause for cause in MEANING if cause != READY)
"""Causes that a chain may name, in the order in which reports list them."""


class Piece(NamedTuple):
    """A stretch of a causal chain: until ``to_s`` the rollout waited for this object, for this cause."""

    object: ObjectId
    cause: str
    from_s: float
    to_s: float
    detail: str = ""
    """For people: which worker holders, which workload, which poll."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.to_s - self.from_s


def meanings(pieces: Iterable[Piece]) -> dict[str, str]:
    """The causes that occur in a chain, in the order of reports -> what each means."""
    occurring = {piece.cause for piece in pieces}
    return {cause: meaning for cause, meaning in MEANING.items() if cause in occurring}


def seconds_of(pieces: Iterable[Piece]) -> dict[str, float]:
    """Each cause of a chain -> its seconds."""
    found: dict[str, float] = {}
    for piece in pieces:
        found[piece.cause] = found.get(piece.cause, 0.0) + piece.seconds
    return found


class Segment(NamedTuple):
    """A stretch of one object's own life."""

    from_s: float
    to_s: float
    cause: str
    on: ObjectId | None = None
    """Whom it waits for; the chain goes on there."""
    detail: str = ""

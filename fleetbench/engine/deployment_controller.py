"""kube-controller-manager's deployment controller, whose client sends so many requests a second and no more.

A Deployment's ReplicaSet, and with it its pods, waits for the requests of the Deployments before it, and so does the status
that kstatus reads. Few at a time never notice, as a burst is free; of 90 without pods that one apply created the last was
Current after 16 s on Kind (MODEL.md, "Deployments at once"). Each sync of a Deployment is one turn in the controller's queue: the
first creates the ReplicaSet, the second, at the queue's end, shows its status, and where pods become ready after that a
third one does; an update scales the old ReplicaSet down in between.

Nothing here is an event of the clock: a turn's end is known when it is queued, so turns are worked off when somebody asks.

Source: Kubernetes v1.34.4 pkg/controller/apis/config/v1alpha1/defaults.go (``--kube-api-qps`` 20, ``--kube-api-burst`` 30, for
each controller), client-go util/flowcontrol/throttle.go (a token bucket), pkg/controller/deployment/sync.go
getNewReplicaSet and scaleReplicaSet, rolling.go rolloutRolling, progress.go syncRolloutStatus.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from math import inf

from fleetbench.model.controller_manager import CREATE, SCALED, STATUS, TURN, Deployed


class Followed:
    """One Deployment from its apply until its status shows that it is Current."""

    __slots__ = ("at_s", "created_s", "has_pods", "is_early", "is_gone", "is_shown", "object", "ready_s", "scales")

    def __init__(self, deployment: Deployed, created_s: float, synced_s: float, scales: int):
        self.object, self.has_pods = deployment.object, deployment.has_pods
        self.scales = scales
        """Requests that scale ReplicaSets up and down before its status can show the update."""
        self.created_s = created_s
        """When its ReplicaSet is there."""
        self.at_s = synced_s
        """When its next sync is due; once ``is_shown``, when its status is shown."""
        self.ready_s = inf
        """When its pods are ready; infinity = its apply is still going on."""
        self.is_shown = False
        self.is_early = False
        """Its second sync came before its apply was over."""
        self.is_gone = False
        """Another apply, or an uninstall, came before it was shown."""


class DeploymentController:
    """The queue of one cluster's deployment controller."""

    __slots__ = ("_burst_s", "_due", "_each_s", "_free_s", "_next", "followed")

    def __init__(self, qps: float, burst: int):
        self._each_s = 1.0 / qps
        self._burst_s = burst / qps
        self._free_s = -inf
        """When the next request could be sent if no burst were free."""
        self._due: list[tuple[float, int, Followed]] = []
        """Heap of syncs that are not in the queue yet: (when they are, number, whose)."""
        self._next = count().__next__
        self.followed: list[Followed] = []
        """All Deployments, in the order of their apply."""

    def create(self, deployment: Deployed, now_s: float, *, updating: bool = False) -> Followed:
        """The first sync of a Deployment whose apply begins now; ``updating``: pods of an older template are there."""
        self._work_off(now_s, before=True)
        created_s = self._sent(now_s, CREATE)
        scales = SCALED + TURN * (deployment.turns - 1) if updating and deployment.turns else 0
        found = Followed(deployment, created_s, self._sent(now_s, deployment.first_sync - CREATE), scales)
        self.followed.append(found)
        self._queue(found)
        return found

    def follow(self, deployment: Followed, ready_s: float) -> None:
        """All is applied, and its pods will be ready then."""
        deployment.ready_s = ready_s
        if not deployment.is_early:
            return
        deployment.is_shown = not deployment.has_pods
        deployment.at_s = max(deployment.at_s, ready_s)
        if deployment.has_pods:
            self._queue(deployment)

    def shown_s(self, deployment: Followed, now_s: float) -> float:
        """When its status shows that it is Current; while that lies in the future, the earliest that it can be."""
        self._work_off(now_s)
        return deployment.at_s if deployment.is_shown else max(deployment.at_s, deployment.ready_s)

    def leave(self, deployment: Followed, now_s: float) -> None:
        """Another apply, or an uninstall, comes now: what was not shown yet never is."""
        self._work_off(now_s)
        deployment.is_gone = not (deployment.is_shown and deployment.at_s <= now_s)

    def _queue(self, deployment: Followed) -> None:
        heappush(self._due, (deployment.at_s, self._next(), deployment))

    def _work_off(self, until_s: float, *, before: bool = False) -> None:
        """All syncs that are due by then; ``before``: not those of that very moment."""
        while self._due and (self._due[0][0] < until_s or (self._due[0][0] == until_s and not before)):
            at_s, _, deployment = heappop(self._due)
            if deployment.is_gone:
                continue
            deployment.at_s = self._sent(at_s, STATUS)
            deployment.is_early = deployment.ready_s == inf
            is_ready = deployment.ready_s <= deployment.at_s
            deployment.is_shown = is_ready and not deployment.scales
            if deployment.is_shown or deployment.is_early:
                continue
            if is_ready:
                deployment.at_s = self._sent(at_s, deployment.scales)
                deployment.scales = 0
            else:
                deployment.at_s = deployment.ready_s
            self._queue(deployment)

    def _sent(self, since_s: float, requests: int) -> float:
        """When the last of so many more requests is sent."""
        self._free_s = max(self._free_s, since_s - self._burst_s) + requests * self._each_s
        return max(since_s, self._free_s)

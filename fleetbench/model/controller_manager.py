"""What kube-controller-manager's deployment controller sends for a Deployment, one request after the other.

Source: Kubernetes v1.34.4 pkg/controller/deployment/sync.go getNewReplicaSet and scaleReplicaSet, rolling.go rolloutRolling,
progress.go syncRolloutStatus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from fleetbench.ids import ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.workload_time import WorkloadTime

CREATE = 1
"""The ReplicaSet."""
FIRST_STATUS = 2
"""What follows in the same sync: its revision and condition, and the whole status, which comes too early for the
controller's cache and is refused as a conflict."""
EVENT = 1
"""ScalingReplicaSet, where there are pods."""
STATUS = 1
"""What a later sync sends."""
SCALED = 2
"""What an update sends beside the status once new pods are ready: the old ReplicaSet scaled down, and its event."""
TURN = 5
"""What each further turn of an update sends: both ReplicaSets scaled, their events and a status."""


class Deployed(NamedTuple):
    """One Deployment of an apply."""

    object: ObjectId
    has_pods: bool
    turns: int
    """In which an update replaces its pods; 0 = it starts as the first time."""
    waits: bool
    """False: its time counts from the apply, so what it waits for its controller is in it."""

    @property
    def first_sync(self) -> int:
        """Requests of the first sync, the ReplicaSet's among them."""
        return CREATE + FIRST_STATUS + (EVENT if self.has_pods else 0)


def deployments_of(time: WorkloadTime) -> tuple[Deployed, ...]:
    """The Deployments that stand in their controller's queue as the apply begins; none where a hook comes first."""
    if any(pod.hook for pod in time.pods):
        return ()
    replicas = Counter(pod.workload for pod in time.pods if pod.workload.kind == "Deployment")
    first = {pod.workload: pod for pod in reversed(time.pods)}
    return tuple(
        Deployed(
            id,
            not first[id].empty,
            ceil(count / at_once) if (at_once := first[id].at_once) else 0,
            not first[id].from_apply,
        )
        for id, count in replicas.items()
    )


def last_created_s(deployments: Sequence[Deployed], parameters: Parameters) -> float:
    """Seconds from an apply until the last of its Deployments has its ReplicaSet, with nothing else to do for the client."""
    if parameters.controller_manager_qps is None or not deployments:
        return 0.0
    before = sum(deployment.first_sync for deployment in deployments[:-1]) + CREATE
    return max(before - parameters.controller_manager_burst, 0) / parameters.controller_manager_qps

"""What kube-controller-manager's deployment controller sends for a Deployment, one request after the other.

Source: Kubernetes v1.34.4 pkg/controller/deployment/sync.go getNewReplicaSet and scaleReplicaSet, rolling.go rolloutRolling,
progress.go syncRolloutStatus.
"""

from __future__ import annotations

from collections import Counter

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


def deployments_of(time: WorkloadTime) -> Counter[ObjectId]:
    """Deployment -> its pods, of those that wait for their controller; one of no replicas counts as one."""
    return Counter(pod.workload for pod in time.pods if pod.workload.kind == "Deployment" and not pod.from_apply)


def last_created_s(time: WorkloadTime, parameters: Parameters) -> float:
    """Seconds from an apply until the last of its Deployments has its ReplicaSet, with nothing else to do for the client."""
    if parameters.controller_manager_qps is None:
        return 0.0
    of_pods = {pod.workload for pod in time.pods if not pod.empty}
    requests = [CREATE + FIRST_STATUS + (EVENT if id in of_pods else 0) for id in deployments_of(time)]
    before = sum(requests[:-1]) + CREATE if requests else 0
    return max(before - parameters.controller_manager_burst, 0) / parameters.controller_manager_qps

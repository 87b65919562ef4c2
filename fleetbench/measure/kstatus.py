"""When a workload is Current: kstatus for the kinds that rollouts wait for.

After github.com/fluxcd/cli-utils v1.2.2 pkg/kstatus/status: generic.go checkGenericProperties (generation first,
deletion) and core.go deploymentConditions, stsConditions, daemonsetConditions, jobConditions, podConditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fleetbench.measure.kinds import DAEMON_SET, DEPLOYMENT, JOB, POD, STATEFUL_SET
from fleetbench.phases import NOT_OBSERVED

CURRENT, IN_PROGRESS, FAILED, TERMINATING = "Current", "InProgress", "Failed", "Terminating"
_NO_DEADLINE = 2**31 - 1


class Status(NamedTuple):
    """kstatus's verdict."""

    status: str
    reason: str
    message: str = ""


def status_of(kind: str, obj: Mapping[str, Any]) -> Status:
    """Kstatus's verdict on a Deployment, StatefulSet, DaemonSet, Job or Pod.

    A pod that cannot be scheduled is Failed at once here; kstatus grants it 15 s first.
    """
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    if meta.get("deletionTimestamp"):
        return Status(TERMINATING, "Terminating")
    observed = status.get("observedGeneration")
    if observed is not None and observed != meta.get("generation"):
        return Status(IN_PROGRESS, NOT_OBSERVED)
    return _BY_KIND[kind](obj.get("spec") or {}, status, meta)


def conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Type -> condition."""
    return {c.get("type", ""): c for c in status.get("conditions") or []}


def _count(spec: Mapping[str, Any]) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Status:
    found = conditions(status)
    progress = found.get("Progressing", {})
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return Status(FAILED, "ProgressDeadlineExceeded")
    want, have = _count(spec), {n: int(status.get(n) or 0) for n in _DEPLOYMENT_COUNTS}
    if want > have["replicas"]:
        return Status(IN_PROGRESS, "LessReplicas", f"Replicas: {have['replicas']}/{want}")
    if want > have["updatedReplicas"]:
        return Status(IN_PROGRESS, "LessUpdated", f"Updated: {have['updatedReplicas']}/{want}")
    if have["replicas"] > want:
        return Status(IN_PROGRESS, "ExtraPods", f"Pending termination: {have['replicas'] - want}")
    if have["updatedReplicas"] > have["availableReplicas"]:
        return Status(IN_PROGRESS, "LessAvailable", f"Available: {have['availableReplicas']}/{have['updatedReplicas']}")
    if want > have["readyReplicas"]:
        return Status(IN_PROGRESS, "LessReady", f"Ready: {have['readyReplicas']}/{want}")
    deadline = spec.get("progressDeadlineSeconds", _NO_DEADLINE)
    done = progress.get("status") == "True" and progress.get("reason") == "NewReplicaSetAvailable"
    if deadline != _NO_DEADLINE and not done:
        return Status(IN_PROGRESS, "ReplicaSetNotAvailable")
    if found.get("Available", {}).get("status") != "True":
        return Status(IN_PROGRESS, "DeploymentNotAvailable")
    return Status(CURRENT, CURRENT)


_DEPLOYMENT_COUNTS = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Status:
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return Status(CURRENT, CURRENT)
    want, have = _count(spec), {n: int(status.get(n) or 0) for n in _STATEFUL_SET_COUNTS}
    if want > have["replicas"]:
        return Status(IN_PROGRESS, "LessReplicas", f"Replicas: {have['replicas']}/{want}")
    if want > have["readyReplicas"]:
        return Status(IN_PROGRESS, "LessReady", f"Ready: {have['readyReplicas']}/{want}")
    if have["replicas"] > want:
        return Status(IN_PROGRESS, "ExtraPods", f"Pending termination: {have['replicas'] - want}")
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if partition is not None:
        if have["updatedReplicas"] < want - partition:
            return Status(IN_PROGRESS, "PartitionRollout", f"updated: {have['updatedReplicas']}/{want - partition}")
        return Status(CURRENT, CURRENT)
    if want > have["currentReplicas"]:
        return Status(IN_PROGRESS, "LessCurrent", f"current: {have['currentReplicas']}/{want}")
    if status.get("currentRevision", "") != status.get("updateRevision", ""):
        return Status(IN_PROGRESS, "RevisionMismatch")
    return Status(CURRENT, CURRENT)


_STATEFUL_SET_COUNTS = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Status:
    if meta.get("generation") is None or status.get("observedGeneration") is None:
        return Status(IN_PROGRESS, "NoObservedGeneration")
    want = status.get("desiredNumberScheduled")
    if want is None:
        return Status(IN_PROGRESS, "NoDesiredNumber")
    for field, reason in _DAEMON_SET_COUNTS:
        have = int(status.get(field) or 0)
        if want > have:
            return Status(IN_PROGRESS, reason, f"{field}: {have}/{want}")
    return Status(CURRENT, CURRENT)


_DAEMON_SET_COUNTS = (
    ("currentNumberScheduled", "LessCurrent"),
    ("updatedNumberScheduled", "LessUpdated"),
    ("numberAvailable", "LessAvailable"),
    ("numberReady", "LessReady"),
)


def _job(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Status:
    found = conditions(status)
    if found.get("Complete", {}).get("status") == "True":
        return Status(CURRENT, CURRENT, "completed")
    if found.get("Failed", {}).get("status") == "True":
        return Status(FAILED, "JobFailed")
    if not status.get("startTime"):
        return Status(IN_PROGRESS, "JobNotStarted")
    return Status(CURRENT, CURRENT, "in progress")  # kstatus: a running Job counts


def _pod(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Status:
    phase, found = status.get("phase", ""), conditions(status)
    if phase in ("Succeeded", "Failed"):
        return Status(CURRENT, CURRENT, f"completed: {phase}")
    if phase == "Running":
        if found.get("Ready", {}).get("status") == "True":
            return Status(CURRENT, CURRENT)
        for container in status.get("containerStatuses") or []:
            if ((container.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff":
                return Status(FAILED, "ContainerCrashLooping", container.get("name", ""))
        return Status(IN_PROGRESS, "PodRunningNotReady")
    scheduled = found.get("PodScheduled", {})
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return Status(FAILED, "PodUnschedulable")
    return Status(IN_PROGRESS, "PodPending" if phase else "PodNotObserved")


_BY_KIND = {DEPLOYMENT: _deployment, STATEFUL_SET: _stateful_set, DAEMON_SET: _daemon_set, JOB: _job, POD: _pod}

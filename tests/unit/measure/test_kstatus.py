import pytest

from fleetbench.measure.kstatus import status_of


def condition(type, status="True", reason=""):
    return {"type": type, "status": status, "reason": reason}


def build(spec=None, generation=1, **status):
    return {"metadata": {"generation": generation}, "spec": spec or {}, "status": status}


DONE = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
NEW_SET = condition("Progressing", reason="NewReplicaSetAvailable")
CASES = {
    "a deployment without pods": ("Deployment", build(), "InProgress", "LessReplicas"),
    "one whose pods are old": ("Deployment", build(replicas=1), "InProgress", "LessUpdated"),
    "one with an old pod still there": ("Deployment", build(**{**DONE, "replicas": 2}), "InProgress", "ExtraPods"),
    "one within minReadySeconds": ("Deployment", build(**{**DONE, "availableReplicas": 0}), "InProgress", "LessAvailable"),
    "one available but not said so": ("Deployment", build(**DONE), "InProgress", "DeploymentNotAvailable"),
    "one whose set is not said to be": ("Deployment", build({"progressDeadlineSeconds": 600}, **DONE, conditions=[condition("Available")]), "InProgress", "ReplicaSetNotAvailable"),
    "a complete one": ("Deployment", build({"progressDeadlineSeconds": 600}, **DONE, conditions=[condition("Available"), NEW_SET]), "Current", "Current"),
    "one past its deadline": ("Deployment", build(conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded")]), "Failed", "ProgressDeadlineExceeded"),
    "one whose generation is not seen": ("Deployment", build(generation=2, observedGeneration=1, **DONE), "InProgress", "LatestGenerationNotObserved"),
    "a stateful set half way": ("StatefulSet", build({"replicas": 3}, replicas=2), "InProgress", "LessReplicas"),
    "one between revisions": ("StatefulSet", build(replicas=1, readyReplicas=1, currentReplicas=1, currentRevision="a", updateRevision="b"), "InProgress", "RevisionMismatch"),
    "a complete stateful set": ("StatefulSet", build(replicas=1, readyReplicas=1, currentReplicas=1, currentRevision="a", updateRevision="a"), "Current", "Current"),
    "one that is updated by hand": ("StatefulSet", build({"updateStrategy": {"type": "OnDelete"}}), "Current", "Current"),
    "one with a partition": ("StatefulSet", build({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}}, replicas=2, readyReplicas=2, updatedReplicas=1), "Current", "Current"),
    "a daemon set nobody saw": ("DaemonSet", build(), "InProgress", "NoObservedGeneration"),
    "one not available everywhere": ("DaemonSet", build(observedGeneration=1, desiredNumberScheduled=2, currentNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=1), "InProgress", "LessAvailable"),
    "one with no node to run on": ("DaemonSet", build(observedGeneration=1, desiredNumberScheduled=0), "Current", "Current"),
    "a job not started": ("Job", build(), "InProgress", "JobNotStarted"),
    "a running job": ("Job", build(startTime="x"), "Current", "Current"),
    "a failed job": ("Job", build(startTime="x", conditions=[condition("Failed")]), "Failed", "JobFailed"),
    "a pending pod": ("Pod", build(phase="Pending"), "InProgress", "PodPending"),
    "a pod no node takes": ("Pod", build(phase="Pending", conditions=[condition("PodScheduled", "False", "Unschedulable")]), "Failed", "PodUnschedulable"),
    "a ready pod": ("Pod", build(phase="Running", conditions=[condition("Ready")]), "Current", "Current"),
    "a crashing pod": ("Pod", build(phase="Running", containerStatuses=[{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]), "Failed", "ContainerCrashLooping"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "obj", "status", "reason"), CASES.values(), ids=CASES)
def test_agrees_with_kstatus(kind, obj, status, reason):
    assert status_of(kind, obj)[:2] == (status, reason)


def test_what_is_being_deleted_is_terminating():
    assert status_of("Pod", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}).status == "Terminating"

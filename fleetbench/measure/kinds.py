"""What is watched: each kind with its API group and how the permission to read it is called."""

from __future__ import annotations

from dataclasses import dataclass

from fleetbench import ids
from fleetbench.repo.kinds import HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP

DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, POD, EVENT = "Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Event"
WORKLOAD_KINDS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, POD)


@dataclass(frozen=True, slots=True)
class WatchedKind:
    """One kind of object that is listed and watched in all namespaces."""

    kind: str
    group: str
    """Empty = the core group."""
    plural: str
    required: bool = False
    """Without it nothing can be timed; the others only add detail."""
    version: str | None = None
    """None = whatever the cluster prefers (Flux's APIs changed versions between releases)."""

    @property
    def resource(self) -> str:
        """As messages about permissions name it: ``kustomizations.kustomize.toolkit.fluxcd.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


WATCHED = (
    WatchedKind(ids.KUSTOMIZATION, KUSTOMIZE_GROUP, "kustomizations", required=True),
    WatchedKind(ids.HELM_RELEASE, HELM_GROUP, "helmreleases"),
    WatchedKind(ids.GIT_REPOSITORY, SOURCE_GROUP, "gitrepositories", required=True),
    WatchedKind(ids.OCI_REPOSITORY, SOURCE_GROUP, "ocirepositories"),
    WatchedKind(ids.HELM_REPOSITORY, SOURCE_GROUP, "helmrepositories"),
    WatchedKind(ids.HELM_CHART, SOURCE_GROUP, "helmcharts"),
    WatchedKind(ids.BUCKET, SOURCE_GROUP, "buckets"),
    WatchedKind(ids.EXTERNAL_ARTIFACT, SOURCE_GROUP, "externalartifacts"),
    WatchedKind(DEPLOYMENT, "apps", "deployments", version="v1"),
    WatchedKind(STATEFUL_SET, "apps", "statefulsets", version="v1"),
    WatchedKind(DAEMON_SET, "apps", "daemonsets", version="v1"),
    WatchedKind(JOB, "batch", "jobs", version="v1"),
    WatchedKind(POD, "", "pods", version="v1"),
    WatchedKind(EVENT, "events.k8s.io", "events", version="v1"),
)
"""Secrets and ConfigMaps are not among them and are never read."""

BY_KIND = {w.kind: w for w in WATCHED}

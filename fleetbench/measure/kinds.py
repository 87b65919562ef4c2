"""What is watched: each kind with its API group and how the permission to read it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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

CLUSTER_ROLE = "fleetbench-measure"


def cluster_role() -> dict[str, Any]:
    """The ClusterRole that ``measure --cluster existing`` needs: reading, and no Secret or ConfigMap, nor logs."""
    rules = [
        {"apiGroups": [group], "resources": sorted(w.plural for w in WATCHED if w.group == group), "verbs": list(_READ)}
        for group in dict.fromkeys(w.group for w in WATCHED)
    ]
    rules.append({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": CLUSTER_ROLE},
        "rules": rules,
    }


USAGE_RULE = """\
# Memory and CPU of the Flux controllers come from each kubelet's /stats/summary, for which there is no narrower right than
# this one. It is left out, as it also lets its holder read the logs of any pod, and more of what kubelets offer:
# - apiGroups:
#   - ''
#   resources:
#   - nodes/proxy
#   verbs:
#   - get
"""
"""Behind the printed role: one more rule of it, once its comment marks are taken away."""
_READ = ["get", "list", "watch"]

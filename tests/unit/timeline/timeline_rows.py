"""Rows as a watch would show them, written by hand."""

from __future__ import annotations

from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.timeline.events import Event, Timeline

ROOT = ObjectId(KUSTOMIZATION, "flux-system", "flux-system")
REPOSITORY = ObjectId(GIT_REPOSITORY, "flux-system", "flux-system")


def k_id(name: str) -> ObjectId:
    return ROOT if name == "flux-system" else ObjectId(KUSTOMIZATION, "apps", name)


def pod(name: str) -> ObjectId:
    return ObjectId("Deployment", "apps", name)


def kustomization(name, *depends_on, parent="flux-system", wait=True, **rest):
    workloads = (Workload(pod(name)),) if wait else ()
    return Kustomization(
        k_id(name),
        parent=k_id(parent),
        depends_on=tuple(Dependency(k_id(d)) for d in depends_on),
        wait=wait,
        source=REPOSITORY,
        workloads=rest.pop("workloads", workloads),
        **rest,
    )


def fleet(*members) -> Fleet:
    root = Kustomization(ROOT, source=REPOSITORY)
    return Fleet(
        ROOT,
        (root, *(m for m in members if isinstance(m, Kustomization))),
        tuple(m for m in members if isinstance(m, HelmRelease)),
        (Source(REPOSITORY, this_repository=True),),
    )


class Rows:
    """Collects rows; every method adds those of one thing that happens."""

    def __init__(self):
        self.events: list[Event] = []

    def add(self, t, id, status=phases.ABSENT, reason="", message="", **rest):
        self.events.append(Event(t, id, status, reason, message, **rest))
        return self

    def bootstrap(self, artifact=1.0, applied=2.0):
        """The repository has its artifact at ``artifact``, the root is Ready right after ``applied``."""
        self.add(0.1, REPOSITORY).add(0.1, ROOT).add(0.2, ROOT)
        self.add(0.95, ROOT, phases.FALSE, phases.ARTIFACT_FAILED, "Source artifact not found")
        self.add(artifact, REPOSITORY, phases.TRUE, phases.SUCCEEDED, revision="r1")
        self.add(artifact, ROOT, phases.UNKNOWN, phases.PROGRESSING, phases.FETCHING)
        return self.add(applied + 0.1, ROOT, phases.TRUE, phases.RECONCILIATION_SUCCEEDED, revision="r1")

    def created(self, t, name, finalizer=0.0):
        """Created at ``t``, its finalizer added ``finalizer`` seconds later."""
        return self.add(t, k_id(name)).add(t + finalizer, k_id(name))

    def not_ready(self, t, name, dependency):
        message = f"dependency '{k_id(dependency).key}' is not ready"
        return self.add(t, k_id(name), phases.FALSE, phases.DEPENDENCY_NOT_READY, message)

    def begins(self, t, name):
        return self.add(t, k_id(name), phases.UNKNOWN, phases.PROGRESSING, phases.FETCHING)

    def applied(self, t, name, current=None):
        """Its Deployment is created and its health check begins; the Deployment turns Current at ``current``."""
        self.add(t, k_id(name), phases.UNKNOWN, phases.PROGRESSING, phases.HEALTH_CHECKS)
        if current is not None:
            self.add(t, pod(name), phases.FALSE, phases.PROGRESSING)
            self.add(current, pod(name), phases.TRUE, phases.CURRENT)
        return self

    def ready(self, t, name, revision="r1"):
        return self.add(t, k_id(name), phases.TRUE, phases.RECONCILIATION_SUCCEEDED, revision=revision)

    def failed(self, t, name, reason=phases.HEALTH_CHECK_FAILED):
        return self.add(t, k_id(name), phases.FALSE, reason)

    def run(self, name, begins, applied, current, ready):
        """One whole successful run."""
        return self.begins(begins, name).applied(applied, name, current).ready(ready, name)

    def timeline(self, until=None) -> Timeline:
        events = sorted(self.events, key=lambda e: e.t_s)
        return Timeline(tuple(events), events[-1].t_s if until is None else until)


def release_id(name: str) -> ObjectId:
    return ObjectId(HELM_RELEASE, "apps", name)

"""How long workloads took on a cluster that already runs, from what it still remembers. Read-only.

Pods tell when they were created and when they turned Ready (whole seconds); Kustomizations and HelmReleases how long
a reconcile or a release action took. Objects that nothing tells of are named, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetbench.graph.fleet import Fleet
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.measure.fleet import HELM_LABELS, KUSTOMIZE_LABELS, fleet_from, id_of, inventory, owner
from fleetbench.measure.kinds import DAEMON_SET, DEPLOYMENT, POD, STATEFUL_SET, WatchedKind
from fleetbench.measure.permissions import readable
from fleetbench.measure.protocols import Manifest
from fleetbench.repo.workloads import starts_at_once
from fleetbench.units import parse_duration

SUCCEEDED = ("ReconciliationSucceeded",)
HELM_OVERHEAD_S = 7.0
"""An install longer than its pods by more than Helm's 5 s poll and its own work did something else too: hooks."""
_CONTROLLED = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)


@dataclass(frozen=True)
class Learned:
    """What a cluster remembers."""

    fleet: Fleet
    durations: Mapping[ObjectId, tuple[float, ...]]
    """Kustomization or HelmRelease -> from applied until all its objects are Current, seconds."""
    found_in: Mapping[ObjectId, str]
    """Where each is from, for people."""
    nothing_found: tuple[ObjectId, ...]
    """Services with workloads of which the cluster remembers nothing."""
    image_bytes: Mapping[str, int] = field(default_factory=dict)
    """Image -> its size as the nodes report it."""
    lacking: tuple[str, ...] = ()
    """Permissions that were missing."""


def learn(context: str | None = None) -> Learned:
    """Learn from the cluster of a kubeconfig context.

    Raises:
        EnvironmentLacks: no cluster, no Flux, or no permission to read Flux's objects.
    """
    from fleetbench.measure.api import KubernetesApi
    from fleetbench.measure.protocols import Disconnected, Forbidden

    api = KubernetesApi(None, context)
    try:
        objects, lacking = readable(api)
        try:
            nodes = api.nodes()
        except (Forbidden, Disconnected) as error:
            nodes, lacking = [], [*lacking, f"no image sizes: {error}"]
    finally:
        api.close()
    return learn_from(objects, nodes, context or "cluster", tuple(lacking))


def learn_from(
    objects: Mapping[WatchedKind, list[Manifest]], nodes: Iterable[Manifest], name: str, lacking: tuple[str, ...] = ()
) -> Learned:
    """Learn from a cluster's objects."""
    fleet, _ = fleet_from(objects, name)
    listed = {kind.kind: items for kind, items in objects.items()}
    by_pods = _from_pods(listed)
    flux = {id_of(o, kind): o for kind in (KUSTOMIZATION, HELM_RELEASE) for o in listed.get(kind, [])}
    durations: dict[ObjectId, tuple[float, ...]] = {}
    found_in: dict[ObjectId, str] = {}
    nothing: list[ObjectId] = []
    for service in fleet.services():
        found = _choose(service.id, flux.get(service.id), by_pods.get(service.id))
        if found is not None:
            durations[service.id], found_in[service.id] = found
        elif service.workloads or service.id.kind == HELM_RELEASE:
            nothing.append(service.id)
    return Learned(fleet, durations, found_in, tuple(sorted(nothing)), _image_bytes(nodes), lacking)


def _choose(id: ObjectId, obj: Manifest | None, by_pods: float | None) -> tuple[tuple[float, ...], str] | None:
    """The best that is known: its pods, a release's action, then the reconciles that were the only ones of their kind."""
    if obj is None:
        return None
    status = obj.get("status") or {}
    if id.kind == HELM_RELEASE:
        return _of_release(status, by_pods)
    if by_pods is not None:
        return (by_pods,), "its pods"
    spec = obj.get("spec") or {}
    if not (spec.get("wait") or spec.get("healthChecks")):
        return None
    if any(kid.kind in (KUSTOMIZATION, HELM_RELEASE) for kid in inventory(obj)):
        return None  # its reconcile also waited for them, and they count by themselves
    # An entry is overwritten by every further reconcile of the same content: only one that ran once tells of a rollout.
    once = [
        h
        for h in status.get("history") or []
        if h.get("totalReconciliations") == 1 and h.get("lastReconciledStatus") in SUCCEEDED
    ]
    found = tuple(parse_duration(h["lastReconciledDuration"]) for h in once)
    return (found, "status.history (build and apply included)") if found else None


def _of_release(status: Mapping[str, object], by_pods: float | None) -> tuple[tuple[float, ...], str] | None:
    took_s, action = _action_s(status), status.get("lastAttemptedReleaseAction")
    if by_pods is not None and (took_s is None or action != "install" or took_s - by_pods <= HELM_OVERHEAD_S):
        return (by_pods,), "its pods"
    if took_s is None:
        return None
    return (took_s,), f"lastAttemptedReleaseActionDuration of its {action}"


def _action_s(status: Mapping[str, object]) -> float | None:
    took = status.get("lastAttemptedReleaseActionDuration")
    try:
        return None if took is None else parse_duration(took)
    except ValueError:
        return None


def _from_pods(listed: Mapping[str, list[Manifest]]) -> dict[ObjectId, float]:
    """Service -> the time its slowest workload took, by the pods that run now and never restarted."""
    owners, delays = _owners(listed)
    by_workload: dict[ObjectId, list[float]] = {}
    for pod in listed.get(POD, []):
        took_s = pod_ready_s(pod)
        controller = _controller(pod)
        if took_s is not None and controller is not None and controller in owners:
            by_workload.setdefault(controller, []).append(took_s)
    found: dict[ObjectId, float] = {}
    sets = listed.get(STATEFUL_SET, [])
    in_turn = {id_of(obj, STATEFUL_SET) for obj in sets if not starts_at_once(obj.get("spec") or {})}
    for workload, times in by_workload.items():
        took_s = (sum(times) if workload in in_turn else max(times)) + delays.get(workload, 0.0)
        service = owners[workload]
        found[service] = max(found.get(service, 0.0), took_s)
    return found


def _owners(listed: Mapping[str, list[Manifest]]) -> tuple[dict[ObjectId, ObjectId], dict[ObjectId, float]]:
    owners: dict[ObjectId, ObjectId] = {}
    delays: dict[ObjectId, float] = {}
    for kind in (KUSTOMIZATION, HELM_RELEASE):
        for obj in listed.get(kind, []):
            owners |= {id: id_of(obj, kind) for id in inventory(obj)}
    for kind in _CONTROLLED:
        for obj in listed.get(kind, []):
            by = owner(obj, HELM_LABELS, HELM_RELEASE) or owner(obj, KUSTOMIZE_LABELS, KUSTOMIZATION)
            if by is not None:
                owners[id_of(obj, kind)] = by
            delays[id_of(obj, kind)] = float((obj.get("spec") or {}).get("minReadySeconds") or 0)
    return owners, delays


def pod_ready_s(pod: Manifest) -> float | None:
    """Seconds from a pod's creation to Ready; None = it is not, or restarted, so that its Ready is not the first."""
    status = pod.get("status") or {}
    if any(c.get("restartCount") for c in status.get("containerStatuses") or []):
        return None
    for condition in status.get("conditions") or []:
        if condition.get("type") == "Ready" and condition.get("status") == "True":
            created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
            return (datetime.fromisoformat(condition["lastTransitionTime"]) - created).total_seconds()
    return None


def _controller(pod: Manifest) -> ObjectId | None:
    """What a pod belongs to; a ReplicaSet's Deployment is its name without the hash."""
    meta = pod.get("metadata") or {}
    for reference in meta.get("ownerReferences") or []:
        if reference.get("controller"):
            kind, name = reference["kind"], reference["name"]
            if kind == "ReplicaSet":
                kind, name = DEPLOYMENT, name.rsplit("-", 1)[0]
            return ObjectId(kind, meta.get("namespace", ""), name)
    return None


def _image_bytes(nodes: Iterable[Manifest]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in nodes:
        info = (node.get("status") or {}).get("nodeInfo") or {}
        if not str(info.get("containerRuntimeVersion", "")).startswith("containerd://"):
            continue  # others report what an image takes unpacked, several times what is pulled
        for image in (node.get("status") or {}).get("images") or []:
            for name in image.get("names") or []:
                if "@" not in name:
                    found[name] = max(found.get(name, 0), int(image.get("sizeBytes") or 0))
    return found

"""Which objects take time to become Current, and what their pod templates state about it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from fleetbench.errors import briefly
from fleetbench.findings import STATED_TIME_UNREADABLE, Finding
from fleetbench.graph.objects import Workload
from fleetbench.graph.rolling import replaced_at_once
from fleetbench.ids import ObjectId
from fleetbench.repo.fields import DURATION_LIKE, WORKLOAD_SHAPES, Fields
from fleetbench.repo.kinds import FLUX_GROUPS
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.units import parse_duration

KWOK_DELAY = "pod-ready.stage.kwok.x-k8s.io/delay"
HOOK = "helm.sh/hook"
_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod"})
_POD_GROUPS = frozenset({"", "apps", "batch"})
PERIOD_S = 10.0
"""Kubernetes core/v1 Probe periodSeconds: 10 where it is not given."""

_STATUS, _WITHOUT = re.compile(r"\bstatus\b"), re.compile(r"!\s*has\(")
_CUSTOM: dict[tuple[str, str], tuple[str, ...]] = {
    ("postgresql.cnpg.io", "Cluster"): ("instances",),
    ("scylla.scylladb.com", "ScyllaCluster"): (),
    ("external-secrets.io", "ExternalSecret"): (),
    ("external-secrets.io", "SecretStore"): (),
    ("external-secrets.io", "ClusterSecretStore"): (),
    ("acid.zalan.do", "postgresql"): ("numberOfInstances",),
    ("dragonflydb.io", "Dragonfly"): ("replicas",),
    ("databases.spotahome.com", "RedisFailover"): ("redis", "replicas"),
    ("k8s.mariadb.com", "MariaDB"): ("replicas",),
    ("kafka.strimzi.io", "Kafka"): ("kafka", "replicas"),
    ("kafka.strimzi.io", "KafkaNodePool"): ("replicas",),
    ("monitoring.coreos.com", "Alertmanager"): ("replicas",),
    ("monitoring.coreos.com", "Prometheus"): ("replicas",),
    ("ceph.rook.io", "CephCluster"): (),
}
"""Custom resources whose status an operator fills in, so that waiting for them takes time -> where their pods are counted.
Each from the operator's own API types; a kind that is not listed is Current at once for this tool."""


def workloads_of(
    manifests: Iterable[Manifest], namespace: str, judged: Collection[tuple[str, str]] = ()
) -> tuple[Workload, ...]:
    """The workloads among a set of objects, in the set's order.

    Args:
        manifests: the objects.
        namespace: of objects that name none.
        judged: what further kinds wait for a status: :func:`judged_by_status`.
    """
    found = []
    for manifest in manifests:
        workload = workload_of(manifest, namespace)
        if workload is None and not judged_as(manifest).isdisjoint(judged):
            workload = Workload(manifest.id_in(namespace), group=manifest.group)
        if workload is not None:
            found.append(workload)
    return tuple(found)


def judged_by_status(spec: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Group and kind (``""`` = any kind of the group) of what ``healthCheckExprs`` call Current by its status.

    Until somebody has written that status, CEL fails on it, which is no Current either. What the expression itself
    takes for granted where there is no status is left out: it may be true at once.

    Source: fluxcd/pkg runtime v0.110.1 cel/status_evaluator.go Evaluate, cel/status_reader.go NewStatusReader.
    """
    found = set()
    for check in mappings(spec, "healthCheckExprs"):
        current = str(check.get("current") or "")
        if _STATUS.search(current) and not _WITHOUT.search(current):
            found.add((str(check.get("apiVersion") or "").rpartition("/")[0], str(check.get("kind") or "")))
    return frozenset(found)


def judged_as(manifest: Manifest) -> frozenset[tuple[str, str]]:
    """What an expression may call an object; nothing for what Flux reconciles itself, which is no workload."""
    if manifest.group in FLUX_GROUPS:
        return frozenset()
    return frozenset({(manifest.group, manifest.kind), (manifest.group, "")})


def workload_of(manifest: Manifest, namespace: str) -> Workload | None:
    """The workload that an object is, or None."""
    id = manifest.id_in(namespace)
    if manifest.kind in _PODS and manifest.group in _POD_GROUPS:
        return _of_pods(manifest, id)
    if manifest.kind == "PersistentVolumeClaim" and manifest.group == "":
        return Workload(id, group="")
    place = _CUSTOM.get((manifest.group, manifest.kind))
    if place is None:
        return None
    return Workload(id, _custom_replicas(manifest, place), _custom_images(manifest), group=manifest.group)


def misstated(manifests: Iterable[Manifest], namespace: str) -> Iterator[Finding]:
    """What the workloads among a set of objects state in a way that nobody can read.

    Args:
        manifests: the objects.
        namespace: of objects that name none.
    """
    for manifest in manifests:
        if manifest.kind not in _PODS or manifest.group not in _POD_GROUPS:
            continue
        fields = Fields(manifest, manifest.id_in(namespace))
        fields.check(WORKLOAD_SHAPES)
        yield from fields.findings
        delay = _stated_delay(_template_of(manifest))
        if delay is not None and kwok_delay(delay) is None and not manifest.is_undecided(delay):
            text = f"{KWOK_DELAY}: got {briefly(delay)}, wanted milliseconds or {DURATION_LIKE}"
            fix = "correct the annotation, or drop it: as it is the priors hold"
            yield Finding(STATED_TIME_UNREADABLE, text, fix, fields.id, manifest.file, manifest.line)


def _template_of(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.body if manifest.kind == "Pod" else mapping(manifest.spec, "template")


def _stated_delay(template: Mapping[str, Any]) -> object:
    return mapping(template, "metadata", "annotations").get(KWOK_DELAY)


def _of_pods(manifest: Manifest, id: ObjectId) -> Workload:
    template = _template_of(manifest)
    pod = mapping(template, "spec")
    stated_s, stated_by = stated_ready(template, _number(manifest.spec.get("minReadySeconds"), 0.0))
    images = [
        str(c["image"]) for part in ("initContainers", "containers") for c in mappings(pod, part) if c.get("image")
    ]
    replicas = manifest.spec.get("parallelism" if manifest.kind == "Job" else "replicas", 1)
    if manifest.kind in ("DaemonSet", "Pod") or isinstance(replicas, bool) or not isinstance(replicas, int):
        replicas = 1
    if manifest.kind == "Job" and manifest.spec.get("suspend") is True:
        replicas = 0  # Current at once: fluxcd/pkg runtime/statusreaders/job.go jobConditions
    replicas = max(0, min(replicas, 10_000))
    hooks = str(mapping(manifest.metadata, "annotations").get(HOOK) or "")
    hook = "pre-install" in hooks
    only_installs = hook and "pre-upgrade" not in hooks
    deadline = {"Deployment": "progressDeadlineSeconds", "Job": "activeDeadlineSeconds"}.get(manifest.kind)
    deadline_s = manifest.spec.get(deadline) if deadline else None
    return Workload(
        id,
        replicas,
        tuple(dict.fromkeys(images)),
        stated_s,
        stated_by,
        hook=hook,
        deadline_s=None if deadline_s is None else _number(deadline_s, None),
        group=manifest.group,
        parallel=starts_at_once(manifest.spec),
        at_once=0 if only_installs else stated_at_once(manifest.kind, manifest.spec, replicas),
    )


def starts_at_once(spec: Mapping[str, Any]) -> bool:
    """Whether a StatefulSet's spec says that its pods need not wait for one another."""
    return spec.get("podManagementPolicy") == "Parallel"


def stated_at_once(kind: str, spec: Mapping[str, Any], replicas: int) -> int | None:
    """How many pods an update replaces at one time, where that is not the kind's default: :attr:`Workload.at_once`."""
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    stated = replaced_at_once(kind, replicas, mapping(spec, field).get("type"), mapping(spec, field, "rollingUpdate"))
    return None if stated == replaced_at_once(kind, replicas) else stated


def stated_ready(template: Mapping[str, Any], min_ready_s: float = 0.0) -> tuple[float | None, str | None]:
    """What a pod template says about when its pod is Ready, in seconds, and by what it says so.

    The annotation is the pod's whole time, as KWOK's pod-ready stage reads it; ``minReadySeconds`` comes on top of
    it or of the probes. Probes say when readiness can first be seen.
    """
    annotation = _stated_delay(template)
    if annotation is not None:
        delay_s = kwok_delay(annotation)
        if delay_s is not None:
            return delay_s + min_ready_s, "annotation"
    probes_s = max((_probe_s(c) for c in mappings(template, "spec", "containers")), default=0.0)
    if probes_s:
        return probes_s + min_ready_s, "probes"
    return (min_ready_s, "minReadySeconds") if min_ready_s else (None, None)


def kwok_delay(value: object) -> float | None:
    """A KWOK delay: milliseconds as a bare number, or a Go duration; None where it is neither.

    >>> kwok_delay("1500ms"), kwok_delay("2000"), kwok_delay("soon")
    (1.5, 2.0, None)
    """
    text = str(value).strip()
    try:
        if text.isdigit():
            return float(text) / 1000
        return round(parse_duration(text), 9)
    except (ValueError, OverflowError):
        return None


def _probe_s(container: Mapping[str, Any]) -> float:
    """Seconds from a container's start to the first probe that can find it ready.

    The readiness probe runs at initialDelaySeconds and every periodSeconds after, and not before the startup probe
    succeeded (kubelet prober worker.go doProbe).
    """
    startup, readiness = mapping(container, "startupProbe"), mapping(container, "readinessProbe")
    first_s: float = _number(startup.get("initialDelaySeconds"), 0.0)
    if not readiness:
        return first_s
    delay_s: float = _number(readiness.get("initialDelaySeconds"), 0.0)
    period_s: float = _number(readiness.get("periodSeconds"), PERIOD_S) or PERIOD_S
    ticks = math.ceil(max(0.0, first_s - delay_s) / period_s)
    more: float = max(0.0, _number(readiness.get("successThreshold"), 1.0) - 1)
    return delay_s + (ticks + more) * period_s


def _number(value: object, default: Any) -> Any:
    """A number that is not negative, else the default."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        return default
    return float(value)


def _custom_replicas(manifest: Manifest, place: tuple[str, ...]) -> int:
    if manifest.kind == "ScyllaCluster":
        racks = mappings(manifest.spec, "datacenter", "racks")
        return max(1, sum(int(_number(r.get("members"), 1)) for r in racks))
    if not place:
        return 1
    return int(_number(mapping(manifest.spec, *place[:-1]).get(place[-1]), 1))


def _custom_images(manifest: Manifest) -> tuple[str, ...]:
    if manifest.kind == "ScyllaCluster":
        repository = manifest.spec.get("repository") or "docker.io/scylladb/scylla"
        version = manifest.spec.get("version")
        return (f"{repository}:{version}",) if version else ()
    image = manifest.spec.get("imageName") or manifest.spec.get("image")
    return (image,) if isinstance(image, str) else ()

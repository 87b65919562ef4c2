"""Watched objects -> events and notes of a trace. Pure: recorded streams fold as live ones do."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fleetbench import phases
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS, ObjectId
from fleetbench.measure import kstatus
from fleetbench.measure.controllers import NAMESPACE
from fleetbench.measure.kinds import EVENT, POD, WORKLOAD_KINDS
from fleetbench.measure.protocols import DELETED, Manifest, Seen
from fleetbench.timeline.events import Event
from fleetbench.units import parse_duration

FLUX_KINDS = (KUSTOMIZATION, HELM_RELEASE, *SOURCE_KINDS)

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
_CONTROLLER = re.compile(r"[a-z-]+-controller(-|$)")

_PULLED = re.compile(r'^Successfully pulled image "([^"]+)" in ([\d.a-zµ]+)(?: \(([\d.a-zµ]+) including waiting\))?')
_SIZE = re.compile(r"Image size: (\d+) bytes")
_PRESENT = re.compile(r'^Container image "([^"]+)" already present')


class Folded(NamedTuple):
    """What one change brought: an event, a note, or neither."""

    event: Event | None = None
    api_time: str | None = None
    """The API's own stamp of the transition, in whole seconds (RFC 3339); None = it has none."""
    note: dict[str, Any] | None = None


NOTHING = Folded()


class Fold:
    """Turns changes into events; one that shows nothing new folds to nothing.

    Workloads of the system and of the controllers themselves are left out, but for the controllers' restarts.

    Args:
        t0_s: t0 on the monotonic clock of the changes.
    """

    def __init__(self, t0_s: float):
        self.t0_s = t0_s
        self._restarts: dict[str, int] = {}
        self._last: dict[ObjectId, Event] = {}
        self._noted: set[tuple[str, int]] = set()

    def add(self, seen: Seen) -> Folded:
        """Fold one change."""
        meta = seen.object.get("metadata") or {}
        t_s = seen.at_s - self.t0_s
        kind, namespace = seen.kind.kind, meta.get("namespace", "")
        if kind == EVENT:
            return NOTHING if seen.type == DELETED else self._kubernetes_event(t_s, seen.object)
        id = ObjectId(kind, namespace, meta.get("name", ""))
        if kind in WORKLOAD_KINDS and is_system(namespace, id.name):
            return self._restart(t_s, id, seen.object) if kind == POD else NOTHING
        if seen.type == DELETED:
            event, api_time = Event(t_s, id, reason=phases.DELETED, generation=meta.get("generation") or 1), None
        elif kind in FLUX_KINDS:
            event, api_time = flux_event(t_s, id, seen.object)
        else:
            event, api_time = workload_event(t_s, id, seen.object)
        before = self._last.get(id)
        if before is not None and before[2:] == event[2:]:
            return NOTHING
        self._last[id] = event
        return Folded(event, api_time)

    def _restart(self, t_s: float, id: ObjectId, pod: Manifest) -> Folded:
        """A note when a controller's container was restarted: what was measured since then is not a plain rollout."""
        containers = (pod.get("status") or {}).get("containerStatuses") or []
        count = sum(c.get("restartCount") or 0 for c in containers)
        before = self._restarts.get(id.name)
        self._restarts[id.name] = count
        if id.namespace != NAMESPACE or before is None or count <= before:
            return NOTHING
        return Folded(note={"controller_restart": {"pod": id.name, "restarts": count}, "t_s": round(t_s, 3)})

    def _kubernetes_event(self, t_s: float, obj: Manifest) -> Folded:
        meta, about = obj.get("metadata") or {}, obj.get("regarding") or {}
        if is_system(about.get("namespace", ""), about.get("name", "")):
            return NOTHING
        count = (obj.get("series") or {}).get("count") or obj.get("deprecatedCount") or 1
        key = (meta.get("uid", ""), count)
        if key in self._noted:
            return NOTHING
        self._noted.add(key)
        note = event_note(obj)
        return NOTHING if note is None else Folded(note={**note, "t_s": round(t_s, 3)})


def is_system(namespace: str, name: str) -> bool:
    """Whether a workload is the cluster's or Flux's own."""
    return namespace in SYSTEM_NAMESPACES or (namespace == NAMESPACE and _CONTROLLER.match(name) is not None)


def flux_event(t_s: float, id: ObjectId, obj: Manifest) -> tuple[Event, str | None]:
    """A Flux object as an event, and the API's stamp of its Ready condition."""
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    found = kstatus.conditions(status)
    ready = found.get("Ready", {})
    reconciling = found.get("Reconciling", {})
    state = ready.get("status", phases.ABSENT)
    message = ready.get("message", "")
    if reconciling.get("status") == phases.TRUE and state != phases.TRUE:
        message = reconciling.get("message", "")
    revision = status.get("lastAppliedRevision") or (status.get("artifact") or {}).get("revision") or ""
    observed = status.get("observedGeneration", -1)
    event = Event(t_s, id, state, ready.get("reason", ""), message, meta.get("generation") or 1, observed, revision)
    return event, ready.get("lastTransitionTime")


def workload_event(t_s: float, id: ObjectId, obj: Manifest) -> tuple[Event, str | None]:
    """A workload as an event (True = Current), and the API's stamp of its newest condition."""
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    verdict = kstatus.status_of(id.kind, obj)
    current = verdict.status == kstatus.CURRENT
    event = Event(
        t_s,
        id,
        phases.TRUE if current else phases.FALSE,
        phases.CURRENT if current else verdict.reason,
        verdict.message,
        meta.get("generation") or 1,
        status.get("observedGeneration", -1),
    )
    stamps = [c["lastTransitionTime"] for c in status.get("conditions") or [] if c.get("lastTransitionTime")]
    return event, max(stamps, default=meta.get("creationTimestamp"))


def event_note(obj: Manifest) -> dict[str, Any] | None:
    """What a Kubernetes Event says of image pulls and probes; None = nothing of use."""
    reason, text, about = obj.get("reason"), obj.get("note") or "", obj.get("regarding") or {}
    node = obj.get("deprecatedSource", {}).get("host") or obj.get("reportingInstance") or ""
    pod = f"{about.get('namespace', '')}/{about.get('name', '')}"
    if reason == "Pulled":
        pulled, present = _PULLED.match(text), _PRESENT.match(text)
        if pulled:
            size = _SIZE.search(text)
            pull = {
                "image": pulled[1],
                "pull_s": _seconds(pulled[2]),
                "with_queue_s": _seconds(pulled[3] or pulled[2]),
                "bytes": int(size[1]) if size else None,
                "node": node,
                "pod": pod,
            }
            return {"pull": pull}
        return {"image_present": {"image": present[1], "node": node, "pod": pod}} if present else None
    if reason == "Unhealthy":
        return {"probe_failed": {"pod": pod, "probe": text.split(" probe ", 1)[0]}}
    if reason in ("BackOff", "FailedScheduling", "FailedMount"):
        return {"pod_trouble": {"pod": pod, "reason": reason}}
    return None


def _seconds(text: str) -> float | None:
    try:
        return round(parse_duration(text.replace("µs", "us")), 6)
    except ValueError:
        return None

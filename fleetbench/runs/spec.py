"""Traces that carry a ``spec``: a rollout of a synthetic fleet, its workload times known exactly.

One JSON document: ``spec`` (kustomizations with dependsOn, wait, interval, timeout, retryInterval, parent, pods,
helm), ``flags``, ``trace`` (object -> rows ``t, ready, reconciling, gen, obs``), ``limit_s``, ``complete``, ``load``
and, where a commit came later, ``commit``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetbench import json_values as values
from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_CHART, HELM_RELEASE, KUSTOMIZATION, OCI_REPOSITORY, ObjectId
from fleetbench.json_node import Node
from fleetbench.runs import fields
from fleetbench.runs.run import Commit, Run
from fleetbench.timeline.events import Event, Timeline
from fleetbench.units import parse_duration, parse_seconds

NAMESPACE = "flux-system"
ROOT = ObjectId(KUSTOMIZATION, NAMESPACE, "flux-system")
REPOSITORY = ObjectId(GIT_REPOSITORY, NAMESPACE, "flux-system")
_REVISION = re.compile(r"(?:Applied revision: |for revision ')([^\s']+)")


def is_spec_trace(document: Any) -> bool:
    """Whether the document is of this kind."""
    return isinstance(document, dict) and isinstance(document.get("spec"), dict) and "trace" in document


def read_spec_trace(top: Node, name: str, *, cut: bool = False) -> Run:
    """Read one such document.

    Args:
        top: the document.
        name: the run's.
        cut: it was cut short, and holds what was whole. Its rows stand object by object: those behind the cut are not
            known at all, the others are known to the end.

    Raises:
        InputError: a part is missing or of the wrong shape.
    """
    fleet = fleet_of(top.below("spec", data=top.data["spec"]), name)
    events = _events(top.below("trace", data=top.mapping("trace")), fleet)
    limit_s = top.optional("limit_s", values.seconds)
    run = Run(
        name=name,
        fleet=fleet,
        timeline=Timeline(
            tuple(events),
            until_s=limit_s if limit_s is not None else (events[-1].t_s if events else 0.0),
            complete=bool(top.data.get("complete", True)) and not cut,
        ),
        flags=_flags(top),
        limit_s=limit_s,
        commit=_commit(top.below("commit", data=top.data["commit"])) if top.data.get("commit") else None,
        meta={"load": top.data.get("load"), "workloads": "KWOK"},
    )
    return _as_cut(run, top.mapping("trace")) if cut else run


def _as_cut(run: Run, trace: Mapping[str, Any]) -> Run:
    """The run with what its record does not reach: whatever has no rows, and the last one that has some."""
    reached = {_object_of(key) for key in list(trace)[:-1]}
    unseen = frozenset(id for id, ready_s in run.ready_s().items() if ready_s is None and id not in reached)
    said = f"the recording was cut short, before it came to {len(unseen)} of {len(run.services())} objects"
    return replace(run, cut=said, unseen=unseen)


def fleet_of(spec: Node, name: str) -> Fleet:
    """The fleet of a spec: its root is ``flux-system/flux-system`` with ``wait: false``."""
    services = spec.each("kustomizations")
    _check_names(services)
    releases = [h for k in services for h in _releases(k)]
    _check_names(releases)
    kids = Counter(map(_parent, services))
    kustomizations = [Kustomization(ROOT, "./clusters/dev", source=REPOSITORY), *map(_kustomization, services)]
    kustomizations = [replace(k, applies=k.applies + kids[k.id]) for k in kustomizations]
    # Each Kustomization: its own file, a kustomization.yaml, its objects; a chart: Chart.yaml and its template.
    files = 1 + sum(2 + k.applies for k in kustomizations[1:]) + 2 * len(releases)
    source = Source(REPOSITORY, interval_s=60.0, this_repository=True, files=files)
    helmreleases = tuple(_helmrelease(h, _id(k)) for k in services for h in _releases(k))
    return Fleet(ROOT, tuple(kustomizations), helmreleases, (source,), name=name, cluster_path="clusters/dev")


def _releases(k: Node) -> list[Node]:
    return k.each("helm")


def _id(k: Node) -> ObjectId:
    return ObjectId(KUSTOMIZATION, NAMESPACE, k.required("name"))


def _parent(k: Node) -> ObjectId:
    name = k.text_of("parent")
    return ROOT if name is None else ObjectId(KUSTOMIZATION, NAMESPACE, name)


def _kustomization(k: Node) -> Kustomization:
    workloads = _pods(k)
    interval_s, timeout_s, retry_s = (_duration(k, field) for field in ("interval", "timeout", "retryInterval"))
    return Kustomization(
        _id(k),
        path=f"./apps/{k.required('name')}",
        parent=_parent(k),
        depends_on=_depends_on(k, KUSTOMIZATION),
        wait=bool(k.data.get("wait", True)),
        interval_s=600.0 if interval_s is None else interval_s,
        timeout_s=timeout_s,
        retry_interval_s=retry_s,
        source=REPOSITORY,
        applies=len(workloads) + len(_releases(k)),
        workloads=workloads,
    )


def _helmrelease(h: Node, parent: ObjectId) -> HelmRelease:
    name = h.required("name")
    return HelmRelease(
        ObjectId(HELM_RELEASE, NAMESPACE, name),
        parent=parent,
        depends_on=_depends_on(h, HELM_RELEASE),
        timeout_s=900.0,
        chart=f"./charts/{name}",
        source=REPOSITORY,
        target_namespace="default",
        workloads=_pods(h),
        workloads_known=True,
    )


def _depends_on(obj: Node, kind: str) -> tuple[Dependency, ...]:
    return tuple(Dependency(ObjectId(kind, NAMESPACE, name)) for name in obj.texts("dependsOn"))


def _duration(obj: Node, field: str) -> float | None:
    return obj.field(field, parse_duration) if obj.data.get(field) else None


def _check_names(objects: list[Node]) -> None:
    """Each name is there once."""
    seen = set()
    for obj in objects:
        name = obj.required("name")
        if name in seen or "/" in name:
            raise obj.bad("name", name, "each name once and without a slash")
        seen.add(name)


def _pods(obj: Node) -> tuple[Workload, ...]:
    return tuple(
        Workload(
            ObjectId("Deployment", "default", f"{obj.required('name')}-{i}"),
            stated_ready_s=obj.read(("pods", i), seconds, parse_seconds),
            stated_by="annotation",
            deadline_s=3600.0,
        )
        for i, seconds in enumerate(obj.items("pods"))
    )


def _flags(top: Node) -> dict[str, Any]:
    found = fields.flags(top)
    if "requeue_dependency" in found:
        value = found.pop("requeue_dependency")
        found["requeue_dependency_s"] = top.read(("flags", "requeue_dependency"), value, parse_seconds)
    return found


def _commit(commit: Node) -> Commit:
    touched = commit.data.get("touched")
    names = [touched] if isinstance(touched, str) and touched != "none" else []
    if touched is not None and not isinstance(touched, str):
        names = list(commit.texts("touched"))
    return Commit(
        t_s=commit.field("t", values.seconds),
        revision=commit.field("revision", values.text),
        touched=tuple(ObjectId(KUSTOMIZATION, NAMESPACE, name) for name in names),
        source_s=commit.optional("source_s", values.seconds),
    )


def _events(trace: Node, fleet: Fleet) -> list[Event]:
    stated = {w.object: w.stated_ready_s or 0.0 for s in fleet.services() for w in s.workloads}
    found: list[Event] = []
    for key in trace.data:
        kind, _, name = key.partition("/")
        if not kind or not name:
            raise trace.bad((), key, "Kind/name")
        id, rows = _object_of(key), trace.each(key)
        found += _flux_rows(id, rows) if kind in _FLUX_KINDS else _workload_rows(id, rows, stated.get(id, 0.0))
    found.sort(key=lambda e: e.t_s)
    return found


_FLUX_KINDS = (KUSTOMIZATION, HELM_RELEASE, GIT_REPOSITORY, HELM_CHART, OCI_REPOSITORY)


def _object_of(key: str) -> ObjectId:
    """The object that a key of the trace, ``Kind/name``, stands for."""
    kind, _, name = key.partition("/")
    return ObjectId(kind, NAMESPACE if kind in _FLUX_KINDS else "default", name)


def _flux_rows(id: ObjectId, rows: list[Node]) -> list[Event]:
    found, revision = [], ""
    for row in rows:
        status, reason, message = _condition(row, "ready") or (phases.ABSENT, "", "")
        stated = _REVISION.search(message)
        if status == phases.TRUE and stated:
            revision = stated[1]
        reconciling = _condition(row, "reconciling")
        if reconciling and status != phases.TRUE:
            message = reconciling[2]
        gen, obs = _generations(row)
        found.append(Event(row.field("t", values.seconds), id, status, reason, message, gen, obs, revision))
    return found


def _condition(row: Node, field: str) -> tuple[str, ...] | None:
    """Status, reason and message of a condition; None = the object does not have it."""
    said = row.texts(field)
    if said and len(said) != 3:
        raise row.bad(field, list(said), "[status, reason, message]")
    return said or None


def _generations(row: Node) -> tuple[int, int]:
    """Generation and observed generation; -1 = none is observed."""
    gen, obs = row.optional("gen", values.whole), row.optional("obs", values.whole)
    return gen or 1, -1 if obs is None else obs


def _workload_rows(id: ObjectId, rows: list[Node], stated_s: float) -> list[Event]:
    """The rows of a Deployment say only when something changed: Current is the first one after the stated time."""
    found, generation, since, current = [], None, 0.0, False
    for row in rows:
        t_s = row.field("t", values.seconds)
        if row.data.get("gen") != generation:
            generation, since, current = row.data.get("gen"), t_s, False
        current = current or t_s - since >= 0.95 * stated_s
        status, reason = (phases.TRUE, phases.CURRENT) if current else (phases.FALSE, phases.PROGRESSING)
        gen, obs = _generations(row)
        found.append(Event(t_s, id, status, reason, "", gen, obs or -1))
    return found

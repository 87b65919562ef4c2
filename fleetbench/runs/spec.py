"""Traces that carry a ``spec``: a rollout of a synthetic fleet, its workload times known exactly.

One JSON document: ``spec`` (kustomizations with dependsOn, wait, interval, timeout, retryInterval, parent, pods,
helm), ``flags``, ``trace`` (object -> rows ``t, ready, reconciling, gen, obs``), ``limit_s``, ``complete``, ``load``
and, where a commit came later, ``commit``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetbench import phases
from fleetbench.errors import InputError
from fleetbench.graph.fleet import Dependency, Fleet, HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId
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


def read_spec_trace(document: Mapping[str, Any], name: str, file: str) -> Run:
    """Read one such document.

    Raises:
        InputError: a part is missing or of the wrong shape.
    """
    try:
        fleet = fleet_of(document["spec"], name)
        events = _events(document["trace"], fleet)
        limit = document.get("limit_s")
        commit = document.get("commit")
        return Run(
            name=name,
            fleet=fleet,
            timeline=Timeline(
                tuple(events),
                until_s=fields.seconds(limit if limit is not None else (events[-1].t_s if events else 0.0)),
                complete=bool(document.get("complete", True)),
            ),
            flags=_flags(document.get("flags") or {}),
            limit_s=None if limit is None else fields.seconds(limit),
            commit=_commit(commit) if commit else None,
            meta={"load": document.get("load"), "workloads": "KWOK"},
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise InputError.at(file, None, None, got=f"{type(error).__name__}: {error}", wanted="a trace") from error


def fleet_of(spec: Mapping[str, Any], name: str) -> Fleet:
    """The fleet of a spec: its root is ``flux-system/flux-system`` with ``wait: false``."""
    kustomizations = [Kustomization(ROOT, "./clusters/dev", source=REPOSITORY)]
    helmreleases, kids = [], {ROOT: len(spec["kustomizations"])}
    _check_names(spec["kustomizations"])
    for k in spec["kustomizations"]:
        id = ObjectId(KUSTOMIZATION, NAMESPACE, k["name"])
        parent = ROOT if k.get("parent") is None else ObjectId(KUSTOMIZATION, NAMESPACE, k["parent"])
        kids[parent] = kids.get(parent, 0) + (parent != ROOT)
        helm = k.get("helm") or []
        workloads = _pods(k["name"], k.get("pods") or [])
        kustomizations.append(
            Kustomization(
                id,
                path=f"./apps/{k['name']}",
                parent=parent,
                depends_on=tuple(Dependency(ObjectId(KUSTOMIZATION, NAMESPACE, d)) for d in k.get("dependsOn") or []),
                wait=bool(k.get("wait", True)),
                interval_s=parse_duration(k.get("interval", "10m")),
                timeout_s=parse_duration(k["timeout"]) if k.get("timeout") else None,
                retry_interval_s=parse_duration(k["retryInterval"]) if k.get("retryInterval") else None,
                source=REPOSITORY,
                applies=len(workloads) + len(helm),
                workloads=workloads,
            )
        )
        for h in helm:
            helmreleases.append(
                HelmRelease(
                    ObjectId(HELM_RELEASE, NAMESPACE, h["name"]),
                    parent=id,
                    depends_on=tuple(
                        Dependency(ObjectId(HELM_RELEASE, NAMESPACE, d)) for d in h.get("dependsOn") or []
                    ),
                    timeout_s=900.0,
                    chart=f"./charts/{h['name']}",
                    source=REPOSITORY,
                    target_namespace="default",
                    workloads=_pods(h["name"], h.get("pods") or []),
                    workloads_known=True,
                )
            )
    kustomizations = [replace(k, applies=k.applies + kids.get(k.id, 0)) for k in kustomizations]
    # Each Kustomization: its own file, a kustomization.yaml, its objects; a chart: Chart.yaml and its template.
    files = 1 + sum(2 + k.applies for k in kustomizations[1:]) + 2 * len(helmreleases)
    source = Source(REPOSITORY, interval_s=60.0, this_repository=True, files=files)
    return Fleet(ROOT, tuple(kustomizations), tuple(helmreleases), (source,), name=name, cluster_path="clusters/dev")


def _check_names(kustomizations: list[dict[str, Any]]) -> None:
    """Names are text and each is there once; what is named elsewhere is text as well."""
    names = [fields.text(k["name"]) for k in kustomizations]
    releases = [fields.text(h["name"]) for k in kustomizations for h in k.get("helm") or []]
    for listed in (names, releases):
        for name in listed:
            if listed.count(name) > 1 or not name or "/" in name:
                raise ValueError(f"got the name {name[:60]!r}, wanted each once and without a slash")
    for k in kustomizations:
        named = [*(k.get("dependsOn") or []), *(d for h in k.get("helm") or [] for d in h.get("dependsOn") or [])]
        for name in [*named, *([] if k.get("parent") is None else [k["parent"]])]:
            fields.text(name)


def _pods(name: str, seconds: list[float]) -> tuple[Workload, ...]:
    return tuple(
        Workload(
            ObjectId("Deployment", "default", f"{name}-{i}"),
            stated_ready_s=parse_seconds(s),
            stated_by="annotation",
            deadline_s=3600.0,
        )
        for i, s in enumerate(seconds)
    )


def _flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(flags)
    if "requeue_dependency" in found:
        found["requeue_dependency_s"] = parse_seconds(found.pop("requeue_dependency"))
    return fields.flags(found)


def _commit(commit: Mapping[str, Any]) -> Commit:
    touched = commit.get("touched")
    names = [] if touched in (None, "none") else [touched] if isinstance(touched, str) else list(touched)
    return Commit(
        t_s=fields.seconds(commit["t"]),
        revision=fields.text(commit["revision"]),
        touched=tuple(ObjectId(KUSTOMIZATION, NAMESPACE, fields.text(n)) for n in names),
        source_s=None if commit.get("source_s") is None else fields.seconds(commit["source_s"]),
    )


def _events(trace: Mapping[str, Any], fleet: Fleet) -> list[Event]:
    stated = {w.object: w.stated_ready_s or 0.0 for s in fleet.services() for w in s.workloads}
    found: list[Event] = []
    for key, rows in trace.items():
        kind, _, name = key.partition("/")
        if not kind or not name:
            raise ValueError(f"got {key[:60]!r}, wanted Kind/name")
        flux = kind in (KUSTOMIZATION, HELM_RELEASE, GIT_REPOSITORY, "HelmChart", "OCIRepository")
        id = ObjectId(kind, NAMESPACE if flux else "default", name)
        found += _flux_rows(id, rows) if flux else _workload_rows(id, rows, stated.get(id, 0.0))
    found.sort(key=lambda e: e.t_s)
    return found


def _flux_rows(id: ObjectId, rows: list[dict[str, Any]]) -> list[Event]:
    found, revision = [], ""
    for row in rows:
        status, reason, message = map(fields.text, row.get("ready") or (phases.ABSENT, "", ""))
        stated = _REVISION.search(message)
        if status == phases.TRUE and stated:
            revision = stated[1]
        reconciling = row.get("reconciling")
        if reconciling and status != phases.TRUE:
            message = fields.text(reconciling[2])
        gen, obs = fields.whole(row.get("gen") or 1), fields.whole(-1 if row.get("obs") is None else row["obs"])
        found.append(Event(fields.seconds(row["t"]), id, status, reason, message, gen, obs, revision))
    return found


def _workload_rows(id: ObjectId, rows: list[dict[str, Any]], stated_s: float) -> list[Event]:
    """The rows of a Deployment say only when something changed: Current is the first one after the stated time."""
    found, generation, since, current = [], None, 0.0, False
    for row in rows:
        t_s = fields.seconds(row["t"])
        if row.get("gen") != generation:
            generation, since, current = row.get("gen"), t_s, False
        current = current or t_s - since >= 0.95 * stated_s
        status, reason = (phases.TRUE, phases.CURRENT) if current else (phases.FALSE, phases.PROGRESSING)
        found.append(
            Event(t_s, id, status, reason, "", fields.whole(generation or 1), fields.whole(row.get("obs") or -1))
        )
    return found

"""``wait`` and health checks: those nobody needs, and edges that lean on a Ready without meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fleetbench.findings import EDGE_WITHOUT_STATUS, WAIT_UNUSED, Finding, Shared
from fleetbench.graph.checks.about import about, said
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.graph.order import checks_health, health_checked
from fleetbench.graph.paths import never_applied, never_created
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, say
from fleetbench.units import counted, format_duration

_LOST = "it then only says that all is applied, no longer that it is healthy"


def check_waits(fleet: Fleet, kustomize_concurrent: int, shard_concurrent: Mapping[str, int]) -> Iterator[Finding]:
    """All findings about what is waited for; each controller (shard) has its own workers."""
    dependants: dict[ObjectId, list[ObjectId]] = {}
    for obj in fleet.services():
        for dependency in obj.depends_on:
            if not dependency.ready_expr and dependency.target != obj.id:
                dependants.setdefault(dependency.target, []).append(obj.id)
    with_expr = {d.target for obj in fleet.services() for d in obj.depends_on if d.ready_expr}
    checked = {id for k in fleet.kustomizations for id in health_checked(fleet, k)}
    unborn = never_created(fleet, never_applied(fleet))
    waiting = [k for k in fleet.kustomizations if k.wait and not k.suspend and not k.unwatched and k.id not in unborn]
    for shard in sorted({k.shard or "" for k in waiting}):
        workers = shard_concurrent.get(shard, kustomize_concurrent)
        if not _workers_are_scarce(fleet, workers, shard or None):
            continue
        for k in waiting:
            if (k.shard or "") == shard and k.id not in checked | with_expr and not dependants.get(k.id):
                yield _unused(fleet, k, workers)
    for obj in fleet.services():
        if dependants.get(obj.id) and not obj.suspend:
            yield from _says_nothing(fleet, obj, dependants[obj.id])


def _workers_are_scarce(fleet: Fleet, workers: int, shard: str | None) -> bool:
    """Whether waits can hold every worker while another Kustomization wants one: else a wait costs nobody anything.

    What is suspended counts: it may be resumed. What nobody watches does not.
    """
    theirs = [k for k in fleet.kustomizations if k.shard == shard and not k.unwatched]
    return len(theirs) > workers <= sum(checks_health(k) for k in theirs)


def _unused(fleet: Fleet, k: Kustomization, workers: int) -> Finding:
    slow = _slow_content(k, health_checked(fleet, k))
    stated = [w.stated_ready_s for w in k.workloads if w.stated_ready_s is not None]
    at_least = f" (at least {format_duration(max(stated))}, as stated)" if stated else ""
    held = "the only worker" if workers == 1 else f"one of {workers} workers"
    return about(
        WAIT_UNUSED,
        k,
        f"wait: true, but nothing depends on it and no parent waits for it: its health check holds "
        f"{held} until {f'its {slow}' if slow else 'all it applies'} turned Current{at_least}.",
        f"set wait: false if nobody watches its Ready (alerts, a CI job): {_LOST}",
        Shared(
            "have wait: true, but nothing depends on them and no parent waits for them: the health check of each holds "
            f"{held} until all it applies turned Current.",
            f"set wait: false on those whose Ready nobody watches (alerts, a CI job): {_LOST}",
        ),
    )


def _says_nothing(fleet: Fleet, obj: Kustomization | HelmRelease, dependants: list[ObjectId]) -> Iterator[Finding]:
    if isinstance(obj, HelmRelease):
        if obj.disable_wait and (obj.workloads or not obj.workloads_known):
            yield about(
                EDGE_WITHOUT_STATUS,
                obj,
                f"{said(dependants)} lean on {say(obj.id)}, whose install does not wait (disableWait): it is Ready "
                "before anything it installs runs.",
                "let the install wait: drop spec.install.disableWait",
            )
        return
    if checks_health(obj) or not obj.expanded or obj.broken:
        return
    slow = _slow_content(obj, fleet.children.get(obj.id, ()))
    if slow:
        verb = "leans" if len(set(dependants)) == 1 else "lean"
        yield about(
            EDGE_WITHOUT_STATUS,
            obj,
            f"{said(set(dependants))} {verb} on {say(obj.id)}, which neither waits nor checks health: it is Ready as soon "
            f"as it is applied, whatever becomes of its {slow}.",
            "set wait: true here, or healthChecks for what the dependants need",
            Shared(
                "neither wait nor check health, though others depend on them: each is Ready as soon as it is applied, "
                "whatever becomes of its workloads and HelmReleases.",
                "set wait: true on each, or healthChecks for what the dependants need",
            ),
        )


def _slow_content(k: Kustomization, kids: Iterable[ObjectId]) -> str:
    """What in a Kustomization takes time after its apply, counted; empty if nothing is known to."""
    counts = [(len(k.workloads), "workload")]
    ids = set(kids)
    counts += [(sum(1 for id in ids if id.kind == kind and id != k.id), kind) for kind in (KUSTOMIZATION, HELM_RELEASE)]
    return " and ".join(noun if count == 1 else counted(count, noun) for count, noun in counts if count)

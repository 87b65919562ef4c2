"""A scenario compiled once: objects as numbers, so that a sample costs only what happens in it."""

from __future__ import annotations

from math import ceil

from fleetbench.engine.commit_plan import mark_commit, plan_commit
from fleetbench.engine.draws import key_of
from fleetbench.engine.items import MISSING, Brought, Item, Plan
from fleetbench.engine.reachable import kept_down, looked_at, reach, reach_before
from fleetbench.graph.fleet import Fleet, artifact_files
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization
from fleetbench.graph.order import checks_health, watched, watches
from fleetbench.ids import CRD, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.model.controller_manager import deployments_of
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, Scenario

READS = 6
"""Requests of one look in the rollouts that its cost was read from: a Deployment or two and what is beside them."""


def compile_plan(scenario: Scenario) -> Plan:
    """Compile a scenario."""
    fleet = scenario.fleet
    charts = {h.id: chart for h in fleet.helmreleases if (chart := h.chart_id) is not None}
    ids = [s.id for s in fleet.sources] + [k.id for k in fleet.kustomizations] + [h.id for h in fleet.helmreleases]
    ids += list(charts.values())
    index = {id: n for n, id in enumerate(ids)}
    items = [Item(id, key_of(str(id)), scenario.parameters) for id in ids]
    for source in fleet.sources:
        item = items[index[source.id]]
        item.parent = _number(index, source.parent)
        item.also_by = tuple(index[by] for by in source.also_by if by in index)
        item.interval_s, item.defined, item.static = source.interval_s, source.defined, source.static
        _leave_alone(item, source.suspend, source.unwatched is not None)
        item.exists = source.defined and (source.parent is None or source.id == fleet.root_source)
        item.files = artifact_files(fleet, source)
        if source.copied_from is not None:
            item.source = _number(index, source.copied_from)
    for k in fleet.kustomizations:
        _kustomization(items, index, scenario, k)
    for h in fleet.helmreleases:
        _helmrelease(items, index, scenario, h, charts.get(h.id))
    for id in scenario.fetch.keys() & index.keys():
        items[index[id]].fetch = scenario.fetch[id]
    for obj in fleet.objects():
        if obj.made is not None:
            after = obj.made.under(scenario.parameters.flux_version).after
            items[index[obj.id]].after = tuple(_number(index, gate) for gate in after)
    for n, item in enumerate(items):
        item.jitter = item.parameters.interval_jitter_of(item.id.kind)
        for dependency, _ in item.dependencies:
            if dependency != MISSING:
                items[dependency].dependents.append(n)
        for checked in item.checks:
            items[checked].watchers.append(n)
    takers: dict[int, list[int]] = {}
    for n, item in enumerate(items):
        for by in item.queued_by:
            takers.setdefault(by, []).append(n)
    services = [index[obj.id] for obj in fleet.services()]
    following = frozenset(index[s.id] for s in fleet.sources if s.this_repository and not s.suspend)
    plan = Plan(scenario, items, services, _users(items), following, takers=takers)
    asleep = scenario.left_out
    plan.left_out = frozenset(n for n in services if items[n].id in asleep)
    if scenario.kind == COMMIT:
        mark_commit(items, scenario.commit)
    if scenario.kind != BOOTSTRAP:
        plan.before = reach_before(plan)
    if scenario.kind == COMMIT:
        held = {index[chart] for h in fleet.helmreleases if (chart := h.chart_object) in index}
        plan_commit(plan, index, (*services, *held))
    found = reach(plan)
    plan.reconcilable = found.ready
    plan.doomed = {n: found.starts[n] for n in services if looked_at(plan, found, n) and not found.ready[n]}
    plan.kept_down = kept_down(plan).intersection(services) - plan.left_out
    return plan


def _users(items: list[Item]) -> list[tuple[int, ...]]:
    """Who follows each source, sorted by dependsOn (fluxcd/pkg/runtime dependency.Sort)."""
    placed: dict[int, int] = {}
    waiting = [sum(d != MISSING for d, _ in item.dependencies) for item in items]
    ready = [n for n, count in enumerate(waiting) if count == 0]
    for n in ready:  # grows while it is walked
        placed[n] = len(placed)
        for dependent in items[n].dependents:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                ready.append(dependent)
    users: list[list[int]] = [[] for _ in items]
    for n, item in enumerate(items):
        if item.source != MISSING:
            users[item.source].append(n)
    return [tuple(sorted(found, key=lambda n: placed.get(n, len(items)))) for found in users]


def _leave_alone(item: Item, suspend: bool, unattended: bool) -> None:
    item.suspend, item.resumable = suspend or unattended, suspend and not unattended


def _number(index: dict[ObjectId, int], id: ObjectId | None) -> int:
    return MISSING if id is None else index.get(id, MISSING)


def _dependency(index: dict[ObjectId, int], dependency: Dependency) -> int:
    """The number of what is depended on; of one whose ``readyExpr`` is never true as of one that is not there."""
    return MISSING if dependency.never is not None else _number(index, dependency.target)


def _dependencies(index: dict[ObjectId, int], k: Kustomization, scenario: Scenario) -> tuple[tuple[int, bool], ...]:
    found = []
    parameters = scenario.parameters.of(KUSTOMIZATION, k.shard)
    for d in scenario.fleet.waited_for(k):
        target = scenario.fleet.kustomization(d.target)
        builtin = d.ready_expr is None or parameters.additive_cel_dependency_check
        same = builtin and target is not None and target.source == k.source
        found.append((_dependency(index, d), same))
    return tuple(found)


def _kustomization(items: list[Item], index: dict[ObjectId, int], scenario: Scenario, k: Kustomization) -> None:
    fleet, item = scenario.fleet, items[index[k.id]]
    item.parent, item.source = _number(index, k.parent), _number(index, k.source)
    item.exists = k.parent is None or k.id == fleet.root
    item.dependencies = _dependencies(index, k, scenario)
    item.names = tuple(d.target.key for d in fleet.waited_for(k))
    own = (*fleet.children.get(k.id, ()), *fleet.also_applied.get(k.id, ()))
    rank = {id: n for n, id in enumerate(k.objects)}
    item.creates = tuple(index[id] for id in sorted(own, key=lambda id: (rank.get(id, len(rank)), id)) if id != k.id)
    item.applies = max(k.applies, len(item.creates))
    item.definitions = any(id.kind == CRD for id in k.objects)
    item.interval_s, item.timeout_s, item.retry_s = k.interval_s, k.effective_timeout_s, k.effective_retry_s
    met = k.under(scenario.parameters.flux_version, scenario.parameters.strict_post_build_substitutions)
    _leave_alone(item, k.suspend, k.unwatched is not None)
    item.denied = k.denied is not None
    item.broken, item.refused = met.broken is not None or bool(met.unset_variables), met.refused is not None
    item.shard, item.cluster = k.shard, k.cluster
    parameters = item.parameters = scenario.parameters.of(KUSTOMIZATION, k.shard)
    item.dry_runs = ceil(max(item.applies, 1) / parameters.concurrent_ssa)
    item.waits, item.fails_fast = checks_health(k), parameters.fail_fast
    item.cancels, item.poll_s = parameters.cancel_health_check_on_new_revision, parameters.health_poll_s
    if k.wait:
        waited_for = set(watched(fleet, k).objects)
        item.checks = tuple(n for n in item.creates if items[n].id in waited_for)
    elif k.health_checks:
        _health_checks(index, fleet, item, k)
    item.look = max(1.0, _reads(k) / READS)
    _needs(index, item, k)
    item.workload = scenario.workloads.get(k.id)
    _workload_keys(item)
    item.deadlines = _deadlines(k)
    _failures(item, k, scenario)


def _reads(obj: Kustomization | HelmRelease) -> int:
    """Requests of one look of its health check, which come one after the other; of a release's objects its workloads alone.

    Source: fluxcd/cli-utils v1.2.2 pkg/kstatus/polling/engine/engine.go pollStatusForAllResources, statusreaders/
    deployment.go, statefulset.go (their ReplicaSets and pods are listed); nothing is cached: kustomize-controller v1.9.4
    internal/features/features.go DisableStatusPollerCache, helm-controller v1.6.3 internal/controller/
    helmrelease_controller.go (NewDirectClusterReader).
    """
    kinds = [w.object.kind for w in obj.workloads]
    objects = len(kinds)
    if isinstance(obj, Kustomization):
        kinds = kinds if obj.wait else [id.kind for id in obj.health_checks]
        objects = max(obj.applies, len(kinds)) if obj.wait else len(kinds)
    return objects + 2 * kinds.count("Deployment") + kinds.count("StatefulSet")


def _health_checks(index: dict[ObjectId, int], fleet: Fleet, item: Item, k: Kustomization) -> None:
    """``spec.healthChecks``: own workloads, other Flux objects, and what other Kustomizations bring."""
    found = watched(fleet, k)
    item.checks = tuple(index[id] for id in found.objects)
    item.checks_workloads = frozenset(workload for owner, workload in found.workloads if owner == k.id)
    item.checks_elsewhere = tuple((index[owner], workload) for owner, workload in found.workloads if owner != k.id)
    others = [*map(index.__getitem__, found.others), *(o for o, _ in item.checks_elsewhere)]
    item.needs_run = tuple(map(Brought, dict.fromkeys(others)))
    item.check_missing = bool(found.nowhere)


def _helmrelease(
    items: list[Item], index: dict[ObjectId, int], scenario: Scenario, h: HelmRelease, chart: ObjectId | None
) -> None:
    item = items[index[h.id]]
    item.parent = _number(index, h.parent)
    item.exists = h.parent is None
    depends_on = scenario.fleet.waited_for(h)
    item.dependencies = tuple((_dependency(index, d), False) for d in depends_on)
    item.names = tuple(d.target.key for d in depends_on)
    item.interval_s, item.timeout_s = h.interval_s, h.timeout_s
    # A release that may not make its HelmChart says so in the controller's log only: reconcileChartTemplate's error.
    _leave_alone(item, h.suspend, h.unwatched is not None or (h.denied is not None and not h.chart_ref))
    item.denied = h.denied is not None
    item.lacks_values = h.lacks_values
    item.broken = h.broken is not None and not h.lacks_values
    parameters = item.parameters = scenario.parameters.of(HELM_RELEASE, h.shard)
    item.waits, item.poll_s = checks_health(h), parameters.release_poll_s(h.wait_strategy)
    interruptible = not parameters.waits_as_helm_3(h.wait_strategy)
    item.look = max(1.0, _reads(h) / READS) if interruptible else 1.0
    item.fails_fast = interruptible and parameters.helm_fail_fast
    item.cancels = interruptible and parameters.helm_cancel_health_check_on_new_revision
    item.retries, item.upgrade_retries = h.retries, h.upgrade_retries
    item.installed = h.installed_by is not None
    default = "RetryOnFailure" if parameters.default_to_retry_on_failure else "RemediateOnFailure"
    item.retry_on_failure = (h.strategy or default) == "RetryOnFailure"
    item.retry_s = h.retry_interval_s
    item.shard, item.cluster = h.shard, h.cluster
    item.workload = scenario.workloads.get(h.id)
    _workload_keys(item)
    _needs(index, item, h)
    item.deadlines = _deadlines(h)
    _failures(item, h, scenario)
    if chart is None:
        item.source = _number(index, h.source)
        if item.source != MISSING and h.chart_object is not None:
            named = items[item.source]
            named.broken, named.of_revision = named.broken or item.broken, h.chart_of_revision
    else:
        item.source = index[chart]
        item.creates = (index[chart],)
        made = items[index[chart]]
        made.parent, made.source, made.interval_s = index[h.id], _number(index, h.source), h.interval_s
        made.broken, made.of_revision = item.broken, h.chart_of_revision


def _needs(index: dict[ObjectId, int], item: Item, obj: Kustomization | HelmRelease) -> None:
    by_blocks: dict[str, list[Brought]] = {"build": [], "apply": [], "workload": [], "namespace": []}
    queued_by: list[int] = []
    own = {w.object for w in obj.workloads}
    pods_need: list[tuple[ObjectId | None, Brought]] = []
    for need in obj.needs:
        provider = _number(index, need.provided_by)
        blocks = "namespace" if isinstance(obj, HelmRelease) and need.kind == "Namespace" else need.blocks
        if blocks == "workload" and not watches(obj, need):
            continue
        # What it brings itself is there in time, but for its own build, which comes before any of it.
        if provider != MISSING and (provider != index[obj.id] or blocks == "build") and blocks in by_blocks:
            brought = Brought(provider, need.in_first_stage)
            by_blocks[blocks].append(brought)
            if blocks == "workload":
                pods_need.append((need.wanted_by if need.wanted_by in own else None, brought))
            if need.queues and item.parameters.watches_configs:
                queued_by.append(provider)
    item.needs_build = tuple(dict.fromkeys(need.by for need in by_blocks["build"]))
    item.pods_need = tuple(dict.fromkeys(pods_need))
    item.queued_by = tuple(dict.fromkeys(queued_by))
    item.needs_apply = tuple(dict.fromkeys(by_blocks["apply"]))
    item.needs_namespace = tuple(dict.fromkeys(by_blocks["namespace"]))
    item.needs_run = tuple(dict.fromkeys([*item.needs_run, *by_blocks["workload"]]))


def _workload_keys(item: Item) -> None:
    if item.workload is not None:
        item.workload_keys = tuple(key_of(f"{p.workload}#{p.replica}") for p in item.workload.pods)
        item.deployments = deployments_of(item.workload)


def _deadlines(obj: Kustomization | HelmRelease) -> dict[ObjectId, float]:
    return {w.object: seconds for w in obj.workloads if (seconds := w.given_up_s) is not None}


def _failures(item: Item, obj: Kustomization | HelmRelease, scenario: Scenario) -> None:
    item.fails = obj.id in scenario.fail
    item.failing_workloads = item.fails or any(w.object in scenario.fail for w in obj.workloads)

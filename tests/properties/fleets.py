"""Random fleets and scenarios: chains, graphs with cycles and holes, nested waiting parents, releases, failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from fleetbench.engine.plan import compile_plan
from fleetbench.graph.commit import NOTHING, Commit, Immutable
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Made
from fleetbench.ids import CONTROLLERS, KUSTOMIZATION, ObjectId
from fleetbench.model.distributions import LogNormal
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, RESTART, RESTARTS, ROLLOUT, Scenario
from fleetbench.model.steps import no_steps, shipped_steps
from fleetbench.model.workload_time import PodTime, WorkloadTime
from tests.builders import fleet, hr, ks, ks_id

SET = ObjectId("ResourceSet", "flux-system", "made")
SECONDS = st.integers(0, 120).map(float)


@st.composite
def fleets(draw: st.DrawFn, *, tidy: bool = False, most: int = 8) -> Fleet:
    """A fleet of up to ``most`` Kustomizations and 3 HelmReleases.

    Args:
        draw: Hypothesis' own.
        tidy: without cycles, missing dependencies, suspended objects and short timeouts: everything can turn Ready,
            at the first attempt.
        most: Kustomizations at most.
    """
    size = draw(st.integers(1, most))
    names = [f"k{n}" for n in range(size)]
    objects: list[Any] = []
    for n, name in enumerate(names):
        earlier = names[:n]
        known = earlier if tidy else [*names[:n], *names[n + 1 :], "missing"]
        choices = st.sampled_from(earlier * 3 + known) if known else st.nothing()
        depends_on = draw(st.lists(choices, max_size=3 if known else 0, unique=True))
        parent = draw(st.sampled_from([None, None, *earlier]))
        if tidy and parent is not None and _above(objects, parent) & _needed(objects, depends_on):
            parent = None  # a child that needs what waits for it never comes
        fields = {} if tidy else {
            "wait": draw(st.booleans()),
            "timeout_s": draw(st.sampled_from([30.0, 90.0, 600.0])),
            "retry_interval_s": draw(st.sampled_from([15.0, 60.0, None])),
            "suspend": draw(st.sampled_from([False] * 9 + [True])),
        }  # fmt: skip
        k = ks(name, *depends_on, parent=parent, **({"timeout_s": 7200.0} if tidy else fields))
        if known and not tidy and parent is not None and draw(st.booleans()):
            gates = draw(st.lists(choices, max_size=2, unique=True))
            k = replace(k, made=Made(SET, draw(st.booleans()), tuple(map(ks_id, gates))))
        objects.append(k)
    for n in range(draw(st.integers(0, 3))):
        depends_on = draw(st.lists(st.sampled_from([f"h{m}" for m in range(n)]), max_size=2, unique=True)) if n else []
        parent = draw(st.sampled_from(names))
        if tidy:
            depends_on = []  # releases of waiting parents: an edge between two could cross those of the parents
        fields = {"timeout_s": 7200.0} if tidy else {
            "timeout_s": draw(st.sampled_from([30.0, 300.0])),
            "retries": draw(st.sampled_from([-1, 0, 2])),
            "disable_wait": draw(st.booleans()),
            "strategy": draw(st.sampled_from([None, "RemediateOnFailure", "RetryOnFailure"])),
            "retry_interval_s": 60.0,
        }  # fmt: skip
        objects.append(hr(f"h{n}", parent, *depends_on, **fields))
    return fleet(*objects)


def _above(objects: list[Any], name: str) -> set[str]:
    """A Kustomization and the parents above it."""
    by_name = {o.id.name: o for o in objects}
    found = set()
    while name in by_name:
        found.add(name)
        parent = by_name[name].parent
        if parent is None:
            break
        name = parent.name
    return found


def _needed(objects: list[Any], names: list[str]) -> set[str]:
    """All that must be Ready, or at least created, before something that depends on ``names``."""
    by_name = {o.id.name: o for o in objects}
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found and name in by_name:
            found.add(name)
            obj = by_name[name]
            todo += [d.target.name for d in obj.depends_on]
            todo += _above(objects, name)
    return found


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    """Flags of controllers, few workers more often than many."""
    poll_s = draw(st.sampled_from([5.0, 30.0]))
    return Parameters(
        kustomize_concurrent=draw(st.sampled_from([1, 2, 4, 20])),
        helm_concurrent=draw(st.sampled_from([1, 4])),
        requeue_dependency_s=poll_s,
        helm_requeue_dependency_s=poll_s,
        interval_jitter=draw(st.sampled_from([0.0, 0.05])),
        helm_interval_jitter=draw(st.sampled_from([0.0, 0.05])),
        fail_fast=draw(st.booleans()),
        use_helm3_defaults=draw(st.booleans()),
        event_driven_dependents=draw(st.booleans()),
        cancel_health_check_on_new_revision=draw(st.booleans()),
        helm_cancel_health_check_on_new_revision=draw(st.booleans()),
        cpus=draw(st.sampled_from([1.0, 2.0, 8.0])),
    )


@st.composite
def scenarios(
    draw: st.DrawFn, *, kinds: tuple[str, ...] = (BOOTSTRAP, COMMIT, RESTART), failures: bool = True
) -> Scenario:
    """Anything that can be simulated, stopped after two hours so that what never ends costs little."""
    of = draw(fleets())
    services = [obj.id for obj in of.services()]
    kind = draw(st.sampled_from(kinds))
    # What never was Ready cannot be broken by a commit or a restart.
    can_fail = services if kind == BOOTSTRAP else _can_turn_ready(of)
    fail = (
        draw(st.frozensets(st.sampled_from(can_fail), max_size=2)) if failures and can_fail else frozenset[ObjectId]()
    )
    commit = kind == COMMIT
    return Scenario(
        of,
        draw(parameters()),
        draw(st.sampled_from([no_steps(), shipped_steps()])),
        draw(_workloads(of)),
        seed=draw(st.integers(0, 3)),
        kind=kind,
        fail=fail,
        until_s=7200.0,
        commit=draw(_commits(of)) if commit else NOTHING,
        webhook=commit and draw(st.booleans()),
        fix_after_s=draw(st.sampled_from([None, 300.0])) if commit and fail else None,
        restart_by=draw(st.sampled_from(RESTARTS)) if kind == RESTART else ROLLOUT,
        restarted=tuple(draw(st.sets(st.sampled_from(CONTROLLERS), min_size=1))) if kind == RESTART else CONTROLLERS,
    )


@st.composite
def _commits(draw: st.DrawFn, of: Fleet) -> Commit:
    """What changes, comes and fetches anew, and what of it the API server refuses."""
    services = [obj.id for obj in of.services()]
    changed = draw(st.frozensets(st.sampled_from(services), max_size=3))
    below = [obj for obj in of.objects() if obj.parent is not None]
    added = set(draw(st.sets(st.sampled_from(below), max_size=2)) if below else ())
    brought = {obj.id for obj in added}
    for obj in of.services():  # parents come before their children
        brought |= {id for id in of.children.get(obj.id, ()) if obj.id in brought}
    sources = [obj.id for obj in of.sources if not obj.this_repository and not obj.static and obj.id not in brought]
    renewed = draw(st.frozensets(st.sampled_from(sources), max_size=2)) if sources else frozenset[ObjectId]()
    refused = sorted(id for id in changed - brought if id.kind == KUSTOMIZATION)
    refused = refused[: draw(st.integers(0, 1))]
    return Commit(
        changed,
        applied=dict.fromkeys(changed - brought, 1),
        # who depends on what is new has a new spec
        reconciled=frozenset(
            h.id for h in of.helmreleases if h.id not in brought and any(d.target in brought for d in h.depends_on)
        ),
        renewed=renewed,
        added=frozenset(brought),
        immutable=tuple(Immutable(ObjectId("Job", "x", "y"), "spec.template", by) for by in refused),
    )


@st.composite
def _workloads(draw: st.DrawFn, of: Fleet) -> dict[ObjectId, WorkloadTime]:
    """Whole times, and of some objects Deployments, so many in places that they wait for kube-controller-manager."""
    services = [obj.id for obj in of.services()]
    several = {"min_size": len(services), "max_size": len(services)}
    found = times(of, draw(st.lists(SECONDS, **several)))
    for id, count in zip(services, draw(st.lists(st.sampled_from([0, 0, 1, 12]), **several)), strict=True):
        total = found[id].total
        if count:
            pod = PodTime(id, empty=True) if total is None else PodTime(id, ready=total, at_once=1)
            each = (ObjectId("Deployment", id.name, f"d{n}") for n in range(count))
            found[id] = WorkloadTime(id, "test", pods=tuple(replace(pod, workload=workload) for workload in each))
    return found


def _can_turn_ready(of: Fleet) -> list[ObjectId]:
    plan = compile_plan(Scenario(of))
    return [plan.items[n].id for n in plan.services if plan.reconcilable[n]]


def times(of: Fleet, seconds: list[float]) -> dict[ObjectId, WorkloadTime]:
    """One log-normal time a service around these medians, in seconds."""
    ids = [obj.id for obj in of.services()]
    return {
        id: WorkloadTime(id, "test", total=LogNormal(s, 1.5 * s)) if s else WorkloadTime(id, "test")
        for id, s in zip(ids, seconds, strict=True)
    }


def describe(of: Fleet) -> str:
    """A fleet in a few lines, for the example that a failing test shows."""
    lines = []
    for k in of.kustomizations:
        needs = [d.target.name for d in k.depends_on]
        lines.append(
            f"{k.id.name}: parent={k.parent and k.parent.name} depends_on={needs} wait={k.wait} "
            f"timeout={k.timeout_s} retry={k.retry_interval_s} suspend={k.suspend}"
        )
    for h in of.helmreleases:
        needs = [d.target.name for d in h.depends_on]
        lines.append(
            f"{h.id.name}: release of {h.parent and h.parent.name} depends_on={needs} disable_wait={h.disable_wait} "
            f"timeout={h.timeout_s} retries={h.retries} strategy={h.strategy}"
        )
    return "\n".join(lines)


def describe_scenario(scenario: Scenario) -> str:
    """A scenario in a few lines."""
    default = Parameters()
    flags = {
        n: v for n in default.__dataclass_fields__ if (v := getattr(scenario.parameters, n)) != getattr(default, n)
    }
    seconds = {
        id.name: t.total.quantile(0.5) if t.total else f"{len(t.pods)} of {t.pods[0].ready.quantile(0.5)}"
        for id, t in scenario.workloads.items()
        if t.total or t.pods
    }
    names = ("kind", "seed", "until_s", "webhook", "fix_after_s", "restart_by", "restarted")
    rest = {n: getattr(scenario, n) for n in names}
    commit = scenario.commit
    rest |= {n: sorted(map(str, getattr(commit, n))) for n in ("added", "renewed", "refused")}
    sets = {n: sorted(id.name for id in getattr(scenario, n)) for n in ("fail", "changed")}
    steps = "none" if scenario.steps == no_steps() else "shipped"
    return f"{describe(scenario.fleet)}\nflags={flags} steps={steps} seconds={seconds} {rest} {sets}"

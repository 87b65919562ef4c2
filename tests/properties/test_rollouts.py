"""What must hold of every rollout."""

from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter

from hypothesis import assume, given
from hypothesis import strategies as st

from fleetbench import phases
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import reach
from fleetbench.engine.simulate import run_sample, simulate
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import BOOTSTRAP, Scenario
from fleetbench.model.steps import no_steps
from fleetbench.timeline.events import first_ready_s
from fleetbench.timeline.fold import flux_rows
from tests.builders import fleet, ks, ks_id, scenario
from tests.invariants import check_invariants
from tests.properties.fleets import fleets, parameters, scenarios, times

MANY_SECONDS = st.lists(st.integers(0, 120).map(float), min_size=12, max_size=12)


@given(scenarios())
def test_the_rows_keep_what_must_hold_of_any_timeline(scenario):
    timeline = simulate(scenario).timeline
    assert timeline is not None
    # A step that stalls lies between a timeout and the row that tells of it.
    tolerance_s = 1e-6 if scenario.steps == no_steps() else 15.0
    found = check_invariants(scenario.fleet, timeline, scenario.parameters, tolerance_s)
    if scenario.parameters.event_driven_dependents:  # a Ready enqueues its dependants in whatever pause they are
        found = [line for line in found if "reconciled again" not in line]
    assert found == []


@given(scenarios(kinds=(BOOTSTRAP,)))
def test_the_first_ready_of_the_rows_is_the_samples(scenario):
    sample = simulate(scenario)
    assert sample.timeline is not None
    for obj, ready in zip(scenario.fleet.services(), sample.ready_s, strict=True):
        assert first_ready_s(flux_rows(sample.timeline, obj.id)) == ready, obj.id


@given(scenarios(kinds=(BOOTSTRAP,)))
def test_what_cannot_turn_ready_never_does(scenario):
    plan = compile_plan(scenario)
    hopeful = reach(plan).ready
    sample = run_sample(plan, 0)
    for place, n in enumerate(plan.services):
        assert hopeful[n] or sample.ready_s[place] is None, plan.items[n].id


@given(fleets(tidy=True), parameters(), MANY_SECONDS, st.integers(0, 3))
def test_what_can_turn_ready_does_within_a_day(of, flags, seconds, seed):
    enough = flags.with_(kustomize_concurrent=20, helm_concurrent=4)
    scenario = Scenario(of, enough, workloads=times(of, seconds[: len(list(of.services()))]), seed=seed)
    plan = compile_plan(scenario)
    assume(all(plan.reconcilable[n] for n in plan.services))  # two children that need each other's parents are not
    assert run_sample(plan, 0).complete


@given(scenarios(kinds=(BOOTSTRAP,)))
def test_what_can_turn_ready_does_within_a_day_in_any_fleet_whose_timeouts_permit(scenario):
    of = scenario.fleet
    patient = replace(
        of,
        kustomizations=tuple(replace(k, timeout_s=7200.0, retry_interval_s=60.0) for k in of.kustomizations),
        helmreleases=tuple(replace(h, timeout_s=7200.0, retries=-1) for h in of.helmreleases),
    )
    flags = scenario.parameters.with_(kustomize_concurrent=20, helm_concurrent=20)
    plan = compile_plan(replace(scenario, fleet=patient, parameters=flags, until_s=86_400.0))
    hopeful = reach(plan).ready
    sample = run_sample(plan, 0)
    late = [plan.items[n].id for place, n in enumerate(plan.services) if hopeful[n] and sample.ready_s[place] is None]
    assert late == []


@given(fleets(tidy=True), parameters(), MANY_SECONDS, st.integers(0, 3))
def test_a_rollout_takes_at_least_the_longest_path_of_its_workloads(of, flags, seconds, seed):
    scenario = Scenario(of, flags, workloads=times(of, seconds[: len(list(of.services()))]), seed=seed)
    sample = simulate(scenario)
    ready = {obj.id: t for obj, t in zip(of.services(), sample.ready_s, strict=True)}
    took = _waited_s(of, sample)
    edges = {obj.id: {d.target for d in obj.depends_on} for obj in of.services()}
    path: dict[ObjectId, float] = {}
    for id in TopologicalSorter(edges).static_order():
        path[id] = took[id] + max((path[d] for d in edges[id]), default=0.0)
        assert ready[id] is None or ready[id] >= path[id] - 1e-6, id


@given(fleets(tidy=True), MANY_SECONDS, st.sampled_from([1, 2, 4]))
def test_a_rollout_takes_at_least_its_work_over_its_workers(of, seconds, workers):
    flags = Parameters(kustomize_concurrent=workers, helm_concurrent=workers, interval_jitter=0.0)
    flat = replace(
        of,
        kustomizations=tuple(replace(k, parent=None if k.id == of.root else of.root) for k in of.kustomizations),
    )
    scenario = Scenario(flat, flags, no_steps(), times(flat, seconds[: len(list(flat.services()))]))
    sample = simulate(scenario)
    assert sample.complete
    took = _waited_s(flat, sample)
    for helm in (True, False):
        held = sum(s for id, s in took.items() if (id.kind == HELM_RELEASE) == helm)
        assert sample.total_s >= held / workers - 1e-6


@given(scenarios())
def test_no_more_workers_are_held_than_there_are(scenario):
    p = scenario.parameters
    most = max(p.kustomize_concurrent, p.helm_concurrent, p.source_concurrent)
    assert simulate(scenario, record=False).most_busy <= most


def test_the_children_of_a_kustomization_whose_apply_fails_are_given_up_at_once():
    of = fleet(ks("a", wait=False), ks("b", parent="a"))
    sample = simulate(scenario(of, fail=frozenset({ks_id("a")})), record=False)
    assert sample.until_s < 3600.0


def test_what_fails_does_not_turn_ready_after_a_restart():
    of = fleet(ks("a"), ks("b"))
    sample = simulate(scenario(of, kind="restart", fail=frozenset({ks_id("a")}), until_s=7200.0))
    assert sample.ready_s[[obj.id for obj in of.services()].index(ks_id("a"))] is None


def _waited_s(of, sample):
    """Each service -> seconds from applied to Current of the workloads that it waits for."""
    begun, found = {}, {}
    for event in sample.timeline.events:
        if event.reason == phases.PROGRESSING and event.status == phases.FALSE:
            begun.setdefault(event.object, event.t_s)
        elif event.reason == phases.CURRENT:
            found.setdefault(event.object, event.t_s - begun[event.object])
    waits = {obj.id: obj.wait if isinstance(obj, Kustomization) else not obj.disable_wait for obj in of.services()}
    return {id: found.get(id, 0.0) if waits[id] else 0.0 for id in waits}

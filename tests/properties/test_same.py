"""What may not change a number."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fleetbench import phases
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample, simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency
from fleetbench.ids import ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import BOOTSTRAP, Scenario
from fleetbench.model.steps import Step, no_steps, shipped_steps
from fleetbench.prediction import predict as prediction
from fleetbench.prediction.predict import predict
from tests.builders import ks, ks_id
from tests.properties.fleets import fleets, scenarios, times
from tests.properties.plain import differences
from tests.properties.polled import run_polled

PLENTY = Parameters(interval_jitter=0.0).unbounded()


@given(scenarios(), st.integers(0, 5))
def test_a_sample_is_the_same_recorded_or_not_and_twice(scenario, number):
    plan = compile_plan(scenario)
    recorded, plain = run_sample(plan, number, record=True), run_sample(plan, number)
    assert recorded.ready_s == plain.ready_s
    assert recorded == run_sample(compile_plan(scenario), number, record=True)
    assert plain == run_sample(compile_plan(scenario), number)


@given(scenarios(failures=False), st.integers(0, 5))
def test_a_recorded_sample_shows_the_same_attempts_where_the_clock_stops_by_itself(scenario, number):
    plan = compile_plan(replace(scenario, until_s=None))
    assert replace(run_sample(plan, number, record=True), timeline=None) == run_sample(plan, number)


@given(scenarios())
@settings(max_examples=5)
def test_samples_are_the_same_over_any_number_of_processes(scenario):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "_PARALLEL_FROM_S", 0.0)  # however short the work
        here, spread = predict(scenario, 9, processes=1), predict(scenario, 9, processes=2)
    assert (here.ready, here.totals, here.complete) == (spread.ready, spread.totals, spread.complete)


@given(scenarios(kinds=(BOOTSTRAP,)), st.randoms(use_true_random=False))
def test_the_order_in_which_objects_lie_on_disk_changes_nothing(scenario, shuffler):
    of = scenario.fleet
    turned = Fleet(of.root, *(_shuffled(part, shuffler) for part in (of.kustomizations, of.helmreleases, of.sources)))
    assert by_id(scenario) == by_id(replace(scenario, fleet=turned))


@given(fleets(), st.data())
def test_where_nobody_queues_names_change_nothing(of, data):
    seconds = data.draw(st.lists(st.integers(0, 120).map(float), min_size=12, max_size=12))
    names = {
        k.id: ks_id(f"x{n}")
        for n, k in enumerate(_shuffled(of.kustomizations, random.Random(data.draw(st.integers(0, 99)))))
    }
    names[of.root] = of.root
    renamed = Fleet(
        of.root,
        tuple(
            replace(
                k,
                id=names[k.id],
                parent=names.get(k.parent),
                depends_on=tuple(Dependency(names.get(d.target, d.target)) for d in k.depends_on),
                made=k.made and replace(k.made, after=tuple(names.get(gate, gate) for gate in k.made.after)),
            )
            for k in of.kustomizations
        ),
        tuple(replace(h, parent=names[h.parent]) for h in of.helmreleases),
        of.sources,
    )
    before, after = ready_of(fixed(of, seconds)), ready_of(fixed(renamed, seconds))
    assert {names.get(id, id): ready for id, ready in before.items()} == after


@given(scenarios(kinds=(BOOTSTRAP,)))
def test_another_object_leaves_the_workload_times_of_the_others_as_they_were(scenario):
    # A cold machine starts pods more slowly the earlier it is, and another object may move others by milliseconds;
    # Deployments wait for all that come before them.
    unlimited = replace(scenario.parameters, controller_manager_qps=None)
    scenario = replace(scenario, steps=replace(scenario.steps, cold=Step(1.0, 0.0)), parameters=unlimited)
    of = scenario.fleet
    more = Fleet(of.root, (*of.kustomizations, replace(ks("another"), parent=of.root)), of.helmreleases, of.sources)
    before, after = workload_times(scenario), workload_times(replace(scenario, fleet=more))
    for id in before.keys() & after.keys():
        assert after[id] == pytest.approx(before[id], abs=1e-6)


@given(fleets(), st.lists(st.integers(0, 120).map(float), min_size=12, max_size=12))
def test_where_nobody_queues_another_object_delays_no_one(of, seconds):
    assume(not of.kustomization(of.root).wait)  # one that waits would wait for the other object, too
    more = Fleet(of.root, (*of.kustomizations, replace(ks("another"), parent=of.root)), of.helmreleases, of.sources)
    scenario = fixed(of, seconds)
    before, after = ready_of(scenario), ready_of(replace(scenario, fleet=more))
    assert before == {id: ready for id, ready in after.items() if id.name != "another"}


@given(scenarios())
def test_an_engine_does_not_differ_from_itself(scenario):
    assert differences(scenario, run_sample, run_sample) == []


@given(scenarios(), st.integers(0, 5))
def test_polls_that_find_nothing_new_are_left_out_without_changing_anything(scenario, number):
    # With costs that are drawn no two things happen at one moment, in an order that only the clock's queue knows.
    scenario = replace(scenario, steps=shipped_steps())
    assert differences(scenario, run_sample, run_polled, number) == []


def test_the_comparison_sees_an_engine_that_waits_longer():
    from tests.builders import fleet
    from tests.builders import scenario as built

    def slower(plan, number, record):
        longer = plan.scenario.parameters.with_(requeue_dependency_s=31.0)
        return run_sample(compile_plan(replace(plan.scenario, parameters=longer)), number, record=record)

    found = differences(built(fleet(ks("a"), ks("b", "a")), {"a": 5.0}), run_sample, slower)
    assert any(line.startswith("Kustomization/flux-system/b: ready_s") for line in found)
    assert any("row" in line for line in found)


def fixed(of: Fleet, seconds: list[float]) -> Scenario:
    """A scenario in which nothing is drawn: its times belong to places in the fleet, not to names."""
    from fleetbench.model.distributions import Fixed

    found = times(of, seconds[: len(list(of.services()))])
    found = {id: replace(t, total=Fixed(t.total.p50)) if t.total else t for id, t in found.items()}
    return Scenario(of, PLENTY, no_steps(), found, until_s=7200.0)


def by_id(scenario: Scenario) -> dict[ObjectId, tuple[float | None, int]]:
    """Each service's first Ready and attempts."""
    sample = simulate(scenario, record=False)
    return {
        obj.id: (None if t is None else round(t, 6), attempts)
        for obj, t, attempts in zip(scenario.fleet.services(), sample.ready_s, sample.attempts, strict=True)
    }


def ready_of(scenario: Scenario) -> dict[ObjectId, float | None]:
    """Each service's first Ready."""
    return {id: ready for id, (ready, _) in by_id(scenario).items()}


def workload_times(scenario: Scenario) -> dict[ObjectId, float]:
    """From applied to Current, of each object's first try."""
    found: dict[ObjectId, float] = {}
    begun: dict[ObjectId, float] = {}
    timeline = simulate(scenario).timeline
    assert timeline is not None
    for event in timeline.events:
        if event.reason == phases.CURRENT and event.object in begun:
            found.setdefault(event.object, event.t_s - begun[event.object])
        elif event.reason == phases.PROGRESSING and event.status == phases.FALSE:
            begun.setdefault(event.object, event.t_s)
    return found


def _shuffled(parts, shuffler):
    found = list(parts)
    shuffler.shuffle(found)
    return tuple(found)

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.decide.timeouts import advise
from fleetbench.decide.trial import Bench, total_difference
from fleetbench.decide.whatif import (
    AddEdges,
    DropEdges,
    FasterWorkload,
    OwnSource,
    SetFlags,
    SetTimeouts,
    Shard,
    SplitParent,
    WaitOff,
    all_applied,
)
from fleetbench.ids import KUSTOMIZATION
from fleetbench.model.parameters import Parameters, ShardFlags
from fleetbench.prediction.predict import predict
from tests.builders import fleet, ks, ks_id, scenario


def total(s) -> float:
    return predict(s, 1).total_quantile(0.5)


def test_a_what_if_that_changes_nothing_gives_the_same_draws():
    bench = Bench(scenario(fleet(ks("a"), ks("b", "a")), {"a": 30.0}), 8)
    same = bench.try_(SetFlags({}))
    assert (same.total.p5_s, same.total.p95_s) == (0, 0) and not same.total.sooner


def test_enqueuing_dependants_at_once_saves_the_poll():
    bench = Bench(scenario(fleet(ks("a"), ks("b", "a")), {"a": 31.0, "b": 1.0}), 8)
    trial = bench.try_(SetFlags({"event_driven_dependents": True}))
    assert trial.total.sooner and -30 < trial.total.p50_s < -5


def test_a_shard_has_workers_of_its_own():
    of = fleet(*(ks(f"s{n}") for n in range(8)))
    s = scenario(of, {f"s{n}": 100.0 for n in range(8)})
    assert total(Shard(2).applied(s)) == pytest.approx(total(s) - 100, abs=10)


def test_shards_that_are_tried_take_the_place_of_those_that_there_are():
    s = scenario(fleet(*(ks(f"s{n}") for n in range(8))))
    own = ShardFlags(KUSTOMIZATION, "shard0", (("kustomize_concurrent", 1),))
    s = replace(s, parameters=replace(s.parameters, shards=(own,)))
    assert Shard(2).applied(s).parameters.shards == ()


def test_faster_workloads_take_their_share_of_the_time():
    s = scenario(fleet(ks("a")), {"a": 100.0})
    assert total(s) - total(FasterWorkload(ks_id("a"), 0.5).applied(s)) == pytest.approx(50, abs=5)


def test_an_edge_added_and_dropped_again_leaves_the_fleet_as_it_was():
    s = scenario(fleet(ks("a"), ks("b")))
    added = AddEdges(((ks_id("b"), ks_id("a")),)).applied(s)
    assert [d.target for d in added.fleet.kustomization(ks_id("b")).depends_on] == [ks_id("a")]
    assert DropEdges(((ks_id("b"), ks_id("a")),)).applied(added).fleet == s.fleet


def test_wait_off_frees_the_worker():
    s = scenario(
        fleet(*(ks(f"s{n}") for n in range(5))),
        {f"s{n}": 100.0 for n in range(5)},
        parameters=Parameters(kustomize_concurrent=1),
    )
    off = WaitOff(tuple(ks_id(f"s{n}") for n in range(4))).applied(s)
    assert total(off) < total(s) - 350


def test_a_split_parent_lets_its_dependants_wait_for_the_children_themselves():
    of = fleet(ks("apps"), ks("a", parent="apps"), ks("b", parent="apps"), ks("after", "apps"))
    s = scenario(of, {"a": 50.0, "b": 20.0})
    split = SplitParent(ks_id("apps")).applied(s)
    assert not split.fleet.kustomization(ks_id("apps")).wait
    assert {d.target for d in split.fleet.kustomization(ks_id("after")).depends_on} == {
        ks_id("apps"),
        ks_id("a"),
        ks_id("b"),
    }
    ready = dict(zip(predict(split, 1).services, (v[0] for v in predict(split, 1).ready), strict=True))
    assert ready[ks_id("after")] > max(ready[ks_id("a")], ready[ks_id("b")])


def test_own_sources_are_new_objects_beside_each_service():
    s = OwnSource().applied(scenario(fleet(ks("a"), ks("b"))))
    sources = {k.source for k in s.fleet.kustomizations}
    assert len(sources) == 3
    assert predict(s, 1).complete[0]


def test_a_timeout_that_a_wait_outlasts_costs_time_and_a_longer_one_saves_it():
    s = scenario(fleet(ks("a", timeout_s=60.0, retry_interval_s=300.0)), {"a": 90.0})
    (advice,) = advise(s, 6)
    assert (advice.object, advice.timeout_s, advice.chance) == (ks_id("a"), 60.0, 1.0)
    assert advice.wait_s_p50 == pytest.approx(90, abs=5) and advice.margin_s_p90 < -25
    assert advice.suggested_s == 180.0  # 1.5 times what it takes, in whole minutes
    assert total(SetTimeouts(((ks_id("a"), advice.suggested_s),)).applied(s)) < total(s) - 100


def test_a_waiting_parent_is_advised_a_timeout_above_its_childrens():
    of = fleet(ks("apps", timeout_s=60.0), ks("a", parent="apps"))
    advice = {a.object.name: a for a in advise(scenario(of, {"a": 100.0}), 6)}
    assert advice["apps"].suggested_s > advice["a"].suggested_s


def test_a_timeout_that_no_wait_reaches_is_left_as_it_is():
    of = fleet(ks("apps", timeout_s=600.0), ks("a", parent="apps", timeout_s=600.0))
    for advice in advise(scenario(of, {"a": 10.0}), 6):
        assert (advice.chance, advice.suggested_s, advice.raised_s) == (0, 600.0, None)


@given(
    st.lists(st.tuples(st.floats(1, 2000), st.floats(30, 1500)), min_size=1, max_size=4),
    st.floats(30, 1500),
)
def test_no_advice_is_below_the_timeout_that_is_set(children, parent_timeout_s):
    names = [f"c{n}" for n in range(len(children))]
    of = fleet(
        ks("apps", timeout_s=parent_timeout_s),
        *(ks(name, parent="apps", timeout_s=t) for name, (_, t) in zip(names, children, strict=True)),
    )
    found = {
        a.object.name: a for a in advise(scenario(of, {n: w for n, (w, _) in zip(names, children, strict=True)}), 6)
    }
    assert all(a.suggested_s >= a.timeout_s for a in found.values())
    raised = [a for a in found.values() if a.raised_s is not None]
    if raised:  # then the parent does not give up before what it waits for
        assert found["apps"].suggested_s > max(found[name].suggested_s for name in names)


def test_what_cannot_end_gets_no_timeout_to_set():
    (advice,) = advise(scenario(fleet(ks("a")), fail=frozenset({ks_id("a")})), 6)
    assert advice.chance == 1 and advice.suggested_s is None and advice.margin_s_p90 is None


def test_a_change_that_leaves_something_down_saves_nothing():
    s = scenario(fleet(ks("a"), ks("b", "a")), {"a": 10.0, "b": 500.0})
    broken = all_applied(s, (DropEdges(((ks_id("b"), ks_id("a")),)), AddEdges(((ks_id("b"), ks_id("nowhere")),))))
    difference = total_difference(predict(s, 8), predict(broken, 8))
    assert difference.later and not difference.sooner

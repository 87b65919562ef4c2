"""Controllers that are rolled out, evicted or killed: when they reconcile again, and what source-controller loses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine import restart
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.engine.running import settle
from fleetbench.engine.simulate import run_sample, simulate
from fleetbench.ids import CONTROLLERS, KUSTOMIZATION
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import EVICT, KILL, RESTART, ROLLOUT
from fleetbench.model.steps import shipped_steps
from fleetbench.phases import ARTIFACT_FAILED, FETCHING, PROGRESSING
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.invariants import check_invariants

SOURCE, KUSTOMIZE, HELM = CONTROLLERS
FLAT = fleet(*(ks(f"k{n}") for n in range(6)), hr("h", "k0"))


def leads_s(controller: str, by: str, elects: bool = True) -> list[float]:
    """The earliest and the latest, by draws at the ends."""
    ends = [restart.leads_s(controller, by, elects, lambda _, u=u: u) for u in (0.0, 0.999, 0.5)]
    return [min(ends), max(ends)]


def test_a_pod_that_is_replaced_leads_as_soon_as_it_runs():
    assert leads_s(KUSTOMIZE, EVICT) == leads_s(SOURCE, EVICT) == pytest.approx([2.5, 4.0], abs=0.01)
    assert leads_s(SOURCE, ROLLOUT) == pytest.approx([3.0, 5.0], abs=0.01)


def test_the_lease_of_a_killed_process_runs_out_first():
    """35 s from the successor's first look, which looks again every 5 to 11 s (5 s and up to 1.2 times that)."""
    earliest, latest = leads_s(KUSTOMIZE, KILL)
    assert earliest == pytest.approx(1.5 + 35.0) and earliest < latest < 2.5 + 35.0 + 11.0


def test_in_a_rollout_the_new_process_takes_over_at_its_next_look():
    earliest, latest = leads_s(HELM, ROLLOUT)
    assert earliest == pytest.approx(1.5 + 5.0) and latest == pytest.approx(2.5 + 11.0, abs=0.1)


def test_without_leader_election_nobody_waits():
    assert leads_s(KUSTOMIZE, KILL, elects=False) == pytest.approx([1.5, 2.5], abs=0.01)
    of = scenario(FLAT, kind=RESTART, restart_by=KILL, parameters=Parameters(leader_election=False))
    assert max(simulate(of).ready_s) < 30.0


def first_fetches(sample) -> list[str]:
    """The Kustomizations in the order in which they begin."""
    began = [e.object.name for e in sample.timeline.events if e.reason == PROGRESSING and e.message == FETCHING]
    return list(dict.fromkeys(began))


def test_what_a_cache_lists_comes_in_no_order():
    of = scenario(FLAT, kind=RESTART, steps=shipped_steps())
    orders = {tuple(first_fetches(simulate(of, n))) for n in range(8)}
    assert len(orders) == 8 and all(len(order) == 7 for order in orders)


@pytest.mark.parametrize("by", [EVICT, KILL])
def test_a_fetch_while_nobody_serves_is_tried_again_and_holds_its_worker(monkeypatch, by):
    comes_s = {SOURCE: 12.0, KUSTOMIZE: 3.0, HELM: 3.0}
    monkeypatch.setattr(restart, "_leads_s", lambda w, name, shard: comes_s[name])
    monkeypatch.setitem(restart.SERVES_S, by, (1.0, 1.0))
    of = scenario(FLAT, kind=RESTART, restart_by=by)
    sample = simulate(of)
    kustomizations = [t for o, t in zip(FLAT.services(), sample.ready_s, strict=True) if o.id.kind == KUSTOMIZATION]
    # Refused at 3 and at 8 s; 10 s later source-controller serves what it has or has made anew by then.
    assert min(kustomizations) >= 18.0 and max(kustomizations) < 25.0 and sample.most_busy == 4
    assert not check_invariants(FLAT, sample.timeline, of.parameters)


def test_an_artifact_that_is_not_made_anew_yet_is_looked_for_at_the_next_poll_or_once_it_is_there(monkeypatch):
    monkeypatch.setattr(restart, "_leads_s", lambda w, name, shard: 3.0)
    slow = replace(shipped_steps(), git_fetch=replace(shipped_steps().git_fetch, p50_s=20.0, sigma=0.0))
    sample = simulate(scenario(FLAT, kind=RESTART, restart_by=EVICT, steps=slow))
    seen = [e.reason for e in sample.timeline.by_object[ks_id("k0")]]
    assert ARTIFACT_FAILED in seen and min(sample.ready_s) > 20.0 and max(sample.ready_s) < 50.0 and sample.complete


def test_a_suspended_source_loses_its_artifact_with_the_pod_and_keeps_it_when_the_process_is_killed():
    asleep = replace(FLAT, sources=tuple(replace(s, suspend=True) for s in FLAT.sources))
    killed = scenario(asleep, kind=RESTART, restart_by=KILL)
    assert simulate(killed).complete
    for by in (EVICT, ROLLOUT):
        of = scenario(asleep, kind=RESTART, restart_by=by)
        assert ks_id("k0") in never_ready(compile_plan(of))
        sample = simulate(of)
        assert not sample.complete and sample.until_s < 120.0
    alone = scenario(asleep, kind=RESTART, restart_by=EVICT, restarted=(KUSTOMIZE, HELM))
    assert simulate(alone).complete


def test_of_a_controller_that_goes_on_nothing_is_asked():
    sample = simulate(scenario(FLAT, kind=RESTART, restarted=(KUSTOMIZE,)))
    at = dict(zip([o.id for o in FLAT.services()], sample.ready_s, strict=True))
    assert at.pop(hr_id("h")) == 0.0 and min(at.values()) > 2.0 and sample.complete


@pytest.mark.parametrize("restarted", [CONTROLLERS, (KUSTOMIZE,), (HELM,)])
def test_nobody_asks_after_a_restart_whether_the_pods_of_a_release_in_sync_are_well(restarted):
    of = scenario(FLAT, kind=RESTART, restarted=restarted, fail=frozenset({hr_id("h")}))
    assert not never_ready(compile_plan(of)) and None not in simulate(of).ready_s
    broken = scenario(FLAT, {"k0": 5.0}, kind=RESTART, restarted=restarted, fail=frozenset({ks_id("k0")}))
    assert (simulate(broken).ready_s[0] is None) == (KUSTOMIZE in restarted)


def test_what_is_made_while_its_controller_is_down_is_listed_too(monkeypatch):
    plan = compile_plan(scenario(FLAT, kind=RESTART, restart_by=KILL))
    late = next(n for n, item in enumerate(plan.items) if item.id == ks_id("k1"))

    def without_it(w, **more):
        settle(w, **more)
        w.exists[late] = False
        w.env.timeout(10.0).callbacks.append(lambda _: w.create(late))

    monkeypatch.setattr(restart, "settle", without_it)
    assert run_sample(plan, 0).ready_s[plan.services.index(late)] > 30.0

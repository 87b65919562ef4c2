"""What the combination takes and what it leaves, where more workers make timeouts expire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.decide.optimize import optimize
from fleetbench.model.distributions import Fixed, LogNormal
from fleetbench.model.profile import PullPrior
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import shipped_steps
from fleetbench.model.workload_time import ImagePull, PodTime, WorkloadTime
from fleetbench.prediction.predict import predict
from fleetbench.report.optimize import tables
from tests.builders import fleet, hr, hr_id, ks, scenario


def pulling_releases(timeout_s: float, seed: int) -> Scenario:
    """Releases whose images one node pulls in turn: the more are installed at once, the longer each waits for its own."""
    names = [f"web-{n:02}" for n in range(16)]
    apps = replace(ks("apps", wait=False), workloads=())
    asked = scenario(
        fleet(apps, *(hr(name, "apps", timeout_s=timeout_s) for name in names)), steps=shipped_steps(), seed=seed
    )
    times = dict(asked.workloads)
    for id in map(hr_id, names):
        pulls = (ImagePull(f"image-{id.name}", LogNormal(4.0, 12.0)),)
        pod = PodTime(id, ready=Fixed(30.0), pulls=pulls)
        times[id] = WorkloadTime(id, "prior: any chart (guess)", pods=(pod,))
    return replace(asked, workloads=times, pull=PullPrior(Fixed(1.0)))


@pytest.mark.parametrize(
    ("timeout_s", "seed", "fewer_in_the_search"),
    [pytest.param(95.0, 2, 2, id="too-few-to-prove-it"), pytest.param(105.0, 1, 0, id="only-in-other-draws")],
)
def test_workers_with_which_more_timeouts_expire_are_not_taken_for_their_speed(timeout_s, seed, fewer_in_the_search):
    found = optimize(pulling_releases(timeout_s, seed), 20)
    eight = next(r.trial.effect for r in found.ranked if r.candidate.change.title == "helm --concurrent 8")
    assert eight.better and eight.saves_s > 30.0 and eight.lost - eight.won == fewer_in_the_search
    assert not found.best.changes
    assert "as less turns Ready with it: helm --concurrent" in " ".join(map(str, tables(found, None, 30)))


def test_draws_by_which_a_change_was_taken_are_none_that_the_search_has_not_seen():
    asked = pulling_releases(105.0, 0)
    found = optimize(asked, 20)
    assert found.best.changes
    fresh = predict(replace(asked, seed=asked.seed + 2, until_s=found.scenario.until_s), 20)
    assert found.fresh.before_s in fresh.totals and found.fresh.whole_before == sum(fresh.complete)

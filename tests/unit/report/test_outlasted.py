"""What is said of a timeout that a wait outlasts: that a guess does, or what else the wait was spent on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.text import Text

from fleetbench.decide.timeouts import TimeoutAdvice, advise
from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Need
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.prediction.outlasted import explained, samples_to_play
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.prediction import tables
from fleetbench.timeline.causes import HEALTH_POLL, NEED
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario


def waits_for_a_late_release() -> Fleet:
    """An app whose release, of a chart with a guessed time, depends on one that is applied at the second try."""
    crd = (Need("CustomResourceDefinition x.test", ObjectId("X", "default", "x"), ks_id("crds"), "apply"),)
    return fleet(
        ks("crds", "slow", wait=False),
        ks("slow"),
        replace(ks("store", needs=crd, wait=False, retry_interval_s=1200.0), workloads=()),
        hr("store", "store", timeout_s=3000.0),
        replace(ks("app", timeout_s=600.0, retry_interval_s=1800.0), workloads=()),
        replace(hr("app", "app", "store", timeout_s=3000.0, chart="unheard-of"), workloads_known=False),
    )


def said(of: Fleet, samples: int = 5) -> str:
    parts = tables(predict_strategies(of, Choice(), "fine", samples=samples))
    return "\n".join(part.plain.strip() for part in parts if isinstance(part, Text))


def advice_of(of: Fleet, id: ObjectId, samples: int = 5) -> TimeoutAdvice:
    return next(a for a in advise(assemble(of, Choice()).scenario, samples) if a.object == id)


def test_a_wait_that_a_lost_retry_interval_drew_out_is_put_down_to_that_and_to_no_guess():
    late = waits_for_a_late_release()
    shown = said(late)
    assert "prior or guess outlasts a timeout" not in shown
    assert "no guessed time" in shown and "of retry at flux-system/store" in shown
    advice = advice_of(late, ks_id("app"))
    assert advice.guess and not advice.by_guess and advice.outlasted_by.cause == "retry"


def test_a_wait_that_a_guessed_time_draws_out_is_still_one_to_measure_first():
    of = fleet(ks("p", wait=False), hr("r", "p", timeout_s=120.0, chart="kube-prometheus-stack"))
    assert "a shipped prior or guess outlasts a timeout" in said(of, samples=30)
    asked = scenario(of, {"r": 200.0})
    guess = replace(asked.workloads[hr_id("r")], chosen_by="prior: any chart (guess)")
    (advice,) = advise(replace(asked, workloads={hr_id("r"): guess}), 3)
    assert advice.by_guess and advice.outlasted_by is not None and advice.outlasted_by.guessed


def test_a_queue_for_a_worker_is_no_guess_that_outlasts_a_timeout():
    held = [hr(f"a{n}", "all", timeout_s=3000.0) for n in range(4)]
    of = fleet(
        ks("all", wait=False, timeout_s=60.0),
        *held,
        replace(ks("app", "all", timeout_s=120.0), workloads=()),
        hr("app", "app", timeout_s=3000.0),
    )
    asked = scenario(of, {f"a{n}": 600.0 for n in range(4)})
    guess = replace(asked.workloads[hr_id("app")], chosen_by="prior: any chart (guess)")
    advice = next(
        a
        for a in advise(replace(asked, workloads={**asked.workloads, hr_id("app"): guess}), 3)
        if a.object == ks_id("app")
    )
    assert not advice.by_guess and advice.outlasted_by.said.endswith("of queue at HelmRelease/flux-system/app")


@pytest.mark.parametrize("late_s", [200.0, 900.0])
def test_a_secret_that_others_bring_late_is_what_a_release_waits_for_and_no_poll(late_s: float):
    need = Need("Secret default/token", ObjectId("Deployment", "default", "dns"), ks_id("secrets"), "workload")
    of = fleet(
        ks("slow", timeout_s=1000.0), ks("secrets", "slow"), ks("apps", wait=False),
        hr("dns", "apps", timeout_s=600.0, needs=(need,)),
    )  # fmt: skip
    asked = scenario(of, {"slow": late_s, "dns": 10.0})
    explanation = explained(asked, simulate(asked))
    first = explanation.life(hr_id("dns"))
    assert all(s.to_s - s.from_s < 60.0 for s in first if s.cause == HEALTH_POLL)
    if late_s < 600.0:
        assert any(s.cause == NEED and s.on == ks_id("secrets") for s in first)
    else:
        assert explanation.wait(hr_id("dns"), 5.0, 500.0)[-1].object == ks_id("slow")


def test_few_samples_are_played_again_and_show_as_many_objects_as_can_be():
    a, b, c = (ks_id(name) for name in "abc")
    assert samples_to_play({a: [1, 3], b: [3, 4], c: [7]}) == [3, 7]
    assert len(samples_to_play({ks_id(str(n)): [n] for n in range(30)})) < 10

"""A longer interval where it ends in the midst of the rollout."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetbench.decide.intervals import CORRECTED_LATER, INTERVAL_S, SetInterval, short_intervals
from fleetbench.decide.optimize import optimize
from fleetbench.decide.patch.verify import make_patch
from fleetbench.decide.retries import SetRetryInterval
from fleetbench.decide.whatif import SetTimeouts
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import shipped_steps
from fleetbench.repo import read_repository
from fleetbench.report.optimize import tables
from tests.builders import ROOT, fleet, ks, ks_id, scenario
from tests.unit.decide.test_retries import APP, repository

FIVE = {"interval_s": 300.0}


def busy(**fields: object) -> Scenario:
    """So many that each end of an interval takes time from the others, with all flags as high as are tried."""
    objects = [ks(f"k{n}", *([f"k{n - 20}"] if n >= 20 else []), wait=False, **fields) for n in range(120)]
    tuned = Parameters(kustomize_concurrent=20, kustomize_cpus=2.0, requeue_dependency_s=5.0, in_memory_builds=True)
    return scenario(fleet(*objects), parameters=tuned, steps=shipped_steps())


def test_those_whose_interval_ends_before_the_rollout_does_and_not_the_root() -> None:
    of = fleet(ks("soon", **FIVE), ks("late", interval_s=900.0), ks("asleep", suspend=True, **FIVE))
    assert short_intervals(of, 600.0) == (ks_id("soon"),)
    assert short_intervals(of, 100.0) == ()
    assert ROOT not in short_intervals(of, 10_000.0)
    hourly = fleet(ks("a", interval_s=3600.0))
    assert short_intervals(hourly, 50_000.0) == ()  # it has what is proposed


def test_one_that_states_no_more_goes_on_to_retry_and_to_give_up_as_it_did() -> None:
    bare, stated = ks("a", retry_interval_s=None, timeout_s=None, **FIVE), ks("b", **FIVE)
    found = SetInterval((bare.id, stated.id)).applied(scenario(fleet(bare, stated))).fleet
    after = {k.id.name: (k.interval_s, k.retry_interval_s, k.timeout_s) for k in found.kustomizations}
    assert after["a"] == (INTERVAL_S, 300.0, 270.0)  # 30 s less than the interval it had
    assert after["b"] == (INTERVAL_S, stated.retry_interval_s, stated.timeout_s)


def test_it_is_proposed_where_it_saves_time_with_what_it_means_for_the_cluster() -> None:
    found = optimize(busy(interval_s=15.0), 12)
    (trial,) = [r.trial for r in found.ranked if isinstance(r.candidate.change, SetInterval)]
    assert trial.effect.saves_s > 10.0
    assert SetInterval in [type(change) for change in found.best.changes]
    assert CORRECTED_LATER in " ".join(map(str, tables(found, None, 5)))
    assert not [r for r in optimize(busy(interval_s=7200.0), 4).ranked if isinstance(r.candidate.change, SetInterval)]


def test_the_patch_states_both_intervals_where_the_object_is_defined(tmp_path: Path) -> None:
    repo = repository(tmp_path / "fleet")
    for name in "ab":
        (repo / f"clusters/x/{name}.yaml").write_text(APP.format(name=name).replace("1h # seldom", "5m # often"))
    (repo / "clusters/x/b.yaml").write_text((repo / "clusters/x/b.yaml").read_text() + "  retryInterval: 90s\n")
    reading = read_repository(repo, "clusters/x")
    ids = short_intervals(reading.fleet, 600.0)
    assert ids == (ks_id("a"), ks_id("b"))
    asked = assemble(reading.fleet, Choice()).scenario
    patch = make_patch(repo, "clusters/x", reading, (SetInterval(ids),), asked)
    assert not patch.left
    added = [line[1:] for line in patch.text.splitlines() if line.startswith("+ ")]
    assert added == ["  interval: 1h # often", "  retryInterval: 5m0s", "  interval: 1h # often"]


@pytest.mark.parametrize("interval_first", [True, False])
def test_beside_another_change_of_what_follows_from_it_that_one_holds(tmp_path: Path, interval_first: bool) -> None:
    repo = repository(tmp_path / "fleet")
    (repo / "clusters/x/a.yaml").write_text(
        APP.format(name="a").replace("1h # seldom", "5m").replace("  timeout: 20s\n", "")
    )
    reading = read_repository(repo, "clusters/x")
    changes = [SetInterval((ks_id("a"),)), SetRetryInterval((ks_id("a"),)), SetTimeouts(((ks_id("a"), 900.0),))]
    asked = assemble(reading.fleet, Choice()).scenario
    patch = make_patch(repo, "clusters/x", reading, tuple(changes if interval_first else changes[::-1]), asked)
    assert not patch.left
    added = {line[1:] for line in patch.text.splitlines() if line.startswith("+ ")}
    assert added == {"  interval: 1h", "  retryInterval: 2m", "  timeout: 15m0s"}

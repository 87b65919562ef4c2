"""What runs teach of the servers that sources are fetched from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench.calibration.document import as_yaml, profile_document
from fleetbench.calibration.fetch import fetch_section
from fleetbench.calibration.observe import observe
from fleetbench.calibration.steps import calibrate_steps
from fleetbench.model.profile import load_profile
from fleetbench.model.steps import shipped_steps
from fleetbench.runs.files import read_run
from fleetbench.runs.run import Run
from fleetbench.validation.compare import compare_run, scenario_of

STAND_IN = read_run(Path(__file__).parents[2] / "results/dev-fine-1")
SERVED = read_run(Path(__file__).parents[2] / "results/deployments/90-pods")
REMOTE = replace(SERVED, meta={**SERVED.meta, "source": "remote"})


def steps(run: Run) -> set[str]:
    return {o.step for o in observe(run)}


@pytest.mark.parametrize("run", [STAND_IN, SERVED])
def test_what_is_served_from_beside_the_cluster_is_a_step_of_source_controller(run: Run) -> None:
    assert run.from_afar == frozenset() and fetch_section([run]) == {}
    assert "git_fetch" in steps(run)
    assert not scenario_of(run).fetch


def test_what_comes_from_afar_is_its_servers_time_and_no_step() -> None:
    assert {id.kind for id in REMOTE.from_afar} == {"GitRepository"}
    assert "git_fetch" not in steps(REMOTE)
    assert scenario_of(REMOTE).fetch.keys() == REMOTE.from_afar
    section = fetch_section([REMOTE, STAND_IN])["GitRepository"]
    assert section["source"] == "1 measured" and 0.0 < section["seconds"][0] < 2.0


def test_of_a_run_whose_events_nobody_took_only_pods_are_learned() -> None:
    refused = read_run(Path(__file__).parents[2] / "results/events/refused")
    assert refused.flags["events_refused_s"] and not steps(refused) - {"pod_lag"}
    assert "git_fetch" in steps(read_run(Path(__file__).parents[2] / "results/events/taken"))
    assert fetch_section([REMOTE]) and fetch_section([replace(REMOTE, flags=refused.flags)]) == {}


def test_a_profile_that_was_learned_states_it(tmp_path: Path) -> None:
    file = tmp_path / "learned.yaml"
    file.write_text(as_yaml(profile_document(calibrate_steps([REMOTE], shipped_steps()), [REMOTE])), encoding="utf-8")
    [seconds] = fetch_section([REMOTE])["GitRepository"]["seconds"]
    assert load_profile(str(file)).fetch["GitRepository"].quantile(0.5) == seconds


def test_after_a_timed_commit_the_repositorys_own_fetch_is_over() -> None:
    run = read_run(Path(__file__).parents[2] / "results/generated/mix-values")
    afar = replace(run, meta={**run.meta, "workloads": "real", "source": "remote"})
    assert run.commit is not None and afar.from_afar == frozenset()
    assert replace(afar, commit=None).from_afar


def test_times_that_were_learned_of_ninety_deployments_at_once_hold_what_they_waited_for(tmp_path: Path) -> None:
    document = profile_document(calibrate_steps([SERVED], shipped_steps()), [SERVED])
    kinds = {key: document[key] for key in ("format_version", "kinds")}  # as another fleet would use them
    file = tmp_path / "learned.yaml"
    file.write_text(as_yaml(kinds), encoding="utf-8")
    held = compare_run(SERVED, 20, load_profile(str(file)))
    assert held.total_s is not None
    assert held.prediction.total_quantile(0.5) == pytest.approx(held.total_s, rel=0.25)


def test_a_profile_says_how_many_requests_the_cluster_of_a_run_lets_through(tmp_path: Path) -> None:
    file = tmp_path / "managed.yaml"
    file.write_text("format_version: 1\ncontroller_manager: {qps: 100, burst: 150}\n", encoding="utf-8")
    parameters = scenario_of(SERVED, load_profile(str(file))).parameters
    assert (parameters.controller_manager_qps, parameters.controller_manager_burst) == (100, 150)
    assert scenario_of(SERVED).parameters.controller_manager_qps == 20

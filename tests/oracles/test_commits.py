"""Commits that were rolled out on Kind, predicted from the two states of the repository alone; nothing was fitted on them.

``python -m tests.oracles.test_commits`` prints each object's measured Ready beside what was predicted.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench.graph.commit import Commit, updated
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.distributions import Fixed
from fleetbench.model.profile import load_profile, stand_in_profile
from fleetbench.model.scenario import COMMIT
from fleetbench.model.steps import Step
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.repo import read_repository
from fleetbench.repo.commits.between import commit_between
from fleetbench.runs.files import read_run
from fleetbench.validation.compare import compare_run
from tests.fleets.commits import ENTRY, STEPS, write

RESULTS = Path(__file__).parents[2] / "results"
RUNS, AGAINST = RESULTS / "commits", RESULTS / "against"
RELEASES = {ObjectId("HelmRelease", "default", name): Fixed(7.0) for name in ("rel", "fresh")}
"""``minReadySeconds`` and a second, as rendering the chart takes helm, which not every machine has."""
RUNNING = (0, 1, 2, 2)
"""What the cluster runs before each commit: of the third it could not apply what matters."""
OBSERVER_S = 0.1
"""By so much an observer's rows may be off."""

pytestmark = pytest.mark.skipif(
    shutil.which("kustomize") is None and shutil.which("kubectl") is None, reason="needs kustomize or kubectl"
)


def committed(number: int, folder: Path) -> tuple[Commit, Fleet]:
    """What the commit of that number changes (from 1) of what the cluster runs, and the fleet after it."""
    states = [folder / "before", folder / "after"]
    for state, commits in zip(states, (RUNNING[number - 1], number), strict=True):
        state.mkdir()
        write(state, commits)
    before, after = (read_repository(state, ENTRY, cache=False) for state in states)
    return commit_between(before, after, *states), after.fleet


def predicted(commit: Commit, fleet: Fleet, samples: int = 100) -> Prediction:
    """From the artifact on, as the runs are: pods that pause, of images that the node holds, and a source beside the cluster."""
    choice = Choice(
        kind=COMMIT, commit=commit, webhook=True, served=True, profile=stand_in_profile(), durations=RELEASES
    )
    scenario = assemble(fleet, choice).scenario
    steps = replace(scenario.steps, git_fetch=Step(0.0, 0.0))
    return predict(replace(scenario, steps=steps, pull=None, until_s=240.0), samples)


@pytest.mark.parametrize(("number", "name"), list(enumerate(STEPS, start=1)))
def test_a_commit_takes_on_kind_what_two_renders_say(number: int, name: str, tmp_path: Path) -> None:
    p = predicted(*committed(number, tmp_path))
    measured = read_run(RUNS / name).ready_s()
    never = {id for id in p.services if p.ready_fraction(id) < 0.5}
    assert {id for id in p.services if measured[id] is None} == never
    last, *_, late = (p.total_quantile(q) for q in (0.05, 0.95))
    assert last is not None and late is not None
    assert last - 0.5 <= max(at for at in measured.values() if at is not None) <= late + 0.5
    asked = [id for id in p.services if id not in never]
    assert sum(_is_inside(p, id, measured[id]) for id in asked) >= 0.6 * len(asked)


def _is_inside(p: Prediction, id: ObjectId, at_s: float | None) -> bool:
    low, high = p.quantile(id, 0.05), p.quantile(id, 0.95)
    return None not in (at_s, low, high) and low - OBSERVER_S <= at_s <= high + OBSERVER_S  # type: ignore[operator]


@pytest.mark.parametrize(("number", "name"), list(enumerate(STEPS, start=1)))
def test_measure_against_records_what_two_renders_say_and_validate_predicts_that(
    number: int, name: str, tmp_path: Path
) -> None:
    run = read_run(AGAINST / name)
    assert run.commit is not None and run.commit.changes is not None
    commit, _ = committed(number, tmp_path)
    assert replace(run.commit.changes, since=None) == commit
    held = compare_run(run, 100, load_profile(AGAINST / "durations.yaml"))
    assert held.total_error is not None and abs(held.total_error) < 0.015
    for o in held.objects:
        assert (o.measured_s is None) == (o.ready_fraction < 0.5)


@pytest.mark.parametrize("name", ["brings", "refused"])
def test_so_it_is_where_pauses_stand_in_for_the_workloads(name: str) -> None:
    held = compare_run(read_run(AGAINST / "stand-in" / name), 100)
    assert held.run.meta["workloads"] == "stand-in"
    assert held.total_error is not None and abs(held.total_error) < 0.015
    for o in held.objects:
        assert (o.measured_s is None) == (o.ready_fraction < 0.5)


def test_what_each_of_them_changes(tmp_path: Path) -> None:
    found = []
    for number, name in enumerate(STEPS, start=1):
        folder = tmp_path / name
        folder.mkdir()
        commit, fleet = committed(number, folder)
        changed = sorted(id.name for id in commit.changed if id.kind == KUSTOMIZATION)
        pods = [id.name for id in updated(commit, fleet)], sorted(id.name for id in commit.started)
        found.append((changed, *pods, sorted(id.name for id in commit.refused)))
    assert found == [
        (["flux-system", "fresh", "web"], ["web"], [], []),
        (["api", "rel", "web"], [], [], []),
        (["db", "web"], [], [], ["db"]),
        (["db", "flux-system", "web"], [], ["db"], []),
    ]


if __name__ == "__main__":
    import tempfile

    for number, name in enumerate(STEPS, start=1):
        with tempfile.TemporaryDirectory() as folder:
            p = predicted(*committed(number, Path(folder)), samples=200)
        measured = read_run(RUNS / name).ready_s()
        last = max(at for at in measured.values() if at is not None)
        print(f"{name}: {last:.1f} s, predicted", [round(p.total_quantile(q) or 0.0, 1) for q in (0.05, 0.5, 0.95)])
        for id in p.services:
            quantiles = [p.quantile(id, q) for q in (0.05, 0.5, 0.95)]
            print("  ", id, measured[id], quantiles, "" if _is_inside(p, id, measured[id]) else "outside")

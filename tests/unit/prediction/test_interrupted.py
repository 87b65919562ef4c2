"""A simulation that somebody interrupts keeps the samples that were done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import fleetbench
from fleetbench.cli.main import cli
from fleetbench.model.assemble import Choice
from fleetbench.prediction import predict as module
from fleetbench.prediction.predict import InterruptedPrediction, predict
from fleetbench.prediction.strategies import InterruptedSimulation, predict_strategies
from tests.builders import fleet, ks, scenario

FLEET = fleet(ks("a"), ks("b", "a"))


class Stop:
    """A Ctrl-C in the moment when so many samples are done."""

    def __init__(self, after: int):
        self.after = after

    def __call__(self, done: int, of: int) -> None:
        if done > self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_prediction_is_that_of_the_samples_that_were_done(
    monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(module, "_PARALLEL_FROM_S", 0.0)
    with pytest.raises(InterruptedPrediction) as stopped:
        predict(scenario(FLEET), 40, processes=processes, progress=Stop(20))
    part, whole = stopped.value.prediction, predict(scenario(FLEET), 20, processes=1)
    assert (part.samples, part.totals, part.ready) == (20, whole.totals, whole.ready)
    assert part.total_quantile(0.5) == whole.total_quantile(0.5) and part.median.number == whole.median.number


def test_before_the_first_sample_there_is_nothing_to_keep() -> None:
    with pytest.raises(KeyboardInterrupt) as stopped:
        predict(scenario(FLEET), 4, progress=Stop(0))
    assert not isinstance(stopped.value, InterruptedPrediction)


@pytest.mark.parametrize(("after", "kept"), [(3, {"fine": 3}), (10, {"fine": 10}), (14, {"fine": 4, "waves": 4})])
def test_of_two_strategies_as_many_samples_are_kept_as_both_have(after: int, kept: dict[str, int]) -> None:
    with pytest.raises(InterruptedSimulation) as stopped:
        predict_strategies(FLEET, Choice(), samples=10, progress=Stop(after))
    simulated = stopped.value.simulated
    assert {name: p.samples for name, p in simulated.predictions.items()} == kept
    samples = next(iter(kept.values()))
    assert simulated.assembled.warnings[-1] == f"interrupted: {samples} of 10 samples of {' and '.join(kept)} were done"


def test_an_interrupted_command_exits_130_and_its_folder_says_how_many_samples_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sample, drawn = module.run_sample, []

    def interrupted(plan, number, **more):
        drawn.append(number)
        if len(drawn) == 8:
            raise KeyboardInterrupt
        return run_sample(plan, number, **more)

    monkeypatch.setattr(module, "run_sample", interrupted)
    result = CliRunner().invoke(cli, ["simulate", "--samples", "5", "-o", str(tmp_path / "run")])
    assert result.exit_code == 130 and result.stdout == ""
    assert "run: interrupted: 2 of 5 samples of fine and waves were done" in result.stderr
    for name in ("meta.json", "prediction.json"):
        assert json.loads((tmp_path / "run" / name).read_text())["samples"] == 2
    assert {r.label: len(r.totals_s) for r in fleetbench.load(tmp_path / "run").rollouts} == {"fine": 2, "waves": 2}

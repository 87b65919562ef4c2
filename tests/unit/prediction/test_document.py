"""What the JSON of ``fleetbench simulate`` says of samples in which something does not happen."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace
from io import StringIO

from rich.console import Console

import fleetbench
from fleetbench.model.assemble import Choice
from fleetbench.prediction.document import strategy_document
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.folder import write_prediction
from fleetbench.report.markdown import prediction_markdown
from fleetbench.report.prediction import tables as prediction_tables
from fleetbench.report.simulated import extra_files, result_of, totals
from tests.builders import fleet, ks, scenario

FLEET = fleet(ks("a"))


def test_a_rollout_in_which_nothing_turns_ready_has_no_total() -> None:
    document = strategy_document(predict(replace(scenario(FLEET, {"a": 60.0}), until_s=0.0), 3))
    assert {document[name] for name in document if name.startswith("total_s")} == {None}
    assert document["why"] == [] and not document["complete"]


def test_samples_in_which_nothing_turns_ready_come_after_all_others_and_have_no_total() -> None:
    none = math.inf
    ready = (array("d", [none, 90.0, none, 70.0]), array("d", [none, none, none, 80.0]))
    services = tuple(k.id for k in FLEET.kustomizations)
    part = Prediction(scenario(FLEET), services, ready, array("d", [0.0, 90.0, 0.0, 80.0]), array("b", [0, 0, 0, 1]))
    assert [part.total_quantile(q) for q in (0.05, 0.5, 0.95)] == [80.0, 90.0, None]
    assert totals(part) == (80.0, 90.0)


def test_every_report_of_a_rollout_in_which_nothing_turns_ready_says_never_and_no_seconds() -> None:
    result = predict_strategies(FLEET, Choice(until_s=0.1), samples=3)
    assert "| fine | never | never | never | 0 % |" in prediction_markdown(result)
    console = Console(width=200, file=StringIO())
    console.print(*prediction_tables(result))
    assert "never  never - never" in console.file.getvalue()  # type: ignore[attr-defined]
    assert extra_files(result)["totals.csv"] == "strategy,quantile,total_s\n"
    assert result_of(result)["fine"].totals_s == ()


def test_a_total_is_the_last_ready_of_what_got_there() -> None:
    document = strategy_document(predict(replace(scenario(FLEET, {"a": 60.0}), until_s=30.0), 3))
    ready = [o["ready_s"] for o in document["objects"] if o["ready_s"] is not None]
    assert document["total_s"] == max(ready) and not document["complete"]


def test_a_folder_of_a_rollout_without_a_total_can_be_read(tmp_path) -> None:
    write_prediction(tmp_path / "run", predict_strategies(FLEET, Choice(until_s=0.1), samples=2))
    run = fleetbench.load(tmp_path / "run")
    assert [r.total_s for r in run.rollouts] == [None, None] and run["fine"].total_quantiles == {}

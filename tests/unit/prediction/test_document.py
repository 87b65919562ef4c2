"""What the JSON of ``fleetbench simulate`` says of samples in which something does not happen."""

from __future__ import annotations

from dataclasses import replace

import fleetbench
from fleetbench.model.assemble import Choice
from fleetbench.prediction.document import strategy_document
from fleetbench.prediction.predict import predict
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.folder import write_prediction
from tests.builders import fleet, ks, scenario

FLEET = fleet(ks("a"))


def test_a_rollout_in_which_nothing_turns_ready_has_no_total() -> None:
    document = strategy_document(predict(replace(scenario(FLEET, {"a": 60.0}), until_s=0.0), 3))
    assert {document[name] for name in document if name.startswith("total_s")} == {None}
    assert document["why"] == [] and not document["complete"]


def test_a_total_is_the_last_ready_of_what_got_there() -> None:
    document = strategy_document(predict(replace(scenario(FLEET, {"a": 60.0}), until_s=30.0), 3))
    ready = [o["ready_s"] for o in document["objects"] if o["ready_s"] is not None]
    assert document["total_s"] == max(ready) and not document["complete"]


def test_a_folder_of_a_rollout_without_a_total_can_be_read(tmp_path) -> None:
    write_prediction(tmp_path / "run", predict_strategies(FLEET, Choice(until_s=0.1), samples=2))
    run = fleetbench.load(tmp_path / "run")
    assert [r.total_s for r in run.rollouts] == [None, None] and run["fine"].total_quantiles == {}

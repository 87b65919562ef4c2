"""What the JSON of ``fleetbench simulate`` says of samples in which something does not happen."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace
from io import StringIO

from rich.console import Console

import fleetbench
from fleetbench.graph.objects import ControllerFlag, ControllerShard
from fleetbench.model.assemble import Choice
from fleetbench.model.scenario import KILL, RESTART
from fleetbench.prediction.document import strategy_document, to_document
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.folder import write_prediction
from fleetbench.report.markdown import prediction_markdown
from fleetbench.report.pictures.gantt import describe
from fleetbench.report.prediction import tables as prediction_tables
from fleetbench.report.simulated import extra_files, result_of, totals
from fleetbench.timeline.stats import ASLEEP
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario

FLEET = fleet(ks("a"))


def test_a_rollout_in_which_nothing_turns_ready_has_no_total() -> None:
    document = strategy_document(predict(replace(scenario(FLEET, {"a": 60.0}), until_s=0.0), 3))
    assert {document[name] for name in document if name.startswith("total_s")} == {None}
    assert document["why"] == [] and not document["complete"]


def test_samples_in_which_nothing_turns_ready_come_after_all_others_and_have_no_total() -> None:
    none = math.inf
    ready = (array("d", [none, 90.0, none, 70.0]), array("d", [none, none, none, 80.0]))
    services = tuple(k.id for k in FLEET.kustomizations)
    part = Prediction(scenario(FLEET), services, ready, array("d", [none, 90.0, none, 80.0]), array("b", [0, 0, 0, 1]))
    assert [part.total_quantile(q) for q in (0.05, 0.5, 0.95)] == [80.0, 90.0, None]
    assert totals(part) == (80.0, 90.0)


def test_every_report_of_a_rollout_in_which_nothing_turns_ready_says_why_and_no_seconds() -> None:
    result = predict_strategies(FLEET, Choice(until_s=0.1), samples=3)
    assert "| fine | never | never | never | 0 % |" in prediction_markdown(result)
    console = Console(width=200, file=StringIO())
    console.print(*prediction_tables(result))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    said = "Nothing turns Ready within --until 100ms: give it longer, or leave --until out."
    assert text.count(said) == 1 and "never" not in text and "Why" not in text
    assert said in prediction_markdown(result) and "## Why" not in prediction_markdown(result)
    assert extra_files(result)["totals.csv"] == "strategy,quantile,total_s\n"
    assert result_of(result)["fine"].totals_s == ()


def test_what_a_shards_controller_has_otherwise_is_said_with_where_it_is_set() -> None:
    flag = ControllerFlag("kustomize-controller", "concurrent", "1", "shard.yaml", 5)
    of = replace(fleet(ks("a", shard="one")), shards=(ControllerShard("kustomize-controller", "one", (flag,)),))
    result = predict_strategies(of, Choice(), "fine", samples=1)
    (said,) = to_document(result.assembled, result.predictions)["controller_shards"]
    assert said == {
        "kind": "Kustomization",
        "shard": "one",
        "parameters": {"kustomize_concurrent": {"value": 1, "from": "shard.yaml:5"}},
    }
    console = Console(width=200, file=StringIO())
    console.print(*prediction_tables(result))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "shard one (Kustomization): kustomize workers 1 (shard.yaml:5)\n" in text
    plain = predict_strategies(FLEET, Choice(), "fine", samples=1)
    assert "controller_shards" not in to_document(plain.assembled, plain.predictions)


def test_the_total_of_a_sample_in_which_not_all_is_ready_is_the_last_ready_of_what_is() -> None:
    cut = predict(replace(scenario(FLEET, {"a": 60.0}), until_s=30.0), 3)
    document = strategy_document(cut)
    ready = [o["ready_s"] for o in document["objects"] if o["ready_s"] is not None]
    assert ready and document["total_s"] == max(ready) and not document["complete"]
    assert cut.total_quantile(0.5) is not None and set(cut.whole_totals) == {math.inf}


def test_what_an_error_or_fail_keeps_down_is_held_against_all_ready_but_not_against_the_gate() -> None:
    unwatched = ks("e", unwatched="shard: none", suspend=False)
    of = fleet(ks("a"), ks("b", broken="no such path"), ks("c", "b"), ks("d"), unwatched)
    found = predict(replace(scenario(of, {"a": 60.0}), fail=frozenset({ks_id("d")})), 3)
    assert found.total_quantile(1.0) == found.quantile(ks_id("a"), 1.0)
    assert found.complete_fraction == 0.0 and found.kept_down == {ks_id(name) for name in "bcde"}
    assert found.whole_totals == list(found.totals)


def test_what_is_suspended_and_what_only_it_would_create_is_asked_of_nobody() -> None:
    of = fleet(ks("a"), ks("asleep", suspend=True), hr("below", "asleep"))
    found = predict(scenario(of, {"a": 60.0}), 3)
    assert found.left_out == {ks_id("asleep"), hr_id("below")} and found.complete_fraction == 1.0
    document = strategy_document(found)
    rows = {(o["kind"], o["id"]): o for o in document["objects"]}
    assert document["total_s"] is not None and document["complete"]
    for id in found.left_out:
        row = rows[id.kind, id.key]
        assert row["suspended"] is True and row["ready_s"] is None and row["ready_s_p95"] is None
    assert "suspended" not in rows["Kustomization", ks_id("a").key]


def test_reports_say_once_what_is_suspended_and_draw_it_so() -> None:
    of = fleet(ks("a"), ks("asleep", suspend=True), hr("below", "asleep"))
    result = predict_strategies(of, Choice(), samples=3)
    console = Console(width=200, file=StringIO())
    console.print(*prediction_tables(result))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("asleep") == text.count("/below") == 1 and "Never Ready" not in text
    assert "left out (2): HelmRelease/flux-system/below, flux-system/asleep" in " ".join(text.split())
    assert "left out: HelmRelease/flux-system/below, Kustomization/flux-system/asleep." in prediction_markdown(result)
    drawn = result_of(result)["fine"]
    assert {span.state for span in drawn.intervals[ks_id("asleep")]} == {ASLEEP}
    assert drawn.complete and "not all" not in describe(drawn)


def test_what_waits_for_a_suspended_object_counts_and_is_never_ready() -> None:
    found = predict(scenario(fleet(ks("a", "asleep"), ks("asleep", suspend=True))), 3)
    assert set(found.whole_totals) == {math.inf} and found.complete_fraction == 0.0 and not found.kept_down


def test_a_deadlock_that_no_error_tells_of_is_held_against_the_gate() -> None:
    """A waiting parent of a child that depends on it (a warning): were they left out, the total would hide it."""
    found = predict(scenario(fleet(ks("parent"), ks("kid", "parent", parent="parent"))), 3)
    assert set(found.whole_totals) == {math.inf} and not found.kept_down


def test_a_folder_of_a_rollout_without_a_total_can_be_read(tmp_path) -> None:
    write_prediction(tmp_path / "run", predict_strategies(FLEET, Choice(until_s=0.1), samples=2))
    run = fleetbench.load(tmp_path / "run")
    assert [r.total_s for r in run.rollouts] == [None, None] and run["fine"].total_quantiles == {}


def test_a_restart_says_how_and_of_what() -> None:
    result = predict_strategies(FLEET, Choice(kind=RESTART, restart_by=KILL, restarted=("helm-controller",)), samples=1)
    document = to_document(result.assembled, result.predictions)
    assert document["scenario"] == "restart" and document["restart"] == {"by": "kill", "of": ["helm-controller"]}
    plain = predict_strategies(FLEET, Choice(), samples=1)
    assert "restart" not in to_document(plain.assembled, plain.predictions)

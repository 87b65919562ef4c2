"""Runs held against their predictions: cut ones, commits, repeats, and what an ideal forecast would come to."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from fleetbench.prediction.predict import predict
from fleetbench.report.validation import tables
from fleetbench.runs.files import read_run
from fleetbench.validation.compare import RunComparison, compare_run, scenario_of
from fleetbench.validation.document import to_document
from fleetbench.validation.ideal import ideal
from fleetbench.validation.summary import summarize

TRACE = Path(__file__).parents[2] / "results/dev-fine-1/trace.jsonl"


def test_a_run_of_which_nothing_was_predicted_to_turn_ready_has_no_error_and_lies_outside() -> None:
    run = read_run(TRACE)
    none = predict(replace(scenario_of(run), until_s=0.0), 2)
    held = RunComparison(run, none, (), 100.0)
    assert (held.total_error, held.inside, held.totals) == (None, False, (None, None, None))
    assert held.no_error == "something that turned Ready was predicted not to"
    assert to_document([held], summarize([held]), {})["runs"][0]["total_s_p50"] is None
    console = Console(width=200, file=StringIO())
    console.print(*tables([held], summarize([held]), {}))
    assert "never  never" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_run_in_which_all_turned_ready_is_held_against_the_total_that_simulate_says() -> None:
    held = compare_run(read_run(TRACE), samples=10)
    assert held.totals == tuple(held.prediction.total_quantile(q) for q in (0.05, 0.5, 0.95))


def test_of_a_run_in_which_one_is_never_ready_the_others_are_compared_on_both_sides() -> None:
    held = compare_run(read_run(Path(__file__).parents[1] / "traces/fail-c4.json.gz"), samples=10)
    assert held.prediction.complete_fraction == 0.0 and held.inside and held.total_error is not None


def test_a_run_that_is_cut_right_after_the_listing_is_predicted_as_nothing(tmp_path: Path) -> None:
    header, *rows = TRACE.read_text(encoding="utf-8").splitlines()[:6]
    listed = [json.dumps({**json.loads(row), "t_s": -0.05}) for row in rows]
    file = tmp_path / "cut.jsonl"
    file.write_text("\n".join([header, *listed]) + "\n", encoding="utf-8")
    run = read_run(file)
    assert run.cut and scenario_of(run).until_s == 0.0
    assert compare_run(run, samples=2).objects


def test_of_two_runs_of_one_fleet_is_said_how_far_apart_they_are() -> None:
    one, again = (read_run(TRACE.parents[1] / name / "trace.jsonl") for name in ("dev-fine-2", "dev-fine-3"))
    summary = summarize([compare_run(run, samples=2) for run in (one, again)])
    total, other = (max(s for s in run.ready_s().values() if s is not None) for run in (one, again))
    assert summary.repeats == 2
    assert summary.repeats_total_difference == pytest.approx(abs(total - other) / ((total + other) / 2.0))
    assert summarize([compare_run(one, samples=2)]).repeats_total_difference is None


def test_a_run_that_is_a_sample_of_its_prediction_is_as_far_off_as_an_ideal_forecast() -> None:
    held = compare_run(read_run(TRACE), samples=40)
    prediction = held.prediction
    errors, pinball = [], []
    for number in range(40):
        objects = tuple(replace(o, measured_s=prediction.ready_s(o.id, number)) for o in held.objects)
        drawn = summarize([replace(held, objects=objects, total_s=prediction.totals[number])])
        errors.append(drawn.total_median_error)
        pinball.append(drawn.object_mean_pinball_s)
    found = ideal([held])
    for values, name in ((errors, "total_median_error"), (pinball, "object_mean_pinball_s")):
        ordered = sorted(v for v in values if v is not None)
        assert found[name] == (ordered[1], ordered[19], ordered[37])
    assert found["ready_predicted"] == (1.0, 1.0, 1.0) and "never_ready_predicted" not in found


def test_two_draws_of_one_fleet_differ_as_the_prediction_says_that_two_runs_do() -> None:
    one = compare_run(read_run(TRACE), samples=30)
    low, middle, high = ideal([one, one])["repeats_total_difference"]
    assert 0.0 <= low < middle < high
    assert ideal([one, one]) == ideal([one, one]) != ideal([one, one], seed=1)


def test_of_few_samples_nothing_is_said_of_an_ideal_forecast() -> None:
    assert ideal([compare_run(read_run(TRACE), samples=19)]) == {} == ideal([])


def test_after_a_commit_what_it_left_alone_was_ready_all_along() -> None:
    """14 HelmReleases that a measured commit did not change, beside the Kustomizations that show its revision."""
    held = compare_run(read_run(TRACE.parents[1] / "generated/helm-commit"), samples=2)
    releases = [o for o in held.objects if o.id.kind == "HelmRelease"]
    assert len(releases) == 14 and all(o.measured_s == 0.0 and o.inside for o in releases)
    assert summarize([held]).never_ready_predicted is None


def test_the_time_lines_of_a_commit_begin_with_what_was_before_its_artifact() -> None:
    held = compare_run(read_run(Path(__file__).parents[1] / "traces/commit-c4.json.gz"), samples=10)
    assert held.run.commit is not None and held.run.commit.artifact_s > 100.0
    off = replace(held, objects=tuple(replace(o, measured_s=0.0) for o in held.objects))
    console = Console(width=200, file=StringIO())
    console.print(*tables([off], summarize([off]), {}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    rows = shown.partition("measured at")[2].splitlines()[1:6]
    assert rows[0].split()[0] == "before" and float(rows[1].split()[0].rstrip("s")) < 100.0

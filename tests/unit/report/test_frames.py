"""Frames are tidy, documented, and in seconds."""

import pandas
import pytest

from fleetbench import COLUMNS
from tests.unit.report import runs


@pytest.mark.parametrize("frame", COLUMNS)
@pytest.mark.parametrize("run", [runs.reference, runs.measured], ids=["predicted", "measured"])
def test_a_frame_has_the_documented_columns_and_types(frame, run):
    found = getattr(run(), frame)
    assert list(found.columns) == list(COLUMNS[frame])
    for column in found.columns:
        if column.endswith("_s") or "_s_p" in column:
            assert found[column].dtype == "float64", column


def test_every_column_says_what_it_means():
    assert all(len(words) > 5 for columns in COLUMNS.values() for words in columns.values())
    assert all(
        "seconds" in words
        for columns in COLUMNS.values()
        for name, words in columns.items()
        if name in ("ready_s", "t_s", "total_s")
    )


def test_ready_has_a_row_a_service_and_strategy():
    run = runs.reference()
    for rollout in run.rollouts:
        rows = run.ready[run.ready["rollout"] == rollout.label]
        assert len(rows) == len(rollout.objects) and not rows.duplicated(["kind", "namespace", "name"]).any()
        assert rows["ready_s"].max() == pytest.approx(rollout.total_s)


def test_the_chain_adds_up_to_the_total():
    run = runs.reference()
    assert run.why.groupby("rollout")["takes_s"].sum().to_dict() == pytest.approx(
        {r.label: r.total_s for r in run.rollouts}
    )


def test_states_of_an_object_touch():
    rows = runs.reference().intervals
    for _, spans in rows.groupby(["rollout", "kind", "namespace", "name"]):
        assert spans["from_s"].iloc[1:].to_numpy() == pytest.approx(spans["to_s"].iloc[:-1].to_numpy())


def test_totals_hold_every_sample_and_quantiles_reach_one():
    totals = runs.reference().totals
    assert (totals.groupby("rollout").size() == runs.reference().meta["samples"]).all()
    assert (totals.groupby("rollout")["quantile"].max() == 1.0).all()


def test_frames_of_several_runs_can_be_put_together():
    both = pandas.concat([runs.reference().ready, runs.measured().ready])
    assert set(both["run"]) == {"fleet-infra", "fine-c4"}

"""The causes of measured runs, held against those of their predictions."""

from pathlib import Path

import pytest

from fleetbench.runs.files import read_run
from fleetbench.validation.causes import CauseComparison, RunCauses, all_causes, by_cause, run_causes
from fleetbench.validation.compare import compare_run

RESULTS = Path(__file__).parents[2] / "results"


def test_the_causes_of_a_run_and_of_its_prediction_add_up_to_their_totals() -> None:
    comparison = compare_run(read_run(RESULTS / "dev-fine-1"), 12)
    causes = run_causes(comparison, 5)
    assert sum(causes.measured.values()) == pytest.approx(comparison.total_s, abs=0.001)
    assert len(causes.predicted) == 5
    predicted = comparison.prediction
    for number, chain in enumerate(causes.predicted):
        total_s = max(t for id in predicted.services if (t := predicted.ready_s(id, number)) is not None)
        assert sum(chain.values()) == pytest.approx(total_s, abs=0.001)


def test_a_commits_causes_count_from_its_artifact() -> None:
    comparison = compare_run(read_run(RESULTS / "generated/mix-values"), 6)
    causes = run_causes(comparison)
    assert sum(causes.measured.values()) == pytest.approx(comparison.total_s, abs=0.001)
    assert len(causes.predicted) == 6  # no more than were predicted


def test_the_causes_of_several_runs_are_added_up_sample_by_sample() -> None:
    one = RunCauses({"queue": 10.0, "workload": 5.0}, [{"queue": 8.0}, {"queue": 12.0, "workload": 4.0}])
    other = RunCauses({"queue": 1.0}, [{"queue": 3.0}, {"queue": 1.0}])
    assert by_cause([one, other]) == [
        CauseComparison("queue", 11.0, 12.0, 11.0, 13.0),
        CauseComparison("workload", 5.0, 2.0, 0.0, 4.0),
    ]


def test_the_model_is_right_for_the_right_reasons() -> None:
    """The eight runs on Kind: what the model takes for a cause comes to what their rows show, each within a twentieth of the whole."""
    comparisons = [compare_run(read_run(path), 10) for path in sorted(RESULTS.glob("dev-*"))]
    causes = by_cause(all_causes(comparisons, 10))
    whole_s = sum(c.measured_s for c in causes)
    assert len(comparisons) == 8 and whole_s > 900.0
    off = {c.cause: c.predicted_s - c.measured_s for c in causes}
    assert max(map(abs, off.values())) < 0.05 * whole_s, off


def test_a_secret_and_a_configmap_that_come_late_are_predicted_and_explained_as_they_were_on_kind() -> None:
    """Pods began when their Secret came, and who takes a watched ConfigMap was reconciled at once, not at its interval of 1h."""
    run = read_run(RESULTS / "late/secret-and-configmap")
    comparison = compare_run(run, 40)
    measured = {o.id.name: o.measured_s for o in comparison.objects}
    predicted = {o.id.name: o.quantiles for o in comparison.objects}
    for name in ("app", "late", "taker"):
        low, *_, high = predicted[name]
        assert low is not None and high is not None and low - 0.5 <= measured[name] <= high
    causes = run_causes(comparison, 5)
    for chain in (causes.measured, *causes.predicted):
        assert chain["workload"] > 60.0 and chain["dependency-poll"] > 5.0 and chain["health-poll"] < 12.0

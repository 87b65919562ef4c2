from __future__ import annotations

import json
import math
from array import array

import pytest

from fleetbench.report.sweep import tables
from fleetbench.sweep.cell import CellResult
from fleetbench.sweep.summary import summarize, to_document

EVEN = [0] * 10


def result(number, *totals, not_ready=EVEN):
    return CellResult(number, array("d", totals), array("i", not_ready))


def results(medians, not_ready=()):
    """One result a cell with ten samples around its median."""
    spread = [-3, -2, -1, -1, 0, 0, 1, 1, 2, 3]
    given = dict(not_ready)
    return {n: result(n, *(m + s for s in spread), not_ready=given.get(n, EVEN)) for n, m in enumerate(medians)}


def summary_of(grid, choice, medians, **more):
    return summarize(grid, choice, 10, results(medians, **more), 0.05)


def test_the_knee_is_the_fewest_workers_within_5_percent_of_the_best(grid, choice):
    # workers 1, 4, 8 x polls 5 s, 30 s
    summary = summary_of(grid, choice, [200, 300, 104, 150, 100, 120])
    knees = {(k.given[1], k.value) for k in summary.knees if k.axis == "kustomize_concurrent"}
    assert knees == {(5.0, 4), (30.0, 8)}


def test_the_knee_of_a_poll_is_the_longest_that_costs_little(grid, choice):
    summary = summary_of(grid, choice, [200, 204, 100, 150, 100, 105])
    assert [(k.given[0], k.value) for k in summary.knees if k.axis == "requeue_dependency_s"] == [
        (1, 30.0),
        (4, 5.0),
        (8, 30.0),
    ]


def test_a_cell_that_is_sooner_because_less_got_ready_is_no_best(grid, choice):
    summary = summary_of(grid, choice, [200, 300, 100, 150, 50, 60], not_ready={4: [1] * 10, 5: [1] * 10})
    assert {k.best for k in summary.knees if k.axis == "kustomize_concurrent"} == {4}


def test_a_sample_in_which_one_object_more_stays_without_ready_decides_no_knee(grid, choice):
    once = [1] + [0] * 9
    summary = summary_of(grid, choice, [200, 300, 104, 150, 100, 120], not_ready={2: once, 3: [0] * 10})
    assert {(k.given[1], k.value, k.left_out) for k in summary.knees if k.axis == "kustomize_concurrent"} == {
        (5.0, 4, ()),
        (30.0, 8, ()),
    }


def test_what_leaves_more_without_ready_in_many_samples_is_no_knee_and_said(grid, choice):
    often = [1] * 6 + [0] * 4
    summary = summary_of(grid, choice, [200, 300, 104, 150, 100, 120], not_ready={0: [2] * 10, 2: often})
    at = next(k for k in summary.knees if k.axis == "kustomize_concurrent" and k.given[1] == 5.0)
    assert (at.value, at.left_out) == (8, (1, 4))
    assert to_document(summary)["knees"][0]["left_out_values"] == [1, 4]
    assert "left out, as more stays without Ready: 1, 4" in "".join(
        str(getattr(t, "renderable", t)) for t in tables(summary)
    )


def test_with_too_few_samples_to_tell_luck_any_more_without_ready_counts(grid, choice):
    few = {n: result(n, 200.0 - n, 200.0 - n, not_ready=[n == 4, n == 4]) for n in range(6)}
    summary = summarize(grid, choice, 2, few, 0.05)
    assert {k.left_out for k in summary.knees if k.axis == "kustomize_concurrent" and k.given[1] == 5.0} == {(8,)}


def test_a_cell_without_totals_has_no_median_and_is_no_knee(grid, choice):
    none = {n: result(n, *[math.inf] * 10, not_ready=[1] * 10) for n in range(6)}
    summary = summarize(grid, choice, 10, none, 0.05)
    assert summary.knees == () and {cell.median_s for cell in summary.cells} == {None}
    assert to_document(summary)["cells"][0]["total_s_p95"] is None


def test_a_difference_is_taken_sample_by_sample(grid, choice):
    cells = summary_of(grid, choice, [200, 300, 100, 150, 90, 160]).cells
    assert cells[grid.base].difference is None
    d = cells[5].difference
    assert (d.samples, d.p50_s, d.low_s, d.high_s) == (10, 10.0, 10.0, 10.0)


def test_samples_in_which_other_objects_got_ready_are_not_compared(grid, choice):
    cells = summary_of(grid, choice, [200, 300, 100, 150, 90, 160], not_ready={5: [0] * 7 + [2] * 3, 4: [1] * 10}).cells
    assert cells[5].difference.samples == 7
    assert cells[4].difference is None
    assert cells[5].complete_fraction == pytest.approx(0.7)


def test_the_document_is_json_without_infinities(grid, choice):
    two = {n: result(n, 1.0, 2.0, not_ready=[0, 0]) for n in range(6)}  # too few samples for an interval
    document = to_document(summarize(grid, choice, 2, two, 0.05))
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["cells"][0]["difference_s"]["low_s"] is None
    assert document["cells"][0]["values"] == {"kustomize_concurrent": 1, "requeue_dependency_s": 5.0}

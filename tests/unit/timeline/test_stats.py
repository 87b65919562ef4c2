"""Figures of a timeline, on rollouts written by hand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench import phases
from fleetbench.graph.objects import HelmRelease
from fleetbench.model.parameters import Parameters
from fleetbench.runs.files import read_run
from fleetbench.timeline import stats
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.stats import (
    busy_workers,
    intervals,
    lower_quantile,
    max_parallel,
    most_at_once,
    parallel_services,
    to_frame,
)
from fleetbench.timeline.why import Explanation
from tests.unit.timeline.timeline_rows import Rows, fleet, k_id, kustomization, release_id

TRACES = Path(__file__).parents[2] / "traces"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1), st.floats(0, 1))
def test_a_lower_quantile_is_one_of_the_values_with_enough_of_them_at_or_below(values, q):
    found = lower_quantile(values, q)

    if found is None:
        assert sum(v is not None for v in values) < max(q * len(values), 1)
    else:
        assert found in values
        assert sum(v is not None and v <= found for v in values) >= q * len(values) - 1e-6
        below = sum(v is not None and v < found for v in values)
        assert below < max(q * len(values), 1)


def test_the_median_of_an_even_number_is_the_lower_of_the_two_in_the_middle():
    assert lower_quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0


def test_a_quantile_among_the_nevers_is_never():
    assert lower_quantile([1.0, 2.0, None, None], 0.5) == 2.0
    assert lower_quantile([1.0, 2.0, None, None], 0.9) is None
    assert lower_quantile([], 0.5) is None


def test_a_quantile_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="wanted 0 to 1"):
        lower_quantile([1.0], 1.5)


def test_spans_that_only_touch_do_not_overlap():
    assert most_at_once([(0.0, 1.0), (1.0, 2.0)]) == 1
    assert most_at_once([(0.0, 1.5), (1.0, 2.0), (1.2, 3.0)]) == 3
    assert most_at_once([]) == 0


def test_groups_are_no_services_and_a_waited_for_release_counts_with_its_kustomization():
    release = HelmRelease(release_id("db"), parent=k_id("data"))
    loose = HelmRelease(release_id("web"), parent=k_id("front"))
    members = fleet(
        kustomization("wave"),
        kustomization("data", parent="wave"),
        kustomization("front", parent="wave", wait=False),
        release,
        loose,
    )

    assert parallel_services(members) == sorted([k_id("data"), k_id("front"), loose.id])


def overlapping():
    rows = Rows().bootstrap()
    for name, applied, ready in (("a", 3.0, 20.0), ("b", 5.0, 10.0), ("c", 15.0, 30.0)):
        rows.created(2.0, name).run(name, applied - 0.5, applied, ready - 1, ready)
    return fleet(*(kustomization(n) for n in "abc")), rows.timeline()


def test_parallel_are_services_applied_and_not_yet_ready():
    members, timeline = overlapping()

    assert max_parallel(members, timeline) == 2


def test_a_service_that_fails_counts_until_the_end():
    rows = Rows().bootstrap().created(2.0, "a").begins(2.8, "a").applied(3.0, "a").failed(10.0, "a")
    rows.created(2.0, "b").run("b", 50.0, 51.0, 52.0, 53.0)

    assert max_parallel(fleet(kustomization("a"), kustomization("b")), rows.timeline()) == 2


def test_workers_are_held_from_fetching_to_the_row_that_ends_the_run():
    _, timeline = overlapping()

    found = busy_workers(timeline)

    assert found.most == 2
    assert found.steps[:4] == [(1.0, 1), (2.1, 0), (2.5, 1), (4.5, 2)]


@pytest.mark.parametrize("name", ["fine-c4", "starve4-c4", "waves-c4", "helm15-c4"])
def test_real_rollouts_of_four_workers_hold_four_at_most(name):
    run = read_run(TRACES / f"{name}.json.gz")

    assert busy_workers(run.timeline).most == run.flags["kustomize_concurrent"] == 4
    assert 1 <= max_parallel(run.fleet, run.timeline) <= 4


def test_intervals_are_what_a_gantt_chart_colours():
    rows = Rows().bootstrap().created(2.0, "a").run("a", 2.75, 3.0, 20.0, 23.0)
    rows.created(2.0, "b").not_ready(2.8, "b", "a").run("b", 32.8, 33.0, 40.0, 43.0)
    members = fleet(kustomization("a"), kustomization("b", "a"))

    found = intervals(Explanation(Rollout(members, rows.timeline(50.0), Parameters())))[k_id("b")]

    assert [i.state for i in found] == [
        stats.QUEUED,
        stats.APPLYING,
        stats.WAITING,
        stats.POLLING,
        stats.APPLYING,
        stats.STARTING,
        stats.HEALTH_POLLING,
        stats.IDLE,
    ]
    assert [i.from_s for i in found][2:] == [2.8, 23.0, 32.8, 33.0, 40.0, 43.0]
    assert found[-1].to_s == 50.0


def test_the_frame_has_one_row_an_event_and_names_the_step():
    _, timeline = overlapping()

    frame = to_frame(timeline)

    assert len(frame) == len(timeline.events)
    assert list(frame["t_s"]) == [e.t_s for e in timeline.events]
    assert set(frame["step"]) == {"", phases.FETCHING, phases.HEALTH_CHECKS}

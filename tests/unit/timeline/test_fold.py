"""Rows of one object folded to its reconciles."""

from fleetbench import phases
from fleetbench.timeline.fold import CHECK, FINALIZER, RUN, flux_rows, reconciles
from tests.unit.timeline.timeline_rows import Rows, k_id, release_id


def folded(rows, id=None):
    return [(r.kind, r.from_s, r.to_s, r.ok) for r in reconciles(flux_rows(rows.timeline(), id or k_id("a")))]


def test_a_rollout_is_a_finalizer_failed_checks_and_a_run():
    rows = (
        Rows()
        .created(2.0, "a", finalizer=0.1)
        .not_ready(2.9, "a", "x")
        .not_ready(33.0, "a", "y")
        .run("a", 63.0, 64.0, 70.0, 73.0)
    )

    assert folded(rows) == [
        (FINALIZER, 2.1, 2.1, False),
        (CHECK, 2.9, 2.9, False),
        (CHECK, 33.0, 33.0, False),
        (RUN, 63.0, 73.0, True),
    ]


def test_the_patches_of_one_failure_are_one_reconcile():
    rows = Rows().created(2.0, "a").begins(2.8, "a").failed(10.0, "a").failed(10.05, "a")

    assert folded(rows)[1:] == [(RUN, 2.8, 10.0, False)]


def test_the_row_that_only_adds_observed_generation_is_no_new_ready():
    rows = Rows().created(2.0, "a").run("a", 2.8, 3.0, 4.0, 5.0).ready(5.05, "a")

    assert folded(rows)[1:] == [(RUN, 2.8, 5.0, True)]


def test_a_ready_with_a_new_revision_is_a_new_one_even_if_its_steps_were_not_seen():
    rows = Rows().created(2.0, "a").run("a", 2.8, 3.0, 4.0, 5.0).ready(60.0, "a", revision="r2")

    assert folded(rows)[-1] == (RUN, 60.0, 60.0, True)


def test_a_run_that_is_not_over_has_no_end():
    assert folded(Rows().created(2.0, "a").begins(2.8, "a"))[-1] == (RUN, 2.8, None, False)


def test_a_second_fetching_ends_a_run_whose_end_was_not_seen():
    rows = Rows().created(2.0, "a").begins(2.8, "a").applied(3.0, "a").run("a", 60.0, 61.0, 62.0, 63.0)

    assert folded(rows)[1:] == [(RUN, 2.8, 60.0, False), (RUN, 60.0, 63.0, True)]


def test_a_release_begins_with_its_prerequisites_in_both_dialects():
    id = release_id("db")
    measured = Rows().add(1.0, id).add(1.1, id).add(2.0, id, message=phases.PREREQUISITES)
    measured.add(2.1, id, phases.FALSE, phases.SOURCE_NOT_READY, phases.PREREQUISITES)
    measured.add(3.0, id, phases.UNKNOWN, phases.PROGRESSING, phases.INSTALLING).add(
        9.0, id, phases.TRUE, phases.INSTALL_SUCCEEDED
    )
    predicted = Rows().add(1.0, id).add(1.1, id).add(2.0, id, message=phases.PREREQUISITES)
    predicted.add(2.1, id, phases.FALSE, phases.SOURCE_NOT_READY).add(
        2.9, id, phases.FALSE, phases.SOURCE_NOT_READY, phases.PREREQUISITES
    )
    predicted.add(3.0, id, phases.UNKNOWN, phases.PROGRESSING, phases.INSTALLING).add(
        9.0, id, phases.TRUE, phases.INSTALL_SUCCEEDED
    )

    assert folded(measured, id) == [(FINALIZER, 1.1, 1.1, False), (CHECK, 2.0, 2.1, False), (RUN, 3.0, 9.0, True)]
    assert folded(predicted, id) == [(FINALIZER, 1.1, 1.1, False), (CHECK, 2.0, 2.1, False), (RUN, 2.9, 9.0, True)]


def test_an_upgrade_does_not_begin_with_the_look_at_an_interval_that_changed_nothing():
    id = release_id("db")
    rows = Rows().add(0.0, id, phases.TRUE, phases.INSTALL_SUCCEEDED)
    rows.add(60.0, id, phases.TRUE, phases.INSTALL_SUCCEEDED, phases.PREREQUISITES).add(
        60.1, id, phases.TRUE, phases.INSTALL_SUCCEEDED
    )
    rows.add(100.0, id, phases.UNKNOWN, phases.PROGRESSING, phases.PREREQUISITES).add(
        100.1, id, phases.UNKNOWN, phases.PROGRESSING, phases.UPGRADING
    )
    rows.add(110.0, id, phases.TRUE, phases.UPGRADE_SUCCEEDED)
    assert folded(rows, id)[-1] == (RUN, 100.0, 110.0, True)


def test_a_release_that_fails_for_the_same_reason_again_is_reconciled_again():
    id, rows = release_id("r"), Rows()
    rows.add(3.0, id, phases.FALSE, phases.VALUES_ERROR)
    for t in (4.5, 7.0):
        rows.add(t, id, phases.FALSE, phases.VALUES_ERROR, phases.PREREQUISITES)
        rows.add(t + 0.02, id, phases.FALSE, phases.VALUES_ERROR)

    assert folded(rows, id) == [(RUN, 3.0, 3.0, False), (RUN, 4.5, 4.52, False), (RUN, 7.0, 7.02, False)]

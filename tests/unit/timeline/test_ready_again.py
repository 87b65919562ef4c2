"""When an object that shows no revision of a commit is Ready again: the one definition for HelmReleases."""

import pytest

from fleetbench import phases
from fleetbench.ids import ObjectId
from fleetbench.timeline.events import Event, ready_again_s

H = ObjectId("HelmRelease", "apps", "h")
COMMIT_S = 100.0


def row(t_s, status=phases.TRUE, message="", generation=1, observed=1, revision="", reason="UpgradeSucceeded"):
    return Event(t_s, H, status, reason, message, generation, observed, revision)


READY = row(50.0)
UPGRADE = row(110.0, phases.UNKNOWN, "Running 'upgrade' action with timeout of 5m0s", reason="Progressing")


@pytest.mark.parametrize(
    ("events", "ready_s"),
    [
        ([READY], 0.0),
        ([READY, row(130.0, phases.UNKNOWN), row(131.0)], 0.0),  # reconciled at its interval
        ([READY, row(105.0, generation=2), UPGRADE._replace(generation=2), row(140.0, generation=2, observed=2)], 40.0),
        ([READY, row(105.0, generation=2)], None),  # Ready is left over from the generation before
        ([READY, UPGRADE, row(125.0)], 25.0),  # a new chart, the same manifest
        ([READY, UPGRADE, row(125.0, phases.FALSE, reason="UpgradeFailed")], None),
        ([READY, row(107.0, revision="other@1"), row(150.0, revision="other@1")], 7.0),  # of another source
        ([row(50.0, phases.FALSE, reason="InstallFailed")], None),
        ([row(50.0, phases.UNKNOWN), row(101.5)], 1.5),  # at work when the commit came, and left alone by it
        ([row(103.0, phases.UNKNOWN), row(109.0)], 9.0),  # the commit brought it
        ([], None),
    ],
)
def test_what_a_commit_changed_counts_from_the_change_and_the_rest_was_ready_all_along(events, ready_s):
    assert ready_again_s(events, COMMIT_S) == ready_s

"""Timeouts at risk: only of what waits at all."""

from __future__ import annotations

from fleetbench.decide.timeouts import advise
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario


def test_what_is_suspended_or_only_created_by_what_is_runs_into_no_timeout():
    of = fleet(ks("a"), ks("asleep", suspend=True), hr("below", "asleep"), hr("web", "a"))
    found = {advice.object: advice.chance for advice in advise(scenario(of), 3)}
    assert found == {ks_id("a"): 0.0, hr_id("web"): 0.0}

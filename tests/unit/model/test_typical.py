"""What a path through the fleet counts for each object."""

from __future__ import annotations

from fleetbench.model.typical import typical_durations
from tests.builders import fleet, hr, hr_id, ks, ks_id


def test_workloads_count_only_where_ready_waits_for_them() -> None:
    times = typical_durations(
        fleet(ks("waits"), ks("applies", wait=False), ks("data", wait=False), hr("redis", "data"))
    )
    assert times[ks_id("waits")] > 0.0
    assert times[ks_id("applies")] == 0.0
    assert times[hr_id("redis")] == typical_durations(fleet(ks("data"), hr("redis", "data")))[hr_id("redis")]

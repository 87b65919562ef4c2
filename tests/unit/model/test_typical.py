"""What a path through the fleet counts for each object."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.decide.perfect import Perfect
from fleetbench.engine.simulate import simulate
from fleetbench.graph.objects import Workload
from fleetbench.graph.paths import critical_path
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.typical import typical_durations
from tests.builders import fleet, hr, hr_id, ks, ks_id


def test_workloads_count_only_where_ready_waits_for_them() -> None:
    times = typical_durations(
        fleet(ks("waits"), ks("applies", wait=False), ks("data", wait=False), hr("redis", "data"))
    )
    assert times[ks_id("waits")] > 0.0
    assert times[ks_id("applies")] == 0.0
    assert times[hr_id("redis")] == typical_durations(fleet(ks("data"), hr("redis", "data")))[hr_id("redis")]


def stated(name: str, seconds: float) -> Workload:
    return Workload(ObjectId("Deployment", "default", name), stated_ready_s=seconds, stated_by="annotation")


SHORT, LONG = stated("s", 12.0), stated("t", 100.0)


def test_of_named_health_checks_only_what_they_name_counts_wherever_it_is_from() -> None:
    applies = replace(ks("applies", wait=False), workloads=(LONG, SHORT))
    own = replace(applies, health_checks=(SHORT.object,))
    gate = replace(ks("gate", wait=False), workloads=(), health_checks=(SHORT.object,))
    flux_only = replace(ks("flux", wait=False, health_checks=(ks_id("gate"),)), workloads=(stated("u", 5.0),))
    assert typical_durations(fleet(own))[own.id] == 12.0
    times = typical_durations(fleet(applies, gate, flux_only))
    assert [times.get(id, 0.0) for id in (applies.id, gate.id, flux_only.id)] == [0.0, 0.0, 0.0]
    assert times[SHORT.object] == 12.0 and LONG.object not in times


@pytest.mark.parametrize(
    "named", [(), (SHORT.object,), (LONG.object,), (ks_id("w"),), (ObjectId("Deployment", "default", "x"),)]
)
@pytest.mark.parametrize("wait", [True, False])
def test_the_critical_path_is_what_a_perfect_controller_takes(named: tuple[ObjectId, ...], wait: bool) -> None:
    checks = replace(ks("checks", wait=wait, health_checks=named), workloads=(SHORT, LONG))
    of = fleet(
        checks,
        replace(ks("w"), workloads=(stated("w", 10.0),)),
        replace(ks("brings", wait=False), workloads=(stated("x", 30.0),)),
        replace(ks("after", "checks"), workloads=(stated("a", 1.0),)),
    )
    perfect = Perfect().applied(assemble(of, Choice()).scenario)
    assert critical_path(of, typical_durations(of))[1] == pytest.approx(simulate(perfect).total_s, abs=0.01)

"""What is applied to another cluster (spec.kubeConfig) starts on that cluster's nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId
from fleetbench.model.distributions import Fixed
from fleetbench.model.profile import PullPrior
from fleetbench.model.workload_time import ImagePull, PodTime, WorkloadTime
from tests.builders import fleet, ks, ks_id, scenario


def _ready_s(of: Fleet) -> list[float]:
    """When a and b turn Ready, each of which pulls an image of its own for 60 seconds."""
    made = scenario(of)
    times = {
        ks_id(name): WorkloadTime(
            ks_id(name),
            "test",
            pods=(PodTime(ObjectId("Deployment", "x", name), pulls=(ImagePull(name, Fixed(600.0)),)),),
        )
        for name in ("a", "b")
    }
    made = replace(made, workloads={**made.workloads, **times}, pull=PullPrior(Fixed(10.0)))
    sample = simulate(made)
    found = dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))
    return sorted(found[ks_id(name)] for name in ("a", "b"))


def test_a_node_pulls_nothing_for_another_cluster():
    here = fleet(ks("a"), ks("b"))
    first, second = _ready_s(here)
    assert second == pytest.approx(first + 60.0, abs=6.0)
    there = replace(
        here,
        kustomizations=tuple(replace(k, cluster="spoke") if k.id == ks_id("b") else k for k in here.kustomizations),
    )
    first, second = _ready_s(there)
    assert second == pytest.approx(first, abs=6.0)

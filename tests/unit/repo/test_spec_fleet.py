"""Fleets of the shape that traces were recorded of are read to exactly what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetbench.json_node import Node
from fleetbench.repo import read_repository
from fleetbench.runs.spec import fleet_of
from fleetbench.units import parse_duration
from tests.unit.repo.conftest import Read
from tests.unit.repo.spec_fleet import NESTED, SERVICES, write_fleet


def _check(services: list[dict[str, Any]], root: Path) -> None:
    reading = read_repository(root, "clusters/dev", cache=False)
    fleet = reading.fleet
    found = {k.id.name: k for k in fleet.kustomizations}
    root_object = found.pop("flux-system")
    assert root_object.assumed and set(found) == {s["name"] for s in services}
    releases = {h.id.name: h for h in fleet.helmreleases}
    for service in services:
        k = found[service["name"]]
        assert k.parent is not None and k.parent.name == service.get("parent", "flux-system")
        assert [d.target.key for d in k.depends_on] == [f"flux-system/{d}" for d in service.get("dependsOn", [])]
        assert k.wait == service.get("wait", True) and k.interval_s == parse_duration(service["interval"])
        assert k.timeout_s == (parse_duration(service["timeout"]) if "timeout" in service else None)
        assert k.retry_interval_s == (parse_duration(service["retryInterval"]) if "retryInterval" in service else None)
        assert [w.stated_ready_s for w in k.workloads] == service.get("pods", [])
        assert all(w.stated_by == "annotation" and w.deadline_s == 3600 for w in k.workloads)
        for helm in service.get("helm", []):
            h = releases.pop(helm["name"])
            assert h.parent == k.id and h.timeout_s == 900 and h.workloads_known
            assert [d.target.name for d in h.depends_on] == helm.get("dependsOn", [])
            assert [w.stated_ready_s for w in h.workloads] == helm["pods"]
    assert not releases
    assert reading.findings == ()
    of_trace = fleet_of(Node({"kustomizations": services}, "spec.json"), "spec")
    for k in of_trace.kustomizations:
        assert k.id == of_trace.root or k.applies == found[k.id.name].applies
    tops = [k for k in of_trace.kustomizations if k.parent == of_trace.root]
    assert of_trace.kustomization(of_trace.root).applies == len(tops)


@pytest.mark.parametrize("services", [SERVICES, NESTED], ids=["services", "nested"])
def test_a_written_fleet_is_read_back_exactly(tmp_path: Path, read: Read, services: list[dict[str, Any]]) -> None:
    write_fleet(services, tmp_path / "fleet")
    _check(services, tmp_path / "fleet")


_NAMES = [f"s{i:02d}" for i in range(8)]


@st.composite
def _fleets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Any forest of parents and any edges, cycles and edges to nothing included."""
    services = []
    for i, name in enumerate(_NAMES[: draw(st.integers(1, 8))]):
        service: dict[str, Any] = {
            "name": name,
            "interval": draw(st.sampled_from(["1m", "10m", "1h30m"])),
            "wait": draw(st.booleans()),
            "dependsOn": draw(st.lists(st.sampled_from([*_NAMES, "nothing"]), max_size=3, unique=True)),
            "pods": [seconds / 10 for seconds in draw(st.lists(st.integers(1, 900), max_size=2))],
        }
        if i and draw(st.booleans()):
            service["parent"] = draw(st.sampled_from(_NAMES[:i]))
        if draw(st.booleans()):
            service["timeout"] = draw(st.sampled_from(["30s", "5m"]))
        services.append(service)
    return services


@given(_fleets())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_fleet_of_that_shape_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, read: Read, services: list[dict[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("fleet")
    write_fleet(services, root)
    _check(services, root)

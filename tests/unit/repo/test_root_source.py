"""The source of a root that the repository does not hold: as flux bootstrap or flux-operator make it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from fleetbench.repo import Reading
from fleetbench.report.critical_path import path_of
from fleetbench.report.tables import graph_tables
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, obj, release

SYNC = {"kind": "OCIRepository", "url": "oci://x/fleet", "ref": "latest", "path": "clusters/c", "interval": "5m"}


def _instance(namespace: str = "flux-system", **sync: Any) -> str:
    spec = {"distribution": {"version": "2.7.x"}, "sync": {**SYNC, **sync}}
    return obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace=namespace, spec=spec)


def _root(reading: Reading) -> tuple[str, str, float, str | None, bool]:
    fleet = reading.fleet
    assert fleet.root_source is not None
    source = fleet.source(fleet.root_source)
    assert source is not None
    return fleet.root.key, str(source.id), source.interval_s, source.file, source.assumed


def test_flux_bootstrap_makes_the_source_with_one_minute(read: Read) -> None:
    found = _root(read({"clusters/c/app.yaml": flux("app", "./app"), "app/x.yaml": "{}"}))
    assert found == ("flux-system/flux-system", "GitRepository/flux-system/flux-system", 60.0, None, True)


def test_a_root_without_its_source_gets_the_same(read: Read) -> None:
    found = _root(read({"clusters/c/app.yaml": flux("flux-system", "./clusters/c")}))
    assert found == ("flux-system/flux-system", "GitRepository/flux-system/flux-system", 60.0, None, True)


@pytest.mark.parametrize(
    ("sync", "root", "source", "interval_s"),
    [
        ({}, "flux-system/flux-system", "OCIRepository/flux-system/flux-system", 300.0),
        ({"interval": None}, "flux-system/flux-system", "OCIRepository/flux-system/flux-system", 60.0),
        ({"name": "fleet", "kind": "Bucket"}, "flux-system/fleet", "Bucket/flux-system/fleet", 300.0),
        ({"path": "./elsewhere"}, "flux-system/flux-system", "GitRepository/flux-system/flux-system", 60.0),
        ({"interval": "soon"}, "flux-system/flux-system", "OCIRepository/flux-system/flux-system", 60.0),
    ],
)
def test_flux_operator_makes_it_of_the_sync_that_points_here(
    read: Read, sync: dict[str, Any], root: str, source: str, interval_s: float
) -> None:
    found = _root(read({"clusters/c/flux.yaml": _instance(**sync)}))
    assert found[:3] == (root, source, interval_s)
    assert found[3] == (None if "path" in sync else "clusters/c/flux.yaml")


def test_what_uses_that_source_is_expanded_and_a_sync_further_down_counts(read: Read) -> None:
    kind = {"sourceRef": {"kind": "OCIRepository", "name": "flux-system"}}
    reading = read(
        {
            "clusters/c/app.yaml": both(flux("flux", "./flux", **kind), flux("app", "./app", **kind)),
            "flux/release.yaml": release(
                "flux", namespace="flux-system", chart="flux-instance", values={"instance": {"sync": SYNC}}
            ),
            "app/app.yaml": obj("v1", "ConfigMap", "a", namespace="x"),
        }
    )
    assert _root(reading) == (
        "flux-system/flux-system", "OCIRepository/flux-system/flux-system", 300.0, "flux/release.yaml", True
    )  # fmt: skip
    assert all(k.expanded for k in reading.fleet.kustomizations)


def test_the_root_that_flux_operator_makes_is_where_the_instance_says_it_and_not_called_assumed(read: Read) -> None:
    reading = read({"clusters/c/flux.yaml": _instance()})
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None and root.assumed and (root.file, root.line is None) == ("clusters/c/flux.yaml", False)
    console = Console(width=200, file=StringIO())
    console.print(*graph_tables(reading.fleet, [], path_of(reading.fleet), 200))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "assumed" not in text
    assert (
        f"root Kustomization flux-system/flux-system, as flux-operator makes it (wait: false, interval 10m) ({root.file}:{root.line})"
        in text
    )

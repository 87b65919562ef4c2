"""A custom resource beside the release that brings its CRD is no deadlock where something unread may bring it in time."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.graph.checks import check
from fleetbench.repo import Reading
from tests.builders import scenario
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, ks_id, kustomization, obj, release

BASE = "https://example.test/everything.yaml"
CLUSTER = obj("postgresql.cnpg.io/v1", "Cluster", "db", namespace="x", spec={"instances": 3})
OPERATOR = release("cnpg", namespace="x", chart="cloudnative-pg")
CHARTS = obj("source.toolkit.fluxcd.io/v1", "HelmRepository", "charts", namespace="x", spec={"url": "https://x.test"})
THEIRS = git("theirs", url="https://example.test/theirs")


def _read(read: Read, *entry: str, base: str | None = None, **spec: Any) -> Reading:
    """A Kustomization ``db`` with both the resource and the release of its operator."""
    root = both(git(), flux("flux-system", "./clusters/c"), flux("db", "./db", **spec), *entry)
    return read(
        {
            "clusters/c/all.yaml": root,
            "db/kustomization.yaml": kustomization("all.yaml", *([base] if base else [])),
            "db/all.yaml": both(CHARTS, OPERATOR, CLUSTER),
            "other/kustomization.yaml": kustomization(BASE),
            "more/m.yaml": config_map("m", "x"),
            "parents/all.yaml": both(THEIRS, flux("child", "./x", source="theirs")),
        }
    )


def _is_deadlock(reading: Reading) -> bool:
    said = {f.code for f in check(reading.fleet)} & {"FB110", "FB111"}
    stuck = ks_id("db") in never_ready(compile_plan(scenario(reading.fleet)))
    assert bool(said) == stuck
    return stuck


def _hedged(reading: Reading) -> list[str]:
    return [f.message for f in reading.findings if f.code == "FB316" and f.object == ks_id("db")]


def test_where_all_was_read_it_is_a_deadlock(read: Read) -> None:
    reading = _read(read)
    assert _is_deadlock(reading) and not _hedged(reading)


def test_a_remote_base_beside_them_may_bring_it(read: Read) -> None:
    reading = _read(read, base=BASE)
    (said,) = _hedged(reading)
    assert not _is_deadlock(reading)
    assert "Cluster/x/db" in said and "HelmRelease/x/cnpg" in said and f"the remote base {BASE}" in said


@pytest.mark.parametrize(
    ("entry", "depends_on", "by"),
    [
        ([THEIRS, flux("first", "./x", source="theirs")], "first", "flux-system/first"),
        ([flux("first", "./other")], "first", "flux-system/first"),
        (
            [flux("first", "./other"), flux("middle", "./more", dependsOn=[{"name": "first"}])],
            "middle",
            "flux-system/first",
        ),
        ([flux("parent", "./parents", wait=True)], "parent", "flux-system/child"),
    ],
    ids=["another repository", "a remote base", "transitively", "waited for"],
)
def test_so_may_what_it_depends_on(read: Read, entry: list[str], depends_on: str, by: str) -> None:
    reading = _read(read, *entry, dependsOn=[{"name": depends_on}])
    db = reading.fleet.kustomization(ks_id("db"))
    assert not _is_deadlock(reading) and by in _hedged(reading)[0]
    assert db is not None and any(n.kind == "CustomResourceDefinition" for n in db.needs)


@pytest.mark.parametrize(
    ("entry", "spec"),
    [
        ([THEIRS, flux("first", "./x", source="theirs")], {}),
        ([THEIRS, flux("first", "./x", source="theirs", dependsOn=[{"name": "db"}])], {}),
        ([THEIRS, flux("first", "./x", source="theirs", suspend=True)], {"dependsOn": [{"name": "first"}]}),
        ([flux("first", "./x", source="nowhere")], {"dependsOn": [{"name": "first"}]}),
        (
            [git("own", url="https://github.com/fluxcd/flux2"), flux("first", "./manifests/install", source="own")],
            {"dependsOn": [{"name": "first"}]},
        ),
        (
            [
                git("gateways", url="https://github.com/kubernetes-sigs/gateway-api"),
                flux("first", "./config/crd", source="gateways"),
            ],
            {"dependsOn": [{"name": "first"}]},
        ),
    ],
    ids=["beside it, in no order", "after it", "suspended", "never there", "Flux itself", "known to bring others"],
)
def test_what_does_not_come_before_or_holds_no_such_thing_does_not(
    read: Read, entry: list[str], spec: dict[str, Any]
) -> None:
    reading = _read(read, *entry, **spec)
    assert not _hedged(reading) and "FB110" in {f.code for f in check(reading.fleet)}


@pytest.mark.parametrize(
    "base",
    [
        "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.3.0/standard-install.yaml",
        "https://github.com/fluxcd/flux2/releases/download/v2.7.3/install.yaml",
    ],
)
def test_a_base_whose_crds_are_known_brings_no_others(read: Read, base: str) -> None:
    assert _is_deadlock(_read(read, base=base))


def test_so_may_what_it_is_not_made_to_wait_for_and_then_it_needs_nothing(read: Read) -> None:
    reading = _read(read, flux("parent", "./parents"), dependsOn=[{"name": "parent"}])
    db = reading.fleet.kustomization(ks_id("db"))
    assert not _is_deadlock(reading) and "flux-system/child" in _hedged(reading)[0]
    assert db is not None and not any(n.kind == "CustomResourceDefinition" for n in db.needs)


def test_a_remote_file_that_is_no_manifest_brings_none(read: Read) -> None:
    files = {"db/kustomization.yaml": kustomization("all.yaml", configMapGenerator=[{"name": "g", "files": [BASE]}])}
    files["db/all.yaml"] = both(CHARTS, OPERATOR, CLUSTER)
    assert _is_deadlock(
        read({"clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("db", "./db")), **files})
    )


def test_an_edge_that_is_only_missing_is_still_told(read: Read) -> None:
    """Who brings the CRD can come first: then that is what the order lacks, whatever else may hold it."""
    reading = read(
        {
            "clusters/c/all.yaml": both(
                git(), flux("flux-system", "./clusters/c"), flux("db", "./db"), flux("op", "./op")
            ),
            "db/kustomization.yaml": kustomization("all.yaml", BASE),
            "db/all.yaml": CLUSTER,
            "op/all.yaml": both(CHARTS, OPERATOR),
        }
    )
    assert not _hedged(reading) and "FB201" in {f.code for f in check(reading.fleet)}

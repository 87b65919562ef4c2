"""The source of a root that the repository does not hold: as flux bootstrap or flux-operator make it."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from fleetbench.ids import ObjectId
from fleetbench.repo import Reading
from fleetbench.report.critical_path import path_of
from fleetbench.report.tables import graph_tables
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, obj, release

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
        f"root Kustomization flux-system/flux-system, as flux-operator makes it (wait: false, interval 10m0s) ({root.file}:{root.line})"
        in text
    )


def _patched(*operations: dict[str, Any], kind: str = "Kustomization", **target: str) -> dict[str, Any]:
    return {"patch": json.dumps(operations), "target": {"kind": kind, **target}}


def _instance_with(*patches: dict[str, Any]) -> str:
    spec = {"distribution": {"version": "2.7.x"}, "sync": SYNC, "kustomize": {"patches": list(patches)}}
    return obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec=spec)


def test_the_patches_of_a_fluxinstance_hold_for_the_root_and_its_source_too(read: Read) -> None:
    patches = [
        _patched(
            {"op": "add", "path": "/spec/wait", "value": True},
            {"op": "replace", "path": "/spec/interval", "value": "3m"},
            {"op": "add", "path": "/spec/retryInterval", "value": "1m"},
            name="flux-system",
        ),
        _patched({"op": "replace", "path": "/spec/interval", "value": "9m"}, kind="(GitRepository|OCIRepository)"),
        _patched({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--x"}, kind="Deployment"),
    ]
    reading = read({"clusters/c/flux.yaml": _instance_with(*patches)})
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None and root.assumed
    assert (root.wait, root.interval_s, root.retry_interval_s) == (True, 180.0, 60.0)
    assert _root(reading)[1:3] == ("OCIRepository/flux-system/flux-system", 540.0)


def test_a_patch_that_kustomize_refuses_changes_nothing(read: Read) -> None:
    reading = read({"clusters/c/flux.yaml": _instance_with(_patched({"op": "replace", "path": "/spec/no/such"}))})
    assert _root(reading)[:3] == ("flux-system/flux-system", "OCIRepository/flux-system/flux-system", 300.0)


def test_an_assumed_root_may_decrypt_what_sops_encrypted(read: Read) -> None:
    secret = obj("v1", "Secret", "s", namespace="flux-system", data={"a": "ENC[AES256_GCM,data:x]"}, sops={"mac": "x"})
    decrypts = _patched({"op": "add", "path": "/spec/decryption", "value": {"provider": "sops"}})

    def refused(flux_yaml: str) -> tuple[str | None, list[str]]:
        reading = read({"clusters/c/flux.yaml": flux_yaml, "clusters/c/secret.yaml": secret})
        root = reading.fleet.kustomization(reading.fleet.root)
        assert root is not None
        return root.refused, [f.code for f in reading.findings if f.code in ("FB317", "FB113")]

    assert refused(_instance_with(decrypts)) == (None, [])
    why, said = refused(_instance_with())
    assert why is not None and "spec.decryption is not set" in why and said == []
    assert refused(flux("app", "./app", suspend=True)) == (None, ["FB317"])


@pytest.mark.parametrize(
    ("named", "source"),
    [
        ({"flux-system": 1, "theirs": 2}, "flux-system"),  # theirs is defined
        ({"theirs": 2, "others": 3}, "others"),  # both are
        ({"mine": 1, "theirs": 2, "others": 3}, "mine"),
        ({"flux-system": 1, "mine": 2}, "flux-system"),
        ({"mine": 1, "also": 2}, "also"),
        ({"theirss": 1, "theirs": 2}, "theirs"),  # a slip of the pen
        ({"deeper": 1, "theirs": 2}, "theirs"),  # what a Kustomization further down applies
    ],
)
def test_a_source_that_nothing_defines_is_likelier_that_of_the_assumed_root_than_one_that_is_there(
    read: Read, named: dict[str, int], source: str
) -> None:
    users = [flux(f"{name}-{n}", "./app", source=name) for name, times in named.items() for n in range(times)]
    there = [git(name, url=f"https://example.test/{name}") for name in ("theirs", "others")]
    found = read({"clusters/c/all.yaml": both(*there, *users), "app/x.yaml": "{}", "deep/deeper.yaml": git("deeper")})
    assert found.fleet.root_source == ObjectId("GitRepository", "flux-system", source)
    root = found.fleet.kustomization(found.fleet.root)
    assert root is not None and root.assumed


def _packed(path: str) -> dict[str, str]:
    artifact = obj(
        "source.toolkit.fluxcd.io/v1",
        "OCIRepository",
        "infra",
        namespace="flux-system",
        spec={"interval": "1m", "url": "oci://x.test/infra"},
    )
    user = flux("controllers", path, sourceRef={"kind": "OCIRepository", "name": "infra"})
    return {
        "clusters/c/all.yaml": both(artifact, user),
        "infra/controllers/x.yaml": obj("v1", "ConfigMap", "x", namespace="x"),
    }


def test_an_artifact_that_was_packed_from_some_folder_is_not_the_repository(read: Read) -> None:
    reading = read(_packed("./controllers"))
    assert [f.code for f in reading.findings] == ["FB302"]
    assert str(reading.fleet.root_source) == "GitRepository/flux-system/flux-system"


def test_an_artifact_of_the_whole_repository_is(read: Read) -> None:
    reading = read(_packed("./infra/controllers"))
    assert not reading.findings
    assert str(reading.fleet.root_source) == "OCIRepository/flux-system/infra"

"""What lies outside the repository is left out with a warning and never fetched, and nothing is executed."""

from __future__ import annotations

import pytest

from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.inputs import collect
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import config_map, flux, ks_id, kustomization


@pytest.mark.parametrize(
    "base",
    [
        "https://example.test/manifests.yaml",
        "http://example.test/x",
        "github.com/example/repo//deploy?ref=v1",
        "git@example.test:org/repo.git",
        "git::https://example.test/repo",
        "ssh://git@example.test/repo",
        "https://example.test/org/repo//base?ref=main",
        "file:///etc",
        "oci://example.test/x",
    ],
)
def test_a_remote_base_is_left_out_with_a_warning_and_the_rest_is_built(read: Read, base: str) -> None:
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./apps"),
            "apps/kustomization.yaml": f"resources:\n  - map.yaml\n  - {base}\n",
            "apps/map.yaml": config_map("own", "apps"),
        }
    )
    (found,) = [f for f in reading.findings if f.code == "FB303"]
    assert (found.severity, found.file, found.line) == ("warning", "apps/kustomization.yaml", 3)
    assert base in found.message
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.broken is None and [o.name for o in a.objects] == ["own"]


@pytest.mark.parametrize(
    ("field", "remote", "applied"),
    [
        ("resources", ["map.yaml", "https://example.test/b"], 2),
        ("patches", [{"path": "https://example.test/p.yaml"}], 1),
    ],
    ids=["base", "patch"],
)
def test_a_remote_base_counts_as_an_object_that_is_applied_and_a_remote_patch_as_none(
    read: Read, field: str, remote: list[object], applied: int
) -> None:
    fields = {"resources": ["map.yaml"], field: remote}
    reading = read(
        {
            "clusters/c/a.yaml": flux("a", "./apps"),
            "apps/kustomization.yaml": kustomization(**fields),
            "apps/map.yaml": config_map("own", "apps"),
        }
    )
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and a.applies == applied


@pytest.mark.parametrize(
    "fields",
    [
        {"components": ["https://example.test/c"]},
        {"patches": [{"path": "https://example.test/p.yaml"}]},
        {"configMapGenerator": [{"name": "g", "files": ["x=https://example.test/f"]}]},
        {"generators": ["https://example.test/g.yaml"]},
        {"crds": ["https://example.test/crd.json"]},
        {"openapi": {"path": "https://example.test/o.json"}},
        {"replacements": [{"path": "https://example.test/r.yaml"}]},
    ],
    ids=lambda f: next(iter(f)),
)
def test_nothing_that_kustomize_is_given_names_a_remote_place(write: Write, fields: dict[str, object]) -> None:
    root = write({"apps/kustomization.yaml": kustomization("map.yaml", **fields), "apps/map.yaml": config_map("own")})
    inputs = collect(Tree.of_directory(root), "apps", {})
    assert [p.text for p in inputs.remote] and not inputs.problems
    assert not any(b"example.test" in content for content in inputs.files.values())


def test_a_helm_inflator_is_not_run_as_flux_does_not_run_it(read: Read) -> None:
    chart = {"name": "x", "repo": "https://example.test/charts", "version": "1.0.0"}
    reading = read(
        {"clusters/c/a.yaml": flux("a", "./apps"), "apps/kustomization.yaml": kustomization(helmCharts=[chart])}
    )
    assert [f.code for f in reading.findings if f.severity == "error"] == ["FB107"]


def test_an_exec_plugin_is_not_run(write: Write, read: Read) -> None:
    plugin = (
        "apiVersion: v1\nkind: Gen\nmetadata:\n  name: g\n  annotations:\n"
        "    config.kubernetes.io/function: |\n      exec:\n        path: ./run.sh\n"
    )
    root = write(
        {
            "clusters/c/a.yaml": flux("a", "./apps"),
            "apps/kustomization.yaml": kustomization("map.yaml", generators=["gen.yaml"]),
            "apps/map.yaml": config_map("own", "apps"),
            "apps/gen.yaml": plugin,
            "apps/run.sh": "#!/bin/sh\ntouch ran\n",
        }
    )
    (root / "apps/run.sh").chmod(0o755)
    from fleetbench.repo import read_repository

    reading = read_repository(root, "clusters/c", cache=False)
    assert [f.code for f in reading.findings if f.severity == "error"] == ["FB107"]
    assert not list(root.rglob("ran"))

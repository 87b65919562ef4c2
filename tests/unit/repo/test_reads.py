"""What each build reads, and which files shape which object."""

from __future__ import annotations

from fleetbench.graph.changes import changed_by
from fleetbench.repo import Reading
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, kustomization, release

ROOT = both(git(), flux("flux-system", "./clusters/c"))
OVERLAY = {
    "clusters/c/all.yaml": both(ROOT, flux("apps", "./apps/c")),
    "apps/c/kustomization.yaml": kustomization(
        "../base/one",
        components=["../../components/x"],
        patches=[{"path": "patch.yaml"}, {"path": "pattern.yaml", "target": {"kind": "HelmRelease", "name": "tw."}}],
        configMapGenerator=[{"name": "values", "namespace": "apps", "files": ["values.yaml=deep/values.txt"]}],
    ),
    "apps/c/patch.yaml": release("one", namespace="apps", timeout="9m"),
    "apps/c/pattern.yaml": '[{"op": "add", "path": "/spec/timeout", "value": "8m"}]',
    "apps/c/deep/values.txt": "a: 1\n",
    "apps/base/one/kustomization.yaml": kustomization("release.yaml", namespace="apps"),
    "apps/base/one/release.yaml": both(
        release("one", namespace=None, valuesFrom=[{"kind": "ConfigMap", "name": "values"}]),
        release("two", namespace=None),
    ),
    "apps/base/unread/kustomization.yaml": kustomization("release.yaml"),
    "apps/base/unread/release.yaml": release("three"),
    "components/x/kustomization.yaml": kustomization(
        "map.yaml", apiVersion="kustomize.config.k8s.io/v1alpha1", kind="Component"
    ),
    "components/x/map.yaml": config_map("from-component", "apps"),
    "components/x/unused.yaml": config_map("unused", "apps"),
}


def _changed(reading: Reading, path: str) -> set[str]:
    return {id.name for id in changed_by(reading.fleet, path)}


def test_bases_components_patches_and_generators_are_read(read: Read) -> None:
    reading = read(OVERLAY)
    apps = next(k for k in reading.fleet.kustomizations if k.id.name == "apps")
    assert apps.reads == ("apps/base/one", "apps/c", "components/x/kustomization.yaml", "components/x/map.yaml")
    assert _changed(reading, "apps/base/one") == {"apps", "one", "two"}
    assert _changed(reading, "components/x") == {"apps"}


def test_a_release_is_defined_in_its_base_and_shaped_by_patches_and_generated_values(read: Read) -> None:
    reading = read(OVERLAY)
    one, two = sorted(reading.fleet.helmreleases, key=lambda h: h.id)
    assert (one.file, one.line) == ("apps/base/one/release.yaml", 1) and one.timeout_s == 540.0
    assert one.shaped_by == ("apps/c/deep/values.txt", "apps/c/patch.yaml")
    assert two.shaped_by == ("apps/c/pattern.yaml",) and two.timeout_s == 480.0
    assert _changed(reading, "apps/c/deep/values.txt") == {"apps", "one"}
    assert _changed(reading, "apps/c/pattern.yaml") == {"apps", "two"}


def test_a_pattern_that_would_take_for_ever_is_not_tried(read: Read) -> None:
    patch = {"path": "pattern.yaml", "target": {"kind": "HelmRelease", "name": "(o+)+x"}}
    files = OVERLAY | {"apps/c/kustomization.yaml": kustomization("../base/one", patches=[patch])}
    files["apps/base/one/release.yaml"] = release("o" * 60, namespace=None)
    reading = read(files)
    assert [h.shaped_by for h in reading.fleet.helmreleases] == [("apps/c/pattern.yaml",)]


def test_a_generated_kustomization_is_no_file_that_is_read(read: Read) -> None:
    reading = read({"clusters/c/all.yaml": both(ROOT, flux("apps", "./apps")), "apps/a.yaml": config_map("a", "x")})
    assert {k.id.name: k.reads for k in reading.fleet.kustomizations} == {
        "apps": ("apps",), "flux-system": ("clusters",)
    }  # fmt: skip

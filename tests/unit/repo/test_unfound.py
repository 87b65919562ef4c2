"""Values and variables that are never found: a generated object without its suffix, a missing key."""

from __future__ import annotations

import pytest

from fleetbench.findings import NEVER_FOUND, VARIABLES_ELSEWHERE
from fleetbench.graph.checks.presence import check_presence
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, kustomization, obj, release

GENERATOR = [{"name": "vals", "namespace": "apps", "literals": ["values.yaml=a: b"]}]
VALUES = [{"kind": "ConfigMap", "name": "vals"}]
RELEASE = release("web", namespace="apps", valuesFrom=VALUES)
FOLLOWED = "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {path: spec/valuesFrom/name, kind: HelmRelease}\n"


def _files(release: str = RELEASE, **more: object) -> dict[str, str]:
    return {
        "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("apps", "./apps")),
        "apps/kustomization.yaml": kustomization("web.yaml", configMapGenerator=GENERATOR, **more),
        "apps/web.yaml": release,
        "apps/names.yaml": FOLLOWED,
    }


def test_a_release_that_names_a_generated_object_as_its_generator_does_never_finds_it(read: Read) -> None:
    reading = read(_files())
    (found,) = [f for f in reading.findings if f.code in (NEVER_FOUND, VARIABLES_ELSEWHERE)]
    assert found.code == NEVER_FOUND and "ConfigMap/apps/vals, which its generator calls vals-" in found.message
    assert "disableNameSuffixHash" in found.fix
    (web,) = reading.fleet.helmreleases
    assert web.lacks_values and web.obstacle is not None
    checks = check_presence(reading.fleet, node_pods=110, nodes=1)
    assert [f.message for f in checks if f.code == NEVER_FOUND] == [found.message]


@pytest.mark.parametrize(
    "files",
    [
        _files(configurations=["names.yaml"]),
        _files(generatorOptions={"disableNameSuffixHash": True}),
        _files(release("web", namespace="apps", valuesFrom=[{**VALUES[0], "optional": True}])),
    ],
    ids=["the name is followed", "no suffix", "optional"],
)
def test_what_is_found_by_its_name_or_may_be_missing_is_fine(read: Read, files: dict[str, str]) -> None:
    reading = read(files)
    assert [f for f in reading.findings if f.code == NEVER_FOUND] == []
    assert reading.fleet.helmreleases[0].obstacle is None


def test_of_a_release_whose_chart_is_not_there_either_that_comes_first(read: Read) -> None:
    reference = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    spec = {"chart": {"spec": {"chart": "./charts/nope", "sourceRef": reference}}, "valuesFrom": VALUES}
    reading = read(_files(obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "web", namespace="apps", spec=spec)))
    (web,) = reading.fleet.helmreleases
    assert web.broken is not None and "charts/nope" in web.broken and not web.lacks_values
    assert NEVER_FOUND in [f.code for f in reading.findings]


def test_variables_from_a_generated_object_fail_the_build(read: Read) -> None:
    files = _files(release("web", namespace="apps"))
    files["apps/kustomization.yaml"] = kustomization(
        "web.yaml", configMapGenerator=[{**GENERATOR[0], "namespace": "flux-system"}]
    )
    late = flux("late", "./apps", postBuild={"substituteFrom": VALUES})
    files["clusters/c/all.yaml"] = both(files["clusters/c/all.yaml"], late)
    reading = read(files)
    (found,) = [f for f in reading.findings if f.code == NEVER_FOUND]
    assert found.message.startswith("postBuild.substituteFrom names ConfigMap/flux-system/vals")
    assert {k.id.name: k.broken is None for k in reading.fleet.kustomizations}["late"] is False


@pytest.mark.parametrize(("key", "found"), [(None, True), ("values.yaml", True), ("prod.yaml", False)])
def test_a_key_that_the_object_lacks_is_asked_for_in_vain(read: Read, key: str | None, found: bool) -> None:
    asked = [{**VALUES[0], "valuesKey": key}] if key else VALUES
    reading = read(
        _files(release("web", namespace="apps", valuesFrom=asked), generatorOptions={"disableNameSuffixHash": True})
    )
    told = [f.message for f in reading.findings if f.code == NEVER_FOUND]
    assert told == (
        []
        if found
        else [
            "valuesFrom asks ConfigMap/apps/vals for the key prod.yaml, and that has values.yaml alone: it never turns Ready"
        ]
    )
    assert (reading.fleet.helmreleases[0].obstacle is None) is found


def test_a_name_like_one_that_is_there_is_asked_after(read: Read) -> None:
    files = _files(generatorOptions={"disableNameSuffixHash": True}, namePrefix="x-")
    (found,) = [f for f in read(files).findings if f.code == VARIABLES_ELSEWHERE]
    assert "did you mean ConfigMap/apps/x-vals?" in found.fix

"""Sources that nothing read applies: one cause is told once, with what would apply them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.repo.files.glance import bodies_of
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, obj, release

RELEASES = "abc"


def _repository(name: str) -> str:
    return obj("source.toolkit.fluxcd.io/v1", "HelmRepository", name, namespace="flux-system", spec={"url": "x"})


def _entry_below_its_root() -> dict[str, str]:
    """A cluster's releases, their sources beside it, and the root that would apply both."""
    return {
        "flux/cluster/releases.yaml": both(
            *(release(name, namespace="flux-system", source=f"of-{name}") for name in RELEASES)
        ),
        "flux/config/root.yaml": flux("top", "./flux"),
        **{f"flux/sources/{name}.yaml": _repository(f"of-{name}") for name in RELEASES},
    }


def test_sources_that_only_the_kustomization_above_the_entry_applies_have_its_path_for_a_fix(read: Read) -> None:
    found = [f for f in read(_entry_below_its_root(), "flux/cluster").findings if f.code == "FB106"]
    assert [f.object for f in found] == [ObjectId(HELM_RELEASE, "flux-system", name) for name in RELEASES]
    (fix,) = {f.fix for f in found}
    assert (
        fix.startswith("flux/config/root.yaml defines Kustomization/flux-system/top") and "--cluster-path flux;" in fix
    )
    (shared,) = {f.shared for f in found}  # one cause: one line for all of them
    assert shared is not None and "though a file below flux defines it" in shared.message


@pytest.mark.parametrize("beside", [True, False], ids=["defined beside it", "defined in the entry"])
def test_a_kustomization_of_another_repository_is_proposed_as_no_root(read: Read, beside: bool) -> None:
    files = _entry_below_its_root()
    theirs = git("theirs", url="https://example.test/theirs")
    files["flux/config/root.yaml"] = both(flux("top", "./", source="theirs"), *[theirs] * beside)
    files["flux/cluster/theirs.yaml"] = git("other") if beside else theirs
    fixes = {f.fix for f in read(files, "flux/cluster").findings if f.code == "FB106"}
    assert fixes and not any("--cluster-path" in fix for fix in fixes)


@pytest.mark.parametrize("beside", [[], [git("fleet")]], ids=["defined nowhere", "defined beside it"])
def test_a_root_whose_path_is_here_is_still_proposed(read: Read, beside: list[str]) -> None:
    files = _entry_below_its_root()
    files["flux/config/root.yaml"] = both(flux("top", "./flux", source="fleet"), *beside)
    (fix,) = {f.fix for f in read(files, "flux/cluster").findings if f.code == "FB106"}
    assert "--cluster-path flux;" in fix


def test_however_many_sources_are_missing_each_file_is_parsed_once(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = Counter[str]()

    def counted(text: str, file: str) -> list[tuple[int, dict[str, Any]]]:
        parsed[file] += 1
        return bodies_of(text, file)

    monkeypatch.setattr("fleetbench.repo.missing_sources.bodies_of", counted)
    read(_entry_below_its_root(), "flux/cluster")
    assert parsed["flux/sources/a.yaml"] == 1 and set(parsed.values()) == {1}


def test_objects_that_name_one_missing_source_have_one_cause(read: Read) -> None:
    found = read(
        {"clusters/c/all.yaml": both(*(release(name, namespace="flux-system", source="theirs") for name in RELEASES))}
    ).findings
    (shared,) = {f.shared for f in found if f.code == "FB106"}
    assert shared is not None
    assert shared.message.startswith("have the source HelmRepository/flux-system/theirs, which is defined nowhere")


def test_a_source_that_a_name_prefix_renamed_is_what_was_meant(read: Read) -> None:
    charts = obj(
        "source.toolkit.fluxcd.io/v1", "HelmRepository", "podinfo", namespace="apps", spec={"url": "https://x.test"}
    )
    files = {
        "clusters/c/all.yaml": flux("apps", "./apps"),
        "apps/kustomization.yaml": "namePrefix: p-\nresources: [repo.yaml, rel.yaml]\n",
        "apps/repo.yaml": charts,
        "apps/rel.yaml": release("app", namespace="apps", source="podinfo"),
    }
    (found,) = [f for f in read(files).findings if f.code == "FB106"]
    assert found.message.endswith("did you mean HelmRepository/apps/p-podinfo?")

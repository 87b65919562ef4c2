"""Several GitRepositories of one repository."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, obj

URL = "https://example.test/fleet"


def _files(**spec: Any) -> dict[str, str]:
    apps = git("apps", **{"url": URL, **spec})
    root = both(git(url=URL), flux("flux-system", "./clusters/c"), apps, flux("apps", "./apps", source="apps"))
    return {"clusters/c/all.yaml": root, "apps/a.yaml": config_map("a", "x"), "apps/b.yaml": config_map("b", "x")}


@pytest.mark.parametrize("url", [URL, f"{URL}.git", "ssh://git@example.test/fleet", "git@example.test:fleet"])
def test_what_another_source_of_this_repository_holds_is_read_here(read: Read, url: str) -> None:
    of = read(_files(url=url, ignore="b.yaml")).fleet
    apps = next(k for k in of.kustomizations if k.id.name == "apps")
    assert apps.expanded and [id.name for id in apps.objects] == ["a"]
    assert {s.id.name: s.this_repository for s in of.sources} == {"flux-system": True, "apps": True}


@pytest.mark.parametrize("ref", [{"branch": "master"}, {"name": "refs/heads/master"}, {}])
def test_one_ref_may_be_written_in_several_ways(read: Read, ref: dict[str, str]) -> None:
    assert all(k.expanded for k in read(_files(ref=ref)).fleet.kustomizations)


@pytest.mark.parametrize(
    "spec",
    [
        {"ref": {"tag": "v1"}},
        {"url": "https://example.test/other"},
        {"include": [{"repository": {"name": "flux-system"}}]},
    ],
    ids=["another ref", "another repository", "with what another one holds"],
)
def test_what_lies_elsewhere_is_not_taken_from_here(read: Read, spec: dict[str, Any]) -> None:
    of = read(_files(**spec)).fleet
    assert [k.id.name for k in of.kustomizations if not k.expanded] == ["apps"]
    assert [s.id.name for s in of.sources if s.this_repository] == ["flux-system"]


@pytest.mark.parametrize(("url", "expanded"), [(URL, True), ("https://example.test/other", False)])
def test_what_has_the_address_of_a_fluxinstances_sync_is_read_here(read: Read, url: str, expanded: bool) -> None:
    sync = {"kind": "GitRepository", "url": f"{URL}.git", "ref": "refs/heads/main", "path": "clusters/c"}
    instance = obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec={"sync": sync})
    again = git("apps", url=url, ref={"branch": "main"})
    entry = both(instance, again, flux("apps", "./apps", source="apps"))
    of = read({"clusters/c/all.yaml": entry, "apps/a.yaml": config_map("a", "x")}).fleet
    apps = next(k for k in of.kustomizations if k.id.name == "apps")
    assert apps.expanded is expanded
    assert {s.id.name: s.this_repository for s in of.sources} == {"flux-system": True, "apps": expanded}

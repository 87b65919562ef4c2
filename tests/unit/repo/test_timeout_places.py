"""A timeout that a patch sets is found at the patching Kustomization's file."""

from __future__ import annotations

from fleetbench.graph.checks import check
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import config_map, flux, ks_id

PATCH = "- op: add\n  path: /spec/timeout\n  value: 20m\n"


def _files(**child: object) -> dict[str, str]:
    patches = [{"patch": PATCH, "target": {"kind": "Kustomization"}}] if not child else []
    return {
        "clusters/c/parent.yaml": flux("parent", "./apps", patches=patches),
        "apps/child.yaml": flux("child", "./web", **child),
        "web/m.yaml": config_map("m"),
    }


def test_a_timeout_that_a_patch_of_the_parent_sets_is_told_at_the_parents_file(read: Read) -> None:
    fleet = read(_files()).fleet
    (found,) = [f for f in check(fleet) if f.code == "FB206"]
    assert found.object == ks_id("child") and found.file == "clusters/c/parent.yaml"
    assert "timeout 20m0s, set by a patch of flux-system/parent, bounds only" in found.message
    assert found.fix.endswith("else drop timeout from that patch")


def test_a_timeout_of_the_objects_own_file_is_told_there(read: Read) -> None:
    (found,) = [f for f in check(read(_files(timeout="20m")).fleet) if f.code == "FB206"]
    assert found.file == "apps/child.yaml" and "set by" not in found.message

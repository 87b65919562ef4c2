"""Sources that nothing in the repository applies, and that ``--installed`` names as applied by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.graph.changes import check_installed, with_installed
from fleetbench.graph.checks import check
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.repo import Reading, read_repository
from tests.builders import fleet, ks, ks_id, scenario
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import config_map, flux, git

HOME = ObjectId(GIT_REPOSITORY, "flux-system", "home")


def _files(path: str = "./web", **spec: Any) -> dict[str, str]:
    """A cluster whose root nothing states, and a Kustomization of a source that lies beside it to be applied by hand."""
    return {
        "clusters/c/apps.yaml": flux("apps", "./apps"),
        "apps/web.yaml": flux("web", path, source="home"),
        "web/m.yaml": config_map("m", "default"),
        "bootstrap/home.yaml": git("home", **spec),
    }


def _reading(write: Write, read: Read, files: dict[str, str]) -> Reading:
    read(files)
    return read_repository(write(files), "clusters/c", cache=False, installed=[str(HOME)])


def test_what_a_source_that_was_applied_by_hand_holds_is_read_here(read: Read, write: Write) -> None:
    of = _reading(write, read, _files(interval="7m", ignore="other")).fleet
    web, home = of.kustomization(ks_id("web")), of.source(HOME)
    assert web is not None and web.expanded and [str(id) for id in web.objects] == ["ConfigMap/default/m"]
    assert home is not None and (home.interval_s, home.file) == (420.0, "bootstrap/home.yaml")
    assert not never_ready(compile_plan(scenario(with_installed(of, [str(HOME)]))))


def test_a_path_that_is_not_here_speaks_for_another_repository(read: Read, write: Write) -> None:
    web = _reading(write, read, _files("./elsewhere")).fleet.kustomization(ks_id("web"))
    assert web is not None and not web.expanded and web.broken is None


def test_a_source_with_another_address_than_the_roots_is_another_repository(read: Read, write: Write) -> None:
    root = git(url="https://example.test/this") + "---\n" + flux("flux-system", "./clusters/c")
    web = _reading(write, read, _files() | {"clusters/c/root.yaml": root}).fleet.kustomization(ks_id("web"))
    assert web is not None and not web.expanded


def test_the_way_out_is_told_beside_the_error(read: Read) -> None:
    (found,) = [f for f in read(_files()).findings if f.code == "FB106"]
    assert "--installed GitRepository/flux-system/home" in found.fix and found.settled_by == (str(HOME),)


def test_a_root_that_leaves_behind_what_the_entry_names_is_not_proposed(read: Read) -> None:
    files = {f"flux/{path}": text for path, text in _files().items()} | {
        "flux/clusters/c/apps.yaml": flux("apps", "./flux/apps"),
        "flux/bootstrap/top.yaml": flux("top", "./flux", source="home"),
    }
    (found,) = [f for f in read(files, "flux/clusters/c").findings if f.code == "FB106"]
    assert "--cluster-path" not in found.fix


def test_a_source_that_the_cluster_has_gets_an_artifact() -> None:
    of = fleet(ks("a", source=HOME), ks("flux-system", wait=False))
    missing = replace(of, sources=tuple(replace(s, defined=s.id != HOME) for s in of.sources))
    assert [f.object for f in check(missing) if f.code == "FB106"] == [ks_id("a")]
    check_installed(missing, [str(HOME)])
    there = with_installed(missing, [str(HOME)])
    assert not [f for f in check(there) if f.code == "FB106"]
    assert ks_id("a") not in never_ready(compile_plan(scenario(there)))

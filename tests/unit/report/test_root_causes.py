"""What ``simulate`` says of the first causes of what is never Ready."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.findings import OBJECT_REFUSED, PATH_MISSING, Finding
from fleetbench.graph.checks import check
from fleetbench.graph.document import to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Need
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice
from fleetbench.model.scenario import COMMIT
from fleetbench.prediction.strategies import Simulated, predict_strategies
from fleetbench.report.prediction import tables
from fleetbench.report.root_causes import root_causes
from tests.builders import fleet, hr, hr_id, ks, ks_id

NEED = Need("CustomResourceDefinition Store.example.org", ObjectId("Store", "x", "s"), hr_id("operator"), "apply")
DEADLOCK = fleet(ks("apps", needs=(NEED,)), hr("operator", "apps"), ks("late", "apps"), ks("fine"))


def _simulated(of: Fleet, *more: Finding, **choice: str) -> Simulated:
    return predict_strategies(of, Choice(**choice), "fine", 2, findings=(*more, *check(of)))  # type: ignore[arg-type]


def test_a_deadlock_is_named_with_its_fix_where_something_is_never_ready() -> None:
    result = _simulated(DEADLOCK)
    (said,) = root_causes(result)
    assert said.startswith("FB110 flux-system/apps: Store/x/s needs the CRD of Store.example.org")
    assert (
        "Fix: move Store/x/s, and what else needs it, into a Kustomization of its own" in said
        and "--installed example.org." in said
    )
    assert "What first keeps objects from Ready:" in [str(part) for part in tables(result)]


def test_what_holds_back_most_comes_first_and_no_more_than_three_are_named() -> None:
    broken = [ks(f"b{n}", broken="no such path") for n in range(4)]
    of = fleet(*broken, *DEADLOCK.kustomizations, *DEADLOCK.helmreleases)
    errors = [Finding(PATH_MISSING, "its path is not there", f"correct {k.id.name}", k.id) for k in broken]
    said = root_causes(_simulated(of, *errors))
    named = ["FB110 flux-system/apps", "FB105 flux-system/b0", "FB105 flux-system/b1"]
    assert [s.split(":")[0] for s in said] == [*named, "and 3 more"]


def test_nothing_is_named_where_all_turns_ready_or_a_running_fleet_has_got_over_it() -> None:
    assert root_causes(_simulated(fleet(ks("a")))) == []
    unrelated = Finding(PATH_MISSING, "its path is not there", "correct it", ks_id("fine"))
    assert root_causes(_simulated(fleet(ks("fine")), unrelated)) == []
    assert root_causes(_simulated(DEADLOCK, kind=COMMIT)) == []


def test_a_health_check_on_nothing_is_named() -> None:
    names = ObjectId("Deployment", "x", "gone")
    a = replace(
        ks("a", wait=False, health_checks=(names,)), objects=(ObjectId("ConfigMap", "x", "c"),), applies=1, workloads=()
    )
    root = replace(ks("flux-system", wait=False), objects=(ks_id("a"), ks_id("late")), workloads=())
    late = replace(ks("late", "a", wait=False, parent="flux-system"), objects=(), applies=0, workloads=())
    of = fleet(root, replace(a, parent=root.id), late)
    (said,) = root_causes(_simulated(of))
    assert said.startswith("FB210 flux-system/a: its health check names Deployment/x/gone")


def test_a_suspended_dependency_is_named_in_a_bootstrap() -> None:
    of = fleet(ks("a", suspend=True), ks("b", "a"), ks("c", "b"))
    (said,) = root_causes(_simulated(of))
    assert said.startswith("FB208 flux-system/b: depends on flux-system/a")


def test_an_object_that_is_refused_counts_with_all_that_its_kustomization_would_apply() -> None:
    alert = ObjectId("Provider", "flux-system", "slack")
    apps = replace(ks("apps", wait=False, refused="Provider/flux-system/slack"), objects=(alert,), workloads=())
    broken = [ks(name, parent="apps", broken="no such path") for name in ("a", "b")]
    first = [Finding(PATH_MISSING, "its path is not there", f"correct {k.id.name}", k.id) for k in broken]
    refused = Finding(OBJECT_REFUSED, "apiVersion: Flux serves another", "write that", alert)
    said = root_causes(_simulated(fleet(apps, *broken, ks("c", "b", parent="apps")), *first, refused))
    assert said[0].startswith("FB114 Provider/flux-system/slack")


def test_the_critical_path_of_a_bootstrap_that_waits_for_itself_is_none_and_says_for_what(tmp_path: Path) -> None:
    of = fleet(
        replace(ks("flux-system", needs=(NEED,)), workloads=()), hr("operator", "flux-system", chart="cert-manager")
    )
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(to_document(of, [])))
    shown = CliRunner().invoke(cli, ["graph", "--graph", str(graph)]).stdout
    assert "Critical path: none, as nothing here can turn Ready in a bootstrap: FB110" in shown
    settled = CliRunner().invoke(cli, ["graph", "--graph", str(graph), "--installed", "example.org"]).stdout
    assert "HelmRelease/flux-system/operator" in settled.partition("Critical path")[2].partition("Findings")[0]

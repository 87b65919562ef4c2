"""dependsOn: cycles, deadlocks, edges to nothing, suspended dependencies, redundant edges."""

from __future__ import annotations

from dataclasses import replace

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.findings import (
    CYCLE,
    DEPENDENCY_MISSING,
    DEPENDENCY_OTHER_KIND,
    DEPENDENCY_OTHER_NAMESPACE,
    DEPENDENCY_SUSPENDED,
    EDGE_REDUNDANT,
    ERROR,
    SELF_DEPENDENCY_LOOP,
    Finding,
)
from fleetbench.graph.checks import check
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Source
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.model.scenario import Scenario
from tests.builders import NS, fleet, hr, hr_id, ks, ks_id


def found(of: Fleet, code: str) -> list[Finding]:
    return [f for f in check(of) if f.code == code]


GIT = ObjectId(GIT_REPOSITORY, NS, "flux-system")
ROOT = ks("flux-system", wait=False, source=GIT)


def only(of: Fleet, code: str) -> Finding:
    [finding] = found(of, code)
    return finding


def test_a_cycle_is_spelled_out_with_who_waits_behind_it() -> None:
    finding = only(fleet(ks("a", "c"), ks("b", "a"), ks("c", "b"), ks("behind", "c")), CYCLE)
    assert finding.severity == ERROR
    assert "flux-system/a -> flux-system/c -> flux-system/b -> flux-system/a" in finding.message
    assert "behind it wait 1 more object: flux-system/behind" in finding.message
    assert finding.object == ks_id("a")


def test_an_object_that_depends_on_itself_is_a_cycle() -> None:
    assert "flux-system/a -> flux-system/a." in only(fleet(ks("a", "a")), CYCLE).message


def test_a_cycle_of_helm_releases_is_found_too() -> None:
    finding = only(fleet(ks("k"), hr("a", "k", "b"), hr("b", "k", "a")), CYCLE)
    assert finding.object == hr_id("a")


def test_two_separate_cycles_are_two_findings() -> None:
    of = fleet(ks("a", "b"), ks("b", "a"), ks("x", "y"), ks("y", "x"))
    assert [f.object for f in found(of, CYCLE)] == [ks_id("a"), ks_id("x")]


def test_a_child_that_depends_on_its_waiting_parent_is_a_deadlock() -> None:
    finding = only(fleet(ks("infra"), ks("app", "infra", parent="infra")), SELF_DEPENDENCY_LOOP)
    assert "flux-system/infra waits for flux-system/app (wait: true)" in finding.message
    assert "flux-system/app depends on flux-system/infra" in finding.message


def test_a_child_may_depend_on_a_parent_that_does_not_wait() -> None:
    assert found(fleet(ks("infra", wait=False), ks("app", "infra", parent="infra")), SELF_DEPENDENCY_LOOP) == []


def test_a_child_that_depends_on_what_depends_on_its_waiting_parent_is_a_deadlock() -> None:
    of = fleet(ks("infra"), ks("app", "between", parent="infra"), ks("between", "infra"))
    finding = only(of, SELF_DEPENDENCY_LOOP)
    assert "flux-system/between depends on flux-system/infra" in finding.message


def test_a_parent_that_depends_on_its_own_child_is_a_deadlock_even_without_wait() -> None:
    finding = only(fleet(ks("parent", "child", wait=False), ks("child", parent="parent")), SELF_DEPENDENCY_LOOP)
    assert "flux-system/child exists only once flux-system/parent is applied" in finding.message


def test_a_health_check_on_what_depends_on_its_owner_is_a_deadlock() -> None:
    a = ks("a", wait=False, health_checks=(hr_id("r"),))
    assert found(fleet(a, ks("b", "a"), hr("r", "b")), SELF_DEPENDENCY_LOOP)


def test_a_waiting_parent_of_a_cycle_is_reported_as_the_cycle_alone() -> None:
    of = fleet(ks("p"), ks("a", "b", parent="p"), ks("b", "a", parent="p"))
    assert len(found(of, CYCLE)) == 1
    assert found(of, SELF_DEPENDENCY_LOOP) == []


def test_a_source_that_only_a_dependant_creates_is_a_deadlock() -> None:
    charts = ObjectId(GIT_REPOSITORY, NS, "charts")
    ks_of = [ROOT, replace(ks("user"), source=charts), ks("owner", "user")]
    of = with_root(ks_of, [], [Source(charts, parent=ks_id("owner"))], None)
    assert "needs GitRepository/flux-system/charts" in only(of, SELF_DEPENDENCY_LOOP).message


def test_the_roots_own_source_is_there_before_whoever_applies_it() -> None:
    of = with_root([ROOT, ks("config", "apps"), ks("apps")], [], [Source(GIT, parent=ks_id("config"))], None)
    assert found(of, SELF_DEPENDENCY_LOOP) == []


def test_a_dependency_that_exists_nowhere_is_an_error_with_a_suggestion() -> None:
    finding = only(fleet(ks("app", "databse"), ks("database")), DEPENDENCY_MISSING)
    assert finding.severity == ERROR
    assert finding.object == ks_id("app")
    assert "polls for ever" in finding.message
    assert finding.fix == "did you mean flux-system/database?"


def test_a_dependency_of_the_other_kind_names_the_kustomization_that_holds_it() -> None:
    finding = only(fleet(ks("app", "redis"), ks("data"), hr("redis", "data")), DEPENDENCY_OTHER_KIND)
    assert "is a HelmRelease" in finding.message
    assert "flux-system/data" in finding.fix


def test_a_helm_release_cannot_depend_on_a_kustomization() -> None:
    finding = only(fleet(ks("data"), ks("apps"), hr("app", "apps", "data")), DEPENDENCY_OTHER_KIND)
    assert finding.object == hr_id("app")


def test_a_dependency_in_another_namespace_names_it() -> None:
    elsewhere = replace(ks("db"), id=ks_id("db")._replace(namespace="data"))
    finding = only(fleet(ks("app", "db"), elsewhere), DEPENDENCY_OTHER_NAMESPACE)
    assert "lives in namespace data" in finding.message
    assert finding.fix == "add namespace: data to this dependsOn entry"


def test_a_suspended_dependency_is_a_warning_at_the_dependant() -> None:
    finding = only(fleet(ks("db", suspend=True), ks("app", "db")), DEPENDENCY_SUSPENDED)
    assert finding.object == ks_id("app")
    assert finding.severity == "warning"


def test_a_waiting_parent_of_a_suspended_child_runs_into_its_timeout() -> None:
    finding = only(fleet(ks("parent"), ks("asleep", parent="parent", suspend=True)), DEPENDENCY_SUSPENDED)
    assert finding.object == ks_id("parent")


def test_an_edge_implied_by_a_chain_is_redundant() -> None:
    finding = only(fleet(ks("a"), ks("b", "a"), ks("c", "b"), ks("d", "a", "c")), EDGE_REDUNDANT)
    assert finding.object == ks_id("d")
    assert "flux-system/d -> flux-system/c -> flux-system/b -> flux-system/a already implies" in finding.message


def test_two_dependencies_that_do_not_depend_on_each_other_are_not_redundant() -> None:
    assert found(fleet(ks("a"), ks("b"), ks("c", "a", "b")), EDGE_REDUNDANT) == []


def test_a_dependency_named_twice_is_redundant() -> None:
    assert "twice" in only(fleet(ks("a"), ks("b", "a", "a")), EDGE_REDUNDANT).message


def test_a_chain_through_another_source_does_not_imply_an_edge_within_one() -> None:
    # b is Ready at its own source's revision, whatever a's revision: c's edge to a still orders new commits.
    other = ObjectId(GIT_REPOSITORY, NS, "other")
    of = fleet(ROOT, ks("a"), replace(ks("b", "a"), source=other), ks("c", "a", "b"))
    assert found(of, EDGE_REDUNDANT) == []


def test_an_edge_with_a_ready_expression_says_something_of_its_own() -> None:
    c = ks("c", "b")
    c = replace(c, depends_on=(*c.depends_on, Dependency(ks_id("a"), "dep.status.x == 1")))
    assert found(fleet(ks("a"), ks("b", "a"), c), EDGE_REDUNDANT) == []


def test_members_of_a_cycle_get_no_advice_on_redundant_edges() -> None:
    assert found(fleet(ks("a", "b", "c"), ks("b", "c"), ks("c", "a", "b")), EDGE_REDUNDANT) == []


def test_a_finding_points_at_the_objects_file_and_line() -> None:
    finding = only(fleet(ks("app", "nothing", file="apps/app.yaml", line=7)), DEPENDENCY_MISSING)
    assert (finding.file, finding.line) == ("apps/app.yaml", 7)


def test_a_suspended_release_holds_up_no_parent_as_kstatus_calls_it_current() -> None:
    assert found(fleet(ks("parent"), hr("asleep", "parent", suspend=True)), DEPENDENCY_SUSPENDED) == []


def test_of_what_is_suspended_itself_nobody_says_that_it_waits_for_what_is_suspended() -> None:
    of = fleet(ks("db", suspend=True), ks("app", "db", suspend=True), ks("below", "db", parent="app"))
    assert found(of, DEPENDENCY_SUSPENDED) == []


def test_a_suggestion_is_never_the_object_itself_nor_what_depends_on_it() -> None:
    itself = only(fleet(ks("apps"), hr("shop", "apps", "shop-db")), DEPENDENCY_MISSING)
    assert itself.fix == "define HelmRelease flux-system/shop-db or drop it from dependsOn"
    after = only(fleet(ks("shop", "shop-db"), ks("shop-d", "shop"), ks("chop-db")), DEPENDENCY_MISSING)
    assert after.fix == "did you mean flux-system/chop-db?"
    elsewhere = replace(ks("db"), id=ks_id("db")._replace(namespace="data"), depends_on=(Dependency(ks_id("db")),))
    assert found(fleet(elsewhere), DEPENDENCY_OTHER_NAMESPACE) == []


def suspended_source(of: Fleet, *names: str) -> Fleet:
    """The fleet with some Kustomizations built from a suspended source that the root applies."""
    source = Source(ObjectId(GIT_REPOSITORY, NS, "paused"), parent=ks_id("flux-system"), suspend=True)
    ks_ = [replace(k, source=source.id) if k.id.name in names else k for k in of.kustomizations]
    return replace(of, kustomizations=tuple(ks_), sources=(*of.sources, source))


def test_a_dependency_from_a_suspended_source_is_a_warning_at_the_dependant() -> None:
    of = suspended_source(fleet(ks("db"), ks("app", "db"), ks("below", "db", parent="db")), "db")
    finding = only(of, DEPENDENCY_SUSPENDED)
    assert finding.object == ks_id("app")
    assert finding.message.startswith("depends on flux-system/db, whose source is suspended: in a bootstrap")
    assert finding.fix == "resume GitRepository/flux-system/paused or drop flux-system/db from dependsOn"


def test_what_waits_for_a_suspended_source_or_for_what_is_built_from_one_runs_into_its_timeout() -> None:
    of = suspended_source(fleet(ks("flux-system", wait=True), ks("db", parent="flux-system")), "db")
    source, behind = found(of, DEPENDENCY_SUSPENDED)
    assert {source.object, behind.object} == {ks_id("flux-system")}
    assert source.message.startswith("waits for GitRepository/flux-system/paused, suspended: in a bootstrap")
    assert behind.message.startswith("waits for flux-system/db, whose source is suspended: in a bootstrap")
    assert ks_id("flux-system") in never_ready(compile_plan(Scenario(of)))

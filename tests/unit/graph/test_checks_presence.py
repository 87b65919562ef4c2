"""What is named but not there, what cannot be built, and pods that do not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.findings import (
    BUILD_FAILED,
    FILE_UNREADABLE,
    HEALTH_CHECK_MISSING,
    NEVER_RECONCILED,
    NODE_CAPACITY,
    OBJECT_REFUSED,
    PATH_MISSING,
    SOURCE_MISSING,
    Finding,
)
from fleetbench.graph.changes import check_installed, with_installed
from fleetbench.graph.checks import check, combined
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source, Workload
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, ObjectId
from tests.builders import NS, fleet, hr, ks, ks_id

DEPLOYMENT = ObjectId("Deployment", "default", "web")


def found(of: Fleet, code: str) -> list[Finding]:
    return [f for f in check(of) if f.code == code]


def test_a_source_that_is_defined_nowhere_is_an_error_with_a_suggestion() -> None:
    missing, there = ObjectId(GIT_REPOSITORY, NS, "chart"), ObjectId(GIT_REPOSITORY, NS, "charts")
    sources = [Source(missing, defined=False), Source(there)]
    root = ks("flux-system", source=there)
    [finding] = found(with_root([root, replace(ks("a"), source=missing)], [], sources, None), SOURCE_MISSING)
    assert (finding.severity, finding.object) == ("error", ks_id("a"))
    assert finding.fix == "did you mean GitRepository/flux-system/charts?"


def test_what_cannot_be_built_is_an_error_that_gives_the_reason() -> None:
    failed = "kustomize cannot build it: kustomization.yaml:3: b.yaml does not exist"
    of = fleet(ks("a", broken="spec.path ./apps/a does not exist"), ks("b", broken=failed))
    assert [f.object for f in found(of, PATH_MISSING)] == [ks_id("a")]
    (finding,) = found(of, BUILD_FAILED)
    assert finding.object == ks_id("b") and "kustomization.yaml:3" in finding.message


def test_a_suspended_root_is_a_warning_as_nothing_follows_it() -> None:
    of = fleet(ks("flux-system", suspend=True), ks("a", parent="flux-system"))
    (finding,) = found(of, NEVER_RECONCILED)
    assert (finding.severity, finding.object) == ("warning", ks_id("flux-system"))
    assert found(fleet(ks("flux-system"), ks("a", parent="flux-system", suspend=True)), NEVER_RECONCILED) == []


def test_a_suspended_source_is_a_warning_that_names_who_waits_for_it() -> None:
    git, unused = ObjectId(GIT_REPOSITORY, NS, "flux-system"), ObjectId(GIT_REPOSITORY, NS, "unused")
    sources = [Source(git, suspend=True, file="sync.yaml", line=3), Source(unused, suspend=True)]
    root, a = replace(ks("flux-system"), source=git), replace(ks("a"), source=git)
    (finding,) = found(with_root([root, a], [], sources, None), NEVER_RECONCILED)
    assert (finding.object, finding.file, finding.line) == (git, "sync.yaml", 3)
    assert "flux-system/a, flux-system/flux-system never turn Ready" in finding.message


def test_what_the_reader_reported_is_not_reported_again() -> None:
    of = fleet(ks("a", broken="spec.path ./apps/a does not exist"), ks("b", "nothing"))
    read = [Finding(FILE_UNREADABLE, "as the reader says it", "fix", ks_id("a"), "a.yaml", 3)]
    all_of_them = combined(read, check(of), of)
    assert [f.message for f in all_of_them if f.object == ks_id("a") and f.severity == "error"] == [
        "as the reader says it"
    ]
    assert any(f.object == ks_id("b") for f in all_of_them)


def checking(*, objects: tuple[ObjectId, ...] = (DEPLOYMENT,), names: ObjectId) -> Fleet:
    a = replace(ks("a", wait=False, health_checks=(names,)), objects=objects, applies=len(objects), workloads=())
    root = replace(ks("flux-system", wait=False), objects=(ks_id("a"),), workloads=())
    return fleet(root, replace(a, parent=root.id))


def test_a_health_check_on_what_nothing_creates_is_reported_with_a_suggestion() -> None:
    [finding] = found(checking(names=DEPLOYMENT._replace(name="webb")), HEALTH_CHECK_MISSING)
    assert finding.fix == "did you mean Deployment/default/web?"


def test_a_health_check_on_what_is_created_is_fine() -> None:
    assert found(checking(names=DEPLOYMENT), HEALTH_CHECK_MISSING) == []


def test_health_checks_that_wait_overrides_are_not_judged() -> None:
    of = checking(names=DEPLOYMENT._replace(name="webb"))
    of = replace(of, kustomizations=tuple(replace(k, wait=True) for k in of.kustomizations))
    assert found(of, HEALTH_CHECK_MISSING) == []


def test_a_health_check_may_name_what_a_chart_that_could_not_be_rendered_creates() -> None:
    of = checking(names=ObjectId("Deployment", "data", "pg"))
    release = replace(hr("pg", "a", target_namespace="data"), workloads_known=False)
    assert found(replace(of, helmreleases=(release,)), HEALTH_CHECK_MISSING) == []


def test_a_health_check_on_a_release_that_does_not_exist_is_reported_whatever_charts_create() -> None:
    of = checking(names=ObjectId(HELM_RELEASE, NS, "db"))
    release = replace(hr("pg", "a"), workloads_known=False)
    assert len(found(replace(of, helmreleases=(release,)), HEALTH_CHECK_MISSING)) == 1


def test_nothing_is_said_about_health_checks_where_content_is_unknown() -> None:
    of = checking(names=DEPLOYMENT._replace(name="webb"))
    unread = tuple(replace(k, applies=k.applies + 1) for k in of.kustomizations)
    assert found(replace(of, kustomizations=unread), HEALTH_CHECK_MISSING) == []


def test_more_pods_than_the_nodes_hold_is_reported_with_the_nodes_it_takes() -> None:
    many = Workload(DEPLOYMENT, replicas=111)
    of = fleet(replace(ks("a"), workloads=(many,)))
    [finding] = found(of, NODE_CAPACITY)
    assert "starts 111 pods" in finding.message
    assert "at least 2 nodes" in finding.fix
    assert [f for f in check(of, nodes=2) if f.code == NODE_CAPACITY] == []
    assert [f for f in check(of, node_pods=250) if f.code == NODE_CAPACITY] == []


def test_only_what_starts_pods_that_stay_takes_room() -> None:
    kinds = ("PersistentVolumeClaim", "ExternalSecret", "ClusterSecretStore", "Job", "Deployment", "Cluster")
    of = fleet(replace(ks("a"), workloads=tuple(Workload(ObjectId(kind, "x", "x")) for kind in kinds)))
    (finding,) = [f for f in check(of, node_pods=1) if f.code == NODE_CAPACITY]
    assert finding.message.startswith("the fleet starts 2 pods") and "--profile" in finding.fix


def test_a_daemon_set_takes_a_pod_on_every_node_and_hooks_take_none_for_long() -> None:
    each = Workload(ObjectId("DaemonSet", "default", "agent"), replicas=1)
    hook = Workload(ObjectId("Job", "default", "hook"), hook=True)
    of = fleet(replace(ks("a"), workloads=(each, hook)))
    assert [f for f in check(of, nodes=3, node_pods=1) if f.code == NODE_CAPACITY] == []
    of = fleet(replace(ks("a"), workloads=(each, replace(each, object=DEPLOYMENT))))
    assert "starts 4 pods" in next(f.message for f in check(of, nodes=3, node_pods=1) if f.code == NODE_CAPACITY)


@pytest.mark.parametrize(
    "named",
    [
        ObjectId("Deployment", "kube-system", "coredns"),
        ObjectId("Namespace", "", "kube-system"),
        ObjectId("Deployment", NS, "source-controller"),
    ],
)
def test_what_every_cluster_that_runs_flux_has_is_no_name_of_nothing(named: ObjectId) -> None:
    assert found(checking(names=named), HEALTH_CHECK_MISSING) == []


def test_what_was_there_before_flux_may_be_named_to_installed() -> None:
    by_hand = ObjectId("Secret", "default", "by-hand")
    of = checking(names=by_hand)
    [finding] = found(of, HEALTH_CHECK_MISSING)
    assert finding.fix.endswith("where the cluster has it: --installed Secret/default/by-hand")
    check_installed(of, [str(by_hand)])
    assert found(with_installed(of, [str(by_hand)]), HEALTH_CHECK_MISSING) == []


@pytest.mark.parametrize(
    ("custom", "workload", "made"),
    [
        (("VMAgent", "default", "nas"), "vmagent-nas", True),
        (("VMCluster", "default", "long-term"), "vminsert-long-term", True),
        (("Grafana", "default", "grafana"), "grafana-deployment", True),
        (("VMAgent", "elsewhere", "nas"), "vmagent-nas", False),
        (("VMAgent", "default", "nas"), "vmagentnas", False),
        (("ExternalSecret", "default", "web"), "web-server", False),
        (("Subscription", "default", "gatekeeper-operator-product"), "gatekeeper-controller", True),
        (("Subscription", "elsewhere", "gatekeeper-operator-product"), "gatekeeper-controller", False),
    ],
)
def test_a_workload_that_an_operator_makes_of_a_custom_resource_is_not_missing(
    custom: tuple[str, str, str], workload: str, made: bool
) -> None:
    named = ObjectId("Deployment", "default", workload)
    k = replace(ks("a"), wait=False, health_checks=(named,), objects=(ObjectId(*custom),), applies=1)
    assert bool(found(fleet(k), HEALTH_CHECK_MISSING)) is not made


def test_what_is_suspended_or_only_applied_by_what_is_makes_no_error() -> None:
    asleep = replace(ks("asleep", suspend=True), broken="spec.path does not exist")
    below, awake = hr("below", "asleep"), hr("awake", "b")
    charts = Source(ObjectId("HelmRepository", NS, "charts"), parent=asleep.id)
    of = replace(fleet(asleep, ks("b"), below, awake), sources=(charts,))
    read = [Finding(OBJECT_REFUSED, "no such version", "write v2", id) for id in (below.id, charts.id, awake.id)]
    read.append(Finding(PATH_MISSING, "no such path", "correct it", asleep.id))
    told = {f.object: (f.severity, f.message) for f in combined(read, [], of)}
    assert told[awake.id] == ("error", "no such version")
    for id in (below.id, charts.id, asleep.id):
        severity, message = told[id]
        assert severity == "warning" and message.endswith("no error yet, as it is suspended or only applied by what is")
    again = combined(combined(read, [], of), [], of)
    assert {f.object: f.message for f in again} == {id: message for id, (_, message) in told.items()}

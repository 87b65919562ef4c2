"""Needs of each other that no edge declares: deadlocks, and lost retry intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetbench.findings import CRD_DEADLOCK, NEED_UNDECLARED, SELF_DEPENDENCY_LOOP, Finding
from fleetbench.graph.checks import check
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization, Need, Workload
from fleetbench.ids import ObjectId
from tests.builders import fleet, hr, hr_id, ks, ks_id

CLUSTER = ObjectId("Cluster", "data", "pg")
CRD = "CustomResourceDefinition clusters.postgresql.cnpg.io"


def needing(name: str, provider: ObjectId, *depends_on: str, blocks: str = "apply", **fields: Any) -> Kustomization:
    return ks(name, *depends_on, needs=(Need(CRD, CLUSTER, provider, blocks),), **fields)


def codes(of: Fleet) -> set[str]:
    return {f.code for f in check(of)} & {CRD_DEADLOCK, NEED_UNDECLARED, SELF_DEPENDENCY_LOOP}


def only(of: Fleet, code: str) -> Finding:
    [finding] = [f for f in check(of) if f.code == code]
    return finding


def test_a_custom_resource_beside_the_release_that_brings_its_crd_is_a_deadlock() -> None:
    of = fleet(needing("pg", hr_id("cnpg")), hr("cnpg", "pg"))
    finding = only(of, CRD_DEADLOCK)
    assert finding.object == ks_id("pg")
    assert "for ever" in finding.message
    assert codes(of) == {CRD_DEADLOCK}


def test_a_custom_resource_elsewhere_without_an_edge_loses_a_retry_interval() -> None:
    of = fleet(needing("pg", hr_id("cnpg"), retry_interval_s=120.0), ks("operator"), hr("cnpg", "operator"))
    finding = only(of, NEED_UNDECLARED)
    assert "retryInterval is lost (2m0s)." in finding.message
    assert finding.fix == "add flux-system/operator to the dependsOn of flux-system/pg"


def test_the_fix_asks_for_a_wait_where_the_holder_has_none() -> None:
    of = fleet(needing("pg", hr_id("cnpg")), ks("operator", wait=False), hr("cnpg", "operator"))
    assert "and set wait: true on flux-system/operator" in only(of, NEED_UNDECLARED).fix


def test_what_a_holder_applies_itself_needs_no_wait_of_it() -> None:
    of = fleet(needing("pg", ks_id("crds")), ks("crds", wait=False))
    assert only(of, NEED_UNDECLARED).fix == "add flux-system/crds to the dependsOn of flux-system/pg"


def test_an_edge_to_a_waiting_holder_declares_the_need() -> None:
    assert codes(fleet(needing("pg", hr_id("cnpg"), "operator"), ks("operator"), hr("cnpg", "operator"))) == set()


def test_an_edge_to_a_holder_that_does_not_wait_is_not_enough_for_what_a_release_brings() -> None:
    of = fleet(needing("pg", hr_id("cnpg"), "operator"), ks("operator", wait=False), hr("cnpg", "operator"))
    assert only(of, NEED_UNDECLARED).fix.startswith("set wait: true on flux-system/operator")


def test_an_edge_to_a_holder_that_does_not_wait_is_enough_for_what_it_applies_itself() -> None:
    assert codes(fleet(needing("pg", ks_id("crds"), "crds"), ks("crds", wait=False))) == set()


def test_an_indirect_edge_declares_the_need() -> None:
    assert codes(fleet(needing("pg", ks_id("crds"), "b"), ks("b", "crds"), ks("crds"))) == set()


def test_the_edge_of_a_parent_declares_the_need_of_its_children() -> None:
    of = fleet(ks("crds"), ks("apps", "crds"), needing("pg", ks_id("crds"), parent="apps"))
    assert codes(of) == set()


def test_what_the_root_applies_is_there_before_its_children() -> None:
    assert codes(fleet(needing("pg", ks_id("flux-system")))) == set()


def test_a_need_of_what_depends_on_the_needing_object_is_a_deadlock() -> None:
    of = fleet(needing("pg", ks_id("crds")), ks("crds", "pg"))
    assert "can only follow flux-system/pg" in only(of, SELF_DEPENDENCY_LOOP).message


def test_a_build_that_needs_what_only_its_own_apply_brings_is_a_deadlock() -> None:
    assert codes(fleet(needing("app", ks_id("app"), blocks="build"))) == {SELF_DEPENDENCY_LOOP}


def test_a_workload_that_comes_up_late_loses_no_retry_interval() -> None:
    message = only(
        fleet(needing("app", ks_id("secrets"), blocks="workload"), ks("secrets"), hr("web", "app")), NEED_UNDECLARED
    ).message
    assert "its pods only start then, and a health check waits for that" in message
    assert "retryInterval" not in message


def test_a_need_that_nothing_here_provides_is_no_finding() -> None:
    assert codes(fleet(ks("app", needs=(Need(CRD, CLUSTER, None, "apply"),)))) == set()


def test_needs_of_one_provider_are_one_finding() -> None:
    needs = tuple(Need(f"Secret data/s{i}", CLUSTER, ks_id("secrets"), "apply") for i in range(4))
    message = only(fleet(ks("app", needs=needs), ks("secrets")), NEED_UNDECLARED).message
    assert "Secret data/s0, Secret data/s1 and 2 more" in message


def test_what_a_release_needs_through_an_object_of_its_parents_is_told_of_the_parent_only() -> None:
    needs = (Need("ClusterSecretStore vault", ObjectId("ExternalSecret", "a", "db"), ks_id("stores"), "workload"),)
    of = fleet(ks("apps", needs=needs), ks("stores"), hr("app", "apps", needs=needs))
    assert only(of, NEED_UNDECLARED).object == ks_id("apps")


def test_what_a_release_needs_through_an_object_of_another_kustomization_is_told_of_that_one() -> None:
    secret = ObjectId("ExternalSecret", "a", "db")
    need = Need("ClusterSecretStore vault", secret, ks_id("stores"), "workload")
    holder = replace(ks("secrets", "stores", needs=(need,)), objects=(secret,))
    release = hr("app", "apps", needs=(replace(need, blocks="build"),))
    assert [f for f in check(fleet(ks("stores"), holder, ks("apps"), release)) if f.code == NEED_UNDECLARED] == []


@pytest.mark.parametrize(("what", "blocks"), [("ConfigMap data/values", "build"), (CRD, "apply")])
def test_a_release_is_tried_again_soon_for_values_and_custom_kinds(what: str, blocks: str) -> None:
    release = hr("app", "apps", needs=(Need(what, CLUSTER, ks_id("secrets"), blocks),))
    finding = only(fleet(ks("apps"), ks("secrets"), release), NEED_UNDECLARED)
    assert "tried again after 0.75 s" in finding.message


def test_a_release_without_retries_fails_for_good_for_want_of_its_namespace() -> None:
    release = hr("app", "apps", needs=(Need("Namespace data", CLUSTER, ks_id("secrets"), "apply"),))
    finding = only(fleet(ks("apps"), ks("secrets"), release), NEED_UNDECLARED)
    assert "without retries that is final" in finding.message
    assert finding.fix == "add flux-system/secrets to the dependsOn of flux-system/apps"


def test_what_is_suspended_loses_no_time_to_an_edge_that_is_missing() -> None:
    for suspend in (False, True):
        of = fleet(ks("base"), needing("app", ks_id("base"), suspend=suspend))
        assert codes(of) == (set() if suspend else {NEED_UNDECLARED})


def test_what_several_lack_of_one_provider_is_one_cause() -> None:
    found = check(fleet(ks("base"), *(needing(name, ks_id("base")) for name in "abc")))
    shared = {f.shared for f in found if f.code == NEED_UNDECLARED}
    assert [s.fix for s in shared if s] == ["add flux-system/base to the dependsOn of each"]


def test_what_only_a_suspended_object_would_create_loses_no_time_either() -> None:
    def of(asleep: bool) -> Fleet:
        release = replace(hr("db", "app"), needs=(Need(CRD, CLUSTER, hr_id("cnpg"), "apply"),))
        return fleet(needing("app", hr_id("cnpg"), suspend=asleep), release, ks("operator"), hr("cnpg", "operator"))

    assert codes(of(asleep=True)) == set() and codes(of(asleep=False)) == {NEED_UNDECLARED}


def test_a_parent_that_needs_what_only_its_child_brings_is_told_to_move_that_not_to_split_the_child() -> None:
    secret = ObjectId("ExternalSecret", "apps", "token")
    needs = (Need("ClusterSecretStore onepassword", secret, ks_id("store"), "workload"),)
    parent = replace(ks("apps", wait=False, needs=needs), workloads=(Workload(secret, group="external-secrets.io"),))
    finding = only(fleet(parent, ks("store", parent="apps")), NEED_UNDECLARED)
    assert finding.fix == (
        "move ExternalSecret/apps/token, and what else needs it, into a Kustomization of its own that depends on flux-system/store"
    )
    assert "pods" not in finding.message and "health check" not in finding.message
    assert finding.message.endswith("if it comes late what needs it only turns Ready then.")


def test_a_waiting_parent_of_the_one_in_need_is_still_to_be_split() -> None:
    # The parent brings it through a release, which is Ready no sooner than the parent's own health check looks.
    of = fleet(ks("other"), ks("all"), hr("cnpg", "all"), needing("pg", hr_id("cnpg"), parent="all", wait=False))
    assert only(of, NEED_UNDECLARED).fix == (
        "split flux-system/all: it waits for flux-system/pg itself, so flux-system/pg cannot depend on it"
    )


def test_several_need_and_one_needs_and_a_kind_is_not_taken_for_the_name_of_its_crd() -> None:
    what = "CustomResourceDefinition Certificate.cert-manager.io"
    two = tuple(Need(what, ObjectId("Certificate", "a", name), hr_id("cm"), "apply") for name in "ab")
    of = fleet(ks("app", needs=two), ks("operator"), hr("cm", "operator"))
    message = only(of, NEED_UNDECLARED).message
    assert message.startswith("Certificate/a/a, Certificate/a/b need the CRD of Certificate.cert-manager.io, which ")


def crd_of(name: str, provider: ObjectId, blocks: str = "apply") -> tuple[Need, ...]:
    kind = f"CustomResourceDefinition {name}.example.org"
    return (Need(kind, ObjectId(name, "default", name.lower()), provider, blocks),)


def test_needs_in_a_circle_are_a_deadlock_and_no_lost_retry_interval() -> None:
    of = fleet(
        ks("a", needs=crd_of("Monitor", hr_id("prometheus"))),
        hr("cert-manager", "a"),
        ks("b", needs=crd_of("Certificate", hr_id("cert-manager"))),
        hr("prometheus", "b"),
    )
    assert codes(of) == {SELF_DEPENDENCY_LOOP}
    first, second = (f for f in check(of) if f.code == SELF_DEPENDENCY_LOOP)
    assert (first.object, second.object) == (ks_id("a"), ks_id("b"))
    assert first.message == (
        "Monitor/default/monitor needs the CRD of Monitor.example.org, which HelmRelease/flux-system/prometheus in "
        "flux-system/b brings; Certificate/default/certificate needs the CRD of Certificate.example.org, which "
        "HelmRelease/flux-system/cert-manager in flux-system/a brings: a circle, a deadlock in a bootstrap. "
        "None of flux-system/a, flux-system/b can turn Ready."
    )
    assert first.fix.startswith(
        "move Monitor/default/monitor, and what else needs it, into a Kustomization of its own that depends on flux-system/b (one move ends"
    )
    assert first.fix.endswith("say so with --installed example.org")


def test_a_circle_of_needs_may_go_through_edges_that_controllers_enforce() -> None:
    of = fleet(
        ks("a", needs=crd_of("Monitor", hr_id("prometheus"))),
        ks("b", "c"),
        hr("prometheus", "b"),
        ks("c", needs=crd_of("Certificate", hr_id("cert-manager"))),
        hr("cert-manager", "a"),
    )
    assert codes(of) == {SELF_DEPENDENCY_LOOP}
    assert all(
        "flux-system/b depends on flux-system/c" in f.message for f in check(of) if f.code == SELF_DEPENDENCY_LOOP
    )


def test_what_needs_something_of_a_circle_and_is_not_in_it_lacks_an_edge() -> None:
    of = fleet(
        ks("a", needs=crd_of("Monitor", hr_id("prometheus"))),
        hr("cert-manager", "a"),
        ks("b", needs=crd_of("Certificate", hr_id("cert-manager"))),
        hr("prometheus", "b"),
        ks("c", needs=crd_of("Monitor", hr_id("prometheus"))),
    )
    assert only(of, NEED_UNDECLARED).fix == "add flux-system/b to the dependsOn of flux-system/c"


def test_what_a_build_needs_in_a_circle_is_moved_and_not_the_object_itself() -> None:
    of = fleet(
        ks("a", needs=(Need("ConfigMap data/values", ks_id("a"), ks_id("b"), "build"),)),
        ks("b", needs=crd_of("Certificate", ks_id("a"))),
    )
    first, _ = (f for f in check(of) if f.code == SELF_DEPENDENCY_LOOP)
    assert first.fix.startswith(
        "move ConfigMap data/values into a Kustomization of its own that flux-system/a depends on"
    )


def test_what_is_moved_takes_the_namespace_along_that_only_who_waits_for_it_brings() -> None:
    secret = Need("Secret monitoring/store", ks_id("a"), ks_id("b"), "build")
    space = ObjectId("Namespace", "", "monitoring")
    of = fleet(ks("a", needs=(secret,), objects=(space,)), ks("b", needs=crd_of("Certificate", ks_id("a"))))
    first, _ = (f for f in check(of) if f.code == SELF_DEPENDENCY_LOOP)
    assert first.fix.startswith(
        "move Secret monitoring/store, with Namespace monitoring, into a Kustomization of its own"
    )


def test_crds_that_kustomizations_apply_themselves_come_first_and_so_make_no_circle() -> None:
    of = fleet(
        ks("a", needs=crd_of("Monitor", ks_id("b"))),
        ks("b", needs=crd_of("Certificate", ks_id("a"))),
    )
    assert codes(of) == {NEED_UNDECLARED}
    assert all(f.fix.startswith(("add ", "move ")) for f in check(of) if f.code == NEED_UNDECLARED)
    assert sum(f.fix.startswith("add ") for f in check(of) if f.code == NEED_UNDECLARED) < 2


def test_one_suspended_member_makes_no_circle() -> None:
    of = fleet(
        ks("a", needs=crd_of("Monitor", hr_id("prometheus"))),
        hr("cert-manager", "a"),
        ks("b", needs=crd_of("Certificate", hr_id("cert-manager")), suspend=True),
        hr("prometheus", "b"),
    )
    assert codes(of) == {NEED_UNDECLARED}


@pytest.mark.parametrize("wait", [True, False])
def test_edges_that_would_close_a_cycle_together_are_not_both_proposed(wait: bool) -> None:
    of = fleet(
        ks("a", needs=crd_of("Store", ks_id("b"), "workload"), wait=wait),
        ks("b", needs=crd_of("Certificate", ks_id("a"), "workload"), wait=wait),
    )
    fixes = [f.fix for f in check(of) if f.code == NEED_UNDECLARED]
    assert len(fixes) == 2
    assert not {"add flux-system/b to the dep", "add flux-system/a to the dep"} <= {fix[:28] for fix in fixes}
    assert any(fix.startswith("move ") and "would close a cycle" in fix for fix in fixes)


def test_no_edge_is_proposed_to_what_waits_for_workloads_that_need_the_other() -> None:
    # b after the Ready of a would be a deadlock: a waits for what only b brings.
    of = fleet(
        ks("a", needs=crd_of("Store", ks_id("b"), "workload")),
        ks("b", needs=crd_of("Certificate", ks_id("a"))),
    )
    assert [f.fix.partition(":")[0] for f in check(of) if f.code == NEED_UNDECLARED] == [
        "move the CRD of Store.example.org into a Kustomization of its own that flux-system/a depends on",
        "move Certificate/default/certificate, and what else needs it, into a Kustomization of its own that depends on flux-system/a",
    ]


def test_edges_proposed_around_three_objects_close_no_cycle() -> None:
    needs = {"a": "b", "b": "c", "c": "a"}
    of = fleet(*(ks(name, needs=crd_of(name.upper(), ks_id(other), "workload")) for name, other in needs.items()))
    assert any(f.fix.startswith("move ") for f in check(of) if f.code == NEED_UNDECLARED)
    taken = {
        name for name, other in needs.items() for f in check(of) if f.fix.startswith(f"add flux-system/{other} to the")
    }
    after = fleet(*(replace(ks(name, *([other] if name in taken else []))) for name, other in needs.items()))
    assert not [f for f in check(after) if f.code == "FB101"]

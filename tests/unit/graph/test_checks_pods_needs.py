"""Needs of pods that a health check waits for: deadlocks, edges that would make one; and needs around the root."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.findings import CRD_DEADLOCK, NEED_UNDECLARED, SELF_DEPENDENCY_LOOP
from fleetbench.graph.checks import check
from fleetbench.graph.checks.needs import missing_edges
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Need
from fleetbench.ids import ObjectId
from tests.builders import fleet, hr, hr_id, ks, ks_id

DATABASE, MONITOR = ObjectId("StatefulSet", "default", "db"), ObjectId("Monitor", "default", "m")


def fast(provider: ObjectId) -> tuple[Need, ...]:
    return (Need("StorageClass fast", DATABASE, provider, "workload"),)


def login(provider: ObjectId) -> tuple[Need, ...]:
    return (Need("Secret default/login", DATABASE, provider, "workload"),)


def monitor(provider: ObjectId) -> tuple[Need, ...]:
    return (Need("CustomResourceDefinition Monitor.example.org", MONITOR, provider, "apply"),)


def found(of: Fleet, *codes: str) -> list[tuple[str, str, str, str]]:
    wanted = codes or (CRD_DEADLOCK, SELF_DEPENDENCY_LOOP, NEED_UNDECLARED)
    return [(f.code, f.object.name if f.object else "", f.message, f.fix) for f in check(of) if f.code in wanted]


def test_pods_that_a_health_check_waits_for_and_whose_class_can_only_follow_are_a_deadlock() -> None:
    of = fleet(ks("app", needs=fast(ks_id("storage"))), ks("storage", "app"))
    assert found(of) == [
        (
            SELF_DEPENDENCY_LOOP,
            "app",
            "StatefulSet/default/db needs StorageClass fast, which flux-system/storage brings, and a health check waits for "
            "that, but flux-system/storage can only follow flux-system/app: a deadlock in a bootstrap.",
            "move StorageClass fast into a Kustomization of its own that flux-system/app depends on; if the cluster has it "
            "before Flux comes, say so with --installed StorageClass/fast",
        )
    ]


@pytest.mark.parametrize("suspend", [False, True])
def test_no_deadlock_where_nobody_waits_for_the_pods_or_all_is_suspended(suspend: bool) -> None:
    app = ks("app", needs=fast(ks_id("storage")), wait=suspend, suspend=suspend)
    codes = [code for code, *_ in found(fleet(app, ks("storage", "app")))]
    assert codes == ([] if suspend else [NEED_UNDECLARED])


def operator(name: str, parent: str, needs: tuple[Need, ...]) -> HelmRelease:
    return replace(hr(name, parent), needs=needs)


def test_pods_of_a_release_in_a_circle_with_what_waits_for_their_ready_are_a_deadlock() -> None:
    of = fleet(
        ks("mon"),
        operator("prometheus", "mon", login(ks_id("c"))),
        ks("b", "mon"),
        ks("c", needs=(Need("Namespace x", ObjectId("Secret", "x", "y"), ks_id("b"), "apply"),)),
    )
    assert {(code, name) for code, name, *_ in found(of)} == {
        (SELF_DEPENDENCY_LOOP, "c"),
        (SELF_DEPENDENCY_LOOP, "prometheus"),
    }
    for _, _, message, _ in found(of):
        assert "flux-system/b depends on flux-system/mon" in message and "Secret default/login" in message
    assert missing_edges(of) == []


@pytest.mark.parametrize("needs", [fast, login])
def test_no_edge_is_proposed_to_what_waits_for_pods_that_need_the_other(needs) -> None:  # type: ignore[no-untyped-def]
    # storage after the Ready of mon would be a deadlock: its release's pods wait for what only storage brings. As it is
    # there is none: the CRD is there while they wait.
    of = fleet(
        ks("mon"),
        operator("prometheus", "mon", needs(ks_id("storage"))),
        ks("storage", needs=monitor(hr_id("prometheus"))),
    )
    assert missing_edges(of) == []
    told = found(of)
    assert [code for code, *_ in told] == [NEED_UNDECLARED] * len(told)
    assert not any(fix.startswith("add ") for *_, fix in told)


def test_a_custom_resource_beside_its_release_in_the_root_is_parted_into_two_below_it() -> None:
    # What the root applies and waits for, or that waits for the root, cannot both be.
    of = fleet(ks("root", needs=monitor(hr_id("prometheus"))), hr("prometheus", "root"), ks("app", parent="root"))
    assert of.root == ks_id("root")
    [(*_, fix)] = found(of, CRD_DEADLOCK)
    assert fix == (
        "put HelmRelease/flux-system/prometheus into a Kustomization of its own with wait: true, and Monitor/default/m, and "
        "what else needs it, into a second one that depends on that; if the cluster has it before Flux comes, say so with "
        "--installed example.org"
    )


@pytest.mark.parametrize("wait", [False, True])
def test_what_needs_a_release_in_the_root_is_not_told_to_depend_on_the_root(wait: bool) -> None:
    # The root's Ready says "applied", or waits for what would depend on it.
    app = ks("app", parent="root", needs=monitor(hr_id("prometheus")))
    of = fleet(ks("root", wait=wait), hr("prometheus", "root"), app)
    assert missing_edges(of) == []
    [(*_, fix)] = found(of, NEED_UNDECLARED)
    assert fix == (
        "put HelmRelease/flux-system/prometheus into a Kustomization of its own with wait: true, and add that to the "
        "dependsOn of flux-system/app"
    )

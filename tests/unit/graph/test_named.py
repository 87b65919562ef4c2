"""The object that somebody names: in full, without its namespace where that is clear, and clear words for the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.named import named
from fleetbench.graph.objects import Workload
from fleetbench.ids import KUSTOMIZATION, ObjectId, parse_reference
from tests.builders import fleet, hr, hr_id, ks, ks_id

OF = fleet(ks("traefik"), ks("data"), hr("redis", "data"))
DB, WEB, OTHER_WEB = (ObjectId("Deployment", *key.split("/")) for key in ("one/db", "one/web", "two/web"))
WITH_WORKLOADS = fleet(
    replace(ks("a"), workloads=(Workload(DB), Workload(WEB))), replace(ks("b"), workloads=(Workload(OTHER_WEB),))
)


def test_an_object_of_the_fleet_is_found() -> None:
    assert named(OF, ks_id("traefik")) == ks_id("traefik")
    assert named(OF, hr_id("redis")) == hr_id("redis")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (ks_id("traefk"), "flux-system/traefik"),
        (ks_id("redis"), "HelmRelease/flux-system/redis"),
        (ObjectId(KUSTOMIZATION, "default", "traefik"), "flux-system/traefik"),
        (ObjectId(KUSTOMIZATION, "flux-system", "Traefik"), "flux-system/traefik"),
    ],
)
def test_an_object_that_does_not_exist_gets_the_nearest_one(wrong: ObjectId, meant: str) -> None:
    with pytest.raises(InputError) as raised:
        named(OF, wrong, "--fail")
    assert raised.value.message.startswith(f"--fail: got {wrong.key}, wanted")
    assert raised.value.hint == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("traefik", ks_id("traefik")), ("Kustomization/data", ks_id("data")), ("HelmRelease/redis", hr_id("redis"))],
)
def test_a_name_without_its_namespace_is_enough_where_it_is_clear(typed: str, meant: ObjectId) -> None:
    assert named(OF, parse_reference(typed)) == meant


def test_a_name_that_several_namespaces_hold_is_asked_back() -> None:
    other = replace(ks("traefik"), id=ObjectId(KUSTOMIZATION, "edge", "traefik"))
    with pytest.raises(InputError) as raised:
        named(fleet(ks("traefik"), other), parse_reference("traefik"), "--why")
    assert raised.value.message == "--why: got traefik, wanted one of edge/traefik, flux-system/traefik"


@pytest.mark.parametrize(
    ("typed", "meant"), [("Deployment/db", DB), ("Deployment/two/web", OTHER_WEB), ("a", ks_id("a"))]
)
def test_a_workload_is_named_as_its_kustomization_is(typed: str, meant: ObjectId) -> None:
    assert named(WITH_WORKLOADS, parse_reference(typed), workloads=True) == meant


@pytest.mark.parametrize(
    ("typed", "said", "hint"),
    [
        ("Deployment/web", "wanted one of Deployment/one/web, Deployment/two/web", None),
        (
            "Deployment/webb",
            "wanted a Kustomization, HelmRelease or workload of this fleet",
            "did you mean Deployment/one/web?",
        ),
    ],
)
def test_a_workload_that_is_not_clear_is_asked_back_as_any_object(typed: str, said: str, hint: str | None) -> None:
    with pytest.raises(InputError) as raised:
        named(WITH_WORKLOADS, parse_reference(typed), "--fail", workloads=True)
    assert raised.value.message == f"--fail: got {typed}, {said}"
    assert raised.value.hint == hint


def test_a_workload_is_no_answer_where_none_is_asked_for() -> None:
    with pytest.raises(InputError, match="wanted a Kustomization or HelmRelease of this fleet"):
        named(WITH_WORKLOADS, DB)


def test_nothing_similar_points_to_the_list() -> None:
    with pytest.raises(InputError) as raised:
        named(OF, ks_id("zzzzzz"))
    assert raised.value.hint == "`fleetbench graph` lists the objects"

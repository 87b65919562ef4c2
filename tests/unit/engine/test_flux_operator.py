"""What flux-operator makes of a ResourceSet once what that waits for is Ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.engine.simulate import simulate
from fleetbench.graph.checks import check
from fleetbench.graph.document import from_document, to_document
from fleetbench.graph.objects import HelmRelease, Kustomization, Made
from fleetbench.ids import ObjectId
from fleetbench.timeline.causes import DEPENDENCY_POLL
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.invariants import check_invariants

SET = ObjectId("ResourceSet", "flux-system", "tenants")


def made(obj: Kustomization, *after: ObjectId, waited: bool = False) -> Kustomization:
    """The same as a ResourceSet makes it."""
    return replace(obj, made=Made(SET, waited, after))


def _ready(of: object, **times: float) -> dict[str, float | None]:
    sample = simulate(of)  # type: ignore[arg-type]
    return {s.id.name: t for s, t in zip(of.fleet.services(), sample.ready_s, strict=True)}  # type: ignore[attr-defined]


def test_what_waits_for_nothing_is_made_with_its_parents_apply() -> None:
    of = fleet(ks("tenants", wait=False), made(ks("web", parent="tenants")))
    plain = fleet(ks("tenants", wait=False), ks("web", parent="tenants"))
    assert _ready(scenario(of, {"web": 30.0})) == _ready(scenario(plain, {"web": 30.0}))


def test_what_waits_for_another_is_made_at_the_first_poll_after_that_is_ready() -> None:
    of = scenario(
        fleet(ks("tenants", wait=False), ks("infra", parent="tenants"), made(ks("web", parent="tenants"), ks_id("infra"))),
        {"infra": 62.0, "web": 10.0},
    )  # fmt: skip
    sample = simulate(of)
    assert sample.timeline is not None
    by = sample.timeline.by_object
    created, ready = by[ks_id("web")][0].t_s, _ready(of)
    assert ready["infra"] is not None and ready["infra"] < created <= ready["infra"] + 5.0
    assert (created - by[ks_id("infra")][0].t_s) % 5.0 == pytest.approx(0.0, abs=0.1)
    assert not check_invariants(of.fleet, sample.timeline, of.parameters)
    assert ready["web"] == pytest.approx(created + 10.0, abs=6.0)
    pieces = why(of.fleet, sample.timeline, ks_id("web"), parameters=of.parameters)
    waited = [p for p in pieces if p.cause == DEPENDENCY_POLL]
    assert [(p.object, p.to_s) for p in waited] == [(ks_id("web"), created)]
    assert [p.object for p in pieces if p.to_s <= waited[0].from_s][-1] == ks_id("infra")


def test_a_release_may_be_what_is_waited_for_and_what_is_made() -> None:
    late = replace(hr("web", "tenants"), made=Made(SET, False, (hr_id("db"),)))
    of = scenario(fleet(ks("tenants", wait=False), hr("db", "tenants"), late), {"db": 40.0, "web": 1.0})
    ready = _ready(of)
    assert ready["db"] is not None and ready["web"] is not None and ready["web"] > ready["db"]


@pytest.mark.parametrize(
    "infra",
    [ks("infra", parent="tenants", broken="no path"), ks("infra", parent="tenants", suspend=True), ks("other", parent="tenants")],
)  # fmt: skip
def test_what_waits_for_what_is_never_ready_is_never_made(infra: Kustomization) -> None:
    of = scenario(fleet(ks("tenants", wait=False), infra, made(ks("web", parent="tenants"), ks_id("infra"))))
    assert ks_id("web") in never_ready(compile_plan(of))
    sample = simulate(of)
    assert sample.timeline is not None and ks_id("web") not in sample.timeline.by_object


def test_a_parent_waits_for_what_is_made_only_where_its_resourceset_does() -> None:
    def ready(waited: bool) -> dict[str, float | None]:
        return _ready(scenario(fleet(ks("tenants"), made(ks("web", parent="tenants"), waited=waited)), {"web": 100.0}))

    passed_by, waited_for = ready(False), ready(True)
    assert passed_by["tenants"] is not None and passed_by["web"] is not None and passed_by["tenants"] < passed_by["web"]
    assert waited_for["tenants"] is not None and waited_for["web"] is not None
    assert waited_for["tenants"] > waited_for["web"]


def test_a_health_check_of_the_resourceset_waits_for_what_that_waits_for() -> None:
    parent = ks("tenants", wait=False, health_checks=(SET,), objects=(SET,))
    of = fleet(parent, made(ks("web", parent="tenants"), waited=True), made(ks("api", parent="tenants")))
    ready = _ready(scenario(of, {"web": 50.0, "api": 200.0}))
    assert ready["web"] is not None and ready["tenants"] is not None and ready["api"] is not None
    assert ready["web"] < ready["tenants"] < ready["api"]


def test_a_wait_for_what_only_the_waiting_makes_is_found() -> None:
    of = fleet(ks("tenants"), made(ks("web", parent="tenants"), ks_id("tenants"), waited=True))
    assert [f.code for f in check(of) if f.code.startswith("FB1")] == ["FB111"]
    assert ks_id("web") in never_ready(compile_plan(scenario(of)))


def test_a_commit_that_heals_what_is_waited_for_has_the_object_made() -> None:
    of = fleet(
        ks("tenants", wait=False), ks("infra", parent="tenants"), made(ks("web", parent="tenants"), ks_id("infra"))
    )
    healed = replace(
        scenario(of, {"infra": 5.0, "web": 5.0}),
        kind="commit",
        fail=frozenset({ks_id("infra")}),
        fix_after_s=60.0,
        webhook=True,
    )
    assert all(t is not None for t in _ready(healed).values())


def test_the_graph_file_keeps_how_an_object_is_made() -> None:
    of = fleet(ks("tenants", unexpanded=(SET,)), made(ks("web", parent="tenants"), ks_id("infra"), waited=True))
    late: HelmRelease = replace(hr("db", "tenants"), made=Made(SET))
    of = fleet(*of.kustomizations, late)
    document = to_document(of)
    assert from_document(document, "x") == of
    assert all("made" not in k for k in document["kustomizations"] if k["id"] != "flux-system/web")

"""What Flux does with spec.suspend: it returns, and what was Ready stays Ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_REPOSITORY, ObjectId
from fleetbench.model.scenario import COMMIT, KILL, RESTART
from fleetbench.phases import ARTIFACT_FAILED, DEPENDENCY_NOT_READY
from fleetbench.timeline.causes import SUSPENDED, UNWATCHED
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.invariants import check_invariants


def ready(sample, of: Fleet):
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


def own_source(of: Fleet, name: str) -> Fleet:
    """The fleet with a source of its own, which no commit changes, for one Kustomization."""
    shared = of.sources[0]
    own = replace(shared, id=shared.id._replace(name="own"), this_repository=False)
    kustomizations = [replace(k, source=own.id) if k.id == ks_id(name) else k for k in of.kustomizations]
    return replace(of, kustomizations=tuple(kustomizations), sources=(*of.sources, own))


def test_a_suspended_release_does_not_hold_up_the_parent_that_waits_for_it_but_a_kustomization_does():
    """kstatus calls a release without conditions Current once its generation is observed, which helm-controller says."""
    of = fleet(ks("apps"), hr("asleep", "apps", suspend=True))
    sample = simulate(scenario(of))
    assert ready(sample, of)[ks_id("apps")] == pytest.approx(5.0, abs=1.5) and sample.complete
    assert sample.timeline is not None
    assert not check_invariants(of, sample.timeline, scenario(of).parameters)
    nested = fleet(ks("apps"), ks("asleep", parent="apps", suspend=True))
    assert never_ready(compile_plan(scenario(nested))) >= {ks_id("apps"), ks_id("asleep")}
    assert simulate(scenario(nested)).total_s is None


def test_a_restart_leaves_a_suspended_object_as_it_is_and_its_dependants_come_back():
    of = fleet(ks("asleep", suspend=True), ks("a", "asleep"), ks("b", parent="asleep"))
    sample = simulate(scenario(of, kind=RESTART))
    at = ready(sample, of)
    assert at[ks_id("asleep")] is None and at[ks_id("a")] and at[ks_id("b")] and sample.complete
    assert sample.total_s == max(at[ks_id("a")], at[ks_id("b")], at[ks_id("flux-system")])


def test_after_a_commit_a_dependant_of_the_same_source_waits_for_a_revision_that_never_comes():
    of = fleet(ks("asleep", suspend=True), ks("a", "asleep"), ks("b"))
    sample = simulate(scenario(of, kind=COMMIT, webhook=True))
    at = ready(sample, of)
    assert at[ks_id("a")] is None and at[ks_id("b")] is not None and sample.until_s < 120.0
    assert not sample.complete and sample.timeline is not None
    assert DEPENDENCY_NOT_READY in [e.reason for e in sample.timeline.by_object[ks_id("a")]]


def test_after_a_commit_a_dependant_of_another_source_finds_it_ready():
    of = own_source(fleet(ks("asleep", suspend=True), ks("a", "asleep")), "asleep")
    sample = simulate(scenario(of, kind=COMMIT, webhook=True))
    assert ready(sample, of)[ks_id("a")] is not None and sample.complete


def test_a_suspended_source_sees_no_commit_so_nobody_waits_for_one():
    of = fleet(ks("a"), ks("b", "a"))
    of = replace(of, sources=tuple(replace(s, suspend=True) for s in of.sources))
    sample = simulate(scenario(of, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")})))
    assert set(sample.ready_s) == {None} and sample.total_s is None and sample.until_s < 60.0
    assert scenario(of, kind=COMMIT).left_out == {o.id for o in of.services()}
    again = simulate(scenario(of, kind=RESTART, restart_by=KILL))
    assert None not in again.ready_s and again.complete


def test_a_suspended_source_keeps_what_is_built_from_it_from_existing_and_that_is_left_out():
    of = own_source(fleet(ks("asleep"), ks("below", parent="asleep"), ks("after", "asleep"), ks("b")), "asleep")
    of = replace(of, sources=tuple(replace(s, suspend=s.id.name == "own") for s in of.sources))
    asked = scenario(of)
    assert asked.left_out == {ks_id("asleep"), ks_id("below")} and never_ready(
        compile_plan(asked)
    ) == asked.left_out | {ks_id("after")}
    assert of.asleep[ks_id("below")] == of.sources[-1].id
    sample = simulate(asked)
    at = ready(sample, of)
    assert at[ks_id("b")] is not None and at[ks_id("after")] is None and not sample.complete
    assert sample.timeline is not None
    assert ARTIFACT_FAILED in [e.reason for e in sample.timeline.by_object[ks_id("asleep")]]
    alone = replace(of, kustomizations=tuple(k for k in of.kustomizations if k.id != ks_id("after")))
    assert simulate(scenario(alone)).complete


def test_a_commit_leaves_what_is_of_a_suspended_copy_behind_and_who_depends_on_it_by_another_source_finds_it_ready():
    of = fleet(ks("a"), ks("b", "a"))
    origin = replace(of.sources[0], id=of.sources[0].id._replace(name="origin"), suspend=True)
    copy = Source(ObjectId(EXTERNAL_ARTIFACT, "flux-system", "copy"), copied_from=origin.id)
    kustomizations = [replace(k, source=copy.id) if k.id == ks_id("a") else k for k in of.kustomizations]
    of = replace(of, kustomizations=tuple(kustomizations), sources=(*of.sources, origin, copy))
    sample = simulate(scenario(of, kind=COMMIT, webhook=True, changed=frozenset({ks_id("a")})))
    assert origin.this_repository and ready(sample, of)[ks_id("a")] is None
    assert ready(sample, of)[ks_id("b")] is not None and sample.complete


def test_a_release_below_a_suspended_kustomization_is_not_changed_by_a_commit():
    of = fleet(ks("asleep", suspend=True), hr("web", "asleep"))
    sample = simulate(scenario(of, {"web": 30.0}, kind=COMMIT, webhook=True, changed=frozenset({hr_id("web")})))
    assert ready(sample, of)[hr_id("web")] == 0.0 and sample.complete and sample.until_s < 60.0


def test_why_names_the_suspended_source_behind_an_object_in_a_bootstrap_and_after_a_commit():
    of = own_source(fleet(ks("asleep"), ks("below", parent="asleep"), hr("chart", "flux-system"), ks("slow")), "asleep")
    repository = Source(ObjectId(HELM_REPOSITORY, "flux-system", "charts"), parent=ks_id("flux-system"), suspend=True)
    of = replace(
        of,
        helmreleases=tuple(replace(h, source=repository.id) for h in of.helmreleases),
        sources=(*(replace(s, suspend=s.id.name == "own") for s in of.sources), repository),
    )
    asked = scenario(of, {"slow": 60.0})
    timeline = simulate(asked).timeline
    assert timeline is not None
    for id, source in ((ks_id("asleep"), "own"), (ks_id("below"), "own"), (hr_id("chart"), "charts")):
        last = why(of, timeline, id, parameters=asked.parameters)[-1]
        assert (last.object.name, last.cause) == (source, SUSPENDED)
    here = replace(of, sources=tuple(replace(s, this_repository=True) if s.id.name == "own" else s for s in of.sources))
    asked = scenario(here, {"slow": 60.0}, kind=COMMIT, webhook=True, changed=frozenset({ks_id("slow")}))
    sample = simulate(asked)
    assert sample.timeline is not None
    pieces = why(here, sample.timeline, ks_id("asleep"), parameters=asked.parameters, ready_s=ready(sample, here))
    assert (pieces[-1].object.name, pieces[-1].cause) == ("own", SUSPENDED)


def test_why_says_of_what_no_controller_watches_that_nobody_reconciles_it():
    of = fleet(ks("a"), ks("stray", unwatched="sharding.fluxcd.io/key=x"), ks("slow"))
    asked = scenario(of, {"slow": 60.0})
    timeline = simulate(asked).timeline
    assert timeline is not None
    last = why(of, timeline, ks_id("stray"), parameters=asked.parameters)[-1]
    assert (last.object, last.cause, last.detail) == (ks_id("stray"), UNWATCHED, "sharding.fluxcd.io/key=x")


def test_why_says_that_it_is_suspended_also_of_what_only_it_would_create_and_who_waits():
    of = fleet(ks("asleep", suspend=True), hr("below", "asleep"), ks("after", "asleep"), ks("slow"))
    asked = scenario(of, {"slow": 60.0})
    timeline = simulate(asked).timeline
    assert timeline is not None
    for id in (ks_id("asleep"), hr_id("below"), ks_id("after")):
        last = why(of, timeline, id, parameters=asked.parameters)[-1]
        assert (last.object, last.cause) == (ks_id("asleep"), SUSPENDED)

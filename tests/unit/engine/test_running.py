"""A commit or a restart finds a fleet that has been running, with what an error keeps from Ready in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Need, Source
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, HELM_CHART, ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import COMMIT, RESTART
from fleetbench.model.steps import shipped_steps
from fleetbench.phases import (
    BUILD_FAILED,
    HEALTH_CHECK_FAILED,
    HEALTH_CHECKS,
    INVALID_CHART_REFERENCE,
    RETRIES_EXCEEDED,
    SOURCE_NOT_READY,
)
from fleetbench.timeline.causes import INTERVAL, SOURCE, WORKLOAD
from fleetbench.timeline.why import why
from tests.builders import ROOT, fleet, hr, hr_id, ks, ks_id, scenario

BROKEN = ks("broken", broken="no kustomization.yaml")
AT_ONCE = {"kind": COMMIT, "webhook": True}


def all_waiting(*objects) -> Fleet:
    """A fleet whose root waits for all that it creates, so that it is never Ready beside an error."""
    of = fleet(*objects)
    return replace(of, kustomizations=tuple(replace(k, wait=k.wait or k.id == ROOT) for k in of.kustomizations))


def ready(of, number, durations, **what):
    sample = simulate(scenario(of, durations, **what), number)
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


def test_a_release_beside_an_error_gets_the_commit():
    of = all_waiting(BROKEN, ks("apps", wait=False, health_checks=(BROKEN.id,), timeout_s=60.0), hr("web", "apps"))
    at = [ready(of, n, {"web": 5.0}, changed=frozenset({hr_id("web")}), **AT_ONCE) for n in range(20)]
    web = [sample[hr_id("web")] for sample in at]
    # Its parent holds a worker for a check that never passes, 60 of every 120 s, and applies the commit after it.
    assert all(t is not None and 5.0 <= t <= 70.0 for t in web)
    assert 6 <= sum(t > 12.0 for t in web) <= 14
    assert all(sample[ks_id("apps")] is None for sample in at)


def test_what_an_error_keeps_from_ready_says_so_at_t0():
    of = all_waiting(BROKEN, ks("apps", wait=False, health_checks=(BROKEN.id,)), ks("after", "apps"))
    first = {}
    for e in simulate(scenario(of, **AT_ONCE)).timeline.events:
        first.setdefault(e.object, e)
    assert {id.name: e.reason for id, e in first.items() if e.t_s == 0.0 and e.status == "False"} == {
        "flux-system": HEALTH_CHECK_FAILED,
        "broken": BUILD_FAILED,
        "apps": HEALTH_CHECK_FAILED,
        "after": "DependencyNotReady",
    }


def test_a_stalled_release_stays_so_over_a_restart():
    late = Need("Secret default/late", hr_id("web"), BROKEN.id, "workload")
    of = all_waiting(BROKEN, ks("apps", wait=False), hr("web", "apps", needs=(late,)))
    rows = [e for e in simulate(scenario(of, kind=RESTART)).timeline.events if e.object == hr_id("web")]
    assert rows and {(e.status, e.reason) for e in rows} == {("False", RETRIES_EXCEEDED)}


def test_needs_in_a_circle_are_met_in_a_fleet_that_runs():
    """``one`` holds a custom resource, ``two`` brings its definition and depends on ``one``: no bootstrap gets past that."""
    crd = Need("CustomResourceDefinition", ks_id("one"), ks_id("two"), "apply")
    of = all_waiting(ks("one", needs=(crd,)), ks("two", "one"))
    assert ready(of, 0, {})[ks_id("one")] is None
    for kind in (COMMIT, RESTART):
        at = ready(of, 0, {}, kind=kind, webhook=kind == COMMIT)
        assert at[ks_id("one")] is not None
        assert at[ks_id("two")] is not None


def test_a_child_that_its_parent_depends_on_is_there_in_a_fleet_that_runs():
    """``apps`` applies ``stores`` and depends on it: no bootstrap gets past that, and each commit reaches both."""
    of = all_waiting(ks("apps", "stores", wait=False), ks("stores", parent="apps"))
    assert ready(of, 0, {})[ks_id("apps")] is None
    for kind in (COMMIT, RESTART):
        at = ready(of, 0, {}, kind=kind, webhook=kind == COMMIT)
        assert None not in (at[ks_id("apps")], at[ks_id("stores")])
    ring = all_waiting(ks("a", "b"), ks("b", "a"))  # a dependsOn cycle is none that any fleet has got over
    assert ready(ring, 0, {}, **AT_ONCE)[ks_id("a")] is None


def test_what_a_build_needs_of_its_own_apply_was_made_by_hand_in_a_fleet_that_runs():
    of = all_waiting(ks("one", needs=(Need("ConfigMap flux-system/settings", ks_id("one"), ks_id("one"), "build"),)))
    assert ready(of, 0, {})[ks_id("one")] is None
    for kind in (COMMIT, RESTART):
        assert ready(of, 0, {}, kind=kind, webhook=kind == COMMIT)[ks_id("one")] is not None


@pytest.mark.parametrize(("touched", "takes_s"), [(True, 20.0), (False, 0.0)])
def test_each_commit_upgrades_a_release_whose_chart_is_of_revision(touched, takes_s):
    """By the chart's own way, not by the apply of its parent, which looks at its dependency 30 s later."""
    of = fleet(ks("db"), ks("apps", "db", wait=False), hr("web", "apps", chart="./charts/web", chart_of_revision=True))
    web = of.helmrelease(hr_id("web"))
    of = replace(of, sources=tuple(replace(s, this_repository=True) for s in of.sources))
    changed = frozenset({web.chart_id} if touched else ())
    at = ready(of, 0, {"web": 20.0}, changed=changed, **AT_ONCE)
    assert at[ks_id("apps")] == pytest.approx(30.0, abs=0.1)
    assert at[web.id] == pytest.approx(takes_s, abs=1.0)


def test_other_commits_leave_a_release_with_a_chart_of_version_alone():
    of = fleet(ks("apps", wait=False), hr("web", "apps", chart="./charts/web"))
    rows = [e.t_s for e in simulate(scenario(of, {"web": 20.0}, **AT_ONCE)).timeline.events if e.object == hr_id("web")]
    assert rows == [0.0]


def test_a_release_that_follows_its_chart_waits_for_the_source_and_no_interval():
    of = fleet(ks("apps", wait=False), hr("web", "apps", chart="./charts/web"))
    of = replace(of, sources=tuple(replace(s, this_repository=True) for s in of.sources))
    changed = frozenset({of.helmrelease(hr_id("web")).chart_id})
    s = scenario(of, {"web": 20.0}, changed=changed, steps=shipped_steps(), **AT_ONCE)
    sample = simulate(s)
    at = dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))
    chain = why(of, sample.timeline, hr_id("web"), parameters=s.parameters, ready_s=at)
    assert [p.object.kind for p in chain if p.cause == SOURCE] == ["GitRepository", "HelmChart"]
    assert WORKLOAD in [p.cause for p in chain] and INTERVAL not in [p.cause for p in chain]


@pytest.mark.parametrize(
    ("of_revision", "touched", "takes_s"), [(False, True, 20.0), (True, True, 20.0), (True, False, 0.0)]
)
def test_a_release_that_names_a_helm_chart_follows_it_as_it_would_its_own(of_revision, touched, takes_s):
    git, chart = ObjectId(GIT_REPOSITORY, "flux-system", "flux-system"), ObjectId(HELM_CHART, "flux-system", "hc")
    named = {"chart": "./charts/web", "chart_ref": True, "chart_of_revision": of_revision}
    web = replace(hr("web", "apps", **named), source=chart)
    sources = [Source(git, this_repository=True), Source(chart, ks_id("apps"), copied_from=git)]
    of = with_root([ks("db"), ks("apps", "db", wait=False)], [web], sources, None, source=git)
    at = ready(of, 0, {"web": 20.0}, changed=frozenset({chart} if touched else ()), **AT_ONCE)
    assert at[ks_id("apps")] == pytest.approx(30.0, abs=0.1) and at[web.id] == pytest.approx(takes_s, abs=1.0)
    sample = simulate(scenario(replace(of, helmreleases=(replace(web, broken="no chart"),))))
    shown = [e.reason for e in sample.timeline.by_object[chart]]
    assert INVALID_CHART_REFERENCE in shown and SOURCE_NOT_READY in [
        e.reason for e in sample.timeline.by_object[web.id]
    ]


def test_t0_finds_no_more_health_checks_than_workers():
    names = [f"k{n}" for n in range(6)]
    of = all_waiting(
        BROKEN, *(ks(name, wait=False, health_checks=(BROKEN.id,), retry_interval_s=1.0) for name in names)
    )
    s = scenario(of, parameters=Parameters(kustomize_concurrent=2), **AT_ONCE)
    rows = [e for e in simulate(s).timeline.events if e.t_s == 0.0 and e.message == HEALTH_CHECKS and not e.attempt]
    assert len(rows) == 2

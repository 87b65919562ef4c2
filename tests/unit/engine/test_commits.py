"""Commits as two revisions of a repository tell them: what comes, what fetches anew, what goes on, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.engine.simulate import Sample, simulate
from fleetbench.graph.commit import Commit, Immutable
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source
from fleetbench.graph.root import with_root
from fleetbench.ids import HELM_REPOSITORY, OCI_REPOSITORY, ObjectId
from fleetbench.model.commit_times import LEFT_ALONE, times_after
from fleetbench.model.distributions import Fixed
from fleetbench.model.scenario import COMMIT
from fleetbench.model.steps import shipped_steps
from fleetbench.model.workload_time import PodTime, WorkloadTime
from fleetbench.phases import RECONCILIATION_FAILED, SOURCE_NOT_READY, TRUE
from fleetbench.timeline.causes import INTERVAL
from fleetbench.timeline.why import why
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario

WEB, DB = ObjectId("Deployment", "apps", "web"), ObjectId("StatefulSet", "apps", "db")


def rolled_out(of: Fleet, commit: Commit, seconds: dict[str, float] | None = None, **fields: object) -> Sample:
    return simulate(scenario(of, seconds, kind=COMMIT, webhook=True, commit=commit, **fields))


def ready(sample: Sample, of: Fleet) -> dict[ObjectId, float | None]:
    return dict(zip([o.id for o in of.services()], sample.ready_s, strict=True))


def reasons(sample: Sample, id: ObjectId) -> list[str]:
    assert sample.timeline is not None
    return list(dict.fromkeys(e.reason for e in sample.timeline.by_object[id]))


def test_what_a_commit_brings_is_created_by_its_parent_and_installed():
    of = fleet(ks("apps", wait=False), ks("new", parent="apps"), hr("web", "new"))
    commit = Commit(frozenset({ks_id("new"), hr_id("web")}), added=frozenset({ks_id("new"), hr_id("web")}))
    sample = rolled_out(of, commit, {"web": 20.0})
    at = ready(sample, of)
    assert at[ks_id("apps")] == pytest.approx(0.0, abs=0.1)
    assert at[hr_id("web")] == pytest.approx(20.0, abs=3.0)  # after its finalizer's and its chart's requeue
    assert at[ks_id("new")] is not None and at[ks_id("new")] >= at[hr_id("web")]
    assert "InstallSucceeded" in reasons(sample, hr_id("web"))
    assert sample.timeline is not None
    assert all(e.t_s > 0.0 or e.status != TRUE for e in sample.timeline.by_object[hr_id("web")])


def test_a_new_release_of_a_chart_from_elsewhere_is_installed_too():
    charts = Source(ObjectId(HELM_REPOSITORY, "flux-system", "charts"), parent=ks_id("apps"))
    web = replace(hr("web", "apps"), source=charts.id)
    of = with_root([ks("apps", wait=False)], [web], [charts], None)
    for brought in ({web.id}, {web.id, charts.id}):
        sample = rolled_out(of, Commit(frozenset({web.id}), added=frozenset(brought)), {"web": 20.0})
        at = ready(sample, of)[web.id]
        assert at is not None and 20.0 < at < 25.0
        assert sample.complete


def test_nobody_was_held_up_before_by_what_only_the_commit_brings():
    of = fleet(ks("apps", wait=False), ks("old", "new", parent="apps"), ks("new", parent="apps", broken="no build"))
    sample = rolled_out(of, Commit(frozenset({ks_id("new")}), added=frozenset({ks_id("new")})))
    assert sample.timeline is not None
    assert sample.timeline.by_object[ks_id("old")][0].status == TRUE
    assert reasons(sample, ks_id("old"))[-1] == "DependencyNotReady"
    assert ready(sample, of)[ks_id("old")] is None


def test_a_release_of_another_chart_waits_for_it_and_is_upgraded():
    of = fleet(ks("apps"), hr("web", "apps"))
    chart = of.helmrelease(hr_id("web")).chart_id
    assert chart is not None
    for renewed, reason in ((frozenset({chart}), [SOURCE_NOT_READY]), (frozenset(), [])):
        commit = Commit(frozenset({ks_id("apps"), hr_id("web")}), renewed=renewed)
        sample = rolled_out(of, commit, {"web": 20.0}, steps=shipped_steps())
        said = reasons(sample, hr_id("web"))
        assert [r for r in said if r == SOURCE_NOT_READY] == reason
        assert said[-1] == "UpgradeSucceeded"
        assert ready(sample, of)[ks_id("apps")] >= ready(sample, of)[hr_id("web")]


OCI = ObjectId(OCI_REPOSITORY, "flux-system", "web")


def with_oci(*, source_of: str) -> Fleet:
    """A release by chartRef in ``apps``, its source in the Kustomization that is named."""
    web = replace(hr("web", "apps"), source=OCI, chart_ref=True)
    return with_root([ks("apps"), ks("sources", wait=False)], [web], [Source(OCI, parent=ks_id(source_of))], None)


@pytest.mark.parametrize(("source_of", "waits"), [("apps", True), ("sources", False)])
def test_a_release_whose_source_gets_another_tag_is_current_until_that_is_fetched(source_of, waits):
    """Its own manifest stays. Who applies the source as well waits for that, and by its next look for the upgrade."""
    of = with_oci(source_of=source_of)
    commit = Commit(frozenset({ks_id(source_of)}), renewed=frozenset({OCI}))
    sample = rolled_out(of, commit, {"web": 20.0}, steps=shipped_steps())
    at = ready(sample, of)
    assert reasons(sample, hr_id("web"))[-1] == "UpgradeSucceeded"
    assert 20.0 < at[hr_id("web")] < 30.0
    assert (at[ks_id("apps")] > at[hr_id("web")]) is waits


def test_a_source_that_nobody_applies_fetches_nothing_else():
    of = fleet(ks("apps", suspend=True), hr("web", "apps"))
    web = of.helmrelease(hr_id("web"))
    assert web is not None and web.chart_id is not None
    sample = rolled_out(of, Commit(frozenset({web.id}), renewed=frozenset({web.chart_id})))
    assert reasons(sample, web.chart_id) == ["Succeeded"] and reasons(sample, web.id) == ["Succeeded"]


def test_the_chain_of_an_upgrade_leads_over_its_source_to_who_applied_that():
    of = with_oci(source_of="sources")
    s = scenario(of, {"web": 20.0}, kind=COMMIT, webhook=True, steps=shipped_steps(), commit=Commit(frozenset({ks_id("sources")}), renewed=frozenset({OCI})))  # fmt: skip
    sample = simulate(s)
    pieces = why(of, sample.timeline, hr_id("web"), parameters=s.parameters, ready_s=ready(sample, of))
    assert [p.object.name for p in pieces if p.object.kind == "Kustomization"]
    assert sum(p.to_s - p.from_s for p in pieces if p.cause == INTERVAL) < 1.0


def test_a_release_whose_spec_changes_in_nothing_that_upgrades_it_is_looked_at_and_goes_on():
    of = fleet(ks("apps"), hr("web", "apps", "new"), hr("new", "apps"), hr("slow", "apps"))
    commit = Commit(
        frozenset({hr_id("new"), hr_id("slow")}), reconciled=frozenset({hr_id("web")}), added=frozenset({hr_id("new")})
    )
    sample = rolled_out(of, commit, {"new": 40.0, "slow": 5.0, "web": 100.0})
    at = ready(sample, of)
    assert "DependencyNotReady" in reasons(sample, hr_id("web"))
    assert not {"UpgradeSucceeded", "Current"} & set(reasons(sample, hr_id("web")))
    assert at[hr_id("new")] < at[hr_id("web")] < at[hr_id("new")] + 31.0


def test_a_commit_that_is_refused_leaves_what_is_there_and_blocks_who_waits():
    of = fleet(ks("db"), hr("web", "db"), ks("after", "db"), ks("beside"))
    refused = (Immutable(ObjectId("Job", "apps", "migrate"), "spec.template", ks_id("db")),)
    commit = Commit(frozenset({ks_id("db"), hr_id("web")}), immutable=refused)
    sample = rolled_out(of, commit)
    at = ready(sample, of)
    assert (at[ks_id("db")], at[ks_id("after")]) == (None, None)
    assert at[ks_id("beside")] is not None
    assert reasons(sample, ks_id("db"))[-1] == RECONCILIATION_FAILED
    assert reasons(sample, hr_id("web")) == ["Succeeded"]
    mended = ready(rolled_out(of, commit, fix_after_s=120.0), of)
    assert all(mended[id] is not None and mended[id] >= 120.0 for id in (ks_id("db"), ks_id("after")))


def pods(workload: ObjectId, count: int, at_once: int | None = 1) -> list[PodTime]:
    return [PodTime(workload, n, ready=Fixed(10.0), at_once=at_once) for n in range(count)]


def test_pods_of_a_workload_that_the_commit_leaves_alone_take_no_time():
    of, in_turn = fleet(ks("a")), replace(pods(DB, 2)[1], after=1)
    times = {ks_id("a"): WorkloadTime(ks_id("a"), "test", pods=(*pods(WEB, 1), pods(DB, 1)[0], in_turn))}
    changed = frozenset({ks_id("a")})

    def left(**fields: object) -> tuple[PodTime, ...]:
        return times_after(of, times, Commit(changed, **fields))[ks_id("a")].pods  # type: ignore[arg-type]

    assert left() == times[ks_id("a")].pods  # somebody only said that it changes: all of it
    assert [(p.workload, p.replica, p.after) for p in left(kept={WEB: 1})] == [(DB, 0, None), (DB, 1, 0)]
    [scaled_up] = left(kept={WEB: 1, DB: 1})
    assert (scaled_up.replica, scaled_up.after, scaled_up.at_once) == (1, None, None)
    assert [p.at_once for p in left(started=frozenset({DB}))] == [1, None, None]
    assert left(kept={WEB: 1, DB: 2}) == ()
    assert [p.at_once for p in left(kept={WEB: 1, DB: 0})] == [None, None]  # none ran before


def test_a_time_that_is_known_as_a_whole_holds_unless_every_workload_is_left_alone():
    of = fleet(ks("a"))
    [workload] = of.kustomization(ks_id("a")).workloads
    times = {ks_id("a"): WorkloadTime(ks_id("a"), "durations file", total=Fixed(30.0))}
    changed = frozenset({ks_id("a")})
    assert times_after(of, times, Commit(changed, started=frozenset({WEB}))) == times
    after = times_after(of, times, Commit(changed, kept={workload.object: 1}))[ks_id("a")]
    assert (after.total, after.chosen_by) == (None, LEFT_ALONE)
    brought = Commit(changed, added=changed, kept={workload.object: 1})
    assert times_after(of, times, brought) == times

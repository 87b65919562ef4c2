from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console

from fleetbench.cli.main import cli
from fleetbench.decide.blast_radius import blast_radius, layouts
from fleetbench.decide.radius import Held, idle_of
from fleetbench.decide.radius import radius_of as radius_of_failure
from fleetbench.graph.checks import check
from fleetbench.graph.objects import Need
from fleetbench.graph.paths import blocked_by
from fleetbench.graph.waves import FINE, WAVES
from fleetbench.ids import ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.steps import shipped_steps
from fleetbench.prediction.predict import predict
from fleetbench.report.blast_radius import tables, to_document
from fleetbench.timeline.stats import parallel_services
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.unit.decide.fleets import random_fleet


def radius_of(of, *failed, durations=None, pairs=False, samples=6):
    scenarios = {layout: scenario(f, durations) for layout, f in layouts(of).items()}
    return blast_radius(scenarios, [(ks_id(n),) for n in failed], samples, pairs=pairs)


def test_only_what_depends_on_it_stays_down_in_fine_and_all_later_waves_in_waves():
    of = fleet(ks("a"), ks("b"), ks("on-a", "a"), ks("on-b", "b"))
    ((fine, waves),) = radius_of(of, "a").singles
    assert (fine.layout, fine.never) == (FINE, (ks_id("on-a"),))
    assert waves.layout == WAVES
    assert set(waves.never_services) == {ks_id("on-a"), ks_id("on-b")}
    assert (fine.up, waves.up) == (0.5, 0.25)


def test_of_a_failure_after_which_nothing_turns_ready_no_time_is_given():
    scenarios = {FINE: replace(scenario(fleet(ks("a"))), until_s=0.0)}
    found = blast_radius(scenarios, [(ks_id("a"),)], 3)
    document = to_document(found)
    assert document["without_failure"] == {FINE: {"total_s_p50": None}}
    assert document["failures"][0]["layouts"][FINE]["settled_s"] is None
    assert "without a failure: fine never" in str(tables(found, overview=True, top=3)[0])


def test_what_is_never_ready_without_any_failure_is_said_first_with_its_cause_and_is_no_failure_that_harms_nobody():
    need = Need("CustomResourceDefinition Store.example.org", ObjectId("Store", "x", "s"), hr_id("operator"), "apply")
    of = fleet(ks("apps", needs=(need,)), hr("operator", "apps"), ks("late", "apps"), ks("fine"))
    scenarios = {FINE: scenario(of)}
    found = blast_radius(scenarios, [(ks_id(n),) for n in ("late", "fine")], 3)
    shown = "\n".join(str(part) for part in tables(found, overview=True, top=3, findings=check(of)))
    assert "Never Ready without any failure: 2 of 3 services" in shown and "--installed example.org" in shown
    assert "1 whose failure keeps no other down and makes none late: fine" in shown
    assert "; without a failure it is 33 %" in shown
    document = to_document(found, check(of))
    assert "Kustomization/flux-system/late" in document["never_ready_without_failure"]
    assert [f["code"] for f in document["mend_first"]] == ["FB110"]


@pytest.mark.parametrize("seed", range(8))
def test_what_never_turns_ready_is_what_the_graph_says_it_holds_up(seed):
    of, _, durations = random_fleet(seed)
    names = [k.id.name for k in of.kustomizations if k.id != of.root]
    for fine, _ in radius_of(of, *names, durations=durations).singles:
        assert set(fine.never) == blocked_by(of, fine.failed[0])[fine.failed[0]]


def test_a_failure_that_holds_the_only_workers_makes_others_late():
    of = fleet(*(ks(f"bad-{n}", timeout_s=300.0) for n in range(4)), ks("z"))
    scenarios = {FINE: scenario(of, {"z": 5.0})}
    found = blast_radius(scenarios, [tuple(ks_id(f"bad-{n}") for n in range(4))], 6)
    (late,) = [x for x in found.singles[0][0].late if x.object == ks_id("z")]
    assert 250 < late.difference.p50_s < 320


def test_the_most_dangerous_comes_first_and_pairs_add_up():
    of = fleet(ks("hub"), *(ks(f"on-hub-{n}", "hub") for n in range(3)), ks("alone"))
    found = radius_of(of, "alone", "on-hub-0", "hub", pairs=True)
    assert found.singles[0][0].failed == (ks_id("hub"),)
    assert found.pairs_possible == len(found.pairs) == 3
    both = next(fine for fine, *_ in found.pairs if set(fine.failed) == {ks_id("alone"), ks_id("hub")})
    assert both.up == 0 and len(both.never_services) == 3


@pytest.mark.parametrize("seed", range(4))
def test_what_waits_in_vain_is_known_without_a_rollout(seed):
    of, _, durations = random_fleet(seed)
    names = [k.id.name for k in of.kustomizations if k.id != of.root]
    simulated = radius_of(of, *names, durations=durations).singles
    scenarios = {layout: scenario(f, durations) for layout, f in layouts(of).items()}
    held = Held(scenarios, {layout: predict(s, 6) for layout, s in scenarios.items()}, tuple(parallel_services(of)))
    for radii in simulated:
        for radius in radii:
            reached = radius_of_failure(held, radius.layout, radius.failed, 0)
            assert (reached.never, reached.own, reached.up) == (radius.never, radius.own, radius.up)
            assert reached.samples == 0


def test_an_overview_of_a_large_fleet_simulates_no_more_than_its_bound_and_the_furthest_reaching_first(monkeypatch):
    of = fleet(ks("hub"), *(ks(f"on-hub-{n}", "hub") for n in range(3)), *(ks(f"x{n}") for n in range(6)))
    scenarios = {layout: scenario(f) for layout, f in layouts(of).items()}
    size = sum(len(list(s.fleet.services())) for s in scenarios.values())
    monkeypatch.setattr("fleetbench.decide.blast_radius.WORK", size * 6 * 2)  # two failures of six samples
    ids = [(k.id,) for k in of.kustomizations if k.id != of.root]
    found = blast_radius(scenarios, ids, 50, bounded=True)
    assert next(radii[0].failed for radii in found.singles if radii[0].samples) == (ks_id("hub"),)
    assert sorted(radii[0].samples for radii in found.singles) == [0] * 8 + [6] * 2
    assert "?: not simulated" in "".join(map(str, tables(found, overview=True, top=3)))


def test_a_failure_asked_for_by_name_takes_fewer_samples_in_a_large_fleet_and_says_so(monkeypatch):
    scenarios = {layout: scenario(f) for layout, f in layouts(fleet(ks("a"), ks("b"), ks("on-a", "a"))).items()}
    size = sum(len(list(s.fleet.services())) for s in scenarios.values())
    monkeypatch.setattr("fleetbench.decide.blast_radius.NAMED_WORK", size * 7)
    seen = []
    found = blast_radius(scenarios, [(ks_id("a"),)], 50, bounded=True, named=True, progress=lambda *at: seen.append(at))
    assert [radius.samples for radius in found.singles[0]] == [7, 7]
    assert {prediction.samples for prediction in found.without.values()} == {7}  # they are compared draw by draw
    assert "7 samples (as the fleet is large; --samples sets it)" in str(tables(found, overview=False, top=3)[0])
    assert {of for _, of in seen} == {4 * 7} and [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({done for done, _ in seen}) == 4 * 7  # rollouts, so that a long question is told of while it lasts


def test_a_pair_that_does_no_more_than_its_two_members_is_not_shown():
    of = fleet(ks("a"), ks("b"), ks("on-a", "a"), ks("on-b", "b"))
    found = radius_of(of, "a", "b", pairs=True)
    assert len(found.pairs) == 1
    assert "no pair keeps down or delays more" in str(tables(found, overview=True, top=3)[-1])


def test_a_pair_that_takes_the_last_workers_is_shown():
    of = fleet(ks("bad-1", timeout_s=300.0), ks("bad-2", timeout_s=300.0), *(ks(f"z{n}") for n in range(3)))
    two = Parameters(interval_jitter=0.0, kustomize_concurrent=2)
    scenarios = {FINE: scenario(of, {f"z{n}": 20.0 for n in range(3)}, parameters=two)}
    found = blast_radius(scenarios, [(ks_id("bad-1"),), (ks_id("bad-2"),)], 6, pairs=True)
    assert "Two at once, where that does more" in str(tables(found, overview=True, top=3)[-2])


def shown(found) -> str:
    console = Console(width=300)
    with console.capture() as capture:
        for part in tables(found, overview=True, top=3):
            console.print(part)
    return capture.get()


def test_a_release_and_a_kustomization_of_one_name_are_told_apart():
    other = replace(ks("web", "db"), id=ks_id("web")._replace(namespace="other"))
    of = fleet(ks("db"), hr("db", "db"), ks("web", "db"), other)
    text = shown(blast_radius({FINE: scenario(of)}, [(ks_id("db"),), (of.helmreleases[0].id,)], 3))
    assert "\ndb " in text and "\nHelmRelease/db " in text
    assert "flux-system/web" in text and "other/web" in text


def test_where_nothing_stays_down_no_names_are_promised():
    text = shown(radius_of(fleet(ks("a"), ks("b")), "a"))
    assert "\n1 whose failure keeps no other down and makes none late: a\n" in text
    assert "Most dangerous" not in text and "0 services" not in text and "never (fine)" not in text


def test_failures_that_reach_no_other_share_a_line_and_keep_their_place_in_json():
    of = fleet(ks("hub"), ks("on-hub", "hub"), ks("x0"), ks("x1"))
    found = blast_radius({FINE: scenario(of)}, [(ks_id(name),) for name in ("x1", "hub", "x0")], 6)
    text = shown(found)
    assert "\n2 more whose failure keeps no other down and makes none late: x0, x1\n" in text
    assert "\nhub " in text and "\nx0" not in text and "Most dangerous: hub; without it 1 service never Ready" in text
    assert len(to_document(found)["failures"]) == 3


def test_the_most_dangerous_is_named_for_its_layout_and_by_what_it_delays_where_it_keeps_nothing_down():
    text = shown(radius_of(fleet(ks("a"), ks("b"), ks("a2", "a", wait=False), ks("c")), "c"))
    assert "Most dangerous (waves): c; without it 1 service never Ready: a2" in text
    of = fleet(ks("bad", timeout_s=300.0), *(ks(f"z{n}") for n in range(3)))
    one = Parameters(interval_jitter=0.0, kustomize_concurrent=1)
    late = shown(blast_radius({FINE: scenario(of, parameters=one)}, [(ks_id("bad"),)], 6))
    assert (
        "No failure keeps another service down. The most dangerous: bad; it makes 3 objects late, by up to +5m" in late
    )


def test_what_the_failing_one_creates_itself_is_told_apart_from_what_waits_for_it():
    of = fleet(ks("apps", wait=False), hr("web", "apps"), ks("other"))
    scenarios = {FINE: scenario(of)}
    found = blast_radius(scenarios, [(ks_id("apps"),)], 6)
    ((radius,),) = found.singles
    assert (radius.never, radius.own, radius.up) == ((), (of.helmreleases[0].id,), 1 / 3)
    console = Console(width=300)
    with console.capture() as capture:
        for part in tables(found, overview=False, top=3):
            console.print(part)
    told = capture.get()
    assert "Never Ready: nothing else (beside what it creates itself: HelmRelease/flux-system/web)" in told
    assert "What the failing one creates itself is part of the failure" in told
    assert to_document(found)["failures"][0]["layouts"][FINE]["never_ready_own"] == ["HelmRelease/flux-system/web"]


def test_a_fleet_in_waves_is_simulated_once():
    of = fleet(ks("wave-1"), ks("a", parent="wave-1"), ks("wave-2", "wave-1"), ks("b", parent="wave-2"))
    assert list(layouts(of)) == [FINE]


def test_the_command_writes_one_json_document_about_the_object_asked_for():
    result = CliRunner().invoke(
        cli, ["blast-radius", "flux-system/cnpg-operator", "--samples", "6", "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    (failure,) = document["failures"]
    assert failure["failed"] == ["Kustomization/flux-system/cnpg-operator"]
    never = failure["layouts"]["fine"]["never_ready"]
    assert "Kustomization/flux-system/postgresql-cluster" in never and "Kustomization/flux-system/traefik" not in never
    assert document["pairs"] == []


def test_an_unknown_object_is_bad_input():
    result = CliRunner().invoke(cli, ["blast-radius", "flux-system/cnpg-operatr"])
    assert result.exit_code == 2 and "did you mean" in result.output


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_failure_that_is_never_seen_takes_no_rollout_and_comes_to_the_same(seed, monkeypatch):
    of, _, durations = random_fleet(seed)
    first = next(k for k in of.kustomizations if blocked_by(of, k.id)[k.id] and k.id != of.root)
    stuck = replace(first, broken="no such path")  # what waits for it never begins
    of = replace(of, kustomizations=tuple(stuck if k.id == first.id else k for k in of.kustomizations))
    scenarios = {layout: scenario(f, durations, steps=shipped_steps()) for layout, f in layouts(of).items()}
    without = {layout: predict(s, 6) for layout, s in scenarios.items()}
    services = tuple(parallel_services(of))
    idle = {layout: idle_of(s) for layout, s in scenarios.items()}
    assert idle[FINE] and first.id not in idle[FINE] | idle[WAVES]
    tasks = [(layout, (id,), 6) for layout in scenarios for id in idle[layout]]
    simulated = [radius_of_failure(Held(scenarios, without, services), *task) for task in tasks]
    monkeypatch.setattr("fleetbench.decide.radius.predict", lambda *args, **fields: pytest.fail("simulated"))
    assert [radius_of_failure(Held(scenarios, without, services, idle), *task) for task in tasks] == simulated


def test_an_overview_takes_fewer_rollouts_where_each_has_many_reconciles(monkeypatch):
    of = fleet(
        ks("a", retry_interval_s=None, interval_s=86_000.0, timeout_s=60.0), *(ks(f"b{n}", "a") for n in range(9))
    )
    often = Parameters(interval_jitter=0.0, requeue_dependency_s=1.0)
    scenarios = {FINE: scenario(of, {"a": 90.0}, parameters=often)}  # its first try fails: polls in vain from then on
    ids = [(k.id,) for k in of.kustomizations if k.id != of.root]
    monkeypatch.setattr("fleetbench.decide.blast_radius.WORK", 11 * 10 * 50)
    found = blast_radius({FINE: replace(scenarios[FINE], until_s=400.0)}, ids, 50, bounded=True)
    assert sorted({radii[0].samples for radii in found.singles}) == [0, 6]
    quick = {FINE: scenario(of, {"a": 30.0})}
    assert {radii[0].samples for radii in blast_radius(quick, ids, 50, bounded=True).singles} == {50}

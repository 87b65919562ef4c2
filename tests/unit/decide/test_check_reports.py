"""Reports of a check: whole, within limits, harmless whatever the names."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from array import array
from dataclasses import replace

from fleetbench.cli.fleet import fleet_findings
from fleetbench.decide.change import Policy
from fleetbench.decide.check import FINDING, NEVER, OBJECT, TOTAL, Failure, Verdict, judge
from fleetbench.decide.sides import Side
from fleetbench.findings import DEPENDENCY_MISSING, RULES, Finding
from fleetbench.graph.objects import Dependency, Need
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import predict
from fleetbench.report.check import edge_lines, figures, headline, tables, to_document
from fleetbench.report.check_annotations import workflow_commands
from fleetbench.report.check_junit import check_junit
from fleetbench.report.check_markdown import COMMENT_LIMIT, check_markdown
from fleetbench.report.check_sarif import check_sarif
from fleetbench.units import format_duration
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario

LONG = "service-with-a-rather-long-name-" * 3


def side(of, durations, name="x") -> Side:
    return Side(name, of, tuple(fleet_findings(of, nodes=1)), predict(scenario(of, durations), 8))


def two_hundred_slower() -> Verdict:
    names = [f"{LONG}{n:03d}" for n in range(200)]
    before = fleet(ks("base"), ks("slow"), *(ks(n, "base") for n in names))
    after = fleet(ks("base"), ks("slow"), *(ks(n, "base", "slow") for n in names))
    return judge(side(after, {"slow": 900.0}), side(before, {"slow": 900.0}), Policy())


def test_two_hundred_changed_objects_fit_a_comment_and_each_is_a_junit_failure():
    verdict = two_hundred_slower()
    assert sum(f.kind == OBJECT for f in verdict.failures) == 200
    markdown = check_markdown(verdict)
    assert len(markdown) < COMMENT_LIMIT
    assert markdown.startswith("## fleetbench check: failed")
    assert "more" in markdown
    failed = [
        c
        for c in ET.fromstring(check_junit(verdict).split("\n", 1)[1]).iter("testcase")
        if c.find("failure") is not None
    ]
    assert len([c for c in failed if c.get("classname") == "fleetbench.object"]) == 200
    document = to_document(verdict)
    assert len(document["edges_added"]) == 200
    json.dumps(document, allow_nan=False)


def test_every_object_that_got_worse_is_named_in_a_comment_of_ninety():
    names = [f"app-{n:02d}" for n in range(90)]
    before = fleet(ks("slow"), *(ks(n) for n in names))
    after = fleet(ks("slow"), *(ks(n, "slow") for n in names))
    markdown = check_markdown(judge(side(after, {"slow": 900.0}), side(before, {"slow": 900.0}), Policy()))
    assert all(n in markdown for n in names)


def test_later_by_less_than_five_seconds_passes_whatever_the_share():
    before, after = side(fleet(ks("a")), {"a": 1.0}), side(fleet(ks("a")), {"a": 4.0})
    verdict = judge(after, before, Policy(tolerance=0.0))
    assert verdict.passed and verdict.objects == ()


def test_later_by_less_than_the_tolerance_passes_whatever_the_seconds():
    before, after = side(fleet(ks("a")), {"a": 3000.0}), side(fleet(ks("a")), {"a": 3060.0})
    assert judge(after, before, Policy(tolerance=0.05)).passed
    assert not judge(after, before, Policy(tolerance=0.01)).passed


def test_an_object_that_is_never_ready_any_more_fails_even_if_the_total_shrinks():
    before = fleet(ks("slow"), ks("a"))
    after = fleet(ks("slow", suspend=True), ks("a", "slow"))
    verdict = judge(side(after, {"slow": 900.0}), side(before, {"slow": 900.0}), Policy())
    assert {f.object for f in verdict.failures if f.kind == OBJECT} == {ks_id("a")}  # slow is suspended on purpose
    assert verdict.total is not None and verdict.total.worse


def test_a_budget_is_not_met_by_a_rollout_that_does_not_finish():
    waiting = side(fleet(ks("a", "asleep"), ks("asleep", suspend=True)), {})
    verdict = judge(waiting, None, Policy(target_s=36_000))
    message = next(f.message for f in verdict.failures if f.kind == "budget")
    assert message.startswith("p50 of the total: never") and message.endswith("not Ready: flux-system/a")


def test_what_an_error_keeps_down_fails_as_a_finding_and_not_as_the_budget():
    broken = side(fleet(ks("a", "b"), ks("b", broken="no such path"), ks("c")), {"c": 60.0})
    verdict = judge(broken, None, Policy(target_s=36_000))
    assert [f.kind for f in verdict.failures] == [FINDING]
    assert "2 objects kept from Ready by errors" in figures(verdict)


def test_a_deadlock_is_named_with_its_fix_by_the_check_that_it_fails_for_the_budget():
    need = Need("CustomResourceDefinition Store.example.org", ObjectId("Store", "x", "s"), hr_id("operator"), "apply")
    deadlock = fleet(ks("apps", needs=(need,)), hr("operator", "apps"), ks("late", "apps"))
    verdict = judge(side(deadlock, {}), side(deadlock, {}, "main"), Policy(target_s=900.0))
    assert [f.kind for f in verdict.failures] == ["budget"]
    shown = " ".join(str(part) for part in tables(verdict))
    for text in (shown, check_markdown(verdict)):
        assert "What first keeps objects from Ready:" in text and "FB110" in text and "--installed example.org" in text


def test_of_what_was_never_ready_before_either_a_few_are_named_and_the_others_counted():
    asleep = side(fleet(ks("gone", suspend=True), *(ks(f"a{n}", "nowhere") for n in range(20))), {})
    verdict = judge(asleep, asleep, Policy())
    (said,) = [rows for title, rows in edge_lines(verdict) if title == "Never Ready, as before"]
    assert said[0].endswith("and 14 more")


def test_an_error_that_the_check_fails_for_is_not_named_again_as_what_keeps_objects_from_ready():
    broken = judge(side(fleet(ks("a", "nowhere")), {}), None, Policy())
    assert [f.kind for f in broken.failures] == [FINDING]
    assert "What first keeps" not in " ".join(str(part) for part in tables(broken))


def in_a_circle():
    """A child that the health check of its own parent's dependency waits for: no error says so, yet it never comes up."""
    return fleet(ks("a", wait=False, health_checks=(ks_id("b"),)), ks("b", "a"))


def test_a_fleet_that_never_comes_up_is_not_passed_though_no_finding_is_an_error():
    verdict = judge(side(in_a_circle(), {}), None, Policy())
    (failure,) = verdict.failures
    assert failure.kind == NEVER
    assert failure.message.startswith("never Ready in any sample: flux-system/a, flux-system/b; ")
    assert to_document(verdict)["never"] == [str(ks_id("a")), str(ks_id("b"))]
    assert 'classname="fleetbench.never"' in check_junit(verdict)


def test_what_never_came_up_before_either_is_no_regression_but_is_said_first():
    verdict = judge(side(in_a_circle(), {}), side(in_a_circle(), {}), Policy())
    assert verdict.passed
    assert headline(verdict).endswith("passed, as nothing got worse; but 2 objects never Ready, as before")
    assert "**Never Ready, as before:** flux-system/a, flux-system/b" in check_markdown(verdict)
    assert any(line.startswith("::warning ") and "never Ready" in line for line in workflow_commands(verdict, str))


def test_a_new_object_that_never_comes_up_fails_and_one_that_waits_for_a_suspended_one_does_not():
    base = side(fleet(ks("c")), {})
    new = in_a_circle()
    both = fleet(ks("c"), *(k for k in new.kustomizations if k.id != new.root))
    assert [f.kind for f in judge(side(both, {}), base, Policy()).failures] == [NEVER, TOTAL]
    waiting = fleet(ks("c"), ks("asleep", suspend=True), ks("d", "asleep"))
    assert judge(side(waiting, {}), None, Policy()).passed


def test_every_report_of_a_rollout_that_does_not_finish_says_so():
    verdict = judge(side(fleet(ks("a", "asleep"), ks("asleep", suspend=True)), {}), None, Policy())
    text = figures(verdict)
    last = format_duration(verdict.now.prediction.total_quantile(0.5))
    assert text.startswith(f"total p50 {last}, p90 {last} for what got there, all Ready in 0 % (8 samples, seed 0)")
    assert text in check_junit(verdict) and "all Ready in 0 %" in check_markdown(verdict)
    assert to_document(verdict)["total_s"] is None


def test_a_budget_counts_samples_that_do_not_finish_as_the_latest_and_says_so():
    one = side(fleet(ks("a")), {})
    p = replace(one.prediction, totals=array("d", [1.0, 20.0, 30.0, 40.0, 50.0]), complete=array("b", [0, 1, 1, 1, 1]))
    of_a = array("d", [math.inf, *p.totals[1:]])
    p = replace(p, ready=tuple(of_a if id == ks_id("a") else array("d", [1.0] * 5) for id in p.services))
    assert p.total_quantile(0.5) == 30.0
    assert judge(replace(one, prediction=p), None, Policy(target_s=40.0)).passed
    [failure] = judge(replace(one, prediction=p), None, Policy(target_s=35.0)).failures
    assert failure.message == (
        "p50 of the total is 40.0s, the samples in which not all turns Ready counted as the latest, 5.0s over 35.0s"
    )


def test_a_suspended_object_is_not_asked_for_by_the_budget():
    assert judge(side(fleet(ks("a"), ks("b", suspend=True)), {}), None, Policy(target_s=600)).passed


def test_a_release_that_only_a_suspended_kustomization_would_create_is_not_asked_for_either():
    verdict = judge(side(fleet(ks("a"), ks("b", suspend=True), hr("web", "b")), {}), None, Policy(target_s=600))
    assert verdict.passed and to_document(verdict)["left_out"] == [str(hr_id("web")), str(ks_id("b"))]
    assert (
        "**Suspended, from a suspended source, or only created by such, so left out:** HelmRelease/flux-system/web, flux-system/b"
        in check_markdown(verdict)
    )


def test_the_line_holds_the_total_now_the_one_before_and_the_paired_difference_and_they_are_those_of_simulate():
    before, after = fleet(ks("a")), fleet(ks("a"), ks("b", "a"))
    one, other = side(before, {"a": 60.0}, "main"), side(after, {"a": 60.0, "b": 60.0})
    text = figures(judge(other, one, Policy()))
    now, was = (format_duration(s.prediction.total_quantile(0.5)) for s in (other, one))
    assert f"total p50 {now}, p90 {now}, all Ready in 100 %" in text
    assert f"against main: was p50 {was}, p90 {was}, all Ready in 100 %; the same draw before and now: +" in text
    assert "in the median of all 8 samples" in text


def timeout_of_a_second_on_some(share: int) -> Verdict:
    """Of ten draws the first ``share`` take ten minutes longer, the median none of them."""
    one = side(fleet(ks("a")), {"a": 60.0})
    old = array("d", [100.0 + n / 100 for n in range(50)])
    new = array("d", [t + (600.0 if n % 10 < share else 0.0) for n, t in enumerate(old)])

    def with_totals(totals):
        p = one.prediction
        of = tuple(totals if id == ks_id("a") else array("d", [1.0] * 50) for id in p.services)
        return replace(one, prediction=replace(p, totals=totals, ready=of, complete=array("b", [1] * 50)))

    return judge(with_totals(new), with_totals(old), Policy())


def test_a_median_that_stays_does_not_pass_a_change_that_makes_four_draws_in_ten_take_ten_minutes_longer():
    verdict = timeout_of_a_second_on_some(4)
    assert verdict.total is not None and verdict.total.difference.p50_s == 0
    total, of_a = verdict.failures
    assert total.message == (
        "the whole rollout: later by more than 1m00s and 25 %, or never, in 20 of 50 samples, sooner by as much in none"
    )
    assert of_a.object == ks_id("a")
    assert to_document(verdict)["total"]["much_later"]["later"] == 20


def test_two_draws_of_fifty_that_end_much_later_are_no_regression():
    one = timeout_of_a_second_on_some(0)
    assert one.passed and one.base is not None
    p = one.now.prediction
    late = array("d", [t + (600.0 if n < 2 else 0.0) for n, t in enumerate(p.totals)])
    ready = tuple(late if id == ks_id("a") else values for id, values in zip(p.services, p.ready, strict=True))
    assert judge(replace(one.now, prediction=replace(p, totals=late, ready=ready)), one.base, Policy()).passed


def test_the_quantile_that_is_named_must_not_get_later_either():
    before = side(fleet(ks("a")), {"a": 60.0})
    p = before.prediction
    old = array("d", [100.0] * 35 + [110.0] * 15)
    new = array("d", [100.0] * 35 + [160.0] * 15)  # not much later, not in the median, but p90

    def with_totals(totals):
        of = tuple(totals if id == ks_id("a") else array("d", [1.0] * 50) for id in p.services)
        return replace(before, prediction=replace(p, totals=totals, ready=of, complete=array("b", [1] * 50)))

    assert judge(with_totals(new), with_totals(old), Policy()).passed
    verdict = judge(with_totals(new), with_totals(old), Policy(quantile=0.9))
    assert verdict.failures[0].message == (
        "the whole rollout: p90 2m40s, was 1m50s: +50.0s (95 % interval +50.0s to +50.0s)"
    )
    assert to_document(verdict)["total"]["at_quantile"]["difference_s"] == 50.0


def test_fewer_draws_in_which_all_turns_ready_are_a_regression_though_the_median_is_the_same():
    one = timeout_of_a_second_on_some(0)
    assert one.base is not None
    p = one.now.prediction
    never = array("d", [math.inf if n % 10 < 3 else t for n, t in enumerate(p.totals)])
    ready = tuple(never if id == ks_id("a") else values for id, values in zip(p.services, p.ready, strict=True))
    fewer = replace(p, ready=ready, complete=array("b", [t < math.inf for t in never]))
    verdict = judge(replace(one.now, prediction=fewer), one.base, Policy())
    assert "or never, in 15 of 50 samples, sooner by as much in none" in verdict.failures[0].message


def test_a_branch_that_mends_an_error_passes_although_more_takes_longer_and_names_what_it_fixed():
    broken = fleet(ks("a"), ks("b", "nowhere"))
    verdict = judge(side(fleet(ks("a"), ks("b", "a")), {"b": 600.0}), side(broken, {}, "main"), Policy())
    assert verdict.passed and verdict.total is not None and verdict.total.better
    assert (
        "was p50 1.5s (1 object kept from Ready by errors), p90 1.5s for what got there, all Ready in 0 %; more turns Ready than before"
        in figures(verdict)
    )
    assert f"Fixed:** {DEPENDENCY_MISSING} flux-system/b" in check_markdown(verdict)
    assert "was never to was never" not in check_markdown(verdict)
    assert to_document(verdict)["fixed_findings"][0]["code"] == DEPENDENCY_MISSING


def sarif_findings():
    return (
        Finding(DEPENDENCY_MISSING, "a needs b", "write it", ks_id("a"), "apps/a b.yaml", 3),
        Finding(DEPENDENCY_MISSING, "no place", "", None, None, None),
    )


def test_sarif_has_what_the_standard_asks_of_a_run():
    one = side(fleet(ks("a")), {})
    verdict = Verdict(Side("x", one.fleet, sarif_findings(), one.prediction), None, Policy(), (), 1.0, 1)
    log = check_sarif(verdict, lambda f: f"fleet/{f}")
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "fleetbench"
    assert [r["id"] for r in rules] == [DEPENDENCY_MISSING] and all(r["shortDescription"]["text"] for r in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] and result["ruleId"] in RULES
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "fleet/apps/a%20b.yaml" and place["region"]["startLine"] == 3
    assert "locations" not in run["results"][1]


def test_a_finding_is_said_with_its_object_and_place_in_the_terminal_the_comment_and_annotations():
    broken = fleet(replace(ks("a", "nowhere"), file="apps/a.yaml", line=3))
    verdict = judge(side(broken, {}), None, Policy())
    whole = "FB102: apps/a.yaml:3 flux-system/a: depends on flux-system/nowhere"
    (failure,) = [f for f in verdict.failures if f.kind == FINDING]
    assert failure.message.startswith(whole)
    assert whole in check_markdown(verdict).replace("\\", "")
    assert any("flux-system/a: depends on" in line for line in workflow_commands(verdict, str))
    text = check_sarif(verdict, str)["runs"][0]["results"][0]["message"]["text"]
    assert text.startswith("flux-system/a: depends on")


def test_names_cannot_forge_a_workflow_command_or_break_the_xml():
    evil = ObjectId("Kustomization", "ns", "a\n::error::x")
    failure = Failure(FINDING, "100%\n::warning::\x1b[31m\x00<b>&", evil, "a,b:c.yaml", 2)
    one = side(fleet(ks("a")), {})
    verdict = Verdict(one, None, Policy(), (failure,), 1.0, 1)
    line = workflow_commands(verdict, lambda f: f)[0]
    assert "\n" not in line and "\x1b" not in line
    assert line.startswith("::error file=a%2Cb%3Ac.yaml,line=2,title=fleetbench finding::100%25%0A::warning::")
    ET.fromstring(check_junit(verdict).split("\n", 1)[1])
    assert "<b>" not in check_markdown(verdict)


def test_an_edge_added_to_an_object_that_names_it_is_in_the_reason():
    before, after = fleet(ks("a"), ks("b")), fleet(ks("a", "b"), ks("b"))
    verdict = judge(side(after, {"b": 300.0}), side(before, {"b": 300.0}), Policy())
    (failure,) = [f for f in verdict.failures if f.object == ks_id("a")]
    assert "it now depends on flux-system/b" in failure.message
    assert verdict.edges_added == ((ks_id("a"), ks_id("b")),)
    assert after.kustomization(ks_id("a")).depends_on == (Dependency(ks_id("b")),)


def test_what_is_new_below_what_never_was_ready_is_no_failure_of_its_own():
    own = Need("ConfigMap flux-system/settings", ks_id("stuck"), ks_id("stuck"), "build")
    stuck = ks("stuck", needs=(own,))
    before, now = fleet(stuck, ks("a")), fleet(stuck, ks("a"), ks("child", parent="stuck"), ks("after", "child"))
    verdict = judge(side(now, {}), side(before, {}), Policy())
    assert {id.name for id in verdict.never} == {"stuck", "child", "after"}
    assert verdict.passed
    alone = judge(side(fleet(ks("a"), replace(stuck, depends_on=())), {}), side(fleet(ks("a")), {}), Policy())
    assert NEVER in [f.kind for f in alone.failures]

"""What a change is judged by: whole samples first, then the seconds in those."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.cli.output import write_tables
from fleetbench.decide import trial
from fleetbench.decide.combine import RELIABILITY
from fleetbench.decide.effect import basis_of, effect_of
from fleetbench.decide.needed import NEEDED, UNNEEDED, classify
from fleetbench.decide.optimize import optimize
from fleetbench.decide.patch.verify import make_patch
from fleetbench.decide.patch.write import coupled_flags
from fleetbench.decide.timeouts import advise
from fleetbench.decide.trial import Bench
from fleetbench.decide.whatif import DropEdges, SetFlags, SetTimeouts, WaitOff
from fleetbench.findings import ERROR
from fleetbench.graph.checks import check
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import RUN_TIME, Kustomization, Need
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.steps import shipped_steps
from fleetbench.prediction.predict import predict
from fleetbench.repo import read_repository
from fleetbench.report.optimize import tables
from fleetbench.report.optimize_document import to_document
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario
from tests.unit.decide.fleets import write_repository

NEVER = math.inf


def test_seconds_are_compared_only_where_all_that_can_is_ready_both_before_and_after():
    effect = effect_of([10.0, 20.0, NEVER, NEVER, 50.0], [8.0, 16.0, 99.0, NEVER, NEVER])
    assert (effect.whole_before, effect.whole_after, effect.won, effect.lost) == (3, 3, 1, 1)
    assert (effect.total.samples, effect.before_s, effect.after_s) == (2, 10.0, 8.0)
    assert effect_of([NEVER], [1.0]).total is None


@pytest.mark.parametrize(
    ("won", "lost", "surer", "less_sure"),
    [(6, 0, True, False), (5, 0, False, False), (9, 2, False, False), (0, 2, False, False), (0, 3, False, True)],
)
def test_more_whole_samples_take_proof_and_fewer_only_a_doubt(won, lost, surer, less_sure):
    before = [NEVER] * won + [1.0] * lost + [1.0] * 20
    after = [1.0] * won + [NEVER] * lost + [1.0] * 20
    effect = effect_of(before, after)
    assert (effect.surer, effect.less_sure) == (surer, less_sure)


@pytest.mark.parametrize(("helped", "hurt", "better"), [(9, 0, True), (5, 0, False), (9, 8, False)])
def test_what_saves_much_in_some_samples_alone_is_better_though_the_middle_one_is_as_it_was(helped, hurt, better):
    before = [2000.0] * helped + [100.0] * hurt + [100.0] * 20
    after = [200.0] * helped + [2000.0] * hurt + [100.0] * 20
    effect = effect_of(before, after)
    assert effect.total.p50_s == 0.0 and not effect.total.sooner
    assert (effect.better, effect.worth_a_line) == (better, better)


def bare(k: Kustomization) -> Kustomization:
    return replace(k, workloads=())


def broken() -> Fleet:
    """A parent waits for a release that depends on nothing that exists, and for one that comes."""
    return fleet(
        bare(ks("apps")), hr("well", "apps"), hr("lost", "apps", "nowhere"), ks("other", retry_interval_s=600.0)
    )


def test_what_an_error_keeps_from_ready_counts_in_no_figure():
    asked = scenario(broken(), {"well": 10.0, "other": 30.0})
    base = predict(asked, 6)
    basis = basis_of(base)
    assert basis.never == {ks_id("apps"), hr_id("lost")}
    assert all(t < 40.0 for t in basis.totals(base))
    hidden = predict(WaitOff((ks_id("apps"),)).applied(asked), 6)  # now "apps" is Ready, and nothing is better
    assert not basis.effect(base, hidden).better


def test_a_change_that_only_hides_an_error_is_no_saving_and_the_error_is_said_first(capsys):
    found = optimize(scenario(broken(), {"well": 10.0, "other": 30.0}), 6)
    assert not any(isinstance(change, WaitOff) for change in found.best.changes)
    write_tables(tables(found, None, 20))
    shown = capsys.readouterr().out
    assert "was never" not in shown
    never, _, rest = shown.partition("Now ")
    assert "Never Ready as it is" in never and "flux-system/lost" in never and rest
    document = to_document(found, None)
    assert document["never_ready"] == [f"HelmRelease/{hr_id('lost').key}", f"Kustomization/{ks_id('apps').key}"]
    assert document["now"]["all_ready_fraction"] == 1


def test_where_most_objects_are_never_ready_the_combination_begins_with_what_to_mend(capsys):
    of = fleet(ks("a", "nowhere"), *(ks(name, "a") for name in "bcd"), ks("well"))
    asked = scenario(of, {"well": 30.0}, steps=shipped_steps())
    write_tables(tables(optimize(asked, 6), None, 20, findings=check(of)))
    together = " ".join(capsys.readouterr().out.partition("Together")[2].split())
    assert together.startswith(
        "4 of 6 objects never turn Ready, whatever is changed here: mend what is named above (FB102)"
    )
    write_tables(tables(optimize(scenario(fleet(ks("well"))), 6), None, 20))
    assert "never turn Ready" not in capsys.readouterr().out


def test_errors_of_the_repository_come_before_every_figure(tmp_path: Path):
    write_repository(tmp_path, 1)
    app = tmp_path / "clusters/x/app-0.yaml"
    app.write_text(app.read_text() + "  dependsOn:\n    - name: nowhere\n")
    where = ["--repo", str(tmp_path), "--cluster-path", "clusters/x", "--samples", "6"]
    shown = CliRunner().invoke(cli, ["optimize", *where]).stdout
    first, _, _ = shown.partition("Now ")
    assert "FB102 clusters/x/app-0.yaml" in first and "Mend these first" in first


def named(client: str, server: str) -> Need:
    return Need(f"Service default/{server}", ObjectId("ConfigMap", "default", client), ks_id(server), RUN_TIME)


def test_an_edge_to_whose_service_the_dependant_names_is_needed_and_changes_no_rollout():
    plain = fleet(*(replace(k, applies=0, workloads=()) for k in (ks("db"), ks("cache"), ks("web", "db", "cache"))))
    needs = {"web": (named("web", "db"),)}
    known = replace(
        plain, kustomizations=tuple(replace(k, needs=needs.get(k.id.name, ())) for k in plain.kustomizations)
    )
    web, db, cache = ks_id("web"), ks_id("db"), ks_id("cache")
    assert classify(known) == {(web, db): NEEDED, (web, cache): UNNEEDED}
    durations = {"db": 40.0, "cache": 5.0, "web": 5.0}
    assert predict(scenario(known, durations), 4).totals == predict(scenario(plain, durations), 4).totals
    without_edges = DropEdges(((web, db), (web, cache))).applied(scenario(known, durations))
    assert predict(without_edges, 4).complete_fraction == 1  # nothing waits for what is only named


def test_an_edge_whose_target_makes_the_service_without_waiting_for_it_is_needed_all_the_same():
    redis = replace(hr("redis", "db"), workloads_known=False)
    need = Need("Service default/redis-master", ObjectId("ConfigMap", "default", "web"), redis.id, RUN_TIME)
    of = fleet(
        bare(ks("db", wait=False, objects=(redis.id,))),
        redis,
        bare(ks("web", "db", needs=(need,), objects=(ObjectId("ConfigMap", "default", "web"),))),
    )
    assert classify(of)[(ks_id("web"), ks_id("db"))] == NEEDED


def two_in_a_row() -> Fleet:
    return fleet(*(replace(k, applies=0, workloads=()) for k in (ks("a"), ks("b", "a"))))


def test_an_edge_that_nothing_needs_is_listed_and_dropped_only_when_asked(capsys):
    asked = scenario(two_in_a_row(), {"a": 40.0, "b": 40.0}, steps=shipped_steps())
    found = optimize(asked, 8)
    (listed,) = [r for r in found.ranked if isinstance(r.candidate.change, DropEdges)]
    assert listed.trial.effect.better and not listed.candidate.taken and listed.candidate.mine
    assert not any(isinstance(change, DropEdges) for change in found.best.changes)
    write_tables(tables(found, None, 20))
    assert "only you can say whether the order is meant" in " ".join(capsys.readouterr().out.split())
    chosen = optimize(asked, 8, edges="unneeded")
    assert any(isinstance(change, DropEdges) for change in chosen.best.changes)
    write_tables(tables(chosen, None, 20))
    assert "nothing needs it in the manifests" in " ".join(capsys.readouterr().out.partition("Together")[2].split())


def test_longer_timeouts_are_for_reliability_and_not_pruned_by_the_draws_at_hand(capsys):
    of = fleet(ks("apps"), *(hr(name, "apps", timeout_s=60.0) for name in ("a", "b")), ks("ample"))
    found = optimize(scenario(of, {"a": 90.0, "b": 70.0, "ample": 10.0}), 8)
    at = next(n for n, change in enumerate(found.best.changes) if isinstance(change, SetTimeouts))
    assert found.purposes[at] == RELIABILITY and len(found.best.changes[at].timeouts) == 2
    write_tables(tables(found, None, 20))
    assert "for reliability: timeout" in " ".join(capsys.readouterr().out.split())


def test_a_timeout_that_only_a_guess_outlasts_is_not_raised_but_measured_first(capsys):
    of = fleet(ks("apps"), *(hr(name, "apps", timeout_s=60.0) for name in ("guessed", "stated")))
    asked = scenario(of, {"guessed": 90.0, "stated": 90.0})
    guess = replace(asked.workloads[hr_id("guessed")], chosen_by="prior: any chart (guess)")
    found = optimize(replace(asked, workloads={**asked.workloads, hr_id("guessed"): guess}), 8)
    (longer,) = [r.candidate.change for r in found.ranked if isinstance(r.candidate.change, SetTimeouts)]
    assert [id.name for id, _ in longer.timeouts] == ["stated"]
    write_tables(tables(found, None, 20))
    timeouts = capsys.readouterr().out.partition("Timeouts")[2]
    assert "measure first: only a guessed time outlasts the timeout" in " ".join(timeouts.split())


def test_a_single_slow_sample_raises_no_timeout():
    asked = scenario(fleet(ks("a", timeout_s=60.0)))
    waits = iter([100.0] + [10.0] * 11)

    class Once:
        def quantile(self, u: float) -> float:
            return next(waits)

    time = scenario(asked.fleet, {"a": 1.0}).workloads[ks_id("a")]
    slow_once = replace(asked, workloads={ks_id("a"): replace(time, total=Once())})
    (advice,) = advise(slow_once, 12)
    assert advice.chance == pytest.approx(1 / 12) and advice.raised_s is None


def test_a_trial_does_not_follow_what_tries_for_ever_to_the_end_of_the_day():
    of = fleet(ks("apps"), hr("late", "apps", timeout_s=20.0, retries=-1), ks("other"))
    bench = Bench(scenario(of, {"late": 60.0, "other": 10.0}), 6)
    assert bench.limited.until_s == trial.LEAST_UNTIL_S
    long = Bench(scenario(fleet(ks("a", timeout_s=9000.0)), {"a": 5000.0}), 6)
    assert long.limited.until_s > 2 * 14_000


def test_other_processes_find_the_same(monkeypatch: pytest.MonkeyPatch):
    asked = scenario(two_in_a_row(), {"a": 40.0, "b": 40.0}, steps=shipped_steps())
    alone = optimize(asked, 20, edges="unneeded")
    monkeypatch.setattr(trial, "_PARALLEL_FROM_S", 0.0)
    monkeypatch.setattr(trial.os, "cpu_count", lambda: 2)
    together = optimize(asked, 20, edges="unneeded")
    assert to_document(alone, None) == to_document(together, None)


@pytest.fixture
def one_patch_for_both(tmp_path: Path) -> Path:
    """A repository whose one patch sets a flag of two controllers."""
    write_repository(tmp_path, 1)
    top = tmp_path / "clusters/x/kustomization.yaml"
    patch = '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--requeue-dependency=20s"}]'
    target = '{kind: Deployment, name: "(kustomize-controller|helm-controller)"}'
    top.write_text(top.read_text() + f"patches:\n- target: {target}\n  patch: '{patch}'\n")
    return tmp_path


def test_flags_that_one_line_sets_are_tried_together_and_written(one_patch_for_both: Path):
    repo = one_patch_for_both
    reading = read_repository(repo, "clusters/x")
    coupled = coupled_flags(repo, reading)
    assert coupled == (frozenset({"requeue_dependency_s", "helm_requeue_dependency_s"}),)
    asked = assemble(reading.fleet, Choice()).scenario
    found = optimize(asked, 6, coupled=coupled)
    flags = [r.candidate.change.flags for r in found.ranked if isinstance(r.candidate.change, SetFlags)]
    assert all(("requeue_dependency_s" in f) == ("helm_requeue_dependency_s" in f) for f in flags)
    both = SetFlags({"requeue_dependency_s": 5.0, "helm_requeue_dependency_s": 5.0})
    patch = make_patch(repo, "clusters/x", reading, (both,), asked)
    assert patch.left == () and patch.changes == (both,) and "--requeue-dependency=5s" in patch.text
    parameters = assemble(patch.fleet, Choice()).scenario.parameters
    assert (parameters.requeue_dependency_s, parameters.helm_requeue_dependency_s) == (5.0, 5.0)


def test_flags_that_two_lines_set_are_not_coupled(tmp_path: Path):
    write_repository(tmp_path, 1)
    components = tmp_path / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text(components.read_text().replace('--log-level=info"', '--log-level=info", "--concurrent=6"'))
    assert coupled_flags(tmp_path, read_repository(tmp_path, "clusters/x")) == ()


def test_a_deadlock_that_is_only_a_warning_is_said_first_and_what_it_keeps_down_has_no_row_about_its_timeout(
    capsys,
):
    store = ObjectId("Store", "x", "s")
    need = Need("CustomResourceDefinition Store.example.org", store, hr_id("operator"), "apply")
    of = fleet(ks("apps", needs=(need,)), hr("operator", "apps"), *(ks(f"late{n}", "apps") for n in range(9)), ks("a"))
    found = optimize(scenario(of), 6)
    findings = check(of)
    assert all(f.severity != ERROR for f in findings)
    write_tables(tables(found, None, 20, findings=findings))
    first, _, rest = " ".join(capsys.readouterr().out.split()).partition(" Now ")
    assert "Mend these first: FB110 flux-system/apps" in first and "Fix: " in first
    assert "Not listed, as they are never Ready as it is and no timeout mends that: 11" in rest
    document = to_document(found, None, findings=findings)
    assert [f["code"] for f in document["mend_first"]] == ["FB110"] and document["errors"] == []
    assert len(document["timeouts"]) == 12

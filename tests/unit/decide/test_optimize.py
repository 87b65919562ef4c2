from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.cli.output import write_tables
from fleetbench.decide.candidates import ON_PURPOSE, layout_changes
from fleetbench.decide.cost import affordable
from fleetbench.decide.effect import effect_of
from fleetbench.decide.needed import IMPLIED, NEEDED, UNNEEDED, UNPROVEN, classify, droppable
from fleetbench.decide.optimize import optimize
from fleetbench.decide.patch import verify
from fleetbench.decide.patch.verify import make_patch
from fleetbench.decide.patch.write import Written, writable_part, write_changes
from fleetbench.decide.prune import pruned
from fleetbench.decide.retries import SetRetryInterval
from fleetbench.decide.trial import SCREENED, Bench, Trial, total_difference
from fleetbench.decide.whatif import AddEdges, DropEdges, SetFlags, SplitParent, WaitOff, WhatIf, all_applied
from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.objects import Need
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.distributions import Fixed, LogNormal
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import PullPrior
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import shipped_steps
from fleetbench.model.workload_time import ImagePull, PodTime, WorkloadTime
from fleetbench.prediction.predict import predict
from fleetbench.repo import read_repository
from fleetbench.report.optimize import tables
from fleetbench.report.optimize_document import to_document
from tests.builders import fleet, hr, ks, ks_id, scenario
from tests.unit.decide.fleets import random_fleet, write_repository


def reaches(of: Fleet, first: str, second: str) -> bool:
    """Whether dependsOn, and nothing else, puts one before the other: an oracle of its own."""
    graph = nx.DiGraph((d.target.name, k.id.name) for k in of.kustomizations for d in k.depends_on)
    return first in graph and second in graph and nx.has_path(graph, first, second)


@pytest.mark.parametrize("seed", range(50))
def test_no_needed_order_is_lost_and_the_promise_is_what_simulating_again_gives(seed):
    edges = ("safe", "unneeded", "unproven")[seed % 3]
    of, needed, durations = random_fleet(seed)
    asked = scenario(of, durations, steps=shipped_steps(), seed=seed)
    found = optimize(asked, 6, edges=edges)
    after = all_applied(asked, found.best.changes)
    kept = needed if edges != "safe" else {k.id.name: [d.target.name for d in k.depends_on] for k in of.kustomizations}
    for name, wants in kept.items():
        for want in wants:
            assert reaches(after.fleet, want, name), f"{name} comes after {want}"
    again = predict(after, 6)
    assert again.totals == found.best.prediction.totals
    if found.best.changes:
        saved = [a - b for a, b in zip(predict(asked, 6).totals, again.totals, strict=True)]
        assert sorted(saved)[3] == -found.best.total.p50_s  # the lower median of new minus old
        assert min(saved) > 0  # with six samples the interval reaches from the least to the most


def test_the_progress_of_the_search_says_how_many_trials_it_takes_at_most():
    seen = []
    of, _, durations = random_fleet(1)
    optimize(scenario(of, durations), 6, progress=lambda *at: seen.append(at))
    known = [(done, most) for done, most in seen if most is not None]
    assert len(known) > len(seen) / 2 and all(done <= most for done, most in known)


def test_a_fleet_of_which_nothing_turns_ready_takes_never_and_not_0_seconds():
    found = optimize(replace(scenario(fleet(ks("a"))), until_s=0.0), 3)
    now = to_document(found, None)["now"]
    assert now.pop("all_ready_fraction") == 0 and set(now.values()) == {None}
    said = [str(part) for part in tables(found, None, 3)]
    assert len(said) == 2 and said[1].startswith("Nothing turns Ready within --until 0s: give it longer")


@pytest.mark.parametrize("seed", range(10))
def test_a_perfect_controller_is_a_bound_on_each_sample_also_where_waits_miss_their_timeouts_and_pulls_take_turns(seed):
    of = fleet(*(ks(f"a{n}", *([f"a{n - 1}"] if n % 3 else []), timeout_s=60.0) for n in range(9)))
    guess = LogNormal(30.0, 120.0)
    times = {}
    for k in of.kustomizations:
        pulls = (ImagePull(f"image-{k.id.name}", Fixed(200.0)),)
        times[k.id] = WorkloadTime(k.id, "guess", pods=(PodTime(k.id, ready=guess, pulls=pulls),))
    pull = PullPrior(Fixed(10.0))
    asked = replace(scenario(of, steps=shipped_steps(), seed=seed), workloads=times, pull=pull)
    found = optimize(asked, 6)
    now, best = found.basis.totals(found.base), found.basis.totals(found.perfect)
    assert sum(b <= a for a, b in zip(now, best, strict=True)) >= 5  # a second try may have drawn a luckier time
    assert found.bound.total is not None and found.bound.total.p95_s <= 0
    assert found.bound.saves_s > 60.0


def test_an_edge_that_others_imply_may_go_and_the_ones_that_imply_it_may_not():
    of, _, _ = random_fleet(0)
    chain = fleet(ks("a"), hr("a", "a"), ks("b", "a"), hr("b", "b"), ks("c", "a", "b"), hr("c", "c"))
    classes = {(x.name, y.name): c for (x, y), c in classify(chain).items()}
    assert classes[("c", "a")] == IMPLIED
    assert of.kustomizations


def test_an_edge_between_read_manifests_that_need_nothing_of_each_other_may_go():
    of, needed, _ = random_fleet(3)
    for (dependant, dependency), found in classify(of).items():
        if dependency.name in needed[dependant.name]:
            assert found in (NEEDED, IMPLIED)
        assert found != UNPROVEN


def test_an_edge_that_saves_a_lost_retry_interval_is_added():
    needs = (Need("CustomResourceDefinition x.test", ks_id("app"), ks_id("crds"), "apply"),)
    app = ks("app", needs=needs, retry_interval_s=300.0)
    # a takes a worker for a minute, so that crds, the last in the queue, is applied after app has failed
    of = fleet(app, *(ks(f"slow{n}") for n in range(4)), ks("zcrds"), ks("crds", "slow1"))
    found = optimize(scenario(of, {f"slow{n}": 60.0 for n in range(4)}, steps=shipped_steps()), 6)
    assert AddEdges(((ks_id("app"), ks_id("crds")),)) in found.best.changes
    assert found.best.effect.saves_s > 100.0


def test_an_edge_of_a_chart_that_was_not_rendered_is_only_unproven():
    of = fleet(ks("db"), ks("app", "db"), replace(hr("app", "app"), workloads_known=False))
    of = replace(of, kustomizations=tuple(replace(k, applies=0, workloads=()) for k in of.kustomizations))
    assert classify(of)[(ks_id("app"), ks_id("db"))] == UNPROVEN
    assert droppable(of, [(ks_id("app"), ks_id("db"))]) == []
    assert droppable(of, [(ks_id("app"), ks_id("db"))], unproven=True) != []


def test_an_edge_in_the_middle_stays_where_something_unread_further_down_may_need_it():
    def bare(k):
        return replace(k, applies=0, workloads=())

    read = fleet(bare(ks("a")), bare(ks("b", "a")), bare(ks("c", "b")))
    assert classify(read)[(ks_id("b"), ks_id("a"))] == UNNEEDED
    unread = fleet(bare(ks("a")), bare(ks("b", "a")), replace(bare(ks("c", "b")), expanded=False))
    assert classify(unread)[(ks_id("b"), ks_id("a"))] == UNPROVEN


def test_two_edges_that_back_each_other_do_not_both_go():
    of, needed, _ = random_fleet(7)
    every = list(classify(of))
    gone = droppable(of, every)
    from fleetbench.decide.needed import without

    left = without(of, gone)
    assert all(reaches(left, want, name) for name, wants in needed.items() for want in wants)


def test_a_wait_that_others_lean_on_is_never_turned_off():
    of = fleet(ks("op"), hr("op", "op"), ks("app", "op"), hr("app", "app"))
    of = replace(of, kustomizations=tuple(replace(k, workloads=()) for k in of.kustomizations))
    from fleetbench.decide.candidates import wait_changes

    assert [c.change.ids for c in wait_changes(of)] == [(ks_id("app"),)]


def test_a_wait_on_workloads_that_nothing_else_reports_is_not_turned_off_for_a_shorter_total():
    from fleetbench.decide.candidates import wait_changes

    assert wait_changes(fleet(ks("app"), hr("app", "app"))) == []


def apps_of_releases(workers: int) -> Scenario:
    """Kustomizations that wait for a release each, which nobody waits for, and as many workers."""
    names = [f"app-{n}" for n in range(6)]
    of = fleet(*(replace(ks(name), workloads=()) for name in names), *(hr(f"web-{name}", name) for name in names))
    flags = Parameters(interval_jitter=0.0, kustomize_concurrent=workers, helm_concurrent=20)
    return scenario(of, {f"web-{name}": 120.0 for name in names}, steps=shipped_steps(), parameters=flags)


def test_a_wait_is_not_turned_off_where_only_its_own_ready_would_come_sooner():
    found = optimize(apps_of_releases(workers=20), 8)
    assert not [c for c in found.best.changes if isinstance(c, WaitOff)]
    alone = next(r.trial.effect for r in found.ranked if isinstance(r.candidate.change, WaitOff))
    assert abs(alone.saves_s) < 5.0


def test_a_wait_is_turned_off_where_others_get_its_worker_and_what_is_lost_is_said():
    found = optimize(
        apps_of_releases(workers=1), 8, writable=lambda change: change if isinstance(change, WaitOff) else None
    )
    assert [c for c in found.best.changes if isinstance(c, WaitOff)] and found.best.effect.saves_s > 60.0
    assert "lost: its Ready says that all is applied" in "".join(map(str, tables(found, None, 30)))


def chain_of_three() -> tuple[Scenario, DropEdges]:
    """Each waits for the one before, and nothing in the manifests asks for it."""
    read = [replace(k, applies=0, workloads=()) for k in (ks("a"), ks("b", "a"), ks("c", "b"))]
    edges = DropEdges(((ks_id("b"), ks_id("a")), (ks_id("c"), ks_id("b"))))
    return scenario(fleet(*read), {"a": 40.0, "b": 40.0, "c": 40.0}, steps=shipped_steps()), edges


def test_what_saves_less_than_is_worth_a_line_is_not_named_as_what_has_no_place_here():
    alone = scenario(fleet(ks("a")), {"a": 12.3}, steps=shipped_steps())
    found = optimize(alone, 8, writable=lambda change: None)
    least = next(r.trial.effect for r in found.ranked if r.candidate.change.title == "in-memory kustomize builds")
    assert least.better and 0.0 < least.saves_s < 1.0
    assert found.beside is None


def test_a_layout_that_drops_stated_orders_says_whose_say_that_is():
    of = fleet(ks("infra"), ks("apps", "infra"), ks("i", parent="infra"), ks("a", parent="apps"))
    (fine,) = layout_changes(of)
    assert fine.change.title == "layout: fine" and ON_PURPOSE in fine.note
    (waves,) = layout_changes(fleet(ks("a"), ks("b", "a")))
    assert waves.change.title == "layout: waves" and ON_PURPOSE not in waves.note


def test_what_saves_nothing_beside_the_rest_of_a_combination_is_left_out_of_it():
    asked, edges = chain_of_three()
    bench = Bench(asked, 8)
    flags = SetFlags({"in_memory_builds": True, "requeue_dependency_s": 5.0})
    whole = bench.try_(flags, edges)
    kept, left_out = pruned(bench, whole, lambda changes: True)
    assert kept.changes == (edges,) and left_out == [flags]
    assert total_difference(whole.prediction, kept.prediction).p50_s <= 1.0
    assert kept.prediction.totals == predict(edges.applied(asked), 8).totals


class SavingsBench:
    """A bench on which every change saves as much."""

    def __init__(self, saves_s: float):
        self.saves_s = saves_s
        self.basis: Any = SimpleNamespace(effect=lambda old, new: effect_of(old.totals, new.totals))

    def try_(self, *changes: WhatIf) -> Trial:
        totals = [100.0 - self.saves_s * len(changes)] * 8
        prediction: Any = SimpleNamespace(totals=totals)
        return Trial(changes, prediction, effect_of([100.0] * 8, totals))

    def look_ahead(self, wanted: list[tuple[WhatIf, ...]]) -> None:
        pass


def test_of_many_changes_that_save_little_each_only_so_many_are_left_out_that_it_stays_little():
    bench: Any = SavingsBench(0.6)
    every = [SplitParent(ks_id(name)) for name in "bcdef"]
    kept, left_out = pruned(bench, bench.try_(*every), lambda changes: True)
    assert kept.changes == tuple(every[:-1]) and left_out == every[-1:]


def test_an_edge_that_two_changes_drop_is_not_called_left_out():
    asked, edges = chain_of_three()
    bench = Bench(asked, 8)
    kept, left_out = pruned(bench, bench.try_(DropEdges(edges.edges[1:]), edges), lambda changes: True)
    assert {edge for change in kept.changes for edge in change.edges} == set(edges.edges) and left_out == []


@pytest.mark.parametrize("seed", [1, 4])
def test_the_patch_applies_with_git_and_the_patched_repository_takes_the_promised_time(tmp_path: Path, seed: int):
    repo = tmp_path / "fleet"
    needed = write_repository(repo, seed)
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    patch = tmp_path / "faster.patch"
    where = ["--repo", str(repo), "--cluster-path", "clusters/x"]
    how = ["--samples", "8", "--seed", str(seed), "--format", "json"]
    result = CliRunner().invoke(cli, ["optimize", *where, *how, "--patch", str(patch)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["together"]["changes"] and found["patch"]["cannot_be_written"] == []
    assert found["patch"]["changes"] == found["together"]["changes"]
    assert found["patch"]["total_s_p50"] == found["together"]["total_s_p50"] < found["now"]["total_s_p50"]
    subprocess.run(["git", "-C", str(repo), "apply", str(patch)], check=True)
    simulated = CliRunner().invoke(cli, ["simulate", *where, *how, "--strategy", "fine"])
    document = json.loads(simulated.stdout)
    assert document["strategies"]["fine"]["total_s_p50"] == found["patch"]["total_s_p50"]
    after = read_repository(repo, "clusters/x").fleet
    for name, wants in needed.items():
        assert all(reaches(after, want, name) for want in wants)
    for file in repo.glob("clusters/x/app-*.yaml"):
        assert file.read_text().startswith(f"# {file.stem}\n") and "# often enough" in file.read_text()


def test_optimize_names_the_objects_for_which_check_will_fail_the_patch(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 3)
    sync_only = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n"  # so no flag is written
    (repo / "clusters/x/flux-system/gotk-components.yaml").write_text(sync_only)
    git = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *step], check=True)
    patch = str(tmp_path / "faster.patch")
    where = ["--repo", str(repo), "--cluster-path", "clusters/x"]
    how = ["--samples", "8", "--seed", "3", "--kustomize-concurrent", "2"]
    optimizing = ["optimize", *where, *how, "--edges", "unneeded", "--patch", patch]
    told = CliRunner().invoke(cli, [*optimizing, "--format", "json"])
    found = json.loads(told.stdout)
    subprocess.run([*git, "apply", patch], check=True)
    checked = CliRunner().invoke(cli, ["check", *where, *how, "--against", "HEAD", "--format", "json"])
    verdict = json.loads(checked.stdout)
    later = found["patch"]["later_objects"]
    assert later and later == [c for c in verdict["objects"] if c["worse"]] == found["together"]["later_objects"]
    assert {c["object"] for c in later} == {f["object"] for f in verdict["failures"] if f["kind"] == "object"}
    subprocess.run([*git, "checkout", "-q", "."], check=True)
    table = CliRunner().invoke(cli, optimizing).stdout.partition("Timeouts")[0]
    _, told_later, listed = " ".join(table.split()).partition("check --against` fails")
    assert told_later and all(c["object"].partition("/")[2] in listed for c in later)


def test_flags_become_a_kustomize_patch_that_the_reader_finds(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    reading = read_repository(repo, "clusters/x")
    flags = SetFlags({"kustomize_concurrent": 20, "requeue_dependency_s": 5.0, "helm_concurrent": 8})
    patch = make_patch(repo, "clusters/x", reading, (flags,), assemble(reading.fleet, Choice()).scenario)
    assert patch.left == ()
    assert "+patches:" in patch.text and "+      value: --concurrent=20" in patch.text
    parameters = assemble(patch.fleet, Choice()).scenario.parameters
    assert (parameters.kustomize_concurrent, parameters.requeue_dependency_s, parameters.helm_concurrent) == (
        20,
        5.0,
        8,
    )


def test_flags_are_written_where_the_components_are_too_large_to_be_read_without_kustomize(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    components = repo / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text("# a CRD\n" * 10_000 + components.read_text())  # `flux bootstrap` writes some 400 KiB
    reading = read_repository(repo, "clusters/x")
    flags = (SetFlags({"kustomize_concurrent": 20}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert patch.left == () and "b/clusters/x/flux-system/kustomization.yaml" in patch.text


def test_in_memory_builds_and_a_cpu_limit_become_patches_that_the_reader_finds(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    reading = read_repository(repo, "clusters/x")
    settings = SetFlags({"in_memory_builds": True, "kustomize_cpus": 2.0})
    patch = make_patch(repo, "clusters/x", reading, (settings,), assemble(reading.fleet, Choice()).scenario)
    assert patch.left == () and "medium: Memory" in patch.text and "cpu: 2000m" in patch.text
    parameters = assemble(patch.fleet, Choice()).scenario.parameters
    assert parameters.in_memory_builds and parameters.kustomize_cpus == 2.0


def test_a_flag_that_the_repository_sets_is_changed_where_it_stands(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    components = repo / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text(components.read_text().replace('--log-level=info"', '--log-level=info", "--concurrent=6"', 1))
    reading = read_repository(repo, "clusters/x")
    flags = (SetFlags({"kustomize_concurrent": 20}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert patch.text.count("\n+ ") == 1 and "--concurrent=20" in patch.text
    assert assemble(patch.fleet, Choice()).scenario.parameters.kustomize_concurrent == 20


def test_a_flag_that_cannot_be_set_without_anothers_is_left_alone(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    components = repo / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text(components.read_text().replace('--log-level=info"', '--log-level=info", "--concurrent=6"'))
    top = repo / "clusters/x/kustomization.yaml"
    operation = '[{"op": "replace", "path": "/spec/template/spec/containers/0/args/1", "value": "--concurrent=6"}]'
    top.write_text(top.read_text() + f"patches:\n- target: {{kind: Deployment}}\n  patch: '{operation}'\n")
    reading = read_repository(repo, "clusters/x")
    flags = (SetFlags({"kustomize_concurrent": 20, "requeue_dependency_s": 5.0}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert (patch.text, patch.changes) == ("", ()) and "--concurrent=20 of helm-controller, too" in patch.left[0]


def test_what_an_overlay_sets_again_is_not_promised(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    top = repo / "clusters/x/kustomization.yaml"
    top.write_text(
        top.read_text() + "patches:\n- target: {kind: Kustomization, name: app-0}\n  patch: |\n"
        "    - {op: replace, path: /spec/wait, value: true}\n"
    )
    reading = read_repository(repo, "clusters/x")
    patch = make_patch(
        repo, "clusters/x", reading, (WaitOff((ks_id("app-0"),)),), assemble(reading.fleet, Choice()).scenario
    )
    assert patch.text == "" and "sets wait again" in patch.left[0]


def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a patch changes is no YAML afterwards."""

    def write(*args: Any) -> Written:
        written = write_changes(*args)
        for path, text in written.files.changed.items():
            written.files.write(path, text + "\n a: b: c\n")
        return written

    monkeypatch.setattr(verify, "write_changes", write)


def test_a_patch_after_which_a_file_cannot_be_read_names_the_place_not_what_is_gone_for_it(tmp_path: Path, monkeypatch):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    top = repo / "clusters/x/kustomization.yaml"
    head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {namespace: flux-system, name: "
    rest = "}\nspec:\n  interval: 1h\n  wait: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n  path: "
    (repo / "kids").mkdir()
    (repo / "clusters/x/parent.yaml").write_text(f"{head}parent{rest}./kids\n")
    (repo / "kids/kid.yaml").write_text(f"{head}kid{rest}./apps/app-0\n")
    top.write_text(top.read_text() + "- parent.yaml\n")
    broken(monkeypatch)
    reading = read_repository(repo, "clusters/x")
    changes = (WaitOff((ks_id("kid"),)),)
    patch = make_patch(repo, "clusters/x", reading, changes, assemble(reading.fleet, Choice()).scenario)
    assert patch.text == "" and "kids/kid.yaml:" in patch.left[0]
    assert "cannot be read" in patch.left[0] and "is gone" not in patch.left[0]


def test_what_is_shorter_but_cannot_be_written_is_not_called_no_shorter(tmp_path: Path, monkeypatch):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    broken(monkeypatch)
    where = ["--repo", str(repo), "--cluster-path", "clusters/x", "--samples", "8", "--seed", "1"]
    result = CliRunner().invoke(cli, ["optimize", *where, "--patch", str(tmp_path / "p.patch")])
    assert "was not written: " in result.stderr and "cannot be read" in result.stderr
    assert "makes the rollout shorter" not in result.stderr


def test_what_a_graph_file_cannot_be_patched_says_so():
    result = CliRunner().invoke(cli, ["optimize", "--patch", "x.patch"])
    assert result.exit_code == 2 and "--repo" in result.output


@pytest.mark.parametrize("seed", range(12))
def test_an_edge_is_judged_as_comparing_the_whole_order_before_and_after_would(seed):
    from fleetbench.decide.needed import guarantees, lost_anything, lost_needs, without

    of, _, _ = random_fleet(seed)
    hidden = {k.id for n, k in enumerate(of.kustomizations) if n % 3 == seed % 3}
    of = replace(of, kustomizations=tuple(replace(k, expanded=k.id not in hidden) for k in of.kustomizations))
    now = guarantees(of)
    for edge, found in classify(of).items():
        if found == IMPLIED:
            assert not lost_anything(now, guarantees(without(of, [edge])))
            continue
        then = guarantees(without(of, [edge]))
        assert found == (NEEDED if lost_needs(now, then) else UNPROVEN if lost_anything(now, then) else UNNEEDED)


def test_no_change_is_taken_after_which_less_turns_ready():

    # The release misses its timeout in every sample; what follows it never starts, which makes the rollout "short".
    of = fleet(ks("infra", wait=True), hr("late", "infra", timeout_s=20.0), ks("apps", "infra"), ks("other"))
    found = optimize(scenario(of, {"late": 60.0, "apps": 30.0, "other": 10.0}), 6)
    assert found.base.complete_fraction == 0.0
    assert any("timeout" in change.title for change in found.best.changes)
    assert found.best.prediction.complete_fraction == 1.0


def test_without_the_controllers_in_the_repository_flags_are_no_part_of_the_patch(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 4)
    components = repo / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n")
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    where = ["--repo", str(repo), "--cluster-path", "clusters/x", "--samples", "8", "--seed", "4", "--format", "json"]
    result = CliRunner().invoke(cli, ["optimize", *where, "--patch", str(tmp_path / "p.patch")])
    found = json.loads(result.stdout)
    assert not any("--" in title or "in-memory" in title for title in found["together"]["changes"])
    assert len(found["patch"]["cannot_be_written"]) == 1
    assert "set it where Flux is installed" in found["patch"]["cannot_be_written"][0]


INSTANCE = """\
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {name: flux, namespace: flux-system}
spec:
  distribution: {version: 2.9.x}
  cluster:
    size: medium
  sync: {kind: GitRepository, url: x, path: clusters/x}
"""
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: flux-instance, namespace: flux-system}
spec:
  interval: 1h
  chart: {spec: {chart: flux-instance, sourceRef: {kind: HelmRepository, name: x}}}
  values:
    instance:
      distribution: {version: 2.9.x}
      kustomize:
        patches:
          - target: {kind: Deployment, name: source-controller}
            patch: |
              - {op: add, path: /spec/template/spec/containers/0/args/-, value: --concurrent=6}
"""


@pytest.mark.parametrize(
    ("text", "list_at"),
    [(INSTANCE, "\n+  kustomize:\n+    patches:\n+      - patch: |"), (RELEASE, "\n+          - patch: |")],
)
def test_flags_become_a_patch_of_the_flux_instance_or_of_the_values_that_make_it(
    tmp_path: Path, text: str, list_at: str
):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    components = repo / "clusters/x/flux-system/gotk-components.yaml"
    components.write_text(text)
    reading = read_repository(repo, "clusters/x")
    flags = SetFlags({"kustomize_concurrent": 20, "in_memory_builds": True})
    assert writable_part(tmp_path, reading, flags) == flags
    patch = make_patch(repo, "clusters/x", reading, (flags,), assemble(reading.fleet, Choice()).scenario)
    assert patch.left == () and patch.text.count("\n+++") == 1 and list_at in patch.text
    parameters = assemble(patch.fleet, Choice()).scenario.parameters
    assert (parameters.kustomize_concurrent, parameters.in_memory_builds) == (20, True)


def test_values_of_a_flux_instance_that_stand_elsewhere_are_said_so(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    (repo / "clusters/x/flux-system/gotk-components.yaml").write_text(
        INSTANCE.replace("cluster:\n    size: medium", "kustomize: {}")
    )
    reading = read_repository(repo, "clusters/x")
    flags = (SetFlags({"kustomize_concurrent": 20}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert patch.text == ""
    assert "add it to spec.kustomize.patches of FluxInstance/flux-system/flux" in patch.left[0]


OVERLAY = """\
patches:
- target: {kind: FluxInstance}
  patch: |
    - op: add
      path: /spec/kustomize
      value:
        patches:
        - target: {kind: Deployment, name: kustomize-controller}
          patch: |
            - op: add
              path: /spec/template/spec/containers/0/args/-
              value: --requeue-dependency=10s
"""


def test_what_an_overlay_patches_into_a_flux_instance_is_no_place_for_a_patch_of_its_deployments(tmp_path: Path):
    """kustomize never sees the Deployments that flux-operator makes: such a patch would change nothing."""
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    instance = INSTANCE.replace("  cluster:\n    size: medium\n", "")
    (repo / "clusters/x/flux-system/gotk-components.yaml").write_text(instance)
    top = repo / "clusters/x/flux-system/kustomization.yaml"
    top.write_text(f"{top.read_text()}{OVERLAY}")
    reading = read_repository(repo, "clusters/x")
    assert [(f.value, f.file) for f in reading.fleet.flags] == [("10s", "clusters/x/flux-system/kustomization.yaml")]
    flags = (SetFlags({"kustomize_concurrent": 20}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert "clusters/x/flux-system/kustomization.yaml" not in patch.text


def test_a_patch_stands_beside_patches_that_begin_with_a_comment(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    commented = (
        "      kustomize:\n        patches:\n"
        "          - # Increase the memory limits\n            patch: |-\n              - op: add\n"
        "                path: /metadata/annotations/a\n                value: b\n"
        "            target:\n              kind: Deployment\n              name: source-controller\n"
    )
    head = RELEASE.partition("      kustomize:\n")[0]
    (repo / "clusters/x/flux-system/gotk-components.yaml").write_text(head + commented)
    reading = read_repository(repo, "clusters/x")
    flags = (SetFlags({"kustomize_concurrent": 20}),)
    patch = make_patch(repo, "clusters/x", reading, flags, assemble(reading.fleet, Choice()).scenario)
    assert patch.left == () and "\n+          - patch: |" in patch.text
    assert assemble(patch.fleet, Choice()).scenario.parameters.kustomize_concurrent == 20


def test_an_ingress_needs_more_than_the_manifests_say():
    # its class and its issuer come from the dependency, though no need names them
    served = ks(
        "apps", "ingress", objects=(ObjectId("Ingress", "apps", "shop"), ObjectId("Deployment", "default", "apps"))
    )
    plain = ks("plain", "ingress", objects=(ObjectId("Deployment", "default", "plain"),))
    found = classify(fleet(ks("ingress", objects=(ObjectId("Deployment", "default", "ingress"),)), served, plain))
    assert found == {(ks_id("apps"), ks_id("ingress")): UNPROVEN, (ks_id("plain"), ks_id("ingress")): UNNEEDED}


def test_the_table_proposes_no_timeout_shorter_than_the_one_that_is_set(capsys: pytest.CaptureFixture[str]):
    ample, short, hopeless = ks("ample", timeout_s=600.0), ks("short", timeout_s=60.0), ks("hopeless", timeout_s=60.0)
    asked = scenario(fleet(ample, short, hopeless), {"ample": 10.0, "short": 90.0}, fail=frozenset({hopeless.id}))
    found = optimize(asked, 6)
    write_tables(tables(found, None, top=3))
    _, _, *rows = capsys.readouterr().out.partition("Timeouts")[2].splitlines()
    assert [row.split()[-1] for row in rows[:2]] == ["3m00s", "-"]
    assert rows[2] == "Not listed, as they are never Ready as it is and no timeout mends that: 1"
    assert "No shorter timeout is proposed" in rows[3]
    write_tables(tables(found, None, top=1))
    assert "and 1 more, 0 of them to raise (--top)" in capsys.readouterr().out


def test_a_search_takes_fewer_samples_of_a_large_fleet_or_of_one_with_many_polls_in_vain():
    small = scenario(fleet(ks("a")))
    assert affordable(small, 50) == 50
    large = scenario(fleet(*(ks(f"k{n}") for n in range(200))))
    assert affordable(large, 50) == int(200_000 / (40 * 201)) and affordable(large, 10) == 10
    late = ks("a", retry_interval_s=None, interval_s=86_000.0, timeout_s=60.0)  # its first try fails
    often = Parameters(interval_jitter=0.0, requeue_dependency_s=1.0)
    polls = scenario(fleet(late, *(ks(f"b{n}", "a") for n in range(9))), {"a": 90.0}, parameters=often, until_s=2_000.0)
    assert affordable(polls, 50) == SCREENED


def test_fewer_samples_than_asked_for_are_told_of():
    found = optimize(scenario(fleet(ks("a"))), 6)
    assert "6 samples (as the fleet is large; --samples sets it), seed 0" in str(tables(found, None, 3, asked=50)[0])
    assert "6 samples, seed 0" in str(tables(found, None, 3, asked=6)[0])


def test_of_a_change_that_only_part_of_the_files_can_say_that_part_alone_is_written(tmp_path: Path):
    repo = tmp_path / "fleet"
    write_repository(repo, 1)
    reading = read_repository(repo, "clusters/x")
    one, other, *_ = sorted(k.id for k in reading.fleet.kustomizations if k.id != reading.fleet.root)
    unknown = {other: (lambda k: replace(k, file=None))}
    reading = replace(reading, fleet=changed(reading.fleet, unknown))
    part = SetRetryInterval((one,))
    assert writable_part(repo, reading, SetRetryInterval((one, other))) == part
    written = write_changes(repo, reading, [SetRetryInterval((one, other))])
    assert written.changes == (part,) and len(written.left) == 1 and "its file is not known" in written.left[0]
    assert writable_part(repo, reading, SetRetryInterval((other,))) is None

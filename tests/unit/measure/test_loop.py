import queue

import pytest

from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization
from fleetbench.graph.root import with_root
from fleetbench.ids import ObjectId
from fleetbench.measure.fold import Fold
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.loop import Loop
from fleetbench.measure.progress import Progress
from fleetbench.measure.protocols import Trouble
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.summary import slowest_chain, summary_lines
from fleetbench.measure.view import PlainView, headline
from fleetbench.runs.files import read_run
from tests.unit.measure.players import PlayedClock, obj, ready, seen

KS = BY_KIND["Kustomization"]
ROOT, A, B = (ObjectId("Kustomization", "flux-system", n) for n in ("flux-system", "a", "b"))


def diamond():
    return with_root(
        [Kustomization(ROOT), Kustomization(A, parent=ROOT, wait=True), Kustomization(B, parent=ROOT, depends_on=(Dependency(A),))], [], [], ROOT
    )  # fmt: skip


class StoppingQueue:
    """Gives one change after the other; while it is empty, time goes by."""

    def __init__(self, clock, changes):
        self.clock, self.changes = clock, list(changes)

    def get(self, timeout):
        if not self.changes:
            self.clock.sleep(timeout)
            raise queue.Empty
        change = self.changes.pop(0)
        if isinstance(change, BaseException):
            raise change
        self.clock.now_s = max(self.clock.now_s, change.at_s)
        return change

    def get_nowait(self):
        raise queue.Empty


def run_loop(tmp_path, changes, fleet=None, timeout_s=60.0, **progress_options):
    fleet, clock, said = fleet or diamond(), PlayedClock(), []
    progress = Progress(fleet, **progress_options)
    with Recorder(tmp_path, fleet, {}, {}, timeout_s) as recorder:
        loop = Loop(
            StoppingQueue(clock, changes),
            Fold(100.0),
            recorder,
            progress,
            PlainView(said.append),
            clock,
            timeout_s=timeout_s,
        )
        outcome = loop.run()
        recorder.end(outcome.until_s, outcome.complete)
    return outcome, progress, said


def all_ready():
    return [
        seen(KS, 101.0 + i, obj(id.name, i + 1, ready("True", "ReconciliationSucceeded")))
        for i, id in enumerate((ROOT, A, B))
    ]


def test_ends_a_moment_after_the_last_one_is_ready(tmp_path):
    outcome, progress, said = run_loop(tmp_path, all_ready())
    assert outcome.complete and not outcome.timed_out
    assert 3.0 < outcome.until_s <= 4.5
    assert progress.ready_s == {ROOT: 1.0, A: 2.0, B: 3.0}
    assert [line.split()[1:] for line in said][-1] == ["Kustomization/flux-system/b", "Ready", "(3/3)"]
    assert read_run(tmp_path).ready_s() == {A: 2.0, B: 3.0, ROOT: 1.0}


def test_a_wall_clock_that_jumps_while_the_run_lasts_moves_nothing(tmp_path, monkeypatch):
    walls = iter([1_700_000_000.0 + jump for jump in (0.0, 3600.0, -7200.0)])
    monkeypatch.setattr(PlayedClock, "wall_s", lambda self: next(walls, 0.0))
    monkeypatch.setattr("time.time", lambda: next(walls, 0.0))
    outcome, progress, _ = run_loop(tmp_path, all_ready())
    assert outcome.complete and progress.ready_s == {ROOT: 1.0, A: 2.0, B: 3.0}
    assert read_run(tmp_path).ready_s() == {A: 2.0, B: 3.0, ROOT: 1.0}


def test_time_runs_out_on_what_is_never_ready(tmp_path):
    outcome, progress, _ = run_loop(tmp_path, all_ready()[:2])
    assert outcome.timed_out and not outcome.complete and B not in progress.ready_s


def test_nobody_waits_for_what_cannot_turn_ready(tmp_path):
    outcome, _, _ = run_loop(tmp_path, all_ready()[:2], hopeless=frozenset({B}))
    assert not outcome.timed_out and not outcome.complete


def test_whoever_said_that_an_object_is_hopeless_is_not_believed_once_it_is_ready(tmp_path):
    changes = all_ready()[:2]
    outcome, progress, _ = run_loop(tmp_path, changes, hopeless=frozenset({A, B}))
    assert progress.hopeless == frozenset() and outcome.timed_out


def test_a_suspended_object_is_not_waited_for(tmp_path):
    fleet = with_root([Kustomization(ROOT), Kustomization(A, parent=ROOT, suspend=True)], [], [], ROOT)
    outcome, progress, _ = run_loop(tmp_path, all_ready()[:1], fleet)
    assert outcome.complete and progress.total == 1


def test_an_interruption_leaves_what_was_seen(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_loop(tmp_path, [*all_ready()[:2], KeyboardInterrupt()])
    assert read_run(tmp_path).timeline.ready_s(A) == 2.0


def test_a_watch_that_was_cut_is_noted_and_told(tmp_path):
    _, _, said = run_loop(tmp_path, [Trouble(101.0, KS, "disconnected", lasted_s=2.5), *all_ready()])
    assert {"watch": {"kind": "Kustomization", "why": "disconnected", "t_s": 1.0, "lasted_s": 2.5}} in read_run(
        tmp_path
    ).meta["notes"]
    assert any("kustomizations was cut for 2.5 s" in line for line in said)


def test_rows_say_who_waits_for_whom():
    progress, fold = Progress(diamond()), Fold(100.0)
    for change in (
        seen(
            KS,
            101.0,
            obj("a", 1, ready("Unknown", "Progressing", observed=-1, reconciling="Running health checks for x")),
        ),
        seen(KS, 102.0, obj("b", 2, ready("False", "DependencyNotReady", "dependency 'flux-system/a' is not ready"))),
    ):
        progress.add(fold.add(change).event)
    assert (progress.row(A).state, progress.row(A).detail) == ("working", "Running health checks")
    assert (progress.row(B).state, progress.row(B).detail) == ("waiting", "for a")
    assert progress.row(ROOT).state == "not created"
    assert progress.busy("Kustomization") == 1
    assert (
        headline(12.0, progress, {"Kustomization": 4}, (60.0, 80.0))
        == "12.0s, 0 of 3 Ready, 1 of 4 Kustomization workers busy, predicted 1m00s to 1m20s"
    )


def test_a_source_without_an_artifact_yet_is_no_failure_but_a_missing_path_is():
    progress, fold = Progress(diamond()), Fold(100.0)
    progress.add(
        fold.add(
            seen(KS, 101.0, obj("a", 1, ready("False", "ArtifactFailed", "Source artifact not found, retrying in 30s")))
        ).event
    )
    assert progress.row(A).state == "waiting"
    progress.add(
        fold.add(
            seen(KS, 102.0, obj("a", 2, ready("False", "ArtifactFailed", "kustomization path not found: stat /tmp/x")))
        ).event
    )
    assert progress.row(A).state == "failed"


def test_after_a_commit_only_its_revision_counts():
    progress, fold = Progress(diamond()), Fold(100.0)
    progress.waits_for = "a new revision"
    progress.add(fold.add(seen(KS, 101.0, obj("a", 1, ready("True", revision="main@sha1:old")))).event)
    assert not progress.all_that_can
    progress.expect(2.0, "main@sha1:new", frozenset({A}))
    progress.add(fold.add(seen(KS, 103.0, obj("a", 2, ready("Unknown", revision="main@sha1:old")))).event)
    assert not progress.all_that_can
    progress.add(fold.add(seen(KS, 104.0, obj("a", 3, ready("True", revision="main@sha1:new")))).event)
    assert progress.all_that_can and progress.ready_s == {A: 2.0}


def test_after_a_commit_a_release_is_ready_all_along_unless_it_was_changed():
    h, HR = ObjectId("HelmRelease", "flux-system", "h"), BY_KIND["HelmRelease"]
    fleet = with_root([Kustomization(ROOT), Kustomization(A, parent=ROOT)], [HelmRelease(h, parent=A)], [], ROOT)
    progress, fold = Progress(fleet), Fold(100.0)
    progress.waits_for = "a new revision"
    progress.add(fold.add(seen(HR, 101.0, obj("h", 1, ready("True")))).event)
    progress.expect(2.0, "new", frozenset({ROOT, A}))
    assert progress.ready_s == {h: 0.0}
    for n, name in enumerate(("flux-system", "a")):
        progress.add(fold.add(seen(KS, 103.0, obj(name, n, ready("True", revision="new")))).event)
    assert progress.all_that_can
    progress.add(fold.add(seen(HR, 104.0, obj("h", 2, ready("True"), generation=2))).event)
    assert not progress.all_that_can
    assert progress.add(fold.add(seen(HR, 109.0, obj("h", 3, ready("True", observed=2), generation=2))).event)
    assert progress.all_ready and progress.ready_s[h] == 7.0


def test_what_is_suspended_counts_neither_before_nor_after_a_commit():
    h, HR = ObjectId("HelmRelease", "flux-system", "h"), BY_KIND["HelmRelease"]
    fleet = with_root([Kustomization(ROOT)], [HelmRelease(h, parent=ROOT, suspend=True)], [], ROOT)
    progress, fold = Progress(fleet), Fold(100.0)
    progress.waits_for = "a new revision"
    progress.add(fold.add(seen(HR, 101.0, obj("h", 1, ready("True")))).event)
    progress.expect(2.0, "new", frozenset({ROOT}))
    progress.add(fold.add(seen(HR, 102.5, obj("h", 2, ready("True"), generation=2))).event)
    progress.add(fold.add(seen(KS, 103.0, obj("flux-system", 2, ready("True", revision="new")))).event)
    assert progress.all_ready and progress.ready_s == {ROOT: 1.0} and progress.total == 1


def test_a_release_that_was_not_ready_before_a_commit_is_waited_for_while_it_is_at_work():
    h, HR = ObjectId("HelmRelease", "flux-system", "h"), BY_KIND["HelmRelease"]
    fleet = with_root([Kustomization(ROOT)], [HelmRelease(h, parent=ROOT)], [], ROOT)
    progress, fold = Progress(fleet), Fold(100.0)
    progress.waits_for = "a new revision"
    progress.add(fold.add(seen(HR, 101.0, obj("h", 1, ready("False", "InstallFailed")))).event)
    progress.expect(2.0, "new", frozenset({ROOT}))
    progress.add(fold.add(seen(KS, 103.0, obj("flux-system", 2, ready("True", revision="new")))).event)
    assert progress.all_that_can and not progress.all_ready


def test_the_slowest_chain_goes_back_over_edges_and_over_what_the_parent_waited_for():
    h = ObjectId("HelmRelease", "flux-system", "h")
    fleet = with_root(
        [
            Kustomization(ROOT),
            Kustomization(A, parent=ROOT),
            Kustomization(B, parent=ROOT, depends_on=(Dependency(A),)),
        ],
        [HelmRelease(h, parent=B)],
        [],
        ROOT,
    )
    assert slowest_chain(fleet, {ROOT: 1.0, A: 5.0, B: 6.0, h: 9.0}) == [(A, 5.0), (h, 9.0)]
    assert slowest_chain(fleet, {}) == []


def test_what_was_not_ready_before_a_commit_is_waited_for_while_it_is_at_work():
    progress, fold = Progress(diamond()), Fold(100.0)
    progress.waits_for, progress.doubtful = "a new revision", frozenset({B})
    progress.expect(0.0, "new", frozenset({A, B}))
    progress.add(fold.add(seen(KS, 101.0, obj("b", 1, ready("Unknown", reconciling="Running health checks")))).event)
    progress.add(fold.add(seen(KS, 102.0, obj("a", 2, ready("True", revision="new")))).event)
    assert not progress.all_that_can
    progress.add(fold.add(seen(KS, 103.0, obj("b", 3, ready("False", "HealthCheckFailed")))).event)
    assert progress.all_that_can and not progress.all_ready


def test_a_flux_object_that_the_fleet_does_not_hold_is_shown_and_does_not_count(tmp_path):
    stranger = seen(KS, 101.5, obj("other", 9, ready("False", "BuildFailed")))
    outcome, progress, said = run_loop(tmp_path, [*all_ready(), stranger])
    assert outcome.complete and not any("other" in line for line in said)
    assert summary_lines(progress, outcome, {})[-1] == (
        "in the cluster, but not in the fleet that was read, so not counted: "
        "Kustomization/flux-system/other (BuildFailed)"
    )


def test_where_no_new_revision_comes_that_is_what_is_said(tmp_path):
    fleet, clock = diamond(), PlayedClock()
    progress = Progress(fleet)
    progress.waits_for = "a new revision of GitRepository/flux-system/flux-system"
    with Recorder(tmp_path, fleet, {}, {}, 60.0) as recorder:
        changes = [*all_ready()[:2], seen(KS, 103.0, obj("b", 3, ready("False", "DependencyNotReady")))]
        loop = Loop(
            StoppingQueue(clock, changes), Fold(100.0), recorder, progress, PlainView(str), clock, timeout_s=60.0
        )
        outcome = loop.run()
    assert summary_lines(progress, outcome, {}) == [
        "a new revision of GitRepository/flux-system/flux-system did not come within 1m00s (--timeout): nothing was timed",
        "2 of 3 are Ready with the revision before",
        "not Ready: Kustomization/flux-system/b (waiting, DependencyNotReady)",
    ]
    assert headline(5.0, progress, {}, None).startswith("5.0s, waiting for a new revision of")


def test_the_timeout_counts_from_the_start_of_the_watch_however_old_the_root_is(tmp_path):
    fleet, clock = diamond(), PlayedClock()
    progress = Progress(fleet)
    with Recorder(tmp_path, fleet, {}, {}, 60.0) as recorder:
        loop = Loop(
            StoppingQueue(clock, []), Fold(clock.now_s - 834.0), recorder, progress, PlainView(str), clock,
            timeout_s=60.0,
        )  # fmt: skip
        outcome = loop.run()
    assert 60.0 <= clock.now_s - 100.0 < 61.0 and outcome.until_s >= 894.0
    assert "stopped after 1m00s: --timeout" in summary_lines(progress, outcome, {})

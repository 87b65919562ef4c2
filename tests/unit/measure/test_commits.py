"""A commit that is timed on a cluster of its own: what runs before it comes up first, and counts for nothing."""

import functools

import pytest

from fleetbench.errors import EnvironmentLacks
from fleetbench.graph.commit import Commit
from fleetbench.graph.objects import Kustomization, Source
from fleetbench.graph.root import with_root
from fleetbench.ids import ObjectId
from fleetbench.measure.commits import CommitObserver, bring_up
from fleetbench.measure.fold import Fold
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.loop import Loop, Outcome
from fleetbench.measure.progress import Progress
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.subject import State, Subject
from fleetbench.measure.summary import summary_lines
from fleetbench.measure.view import PlainView
from fleetbench.runs.files import read_run
from fleetbench.timeline.events import Event
from fleetbench.validation.compare import compare_run
from tests.unit.measure.players import PlayedClock, obj, ready, seen
from tests.unit.measure.test_loop import StoppingQueue

KS, SOURCE = BY_KIND["Kustomization"], BY_KIND["GitRepository"]
ROOT, OLD, NEW = (ObjectId("Kustomization", "flux-system", n) for n in ("flux-system", "old", "new"))
GIT = ObjectId("GitRepository", "flux-system", "git")


def fleet_of(*others):
    kustomizations = [Kustomization(ROOT, source=GIT), *(Kustomization(id, parent=ROOT, source=GIT) for id in others)]
    return with_root(kustomizations, [], [Source(GIT)], ROOT)


def artifact(at_s, revision):
    body = obj("git", int(at_s), ready("True", "Succeeded"))
    return seen(SOURCE, at_s, body | {"status": body["status"] | {"artifact": {"revision": revision}}})


def applied(at_s, id, revision):
    return seen(KS, at_s, obj(id.name, int(at_s * 10), ready("True", "ReconciliationSucceeded", revision=revision)))


def rollout(tmp_path, before, commit, timeout_s=60.0):
    """A rollout of ``before`` and then ``commit``, as a run on Kind goes; returns the recorded run and what was said."""
    clock, said, changes = PlayedClock(), [], Commit(frozenset({NEW}), added=frozenset({NEW}), removed=(OLD,))
    fleet = fleet_of(NEW)
    progress = Progress(fleet)
    played = StoppingQueue(clock, before)
    with Recorder(tmp_path, fleet, {}, {}, timeout_s, changes) as recorder:
        observer = CommitObserver(fleet, progress, recorder, changes)
        loop_of = functools.partial(
            Loop, played, Fold(100.0), recorder, view=PlainView(said.append), clock=clock, timeout_s=timeout_s
        )
        bring_up(State(Subject(fleet_of(OLD))), progress, observer, loop_of)
        played.changes += commit
        outcome = loop_of(progress, observe=observer.event).run()
        recorder.end(outcome.until_s, outcome.complete)
    return read_run(tmp_path), said, observer.about()


BEFORE = [artifact(100.5, "main@sha1:1"), applied(101.0, ROOT, "main@sha1:1"), applied(140.0, OLD, "main@sha1:1")]
COMMIT = [artifact(150.0, "main@sha1:2"), applied(151.0, ROOT, "main@sha1:2"), applied(153.0, NEW, "main@sha1:2")]


def test_it_counts_from_its_artifact_and_one_record_holds_both(tmp_path):
    run, said, about = rollout(tmp_path, BEFORE, COMMIT)
    assert run.ready_s() == {ROOT: pytest.approx(1.0), NEW: pytest.approx(3.0)}
    assert run.commit.artifact_s == 50.0 and run.timeline.complete and run.commit.changes.removed == (OLD,)
    assert [line.split()[1:] for line in said] == [
        ["Kustomization/flux-system/flux-system", "Ready", "(1/2)"],
        ["Kustomization/flux-system/old", "Ready", "(2/2)"],
        ["Kustomization/flux-system/flux-system", "Ready", "(1/2)"],
        ["Kustomization/flux-system/new", "Ready", "(2/2)"],
    ]
    assert about == {"commit": "main@sha1:2", "touched": []}


def test_what_is_still_coming_up_before_it_is_named_and_nothing_is_timed(tmp_path):
    at_work = ready("Unknown", "Progressing", reconciling="Running health checks with a timeout of 5m")
    with pytest.raises(EnvironmentLacks) as lacks:
        rollout(tmp_path, [*BEFORE[:2], seen(KS, 102.0, obj("old", 1020, at_work))], COMMIT)
    assert "still coming up after 1m00s (--timeout)" in lacks.value.message
    assert lacks.value.message.endswith("Kustomization/flux-system/old") and str(tmp_path) in lacks.value.hint
    run = read_run(tmp_path)
    assert run.cut.startswith("the commit that was to be timed did not come (the recording was cut short")
    assert run.unseen == {ROOT, NEW} and run.ready_s() == {ROOT: None, NEW: None}
    held = compare_run(run, samples=2)
    assert (held.objects, held.total_s, held.no_total) == ((), None, run.cut)


def test_what_never_comes_up_by_itself_holds_the_commit_up_no_longer_than_the_timeout(tmp_path):
    run, _, about = rollout(tmp_path, BEFORE[:2], COMMIT)
    assert about["commit"] == "main@sha1:2" and run.ready_s()[NEW] == pytest.approx(3.0)


def test_what_it_takes_away_is_no_stranger(tmp_path):
    progress = Progress(fleet_of(NEW))
    progress.taken_away = frozenset({OLD})
    progress.add(Event(1.0, OLD, "True", "ReconciliationSucceeded"))
    assert summary_lines(progress, Outcome(2.0, True, None), {})[-1] == (
        "still in the cluster, though the commit takes it away: Kustomization/flux-system/old (Ready)"
    )

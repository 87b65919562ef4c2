"""What a commit changed is read from the record, so that validate predicts that commit and not an empty one."""

from fleetbench.graph.commit import Commit
from fleetbench.graph.document import with_root
from fleetbench.graph.objects import HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import ObjectId
from fleetbench.measure.recorder import Recorder
from fleetbench.runs.files import read_run
from fleetbench.timeline.events import Event
from fleetbench.validation.compare import scenario_of

ROOT, A, B, C, D = (ObjectId("Kustomization", "flux-system", n) for n in ("flux-system", "a", "b", "c", "d"))
H, CHARTED = (ObjectId("HelmRelease", "flux-system", n) for n in ("h", "charted"))
WA, WB, WC, WD = (ObjectId("Deployment", "apps", n) for n in ("a", "b", "c", "d"))
FLEET = with_root(
    [
        Kustomization(ROOT),
        *(Kustomization(id, parent=ROOT, workloads=(Workload(w),)) for id, w in ((A, WA), (B, WB), (C, WC), (D, WD))),
    ],
    [HelmRelease(H, parent=A), HelmRelease(CHARTED, parent=A)],
    [],
    ROOT,
)
EVENTS = [
    *(Event(-1.0, id, "True", generation=3) for id in (WA, WB, WD, A, H, CHARTED)),
    Event(1.0, B, "True", generation=1, observed=1),
    Event(5.0, A, "True", generation=4),  # its interval, say
    Event(6.0, WA, "False", "LatestGenerationNotObserved", generation=4),
    Event(6.1, WA, "False", "LessUpdated", generation=4),
    Event(6.0, WD, "False", "LatestGenerationNotObserved", generation=4),
    Event(6.1, WD, "True", "Current", generation=4),  # its minReadySeconds: no pod is replaced
    Event(7.0, WB, "False", generation=3),  # a pod was restarted
    Event(8.0, H, "Unknown", generation=4),
    Event(9.0, WC, "False", generation=1),  # new
    Event(9.5, ObjectId("Deployment", "apps", "nobodys"), "False", generation=1),
]


def recorded(tmp_path, changes=None, **said):
    with Recorder(tmp_path, FLEET, {}, {}, 60.0, changes) as recorder:
        recorder.note({"commit": {"t_s": 2.0, "revision": "new", "source_s": 0.0, **said}})
        for event in EVENTS:
            recorder.event(event)
        recorder.end(20.0, complete=True)
    return read_run(tmp_path)


def test_whose_workloads_got_a_new_generation_was_changed_and_a_release_that_got_one(tmp_path):
    run = recorded(tmp_path)
    assert run.commit.touched == (H, A, C)
    assert scenario_of(run).changed == {H, A, C}


def test_what_the_record_itself_says_was_changed_holds(tmp_path):
    assert recorded(tmp_path, touched=["flux-system/b"]).commit.touched == (B,)


def test_what_two_revisions_say_of_it_holds_whatever_the_record_shows(tmp_path):
    told = Commit(frozenset({A, B, C, H}), kept={WA: 1}, started=frozenset({WB}), since="merge base 1a2b with main")
    run = recorded(tmp_path, changes=told)
    assert run.commit.changes == told and run.commit.touched == (H, A, C)
    assert scenario_of(run).commit == told
    assert scenario_of(run).workloads[A].pods == () != scenario_of(run).workloads[B].pods


def test_of_another_commit_than_they_tell_the_record_alone_holds(tmp_path):
    run = recorded(tmp_path, changes=Commit(frozenset({A})))
    assert run.commit.changes is None and scenario_of(run).changed == {H, A, C}


def test_of_what_came_after_the_commit_the_prediction_is_told_nothing(tmp_path):
    assert scenario_of(recorded(tmp_path)).last_reconciled == {B: 1.0}


def test_a_release_that_only_its_charts_new_version_upgraded_is_changed_by_that(tmp_path):
    """Its chart follows the repository at once, before the Kustomization that applies the release comes to the commit."""
    git, helm = (
        ObjectId("GitRepository", "flux-system", "flux-system"),
        ObjectId("HelmRepository", "flux-system", "charts"),
    )
    names = ("by-chart", "by-both", "by-values", "remote")
    ids = {name: ObjectId("HelmRelease", "flux-system", name) for name in names}
    pods = {name: ObjectId("Deployment", "apps", name) for name in names}
    releases = [
        HelmRelease(id, parent=A, chart=f"./charts/{name}", source=helm if name == "remote" else git, workloads=(Workload(pods[name]),))
        for name, id in ids.items()
    ]  # fmt: skip
    fleet = with_root([Kustomization(ROOT), Kustomization(A, parent=ROOT)], releases, [Source(git, this_repository=True), Source(helm)], ROOT)  # fmt: skip
    charts = {h.id.name: h.chart_object for h in releases}
    with Recorder(tmp_path, fleet, {}, {}, 60.0) as recorder:
        for name in names:
            recorder.event(Event(-1.0, ids[name], "True", generation=1))
            recorder.event(Event(-1.0, pods[name], "True", generation=1))
            recorder.event(Event(-1.0, charts[name], "True", revision="1.0.0"))
        recorder.note({"commit": {"t_s": 2.0, "revision": "new", "source_s": 0.0}})
        for name in ("by-chart", "by-both", "remote"):
            recorder.event(Event(2.5, charts[name], "True", revision="1.0.1"))
        for name in ("by-both", "by-values"):
            recorder.event(Event(3.0, ids[name], "Unknown", generation=2))
        for name in names:
            recorder.event(Event(4.0, pods[name], "False", "LessUpdated", generation=2))
        recorder.end(20.0, complete=True)
    touched = read_run(tmp_path).commit.touched
    assert set(touched) == {charts["by-chart"], charts["by-both"], ids["by-both"], ids["by-values"], ids["remote"]}


def test_of_what_is_suspended_a_commit_asks_nothing(tmp_path):
    asleep = ObjectId("HelmRelease", "flux-system", "asleep")
    fleet = with_root([Kustomization(ROOT)], [HelmRelease(H, parent=ROOT), HelmRelease(asleep, parent=ROOT, suspend=True)], [], ROOT)  # fmt: skip
    with Recorder(tmp_path, fleet, {}, {}, 60.0) as recorder:
        for id in (H, asleep):
            recorder.event(Event(-1.0, id, "True", generation=1))
        recorder.note({"commit": {"t_s": 2.0, "revision": "new", "source_s": 0.0}})
        recorder.end(20.0, complete=True)
    assert {id: read_run(tmp_path).ready_s()[id] for id in (H, asleep)} == {H: 0.0, asleep: None}

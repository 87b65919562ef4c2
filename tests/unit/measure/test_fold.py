import pytest

from fleetbench import phases
from fleetbench.ids import ObjectId
from fleetbench.measure.fold import Fold, event_note
from fleetbench.measure.kinds import BY_KIND
from fleetbench.timeline.events import first_ready_s
from tests.unit.measure.players import DELETED, obj, ready, seen

KS, SOURCE, DEPLOYMENT, POD, EVENT = (
    BY_KIND[k] for k in ("Kustomization", "GitRepository", "Deployment", "Pod", "Event")
)
A = ObjectId("Kustomization", "flux-system", "a")


def fold_all(kind, *objects):
    """Events of objects that arrive a second apart, t0 being 100."""
    fold = Fold(100.0)
    return [fold.add(seen(kind, 101.0 + i, o)) for i, o in enumerate(objects)]


def test_an_object_without_conditions_has_been_created_and_no_more():
    (folded,) = fold_all(KS, obj("a", 1))
    assert folded.event == (1.0, A, phases.ABSENT, "", "", 1, -1, "", 0)


def test_while_an_object_reconciles_its_message_is_the_step():
    (folded,) = fold_all(
        KS,
        obj(
            "a",
            2,
            ready(
                "Unknown",
                "Progressing",
                "Reconciliation in progress",
                observed=-1,
                reconciling="Building manifests for revision x",
            ),
        ),
    )
    assert folded.event.step == phases.BUILDING
    assert folded.api_time == "2026-01-01T00:00:05Z"


def test_a_ready_kustomization_shows_the_revision_it_applied():
    (folded,) = fold_all(
        KS,
        obj("a", 3, ready("True", "ReconciliationSucceeded", "Applied revision: main@sha1:1", revision="main@sha1:1")),
    )
    assert (folded.event.status, folded.event.revision, folded.event.observed) == ("True", "main@sha1:1", 1)


def test_a_source_shows_the_revision_of_its_artifact():
    status = {**ready("True", "Succeeded"), "artifact": {"revision": "main@sha1:2"}}
    (folded,) = fold_all(SOURCE, obj("flux-system", 3, status))
    assert folded.event.revision == "main@sha1:2"


def test_a_change_that_shows_nothing_new_is_no_event():
    first, second = fold_all(KS, obj("a", 1, ready("True")), obj("a", 2, ready("True")))
    assert first.event is not None and second.event is None


def test_a_ready_left_over_from_an_older_generation_does_not_count_as_ready():
    events = [f.event for f in fold_all(KS, obj("a", 1, ready("True")), obj("a", 2, ready("True"), generation=2))]
    assert first_ready_s(events, since_s=1.5) is None


def test_a_deleted_object_is_seen_to_go():
    fold = Fold(100.0)
    fold.add(seen(KS, 101.0, obj("a", 1, ready("True"))))
    gone = fold.add(seen(KS, 102.0, obj("a", 2, ready("True")), DELETED)).event
    assert (gone.status, gone.reason) == (phases.ABSENT, "Deleted")


def test_a_deployment_is_true_only_when_kstatus_calls_it_current():
    spec = {"spec": {"replicas": 1, "progressDeadlineSeconds": 600}}
    waiting = {
        **obj(
            "d",
            1,
            {
                "observedGeneration": 1,
                "replicas": 1,
                "updatedReplicas": 1,
                "readyReplicas": 1,
                "unavailableReplicas": 1,
            },
            namespace="apps",
        ),
        **spec,
    }
    available = {
        "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:09Z"}, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
    }  # fmt: skip
    first, second = fold_all(DEPLOYMENT, waiting, {**obj("d", 2, available, namespace="apps"), **spec})
    assert (first.event.status, first.event.reason) == ("False", "LessAvailable")
    assert (second.event.status, second.event.reason, second.api_time) == ("True", "Current", "2026-01-01T00:00:09Z")


@pytest.mark.parametrize(("namespace", "name"), [("kube-system", "coredns"), ("flux-system", "kustomize-controller")])
def test_the_systems_own_workloads_are_left_out(namespace, name):
    (folded,) = fold_all(DEPLOYMENT, obj(name, 1, namespace=namespace))
    assert folded == (None, None, None)


def test_a_workload_beside_the_controllers_is_not_left_out():
    (folded,) = fold_all(DEPLOYMENT, obj("weave-gitops", 1))
    assert folded.event is not None


def test_a_controller_that_restarts_is_noted():
    name = "kustomize-controller-7d9c-x"
    before, after = ({"containerStatuses": [{"restartCount": n}]} for n in (0, 1))
    first, second = fold_all(POD, obj(name, 1, before), obj(name, 2, after))
    assert first.note is None
    assert second.note == {"controller_restart": {"pod": name, "restarts": 1}, "t_s": 2.0}


def kubernetes_event(reason, note, uid="e1"):
    return {
        "metadata": {"namespace": "apps", "name": "e", "uid": uid},
        "reason": reason, "note": note, "regarding": {"namespace": "apps", "name": "web-1"}, "deprecatedSource": {"host": "node-1"},
    }  # fmt: skip


def test_a_pull_is_noted_with_its_time_its_queue_and_its_size():
    text = (
        'Successfully pulled image "ghcr.io/x/y:v1" in 1.302s (2m21.5s including waiting). Image size: 21563817 bytes.'
    )
    assert event_note(kubernetes_event("Pulled", text)) == {
        "pull": {
            "image": "ghcr.io/x/y:v1",
            "pull_s": 1.302,
            "with_queue_s": 141.5,
            "bytes": 21563817,
            "node": "node-1",
            "pod": "apps/web-1",
        }
    }


def test_a_pull_without_a_stated_size_or_queue_is_noted_with_what_there_is():
    pull = event_note(kubernetes_event("Pulled", 'Successfully pulled image "x" in 500ms'))["pull"]
    assert (pull["pull_s"], pull["with_queue_s"], pull["bytes"]) == (0.5, 0.5, None)


def test_a_failed_probe_is_noted_without_what_the_probe_answered():
    note = event_note(kubernetes_event("Unhealthy", "Readiness probe failed: HTTP 500 token=abc"))
    assert note == {"probe_failed": {"pod": "apps/web-1", "probe": "Readiness"}}


def test_an_event_is_noted_once_however_often_it_is_seen():
    e = kubernetes_event("Pulled", 'Successfully pulled image "x" in 500ms')
    first, second = fold_all(EVENT, e, e)
    assert first.note is not None and second.note is None

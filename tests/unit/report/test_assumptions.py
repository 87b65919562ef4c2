"""What a prediction says that it takes for granted."""

from __future__ import annotations

from dataclasses import replace

from fleetbench.findings import CRD_ELSEWHERE, EDGE_REDUNDANT, HEALTH_CHECK_MISSING, NAMESPACE_ELSEWHERE, Finding
from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Workload
from fleetbench.ids import CONTROLLERS, ObjectId
from fleetbench.model.assemble import Choice
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, KILL, RESTART, Scenario
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.assumptions import assumptions, guessed, taken_as_given
from tests.builders import fleet, ks, ks_id


def _scenario(of: Fleet) -> Scenario:
    return predict_strategies(of, Choice(), "fine", 1).predictions["fine"].scenario


def test_a_guess_counts_where_a_ready_waits_for_it() -> None:
    watching = ks("late", wait=False, health_checks=tuple(w.object for w in ks("b").workloads))
    assert guessed(_scenario(fleet(ks("a")))) == 1
    assert guessed(_scenario(fleet(ks("b", wait=False)))) == 0
    assert guessed(_scenario(fleet(ks("b", wait=False), watching))) == 1


def test_findings_of_which_the_better_case_is_taken_are_counted_by_code() -> None:
    found = [Finding(code, "so", "fix", ks_id("a")) for code in (CRD_ELSEWHERE, NAMESPACE_ELSEWHERE, EDGE_REDUNDANT)]
    given = taken_as_given([*found, found[0]])
    assert given == [
        "FB310 objects go to a namespace that nothing here creates (1)",
        "FB315 objects of a kind whose CRD nothing here brings (2)",
    ]
    one = Finding(HEALTH_CHECK_MISSING, "so", "fix", ks_id("a"))
    assert taken_as_given([one, replace(one, message="it counts as there", given=True)]) == [
        "FB210 a health check names an object that nothing here creates (1)"
    ]
    scenario = Scenario(fleet(ks("a")))
    assert assumptions(scenario, []) == []
    assert assumptions(scenario, found)[-1].startswith("Taken as given (`fleetbench graph` names each): FB310")


def test_what_is_fetched_says_how_long_it_waits_for_its_server() -> None:
    of = fleet(ks("a"))
    of = replace(of, sources=tuple(replace(s, this_repository=True) for s in of.sources))

    def said(**choice: object) -> list[str]:
        scenario = predict_strategies(of, Choice(**choice), "fine", 1).predictions["fine"].scenario  # type: ignore[arg-type]
        return [line for line in assumptions(scenario, []) if line.startswith("Each fetch waits for its server")]

    [line] = said()
    assert "GitRepository 1s. Guesses" in line
    assert said(kind=COMMIT, webhook=True) == said(kind=RESTART) == [line]
    assert said(kind=RESTART, restart_by=KILL) == []  # source-controller's pod stays, and its artifacts


def test_deployments_at_once_are_named_with_what_their_controller_lets_through() -> None:
    many = replace(ks("many"), workloads=tuple(Workload(ObjectId("Deployment", "apps", f"d{n}")) for n in range(90)))

    def said(count: int, kind: str = BOOTSTRAP) -> list[str]:
        of = fleet(ks("a"), replace(many, workloads=many.workloads[:count]))
        scenario = (
            predict_strategies(of, Choice(kind=kind, webhook=kind == COMMIT), "fine", 1).predictions["fine"].scenario
        )
        return [line for line in assumptions(scenario, []) if line.startswith("kube-controller-manager")]

    [line] = said(90)
    assert "of the 90 Deployments that many applies at once the last has its ReplicaSet after 16.35s" in line
    assert said(8) == said(90, COMMIT) == []  # a commit that changes none of them


def test_a_commit_says_what_of_it_is_not_simulated() -> None:
    flux = replace(ks("flux"), objects=(ObjectId("Deployment", "flux-system", "helm-controller"),))
    migration = replace(ks("db"), workloads=(Workload(ObjectId("Job", "db", "migrate"), group="batch"),))
    of = fleet(flux, migration, ks("a"))

    def said(changed: ObjectId) -> list[str]:
        choice = Choice(kind=COMMIT, commit=Commit(frozenset({changed})), webhook=True)
        return assumptions(predict_strategies(of, choice, "fine", 1).predictions["fine"].scenario, [])

    assert any("applies Flux's own controllers" in line for line in said(flux.id))
    assert any(line.startswith("Job/db/migrate counts as run anew by the commit") for line in said(migration.id))
    assert not any("own controllers" in line or "run anew" in line for line in said(ks_id("a")))


def test_a_commit_says_of_what_it_changes_how_many_pods_are_replaced_at_one_time() -> None:
    web, one, job = (ObjectId(kind, "apps", kind.lower()) for kind in ("Deployment", "StatefulSet", "Job"))
    workloads = (Workload(web, replicas=4), Workload(one), Workload(job, replicas=4))
    of = Scenario(fleet(replace(ks("a"), workloads=workloads), ks("b")), kind=COMMIT, webhook=True)
    expected = (
        "Pods are replaced as the update strategy says: Deployment/apps/deployment (2 of 4 at one time). How long the old "
        "ones take to end is not counted."
    )
    assert expected in assumptions(replace(of, commit=Commit(frozenset({ks_id("a")}))), ())
    assert expected not in assumptions(replace(of, commit=Commit(frozenset({ks_id("b")}))), ())
    assert expected not in assumptions(replace(of, commit=Commit(frozenset({ks_id("a")})), kind=RESTART), ())
    for spared in (
        Commit(frozenset({ks_id("a")}), kept={web: 4}),
        Commit(frozenset({ks_id("a")}), started=frozenset({web})),
    ):
        assert expected not in assumptions(replace(of, commit=spared), ()), "only what the commit updates"


def test_a_restart_of_one_controller_says_what_the_others_do() -> None:
    of = Scenario(fleet(ks("a")), kind=RESTART, restarted=("kustomize-controller",))
    assert assumptions(of, ()) == [
        "Nothing is asked of source-controller and helm-controller: they go on, and what they reconcile stays Ready (0s)."
    ]
    assert assumptions(replace(of, restarted=CONTROLLERS), ()) == []


def test_a_suspended_source_whose_artifact_goes_with_the_pod_is_named() -> None:
    of = fleet(ks("a"))
    of = replace(of, sources=tuple(replace(s, suspend=True) for s in of.sources))
    assert ["not made anew" in line for line in assumptions(Scenario(of, kind=RESTART), ())] == [True]
    assert assumptions(Scenario(of, kind=RESTART, restart_by=KILL), ()) == []

"""Chains and invariants over random fleets, flags and scenarios."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source, Workload
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, Scenario
from fleetbench.timeline.causes import DEPENDENCY_POLL, IN_CHAIN
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation
from tests.invariants import check_invariants

ROOT = ObjectId(KUSTOMIZATION, "flux-system", "flux-system")
REPOSITORY = ObjectId(GIT_REPOSITORY, "flux-system", "flux-system")
PROFILE = load_profile("default")


@st.composite
def fleets(draw):
    """Up to 12 Kustomizations with edges to earlier ones; some wait, some hold a release, some are another's child."""
    members, releases = [Kustomization(ROOT, source=REPOSITORY)], []
    for n in range(draw(st.integers(1, 12))):
        id = ObjectId(KUSTOMIZATION, "apps", f"k{n:02d}")
        earlier = [k.id for k in members[1:]]
        parent = draw(st.sampled_from([ROOT, ROOT, *earlier[:2]]))
        # an edge to the own parent, which waits for its child, would never be met
        candidates = [e for e in earlier if e != parent]
        depends_on = draw(st.lists(st.sampled_from(candidates), max_size=2, unique=True)) if candidates else []
        seconds = draw(st.sampled_from([1.0, 7.0, 31.0]))
        workloads = (Workload(ObjectId("Deployment", "apps", f"d{n}"), stated_ready_s=seconds, stated_by="annotation"),)
        if draw(st.booleans()):
            releases.append(
                HelmRelease(
                    ObjectId(HELM_RELEASE, "apps", f"h{n}"),
                    parent=id,
                    source=REPOSITORY,
                    workloads=workloads,
                    workloads_known=True,
                )
            )
            workloads = ()
        members.append(
            Kustomization(
                id,
                parent=parent,
                depends_on=tuple(Dependency(d) for d in depends_on),
                wait=draw(st.booleans()),
                timeout_s=draw(st.sampled_from([40.0, 300.0])),
                retry_interval_s=30.0,
                source=REPOSITORY,
                applies=2,
                workloads=workloads,
            )
        )
    return Fleet(ROOT, tuple(members), tuple(releases), (Source(REPOSITORY, interval_s=60.0, this_repository=True),))


scenarios = st.builds(
    lambda fleet, workers, requeue, kind: Scenario(
        fleet,
        Parameters(kustomize_concurrent=workers, helm_concurrent=workers, requeue_dependency_s=requeue),
        workloads=resolve(fleet, None, None, PROFILE),
        kind=kind,
        until_s=1200.0,
    ),
    fleets(),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([5.0, 30.0]),
    st.sampled_from([BOOTSTRAP, COMMIT]),
)
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@often
@given(scenarios, st.integers(0, 3))
def test_every_chain_touches_starts_at_0_and_ends_at_ready(scenario, number):
    sample = simulate(scenario, number, record=True)
    revision = "r2" if scenario.kind == COMMIT else None
    explanation = Explanation(Rollout(scenario.fleet, sample.timeline, scenario.parameters, revision=revision))

    for id in explanation.rollout.services:
        ready = explanation.rollout.ready_s(id)
        pieces = explanation.chain(id)
        assert pieces[0].from_s == 0.0
        assert pieces[-1].to_s == (sample.timeline.until_s if ready is None else ready)
        assert all(a.to_s == b.from_s and a.from_s < a.to_s for a, b in pairwise(pieces))
        assert {p.cause for p in pieces} <= set(IN_CHAIN)


@often
@given(scenarios, st.integers(0, 3))
def test_the_chain_of_all_ends_at_the_samples_total(scenario, number):
    sample = simulate(scenario, number, record=True)
    if scenario.kind == BOOTSTRAP:
        explanation = Explanation(Rollout(scenario.fleet, sample.timeline, scenario.parameters))
        assert explanation.chain()[-1].to_s == (sample.total_s or 0.0)
        assert sample.total_s == max((t for t in sample.ready_s if t is not None), default=None)
        assert abs(sum(explanation.seconds_by_cause().chain.values()) - (sample.total_s or 0.0)) < 1e-6


@often
@given(scenarios, st.integers(0, 3))
def test_every_predicted_timeline_keeps_the_invariants(scenario, number):
    sample = simulate(scenario, number, record=True)

    assert check_invariants(scenario.fleet, sample.timeline, scenario.parameters) == []


@often
@given(scenarios)
def test_a_dependency_poll_is_no_longer_than_its_interval(scenario):
    sample = simulate(scenario, record=True)
    explanation = Explanation(Rollout(scenario.fleet, sample.timeline, scenario.parameters))

    lives = [explanation.until_ready(id) for id in explanation.rollout.services]
    for segment in (s for life in lives for s in life if s.cause == DEPENDENCY_POLL):
        assert segment.to_s - segment.from_s <= scenario.parameters.requeue_dependency_s + 2.0

"""Which time holds for which object: durations, profile, pod template, priors, in this order."""

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.document import from_document
from fleetbench.ids import ObjectId, parse_object
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.distributions import NOTHING, Fixed, Shifted
from fleetbench.model.located import Located
from fleetbench.model.profile import Durations, load_durations, load_profile, read_profile
from fleetbench.model.resolve import INSTALLED, resolve
from fleetbench.model.scenario import BOOTSTRAP, COMMIT

START, PULL = Fixed(1.0), Fixed(50.0)


def profile(name, **sections):
    def located(value, place=""):
        if isinstance(value, dict):
            return Located({k: located(v, f"{place}.{k}") for k, v in value.items()}, "p", 1, place)
        return Located([located(v) for v in value] if isinstance(value, list) else value, "p", 1, place)

    return read_profile(located({"format_version": 1, **sections}), name)


DEFAULT = profile(
    "default",
    pod_start={"seconds": 1},
    kinds={
        "default": {"total": 0},
        "Deployment": {"ready": 5, "source": "seen", "guess": True},
        "StatefulSet": {"ready": 6},
        "Cluster.postgresql.cnpg.io": {"ready": 14, "each_more": 50, "images": ["pg"]},
    },
    charts={
        "default": {"ready": 20, "guess": True},
        "redis": {"ready": 90, "each_more": 30, "hook": 4, "images": ["a", "b"]},
    },
    images={"default": {"compressed_mb": 50}, "pause": {"compressed_mb": 0, "ready": 0}},
)
K = ObjectId("Kustomization", "ns", "app")
H = ObjectId("HelmRelease", "ns", "release")


def chosen(workloads=(), release=None, durations=None, user=None):
    document = {"kustomizations": [{"id": "ns/app", "workloads": list(workloads)}]}
    if release is not None:
        document["helmreleases"] = [{"id": "ns/release", "parent": "ns/app", **release}]
    times = {parse_object(key): value for key, value in (durations or {}).items()}
    return resolve(from_document(document, "g"), times, user, DEFAULT)


def deployment(**fields):
    return {"object": "Deployment/ns/web", "images": ["web:1"], **fields}


def test_what_holds_no_workload_has_nothing_to_wait_for():
    time = chosen()[K]
    assert (time.chosen_by, time.pods, time.total) == ("nothing to wait for", (), None)


def test_durations_win_over_everything():
    user = profile("mine", objects={"ns/app": 3})
    time = chosen(
        [deployment(stated_ready_s=7.0, stated_by="annotation")], durations={"ns/app": Fixed(9.0)}, user=user
    )[K]
    assert time.total == Fixed(9.0) and time.chosen_by == "durations file" and time.pods == ()


def test_a_workload_can_be_named_in_the_durations_too():
    time = chosen([deployment()], durations={"Deployment/ns/web": Fixed(9.0)})[K]
    assert [pod.ready for pod in time.pods] == [Fixed(9.0)] and time.pods[0].pulls == ()


@pytest.mark.parametrize("key", ["objects", "kinds", "images"])
def test_a_profile_wins_over_what_the_pod_template_states(key):
    sections = {"objects": {"ns/app": 3}, "kinds": {"Deployment": {"total": 3}}, "images": {"web": {"total": 3}}}
    time = chosen(
        [deployment(stated_ready_s=7.0, stated_by="annotation")], user=profile("mine", **{key: sections[key]})
    )[K]
    assert "profile mine" in time.chosen_by
    assert (time.total or time.pods[0].ready) == Fixed(3.0)


def test_a_profiles_entry_for_any_kind_does_not_overrule_a_pod_template():
    user = profile("mine", kinds={"default": {"total": 3}})
    time = chosen([deployment(stated_ready_s=7.0, stated_by="annotation")], user=user)[K]
    assert time.chosen_by == "stated by annotation"


def test_an_annotation_is_the_pods_whole_time():
    (pod,) = chosen([deployment(stated_ready_s=7.0, stated_by="annotation")])[K].pods
    assert (pod.start, pod.ready, pod.pulls) == (NOTHING, Fixed(7.0), ())


def test_probes_come_after_start_and_pull():
    (pod,) = chosen([deployment(stated_ready_s=7.0, stated_by="probes")])[K].pods
    assert (pod.start, pod.ready, pod.pulls[0].megabytes) == (START, Fixed(7.0), PULL)


def test_min_ready_seconds_comes_on_top_of_what_is_believed():
    time = chosen([deployment(stated_ready_s=30.0, stated_by="minReadySeconds")])[K]
    assert time.pods[0].ready == Shifted(Fixed(5.0), 30.0) and time.pods[0].start == START
    assert "on top of prior: kind Deployment (guess)" in time.chosen_by


def test_a_pause_container_is_ready_when_it_starts():
    time = chosen([deployment(images=["pause:3"], stated_ready_s=30.0, stated_by="minReadySeconds")])[K]
    assert time.pods[0].ready.quantile(0.5) == 30.0 and time.pods[0].pulls[0].megabytes == Fixed(0.0)


def test_a_guess_is_called_one_and_its_source_is_kept():
    time = chosen([deployment()])[K]
    assert time.chosen_by == "prior: kind Deployment (guess)" and time.source == "seen"


def test_a_deployments_pods_start_together_and_a_statefulsets_in_turn():
    pods = chosen([deployment(replicas=2), {"object": "StatefulSet/ns/db", "replicas": 3}])[K].pods
    assert [(pod.workload.name, pod.after) for pod in pods] == [
        ("web", None),
        ("web", None),
        ("db", None),
        ("db", 2),
        ("db", 3),
    ]


def test_a_pod_knows_how_many_an_update_replaces_at_one_time():
    workloads = [deployment(replicas=4), deployment(replicas=2, at_once=2), {"object": "Job/ns/j", "replicas": 2}]
    assert [pod.at_once for pod in chosen(workloads)[K].pods] == [2] * 4 + [2] * 2 + [None] * 2


def test_a_statefulset_with_parallel_pod_management_starts_its_pods_at_once():
    user = profile("mine", kinds={"StatefulSet": {"total": 20, "each_more": 5}})
    workload = {"object": "StatefulSet/ns/db", "replicas": 3, "parallel": True}
    for pods in (chosen([workload])[K].pods, chosen([workload], user=user)[K].pods):
        assert [pod.after for pod in pods] == [None] * 3 and len({pod.ready for pod in pods}) == 1


def test_a_custom_resource_is_known_by_its_group_or_by_being_the_only_one():
    for fields in ({"group": "postgresql.cnpg.io"}, {}):
        pods = chosen([{"object": "Cluster/ns/pg", "replicas": 3, **fields}])[K].pods
        assert [pod.ready for pod in pods] == [Fixed(14.0), Fixed(50.0), Fixed(50.0)]
        assert [pod.after for pod in pods] == [None, 0, 1]
        assert [pull.image for pull in pods[0].pulls] == ["pg"]


def test_another_groups_kind_of_the_same_name_is_not_taken_for_it():
    time = chosen([{"object": "Cluster/ns/x", "group": "cluster.x-k8s.io"}])[K]
    assert time.chosen_by == "prior: any kind"


def test_a_deployment_of_no_replicas_waits_to_be_seen_and_other_kinds_for_nothing():
    time = chosen([deployment(replicas=0)])[K]
    assert (time.chosen_by, [pod.empty for pod in time.pods]) == ("no pods", [True])
    assert chosen([deployment(replicas=0, object="StatefulSet/x/y")])[K].chosen_by == "nothing to wait for"


def test_a_chart_is_its_hook_then_its_replicas_in_turn():
    time = chosen(release={"chart": "redis", "replicas": 3})[H]
    assert [(pod.hook, pod.ready, pod.after) for pod in time.pods] == [
        (True, Fixed(4.0), None),
        (False, Fixed(90.0), None),
        (False, Fixed(30.0), 1),
        (False, Fixed(30.0), 2),
    ]
    assert chosen(release={"chart": "redis"})[K].chosen_by == "nothing to wait for"


@pytest.mark.parametrize("chart", ["./charts/redis", "oci://registry/charts/redis:20.0.3", "redis"])
def test_a_chart_is_known_by_its_last_name(chart):
    assert chosen(release={"chart": chart})[H].chosen_by == "prior: chart redis"


def test_an_unknown_chart_takes_the_guess_for_any_chart_and_pulls_one_image():
    time = chosen(release={"chart": "odd"})[H]
    assert time.chosen_by == "prior: any chart (guess)" and time.pods[0].pulls[0].megabytes == PULL


def test_a_rendered_chart_that_states_its_times_is_believed():
    workloads = [deployment(stated_ready_s=7.0, stated_by="annotation")]
    time = chosen(release={"chart": "redis", "workloads": workloads, "workloads_known": True})[H]
    assert time.chosen_by == "stated by annotation"


def test_a_release_that_says_nothing_takes_the_time_stated_for_its_kustomization():
    time = chosen(release={"chart": "redis"}, durations={"ns/app": Fixed(9.0)})[H]
    assert time.total == Fixed(9.0) and time.chosen_by == "durations file, stated for ns/app"


def test_a_release_with_its_own_statement_keeps_it():
    workloads = [deployment(stated_ready_s=7.0, stated_by="annotation")]
    time = chosen(
        release={"chart": "x", "workloads": workloads, "workloads_known": True}, durations={"ns/app": Fixed(9.0)}
    )[H]
    assert time.pods[0].ready == Fixed(7.0)


def test_a_profile_of_another_fleet_matches_by_chart_only():
    user = profile("other", objects={"elsewhere/thing": 1}, charts={"redis": {"total": 2}})
    assert chosen(release={"chart": "redis"}, user=user)[H].chosen_by == "profile other: chart redis"


def test_naming_the_default_profile_changes_nothing():
    workloads = [deployment(stated_ready_s=7.0, stated_by="annotation")]
    assert chosen(workloads, user=DEFAULT) == chosen(workloads)


def test_the_users_pulls_hold_where_the_prior_of_the_start_is_the_shipped_one():
    time = chosen([deployment()], user=profile("mine", images={"web": {"compressed_mb": 7}}, pod_start={"seconds": 8}))[
        K
    ]
    assert time.pods[0].pulls[0].megabytes == Fixed(7.0) and time.pods[0].start == Fixed(8.0)


def test_durations_of_an_unknown_object_are_refused_with_line_and_nearest_name(tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text("ns/app: 1\nns/ap: 2\n")
    fleet = from_document({"kustomizations": [{"id": "ns/app"}]}, "g")
    times = load_durations(path)
    assert isinstance(times, Durations)
    with pytest.raises(InputError, match="an object of this fleet") as error:
        resolve(fleet, times, None, DEFAULT)
    assert error.value.message.startswith(f"{path}:2: ") and "ns/app" in (error.value.hint or "")


def test_the_shipped_profiles_resolve_any_fleet():
    fleet = from_document({"kustomizations": [{"id": "a/b", "workloads": [deployment()]}]}, "g")
    for user in (None, load_profile("short")):
        assert set(resolve(fleet, None, user, load_profile("default"))) == {k.id for k in fleet.kustomizations}


def test_what_was_installed_before_flux_takes_no_time_unless_it_is_named_itself():
    there = {"chart": "redis", "installed_by": "helmfile.yaml:3", "workloads": [deployment()]}
    time = chosen(release=there)[H]
    assert (time.chosen_by, time.pods, time.total) == ("installed before Flux (helmfile.yaml:3)", (), None)
    assert chosen(release=there, durations={"HelmRelease/ns/release": Fixed(9.0)})[H].total == Fixed(9.0)


def test_a_commit_starts_the_pods_of_what_was_installed_before_flux():
    document = {
        "kustomizations": [{"id": "ns/app"}],
        "helmreleases": [{"id": "ns/release", "parent": "ns/app", "chart": "redis", "installed_by": "helmfile.yaml:3"}],
    }
    of = from_document(document, "g")
    times = {kind: assemble(of, Choice(kind=kind)).scenario.workloads[H] for kind in (BOOTSTRAP, COMMIT)}
    assert times[BOOTSTRAP].chosen_by.startswith(INSTALLED) and not times[COMMIT].chosen_by.startswith(INSTALLED)


@pytest.mark.parametrize(
    ("release", "waits"),
    [
        ({"chart": "app-template", "cron_jobs": True}, False),
        ({"chart": "app-template", "cron_jobs": True, "chart_version": "4.2.0"}, False),
        ({"chart": "app-template", "cron_jobs": True, "chart_version": "2.4.0"}, True),
        ({"chart": "app-template"}, True),
        ({"chart": "another", "cron_jobs": True}, True),
    ],
)
def test_a_release_of_cron_jobs_alone_has_nothing_to_wait_for(release, waits):
    user = profile("mine", charts={"app-template": {"ready": 7}})
    for time in (chosen(release=release)[H], chosen(release=release, user=user)[H]):
        assert bool(time.pods) is waits and (time.chosen_by == "nothing to wait for") is not waits


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("kgateway-crds", "prior: chart *-crds"),
        ("linkerd-crds", "prior: chart linkerd-crds"),
        ("crds", "prior: any chart (guess)"),
    ],
)
def test_a_chart_that_is_named_for_its_crds_has_no_pods_that_it_starts(chart, said):
    document = {"kustomizations": [], "helmreleases": [{"id": "ns/release", "chart": chart}]}
    assert resolve(from_document(document, "g"), {}, None, load_profile("default"))[H].chosen_by == said

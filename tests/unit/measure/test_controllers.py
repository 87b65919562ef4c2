import pytest

from fleetbench.errors import InputError
from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM, ControllerFlag, Kustomization
from fleetbench.graph.root import with_root
from fleetbench.ids import ObjectId
from fleetbench.measure.controllers import (
    flags_for,
    flags_in,
    flux_release,
    flux_versions,
    run_flags,
    takes_events,
)
from fleetbench.measure.flux import set_flags
from fleetbench.measure.request import FlagOptions
from fleetbench.model.parameters import NEVER_S, flags_of_run

MANIFEST = """\
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
kind: Deployment
metadata: {name: source-controller}
spec: {template: {spec: {containers: [{name: manager, image: "ghcr.io/fluxcd/source-controller:v1.9.3", args: [--log-level=info]}]}}}
---
kind: Deployment
metadata: {name: kustomize-controller}
spec: {template: {spec: {containers: [{name: manager, image: "ghcr.io/fluxcd/kustomize-controller:v1.9.4@sha256:0a", args: [--log-level=info, --concurrent=7]}]}}}
"""


def fleet(*flags):
    return with_root([Kustomization(ObjectId("Kustomization", "flux-system", "a"))], [], [], None, flags=tuple(flags))


OWN = ControllerFlag("kustomize-controller", "concurrent", "12", "clusters/dev/kustomization.yaml", 9)


def test_the_repositorys_own_flags_hold_and_say_where_they_are_from():
    (flag,) = flags_for(fleet(OWN), FlagOptions())
    assert (flag.value, flag.origin) == ("12", "repository (clusters/dev/kustomization.yaml:9)")


def test_options_override_the_repositorys_flags():
    flags = flags_for(fleet(OWN), FlagOptions(kustomize_concurrent=20, requeue_dependency_s=5.0))
    assert [(f.controller, f.flag, f.value, f.origin) for f in flags] == [
        ("helm-controller", "requeue-dependency", "5s", "option"),
        ("kustomize-controller", "concurrent", "20", "option"),
        ("kustomize-controller", "requeue-dependency", "5s", "option"),
    ]


def test_a_flag_replaces_the_one_that_the_manifest_states_and_leaves_the_rest():
    flags = flags_for(fleet(), FlagOptions(kustomize_concurrent=20))
    text, deployments = set_flags(MANIFEST, flags)
    assert flags_in(deployments[1]) == {"log-level": "info", "concurrent": "20"}
    assert "--concurrent=7" not in text and text.count("kind: Namespace") == 1 and text.count("--log-level=info") == 2


def test_a_flag_with_its_value_in_the_next_argument_is_read_and_replaced_as_a_whole():
    text = MANIFEST.replace("--concurrent=7", '--concurrent, "7", --feature-gates=A=true, --feature-gates=B=true')
    _, deployments = set_flags(text, [])
    assert flags_in(deployments[1]) == {"log-level": "info", "concurrent": "7", "feature-gates": "A=true,B=true"}
    _, deployments = set_flags(text, flags_for(fleet(), FlagOptions(kustomize_concurrent=20)))
    arguments = deployments[1]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "7" not in arguments and arguments[-1] == "--concurrent=20"


def test_a_runs_flags_are_what_the_deployments_state_and_else_the_controllers_defaults():
    _, deployments = set_flags(MANIFEST, flags_for(fleet(), FlagOptions()))
    assert run_flags(deployments) == {
        "flux_version": "2.9", "kustomize_concurrent": 7, "helm_concurrent": 4, "source_concurrent": 2, "requeue_dependency_s": 30.0, "helm_requeue_dependency_s": 30.0, "kustomize_cpus": None, "in_memory_builds": False,
    }  # fmt: skip


def test_the_cpu_limit_and_in_memory_builds_of_a_repository_get_into_the_deployment_and_the_runs_flags():
    settings = (
        ControllerFlag("kustomize-controller", CPU_LIMIT, "2000m"),
        ControllerFlag("kustomize-controller", TEMP_MEDIUM, "Memory"),
    )
    text, deployments = set_flags(MANIFEST, flags_for(fleet(*settings), FlagOptions()))
    flags = run_flags(deployments)
    assert (flags["kustomize_cpus"], flags["in_memory_builds"]) == (2.0, True)
    assert "--resources" not in text and "--volumes" not in text


def test_every_flag_and_gate_that_tells_on_the_timing_is_recorded_where_it_differs_and_read_again():
    arguments = (
        "--feature-gates=CancelHealthCheckOnNewRevision=true, --min-retry-delay=5s, --concurrent-ssa=1, "
        "--interval-jitter-percentage=50"
    )
    _, deployments = set_flags(MANIFEST.replace("--concurrent=7", arguments), [])
    flags = run_flags(deployments)
    parameters = flags_of_run(flags)
    assert parameters.cancel_health_check_on_new_revision
    assert (parameters.min_retry_delay_s, parameters.concurrent_ssa, parameters.interval_jitter) == (5.0, 1, 0.5)
    assert "max_retry_delay_s" not in flags


def test_a_flag_with_a_value_that_is_none_is_refused_with_its_place():
    _, deployments = set_flags(MANIFEST.replace("--concurrent=7", "--concurrent=many"), [])
    with pytest.raises(InputError, match=r"kustomize-controller: --concurrent: got 'many', wanted a whole number"):
        run_flags(deployments)


def test_a_run_of_an_older_flux_is_read_with_that_ones_defaults():
    older = MANIFEST.replace("kustomize-controller:v1.9.4", "kustomize-controller:v1.6.1")
    _, deployments = set_flags(older, [])
    flags = run_flags(deployments)
    assert flags["flux_version"] == "2.6"
    assert (flags_of_run(flags).helm_poll_s, flags_of_run({}).helm_poll_s) == (2.0, 5.0)


def test_versions_are_the_images_tags():
    _, deployments = set_flags(MANIFEST, [])
    assert flux_versions(deployments) == {"source-controller": "v1.9.3", "kustomize-controller": "v1.9.4"}
    assert flux_release(flux_versions(deployments)) == "2.9"


def test_a_flag_for_a_controller_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="helm-controller, which the Flux manifest does not hold"):
        set_flags(MANIFEST, flags_for(fleet(), FlagOptions(helm_concurrent=8)))


def test_a_manifest_without_flux_is_refused():
    with pytest.raises(InputError, match="no source-controller and kustomize-controller"):
        set_flags("kind: Namespace\n", [])


NOTIFICATION = """---
apiVersion: apps/v1
kind: Deployment
metadata: {name: notification-controller}
spec:
  replicas: 1
  template: {spec: {containers: [{name: manager, image: "ghcr.io/fluxcd/notification-controller:v1.9.2", args: []}]}}
"""
POSTING = MANIFEST.replace("--log-level=info", "--events-addr=http://notification-controller.flux-system.svc./")


@pytest.mark.parametrize(
    ("manifest", "refused_s"),
    [
        (MANIFEST, None),  # posts nothing
        (POSTING, NEVER_S),
        (POSTING + NOTIFICATION, None),
        (POSTING + NOTIFICATION.replace("replicas: 1", "replicas: 0"), NEVER_S),
    ],
)
def test_a_run_records_that_nobody_takes_the_controllers_events(manifest, refused_s):
    _, deployments = set_flags(manifest, [])
    assert run_flags(deployments).get("events_refused_s") == refused_s


def test_the_notification_controller_of_another_flux_in_the_cluster_does_not_count():
    _, deployments = set_flags(POSTING + NOTIFICATION, [])
    *posting, taker = deployments
    elsewhere = {**taker, "metadata": {**taker["metadata"], "namespace": "tenant"}}
    assert not takes_events([*posting, elsewhere])
    assert takes_events([*posting, elsewhere, taker])


def test_one_that_has_no_pod_at_the_moment_may_have_one_soon():
    _, deployments = set_flags(POSTING + NOTIFICATION, [])
    *posting, taker = deployments
    assert takes_events([*posting, {**taker, "status": {"replicas": 1, "unavailableReplicas": 1}}])

"""What the flags that a repository sets on the controllers come to."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from fleetbench.graph.objects import ControllerFlag, ControllerShard
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION
from fleetbench.model.assemble import Choice, in_force
from fleetbench.model.controller_flags import HELM, KUSTOMIZE, SOURCE, origin_key, repository_flags
from fleetbench.model.parameters import flags_of_run, shards_of_run
from tests.builders import fleet, ks

READ = [
    (KUSTOMIZE, "min-retry-delay", "2s", {"min_retry_delay_s": 2.0}),
    (HELM, "min-retry-delay", "2s", {"helm_min_retry_delay_s": 2.0}),
    (SOURCE, "min-retry-delay", "2s", {"source_min_retry_delay_s": 2.0}),
    (KUSTOMIZE, "max-retry-delay", "1m", {"max_retry_delay_s": 60.0}),
    (HELM, "max-retry-delay", "1m", {"helm_max_retry_delay_s": 60.0}),
    (SOURCE, "max-retry-delay", "1m", {"source_max_retry_delay_s": 60.0}),
    (KUSTOMIZE, "interval-jitter-percentage", "20", {"interval_jitter": 0.2}),
    (HELM, "interval-jitter-percentage", "0", {"helm_interval_jitter": 0.0}),
    (SOURCE, "interval-jitter-percentage", "99", {"source_interval_jitter": 0.99}),
    (KUSTOMIZE, "feature-gates", "DisableFailFastBehavior=true", {"fail_fast": False}),
    (KUSTOMIZE, "feature-gates", "DisableFailFastBehavior=false", {"fail_fast": True}),
    (KUSTOMIZE, "feature-gates", "StrictPostBuildSubstitutions=false", {"strict_post_build_substitutions": False}),
    (
        KUSTOMIZE,
        "feature-gates",
        "CancelHealthCheckOnNewRevision=true",
        {"cancel_health_check_on_new_revision": True},
    ),
    (
        HELM,
        "feature-gates",
        "CancelHealthCheckOnNewRevision=true,UseHelm3Defaults=true",
        {"helm_cancel_health_check_on_new_revision": True, "use_helm3_defaults": True},
    ),
    (
        KUSTOMIZE,
        "feature-gates",
        "DisableFailFastBehavior=1, StrictPostBuildSubstitutions=F",
        {"fail_fast": False, "strict_post_build_substitutions": False},
    ),
    (HELM, "feature-gates", "DefaultToRetryOnFailure=T", {"default_to_retry_on_failure": True}),
    (KUSTOMIZE, "no-cross-namespace-refs", "0", {}),
    (HELM, "feature-gates", "DefaultToRetryOnFailure=true", {"default_to_retry_on_failure": True}),
    (HELM, "feature-gates", "DisableFailFastBehavior=true,OOMWatch=false", {}),
]


def read(controller: str, flag: str, value: str):
    return repository_flags((ControllerFlag(controller, flag, value, "flux.yaml", 3),))


@pytest.mark.parametrize(("controller", "flag", "value", "wanted"), READ)
def test_a_flag_is_that_of_its_controller(controller: str, flag: str, value: str, wanted: dict[str, Any]):
    values, origins, warnings = read(controller, flag, value)
    assert values == wanted and not warnings
    assert origins == dict.fromkeys(wanted, "flux.yaml:3")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("interval-jitter-percentage", "100"),
        ("interval-jitter-percentage", "-1"),
        ("min-retry-delay", "0s"),
        ("max-retry-delay", "soon"),
    ],
)
def test_a_value_that_a_flag_cannot_have_is_warned_of_and_the_default_holds(flag: str, value: str):
    values, _, (warning,) = read(HELM, flag, value)
    assert not values and warning.startswith("flux.yaml:3: ") and flag in warning and value in warning


@pytest.mark.parametrize(
    ("flag", "value", "got"),
    [
        ("feature-gates", "OOMWatch=false,DefaultToRetryOnFailure=yes", "DefaultToRetryOnFailure: got 'yes'"),
        ("feature-gates", "DefaultToRetryOnFailure", "DefaultToRetryOnFailure: got ''"),
        ("no-cross-namespace-refs", "tRUE", "got 'tRUE'"),
    ],
)
def test_a_boolean_that_go_does_not_parse_keeps_the_controller_from_starting(flag: str, value: str, got: str):
    values, _, (warning,) = read(HELM, flag, value)
    wanted = "wanted true or false: the controller does not start with it; the default holds"
    assert not values and warning == f"flux.yaml:3: --{flag} of helm-controller: {got}, {wanted}"


@pytest.mark.parametrize(
    ("controller", "flag", "value", "named"),
    [
        (KUSTOMIZE, "leader-election-lease-duration", "60s", "--leader-election-lease-duration"),
        (KUSTOMIZE, "custom-apply-stage-kinds", "x/Y", "--custom-apply-stage-kinds"),
        (HELM, "feature-gates", "OOMWatch=true", "feature gate OOMWatch"),
    ],
)
def test_a_flag_that_tells_on_the_timing_and_is_not_modelled_is_warned_of(
    controller: str, flag: str, value: str, named: str
):
    values, _, (warning,) = read(controller, flag, value)
    assert not values and warning.startswith(f"flux.yaml:3: {named} of {controller} is not modelled: ")


def test_what_is_not_modelled_is_warned_of_once_for_all_controllers_that_it_is_set_on():
    flags = tuple(
        ControllerFlag(controller, "leader-election-lease-duration", "60s", "flux.yaml", 3)
        for controller in (KUSTOMIZE, HELM)
    )
    (warning,) = repository_flags(flags)[2]
    assert f"of {KUSTOMIZE} and {HELM} is not modelled" in warning


def test_a_flag_that_says_nothing_of_the_timing_is_not_warned_of():
    assert read(KUSTOMIZE, "log-level", "debug") == ({}, {}, [])


def in_force_of(main: list[ControllerFlag], *shards: ControllerShard, **options: Any):
    return in_force(replace(fleet(ks("a")), flags=tuple(main), shards=shards), Choice(flags=options))


def shard_of(controller: str, **flags: str) -> ControllerShard:
    own = (ControllerFlag(controller, n.replace("_", "-"), v, "shard.yaml", 5) for n, v in flags.items())
    return ControllerShard(controller, "one", tuple(own))


MAIN = [ControllerFlag(KUSTOMIZE, "concurrent", "20"), ControllerFlag(KUSTOMIZE, "requeue-dependency", "5s")]


def test_a_shards_controller_has_its_own_flags_and_the_defaults_of_what_it_does_not_state():
    parameters, origins, warnings = in_force_of(MAIN, shard_of(KUSTOMIZE, concurrent="2", min_retry_delay="3s"))
    own, main = parameters.of(KUSTOMIZATION, "one"), parameters.of(KUSTOMIZATION, None)
    assert (own.kustomize_concurrent, own.requeue_dependency_s, own.min_retry_delay_s) == (2, 30.0, 3.0)
    assert (main.kustomize_concurrent, main.requeue_dependency_s, main.min_retry_delay_s) == (20, 5.0, 0.75)
    assert parameters.of(HELM_RELEASE, "one") == parameters.of(KUSTOMIZATION, "two") == parameters
    assert origins[origin_key(KUSTOMIZATION, "one", "kustomize_concurrent")] == "shard.yaml:5"
    assert origins[origin_key(KUSTOMIZATION, "one", "requeue_dependency_s")].startswith("default")
    assert not warnings


def test_an_option_and_what_bounds_a_rollout_hold_for_every_shard():
    shard = shard_of(KUSTOMIZE, concurrent="2", requeue_dependency="1s")
    parameters, _, _ = in_force_of(MAIN, shard, kustomize_concurrent=8)
    own = parameters.of(KUSTOMIZATION, "one")
    assert (own.kustomize_concurrent, own.requeue_dependency_s) == (8, 1.0)
    unbounded = in_force_of(MAIN, shard)[0].unbounded().of(KUSTOMIZATION, "one")
    assert (unbounded.kustomize_concurrent, unbounded.requeue_dependency_s) == (10_000, 1.0)


def test_a_shard_that_is_set_as_the_main_controller_is_nothing_of_its_own():
    assert in_force_of(MAIN, shard_of(KUSTOMIZE, concurrent="20", requeue_dependency="5s"))[0].shards == ()


@pytest.mark.parametrize(
    ("shard", "said"),
    [
        (shard_of(SOURCE, concurrent="9"), "sources are simulated with one controller"),
        (shard_of(KUSTOMIZE, no_cross_namespace_refs="true"), "judged by the main controller's flags"),
        (shard_of(KUSTOMIZE, feature_gates="StrictPostBuildSubstitutions=false"), "judged by the main controller's flags"),
        (shard_of(KUSTOMIZE, concurrent="x"), "the default holds"),
    ],
)  # fmt: skip
def test_what_a_shard_has_otherwise_and_is_not_simulated_is_warned_of(shard: ControllerShard, said: str):
    parameters, _, (warning,) = in_force_of([], shard)
    assert warning.startswith("shard.yaml:5: ") and said in warning and parameters.shards == ()


def test_the_flags_of_shards_that_a_run_records_are_read_back():
    parameters, _, _ = in_force_of(MAIN, shard_of(KUSTOMIZE, concurrent="2"))
    recorded = json.loads(json.dumps(asdict(parameters)))
    assert flags_of_run(recorded).of(KUSTOMIZATION, "one").kustomize_concurrent == 2


@pytest.mark.parametrize(
    "flags", [None, [["x", 1]], [["helm_concurrent", 0]], [["helm_concurrent", "two"]], [["shards", []]]]
)
def test_flags_of_a_shard_that_are_none_are_refused(flags: Any):
    with pytest.raises(ValueError, match="wanted lists of a kind"):
        shards_of_run([[KUSTOMIZATION, "one", flags]])

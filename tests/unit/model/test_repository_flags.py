"""What the flags that a repository sets on the controllers come to."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.graph.objects import ControllerFlag
from fleetbench.model.assemble import HELM, KUSTOMIZE, SOURCE, repository_flags

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


def test_a_flag_that_says_nothing_of_the_timing_is_not_warned_of():
    assert read(KUSTOMIZE, "log-level", "debug") == ({}, {}, [])

"""Held against the durations that Flux publishes of its own benchmark: nothing but the prior of a chart's pull is from it."""

from __future__ import annotations

import pytest

from tests.oracles.flux_benchmark import PUBLISHED_S, totals_s


@pytest.mark.parametrize("count", PUBLISHED_S["Kustomization"])
def test_hundreds_of_kustomizations_take_what_flux_publishes(count: int) -> None:
    published_s = PUBLISHED_S["Kustomization"][count]
    median_s = totals_s("Kustomization", count, 9)[4]
    assert median_s == pytest.approx(published_s, rel=0.15)


def test_part_of_it_is_kube_controller_managers_client() -> None:
    limited, unlimited = (totals_s("Kustomization", 500, 9, controller_manager_qps=qps)[4] for qps in (20.0, 1e9))
    assert limited > (500 * 4 - 30) / 20.0  # four requests for each Deployment, twenty a second
    assert limited > 1.15 * unlimited


def test_more_workers_hardly_help_them() -> None:
    few, many = (totals_s("Kustomization", 500, 3, kustomize_concurrent=n)[1] for n in (20, 100))
    assert many > 0.8 * few


@pytest.mark.parametrize("count", [500, 1000])
def test_helm_releases_are_predicted_a_third_too_late(count: int) -> None:
    published_s = PUBLISHED_S["HelmRelease"][count]
    assert 1.0 < totals_s("HelmRelease", count, 5)[2] / published_s < 1.45

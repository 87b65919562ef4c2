"""The shipped profiles: a source for every number, a wide spread for every guess, and short derived from default."""

import pytest
import yaml

from fleetbench.data import shipped
from fleetbench.graph.document import read_document
from fleetbench.model.distributions import Empirical, Fixed, LogNormal
from fleetbench.model.profile import TimePrior, load_profile, repository
from fleetbench.model.shorten import shortened

REFERENCE = "fleet-infra-dev.json"
DEFAULT = load_profile("default")
PRIORS = {
    f"{section}.{name}": prior
    for section in ("charts", "kinds", "images")
    for name, prior in getattr(DEFAULT, section).items()
}


def times(prior):
    names = ("ready", "total", "each_more", "hook") if isinstance(prior, TimePrior) else ("megabytes", "ready", "total")
    return [value for value in (getattr(prior, name) for name in names) if value is not None]


@pytest.mark.parametrize("place", PRIORS)
def test_every_prior_says_where_it_is_from(place):
    assert PRIORS[place].source


@pytest.mark.parametrize("place", [place for place, prior in PRIORS.items() if prior.guess])
def test_a_guess_has_a_spread_of_at_least_three(place):
    for distribution in times(PRIORS[place]):
        assert isinstance(distribution, LogNormal) and distribution.p90 >= 3 * distribution.p50


@pytest.mark.parametrize("chart", ["prometheus-operator-crds", "linkerd-crds", "*-crds", "descheduler"])
def test_a_chart_without_anything_to_wait_for_takes_no_time(chart):
    """Its total, since a ready would have a pod's start on top."""
    assert DEFAULT.charts[chart].total == Fixed(0.0) and not DEFAULT.charts[chart].guess


def test_what_is_measured_of_a_cluster_says_its_source_and_has_a_spread():
    assert DEFAULT.pull is not None and DEFAULT.pull.source and DEFAULT.pull.serialized_per_node
    assert isinstance(DEFAULT.pull.bandwidth_mb_s, LogNormal) and isinstance(DEFAULT.pod_start, LogNormal)
    assert DEFAULT.nodes is not None and DEFAULT.nodes.source


def test_the_size_of_an_unknown_image_is_drawn_from_the_published_ones_that_the_reference_fleet_pulls():
    """Not from those of other charts too, or each chart that gets a prior would move every published total."""
    sizes = DEFAULT.images["default"].megabytes
    assert isinstance(sizes, Empirical)
    pulled = {repository(image) for prior in _of_the_reference_fleet() for image in prior.images}
    published = [p for name, p in DEFAULT.images.items() if name in pulled and not p.guess and p.megabytes]
    assert set(sizes.samples) == {value for prior in published for value in _values(prior.megabytes)}


def _of_the_reference_fleet():
    """The priors of its charts, and of every kind: few of them name an image."""
    fleet = read_document(shipped("graphs", REFERENCE).read_text(), REFERENCE)
    return [*(DEFAULT.charts[release.chart] for release in fleet.helmreleases), *DEFAULT.kinds.values()]


def _values(distribution):
    return distribution.samples if isinstance(distribution, Empirical) else [distribution.quantile(0.5)]


def test_short_is_what_the_default_makes_it():
    assert yaml.safe_load(shipped("profiles", "short.yaml").read_text()) == shortened(DEFAULT)


def test_short_is_fixed_whole_seconds_of_at_least_one():
    short = load_profile("short")
    found = [time for prior in (*short.charts.values(), *short.kinds.values()) for time in times(prior)]
    assert found and all(isinstance(time, Fixed) and time.value >= 1 and time.value.is_integer() for time in found)


def test_short_keeps_the_order_of_what_is_slow():
    short = load_profile("short").charts
    assert short["kube-prometheus-stack"].total.value > short["loki"].total.value > short["traefik"].total.value

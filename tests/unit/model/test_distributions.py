"""Distributions: what they promise of any uniform number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.model.distributions import Empirical, Fixed, LogNormal, Shifted

uniform = st.floats(min_value=1e-12, max_value=1 - 1e-12)
seconds = st.floats(min_value=0, max_value=1e6)
positive = st.floats(min_value=1e-3, max_value=1e5)
ratio = st.floats(min_value=1, max_value=1e4)
log_normals = st.builds(lambda p50, r: LogNormal(p50, p50 * r), positive, ratio)
distributions = st.one_of(
    st.builds(Fixed, seconds),
    log_normals,
    st.builds(lambda s: Empirical(tuple(s)), st.lists(seconds, min_size=1, max_size=30)),
    st.builds(Shifted, log_normals, seconds),
)


@given(distributions, uniform, uniform)
def test_a_later_quantile_is_never_an_earlier_value(distribution, u, v):
    low, high = sorted((u, v))
    assert 0 <= distribution.quantile(low) <= distribution.quantile(high) < math.inf


@given(positive, ratio)
def test_a_log_normal_has_the_two_quantiles_it_was_given(p50, r):
    distribution = LogNormal(p50, p50 * r)
    assert distribution.quantile(0.5) == pytest.approx(p50, rel=1e-12)
    assert distribution.quantile(0.9) == pytest.approx(p50 * r, rel=1e-9)


@given(st.lists(seconds, min_size=1, max_size=30), uniform)
def test_an_empirical_draw_is_always_a_sample_that_was_measured(samples, u):
    assert Empirical(tuple(samples)).quantile(u) in samples


def test_an_empirical_median_of_an_even_number_is_the_lower_one():
    assert Empirical((4.0, 1.0, 3.0, 2.0)).quantile(0.5) == 2.0


@given(st.integers(1, 40))
def test_every_sample_is_drawn_equally_often(n):
    distribution = Empirical(tuple(float(i) for i in range(n)))
    drawn = [distribution.quantile((i + 0.5) / n) for i in range(n)]
    assert drawn == list(distribution.samples)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Fixed(-1.0), "got -1.0"),
        (lambda: Fixed(math.nan), "got nan"),
        (lambda: Fixed(math.inf), "got inf"),
        (lambda: LogNormal(0.0, 1.0), "above zero"),
        (lambda: LogNormal(5.0, 4.0), "at least p50"),
        (lambda: LogNormal(1e-6, 1e6), "a million times"),
        (lambda: Empirical(()), "got none"),
        (lambda: Empirical((1.0, -2.0)), "got -2.0"),
        (lambda: Shifted(Fixed(1.0), -1.0), "got -1.0"),
    ],
)
def test_nonsense_is_refused_with_its_value(make, said):
    with pytest.raises(ValueError, match=said):
        make()

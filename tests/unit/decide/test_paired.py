from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.decide.paired import of_differences, paired


def test_the_same_series_differs_by_nothing_and_counts_as_no_change():
    same = paired([1.0, math.inf, 3.0] * 5, [1.0, math.inf, 3.0] * 5)
    assert (same.p50_s, same.low_s, same.high_s) == (0, 0, 0)
    assert not same.later and not same.sooner


def test_a_constant_delay_is_later_whatever_the_spread_of_the_series():
    old = [10.0, 500.0, 20.0, 7000.0, 3.0, 90.0, 1.0]
    assert paired(old, [t + 6 for t in old]).later


def test_five_samples_are_too_few_to_call_anything_a_change():
    few = of_differences([9.0] * 5)
    assert few.p50_s == 9 and not few.later and math.isinf(few.high_s)


def test_an_object_that_is_never_ready_any_more_is_infinitely_later():
    assert paired([1.0] * 8, [math.inf] * 8).p50_s == math.inf
    assert paired([1.0] * 8, [math.inf] * 8).later
    assert paired([math.inf] * 8, [1.0] * 8).sooner


def test_the_interval_of_fifty_samples_is_that_of_the_sign_test():
    # Ranks 18 and 33: Conover, Practical Nonparametric Statistics, table of the binomial with n = 50, p = 1/2.
    fifty = of_differences(float(n) for n in range(1, 51))
    assert (fifty.low_s, fifty.high_s) == (18, 33)


def test_series_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 and 2 samples"):
        paired([1.0], [1.0, 2.0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=60))
def test_the_interval_holds_the_median_and_turns_round_with_the_sign(differences):
    one, other = of_differences(differences), of_differences(-d for d in differences)
    assert one.low_s <= one.p50_s <= one.high_s
    assert (other.low_s, other.high_s) == (-one.high_s, -one.low_s)


def test_the_interval_covers_the_true_median_in_at_least_95_percent_of_draws():
    # Skewed differences with a true median of 0: exp(z) - 1 for standard normal z; fixed quasi-random draws.
    import random

    rng = random.Random(7)
    covered = 0
    for _ in range(2000):
        p = of_differences(math.exp(rng.gauss(0, 1)) - 1 for _ in range(20))
        covered += p.low_s <= 0 <= p.high_s
    assert covered / 2000 >= 0.95  # exact coverage of ranks 6 and 15 of 20 is 95.9 %

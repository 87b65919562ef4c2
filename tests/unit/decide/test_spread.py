"""What a median of paired differences does not show."""

from __future__ import annotations

import math
import random

from fleetbench.decide.spread import moved, shares


def test_a_quantile_of_the_same_series_moves_by_nothing_also_where_it_is_never():
    pairs = [(float(n), float(n)) for n in range(20)] + [(math.inf, math.inf)] * 5
    for q in (0.5, 0.9):
        at = moved(pairs, q)
        assert (at.by_s, at.low_s, at.high_s) == (0, 0, 0)


def test_a_quantile_that_becomes_never_is_infinitely_later():
    at = moved([(1.0, 1.0 if n < 35 else math.inf) for n in range(50)], 0.9)
    assert at.by_s == at.high_s == math.inf and at.low_s > 0
    assert at.to_json()["now_s"] is None


def test_too_few_samples_have_no_interval():
    assert moved([(1.0, 100.0)] * 5, 0.9).low_s == -math.inf


def test_the_interval_of_a_p90_holds_no_change_in_about_95_percent_of_noisy_pairs():
    rng, held = random.Random(3), 0
    for _ in range(100):
        pairs = [(math.exp(rng.gauss(4, 1)), math.exp(rng.gauss(4, 1))) for _ in range(50)]
        at = moved(pairs, 0.9)
        held += at.low_s <= 0 <= at.high_s
    assert held >= 90


def test_as_many_much_later_as_much_sooner_lead_to_nothing():
    both_ways = [(100.0, 800.0)] * 10 + [(800.0, 100.0)] * 9 + [(1.0, 1.0)] * 31
    much = shares(both_ways, 0.05)
    assert (much.later, much.sooner) == (10, 9) and not much.leads()


def test_never_any_more_is_much_later_and_what_was_never_counts_for_nothing():
    much = shares([(10.0, math.inf)] * 6 + [(math.inf, math.inf)] * 4, 0.05)
    assert (much.later, much.sooner) == (6, 0) and much.leads()


def test_a_minute_more_of_an_hour_is_not_much():
    assert shares([(3600.0, 3700.0)] * 50, 0.05).later == 0

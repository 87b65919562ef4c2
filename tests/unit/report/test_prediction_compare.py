"""Waves against fine: only where everything comes up in both."""

from fleetbench.prediction.document import compare
from fleetbench.prediction.predict import predict
from tests.builders import fleet, ks, ks_id, scenario


def test_a_rollout_that_does_not_come_up_is_no_fast_one():
    of = fleet(ks("a"), ks("b", "a"))
    whole = predict(scenario(of, {"a": 10.0, "b": 10.0}), 3)
    failing = predict(scenario(of, {"a": 10.0, "b": 10.0}, fail=frozenset({ks_id("a")}), until_s=600.0), 3)
    found = compare({"fine": whole, "waves": failing})
    assert (found["speed_up_p50"], found["samples_compared"]) == (None, 0)
    assert compare({"fine": whole, "waves": whole})["speed_up_p50"] == 1.0

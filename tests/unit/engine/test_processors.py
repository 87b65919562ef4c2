"""Steps share the machine; builds take turns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import simpy

from fleetbench.engine.processors import Mutex, Processors
from fleetbench.engine.simulate import simulate
from fleetbench.model.parameters import Parameters
from fleetbench.model.steps import Step, no_steps
from tests.builders import fleet, ks, scenario


def test_as_many_steps_as_processors_run_at_full_speed_and_one_more_slows_itself_down():
    env = simpy.Environment()
    processors = Processors(env, 2.0)
    ends = []

    def step():
        yield processors.work(1.0)
        ends.append(env.now)

    for _ in range(3):
        env.process(step())
    env.run()
    assert ends == [1.0, 1.0, 1.5]
    assert processors.running == 0


def test_a_mutex_is_handed_on_in_the_order_of_waiting():
    env = simpy.Environment()
    mutex, order = Mutex(env), []

    def build(name):
        turn = mutex.acquire()
        if turn is not None:
            yield turn
        yield env.timeout(1.0)
        order.append((name, env.now))
        mutex.release()

    for name in "abc":
        env.process(build(name))
    env.run()
    assert order == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert not mutex.held


def test_builds_take_turns_whatever_the_number_of_workers():
    of = fleet(*(ks(f"s{n}", wait=False) for n in range(10)))
    steps = replace(no_steps(), build=Step(1.0, 0.0))
    for workers in (10, 100):
        parameters = Parameters(interval_jitter=0.0, kustomize_concurrent=workers, cpus=1000.0, kustomize_cpus=None)
        total = simulate(scenario(of, steps=steps, parameters=parameters)).total_s
        # the root's build, then ten one after the other
        assert total == pytest.approx(0.75 + 1.0 + 0.75 + 10.0, abs=0.01)

"""Steps share the machine; builds take turns."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import simpy

from fleetbench.engine.processors import Container, Mutex, Processors
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


def test_steps_within_one_limited_container_share_its_limit_and_others_do_not():
    env = simpy.Environment()
    processors, one, other, ends = Processors(env, 10.0), Container(env, 1.0), Container(env, 1.0), []

    def step(name, start):
        yield start(1.0)
        ends.append((name, env.now))

    for container in (one, one, other):
        env.process(step("inside", partial(processors.work_within, container)))
    env.process(step("outside", processors.work))
    env.run()
    assert sorted(ends) == [("inside", 1.0), ("inside", 1.0), ("inside", 2.0), ("outside", 1.0)]
    assert (processors.running, one.running, other.running) == (0, 0, 0)


def test_a_shard_builds_while_the_main_controller_does():
    steps = replace(no_steps(), build=Step(1.0, 0.0))
    parameters = Parameters(interval_jitter=0.0, kustomize_concurrent=10, cpus=1000.0, kustomize_cpus=None)
    halves = fleet(*(ks(f"s{n}", wait=False, shard=None if n % 2 else "two") for n in range(10)))
    total = simulate(scenario(halves, steps=steps, parameters=parameters)).total_s
    assert total == pytest.approx(0.75 + 1.0 + 0.75 + 5.0, abs=0.01)


def flat(**parameters):
    """The total of 30 objects without edges whose artifact has 1,000 files of a millisecond each."""
    of = fleet(*(ks(f"s{n}", wait=False) for n in range(30)))
    of = replace(of, sources=tuple(replace(s, files=1000) for s in of.sources))
    steps = replace(no_steps(), fetch_file=Step(0.001, 0.0), **parameters.pop("steps", {}))
    given = Parameters(interval_jitter=0.0, cpus=1000.0, **parameters)
    return simulate(scenario(of, steps=steps, parameters=given)).total_s


def test_unpacking_shares_the_controllers_cpu_limit():
    # 31 artifacts of a second each: four workers side by side, or what one processor can do
    assert flat(kustomize_cpus=None) == pytest.approx(0.75 + 1.0 + 0.75 + 8.0, abs=0.1)
    assert flat(kustomize_cpus=1.0) == pytest.approx(0.75 + 1.0 + 0.75 + 30.0, abs=2.0)


def test_in_memory_builds_unpack_at_the_price_of_memory():
    assert flat(in_memory_builds=True, kustomize_cpus=1.0) == pytest.approx(1.5, abs=0.01)
    dear = {"memory_file": Step(0.001, 0.0)}
    assert flat(in_memory_builds=True, kustomize_cpus=None, steps=dear) == flat(kustomize_cpus=None)


def test_files_cost_more_the_more_were_removed_within_the_last_minute():
    # the 31st artifact is unpacked after 30,000 files were removed, of which 20,000 count: 0.1 ms more a file for each 1,000
    total = flat(kustomize_concurrent=1, kustomize_cpus=None, steps={"fetch_file_more_s": 0.0001})
    extra = sum(min(n, 20) * 1000 * 0.0001 for n in range(31))
    assert total == pytest.approx(0.75 + 1.0 + 0.75 + 30.0 + extra, abs=1.0)

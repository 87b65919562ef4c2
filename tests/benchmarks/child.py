"""What is measured in a process of its own, so that its peak memory is nobody else's; prints one JSON document.

Seconds are processor time of this process, which nothing else that the machine does is in: all of it is one thread that
never waits.

``python -m tests.benchmarks.child sample SHAPE SIZE WORKERS | overhead FLEET | reduction SIZE SAMPLES``
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from operator import truediv
from statistics import median
from typing import Any

import simpy

from fleetbench.engine.items import Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import Sample, run_sample
from fleetbench.graph.fleet import Fleet
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.scenario import Scenario
from tests.benchmarks.fleets import SHAPES

PROCESSES_OF_LOOP = 20


def scenario_of(fleet: Fleet, **flags: Any) -> Scenario:
    """The fleet with the shipped priors and step costs."""
    return assemble(fleet, Choice(flags=flags)).scenario


def reference() -> Scenario:
    """The fleet that ships."""
    from fleetbench.cli.fleet import FleetChoice, load_fleet

    return scenario_of(load_fleet(FleetChoice())[0])


def peak_mb() -> float:
    """Peak resident memory of this process, in MB (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def sample(shape: str, size: str, workers: str) -> dict[str, Any]:
    """One shape: seconds a sample (the fastest of three where that is quick), growth of memory."""
    scenario = scenario_of(SHAPES[shape](int(size)), kustomize_concurrent=int(workers))
    started = time.process_time()
    plan = compile_plan(scenario)
    compiled = time.process_time() - started
    took, result = _fastest(lambda: run_sample(plan, 0), 3 if int(size) <= 1000 else 1)
    return {
        "compile_s": compiled,
        "sample_s": took,
        "events": _count_events(plan),
        "peak_mb": peak_mb(),
        "total_s": result.total_s,
        "complete": result.complete,
    }


def overhead(fleet: str) -> dict[str, Any]:
    """The engine against bare SimPy loops of as many events, in turns: the fastest of several each, the median ratio.

    One loop is of twenty processes, the other of as many as the fleet has objects, which all wait in SimPy's heap.
    """
    scenario = reference() if fleet == "reference" else scenario_of(SHAPES["random"](1000), kustomize_concurrent=20)
    plan = compile_plan(scenario)
    events = _count_events(plan)
    engine, bare, crowded = [], [], []
    for _ in range(40 if fleet == "reference" else 7):
        engine.append(_fastest(lambda: run_sample(plan, 0), 1)[0])
        bare.append(_fastest(lambda: _bare_loop(events, PROCESSES_OF_LOOP), 1)[0])
        crowded.append(_fastest(lambda: _bare_loop(events, len(plan.items)), 1)[0])
    return {
        "events": events,
        "engine_s": min(engine),
        "bare_s": min(bare),
        "ratio": median(map(truediv, engine, bare)),
        "bare_as_many_waits_s": min(crowded),
        "ratio_as_many_waits": median(map(truediv, engine, crowded)),
    }


def reduction(size: str, samples: str) -> dict[str, Any]:
    """Memory of a prediction of many samples: two are simulated, the others are made up and reduced as those are."""
    from fleetbench.prediction import predict as module

    scenario = scenario_of(SHAPES["random"](int(size)), kustomize_concurrent=100)
    plan = compile_plan(scenario)
    one = run_sample(plan, 0)
    before = peak_mb()

    def made_up(_: Plan, number: int, *, record: bool = False) -> Sample:
        ready = tuple(None if t is None else t + number * 0.001 for t in one.ready_s)
        return replace(one, number=number, ready_s=ready)

    module.run_sample = made_up  # type: ignore[assignment]
    prediction = module.predict(scenario, int(samples), processes=1)
    held = peak_mb()
    for id in prediction.services:
        prediction.quantile(id, 0.5)
    return {"one_sample_mb": before, "predicted_mb": held, "peak_mb": peak_mb(), "services": len(prediction.services)}


def _fastest(work: Any, times: int) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(times):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result


def _count_events(plan: Plan) -> int:
    """Events that one sample schedules with SimPy, counted in a run that is not timed."""
    count = 0
    schedule = simpy.Environment.schedule

    def counting(self: simpy.Environment, *args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        schedule(self, *args, **kwargs)

    simpy.Environment.schedule = counting  # type: ignore[method-assign]
    try:
        run_sample(plan, 0)
    finally:
        simpy.Environment.schedule = schedule  # type: ignore[method-assign]
    return count


def _bare_loop(events: int, processes: int) -> None:
    """SimPy processes that do nothing but wait, ``events`` times together."""
    env = simpy.Environment()

    def waiting(period_s: float, times: int):  # type: ignore[no-untyped-def]
        for _ in range(times):
            yield env.timeout(period_s)

    for n in range(processes):
        env.process(waiting(1.0 + n / 100.0, events // processes))
    env.run()


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    print(json.dumps({"sample": sample, "overhead": overhead, "reduction": reduction}[kind](*arguments)))

"""Two engines held against each other: what one leaves out must not change what the other shows.

An engine is a callable with :func:`fleetbench.engine.simulate.run_sample`'s signature. Equal are, to a microsecond:
each service's first Ready, start, apply and number of attempts, when the clock stopped, how many workers were held at
most, and every row that changes an object's status, reason, message or revision. A row stands where its reconcile got
a worker, so equal rows are equal waits in the queue. Rows that repeat the last one (a poll that finds the same
dependency not ready) may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

from fleetbench.engine.items import Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import Sample
from fleetbench.ids import ObjectId
from fleetbench.model.scenario import Scenario
from fleetbench.timeline.events import Event, Timeline

Engine = Callable[..., Sample]
"""``engine(plan, number, record=...)``."""
TOLERANCE_S = 1e-6


def differences(scenario: Scenario, one: Engine, other: Engine, number: int = 0) -> list[str]:
    """What two engines disagree on about one sample; empty = nothing."""
    plan = compile_plan(scenario)
    a, b = one(plan, number, record=True), other(compile_plan(scenario), number, record=True)
    found = list(_of_services(plan, a, b))
    if not _close(a.until_s, b.until_s):
        found.append(f"the clock stopped at {a.until_s!r} and {b.until_s!r}")
    if a.most_busy != b.most_busy:
        found.append(f"most busy {a.most_busy} and {b.most_busy}")
    assert a.timeline is not None and b.timeline is not None
    for id in sorted({*a.timeline.by_object, *b.timeline.by_object}):
        found += _of_rows(id, a.timeline, b.timeline)
    return found


def _of_services(plan: Plan, a: Sample, b: Sample) -> Iterator[str]:
    for place, n in enumerate(plan.services):
        id = plan.items[n].id
        for what in ("ready_s", "started_s", "applied_s"):
            x, y = getattr(a, what)[place], getattr(b, what)[place]
            if not _close(x, y):
                yield f"{id}: {what} {x!r} and {y!r}"
        if a.attempts[place] != b.attempts[place]:
            yield f"{id}: attempts {a.attempts[place]} and {b.attempts[place]}"


def _of_rows(id: ObjectId, a: Timeline, b: Timeline) -> Iterator[str]:
    for x, y in zip_longest(_changes(a.by_object.get(id, ())), _changes(b.by_object.get(id, ()))):
        if x is None or y is None or x[1:] != y[1:] or not _close(x[0], y[0]):
            yield f"{id}: row {x} and {y}"
            return  # what follows the first difference follows from it


def _changes(rows: tuple[Event, ...]) -> list[tuple[float, str, str, str, str]]:
    found: list[tuple[float, str, str, str, str]] = []
    for row in rows:
        shown = (row.status, row.reason, row.message, row.revision)
        if not found or found[-1][1:] != shown:
            found.append((row.t_s, *shown))
    return found


def _close(x: float | None, y: float | None) -> bool:
    return x == y if x is None or y is None else abs(x - y) <= TOLERANCE_S

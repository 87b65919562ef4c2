"""Step times as the rows of a trace show them, each with what else was going on.

A step is read from two rows that one reconcile writes one after the other (see MODEL.md, "Step costs"). It is *quiet*
when no other object's step overlaps it and the cold start is over: then nothing shared the processors, and the time
is the work.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from fleetbench import phases
from fleetbench.graph.fleet import artifact_files
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.runs.run import Run
from fleetbench.timeline.events import Event

COLD_UNTIL_S = 20.0
"""Steps before this may still be slowed by the start."""
FIRST_S = 6.0
"""Steps before this show the cold start itself."""
POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One step of one object in one run."""

    step: str
    """A field of :class:`~fleetbench.model.steps.Steps`, or a sum such as ``poll+health_end``."""
    seconds: float
    t_s: float
    object: ObjectId
    quiet: bool
    objects: int = 1
    """How many objects the build of a Kustomization holds."""
    files: int = 0
    """How many files the artifact of its source holds."""


@dataclass(frozen=True, slots=True)
class _Span:
    start_s: float
    end_s: float
    object: ObjectId
    step: str | None
    """None: work that keeps the machine busy but shows no step of its own."""
    parts: int = 1
    objects: int = 1


def observe(run: Run) -> list[Observation]:
    """Every step that the run's rows show; where events were posted in vain, those hold posts, and only pods are left."""
    if run.flags.get("events_refused_s"):
        return _pods(run)
    spans: list[_Span] = []
    afar = run.from_afar  # what those take is their servers' time, not the controller's
    for service in run.fleet.services():
        events = run.timeline.by_object.get(service.id, ())
        if service.id.kind == KUSTOMIZATION:
            spans += _kustomization(run, service, events)  # type: ignore[arg-type]
        elif service.id.kind == HELM_RELEASE:
            spans += _helmrelease(run, service.id, events, afar)
    for source in run.fleet.sources:
        if source.id not in afar:
            spans += _source(run.timeline.by_object.get(source.id, ()), source.id)
    files = {k.id: _files(run, k) for k in run.fleet.kustomizations}
    found = [replace(o, files=files.get(o.object, 0)) for o in _judged(spans)]
    found += _pods(run)
    return found


def _files(run: Run, k: Kustomization) -> int:
    source = None if k.source is None else run.fleet.source(k.source)
    return 0 if source is None else artifact_files(run.fleet, source)


def _judged(spans: list[_Span]) -> Iterator[Observation]:
    """Which spans nothing else overlapped: by a sweep over starts and ends."""
    ordered = sorted(spans, key=lambda s: s.start_s)
    for n, span in enumerate(ordered):
        if span.step is None or span.end_s < span.start_s:
            continue
        busy = any(o.end_s > span.start_s and o.object != span.object for o in ordered[max(0, n - 60) : n])
        for other in ordered[n + 1 :]:
            if busy or other.start_s >= span.end_s:
                break
            busy = other.object != span.object
        yield Observation(
            span.step,
            (span.end_s - span.start_s) / span.parts,
            span.start_s,
            span.object,
            not busy and span.start_s > COLD_UNTIL_S,
            span.objects,
        )


def _kustomization(run: Run, k: Kustomization, events: tuple[Event, ...]) -> list[_Span]:
    found: list[_Span] = []
    for before, after in itertools.pairwise(events):
        step = None
        if before.status == after.status == phases.ABSENT and before.step is None and before.t_s < after.t_s:
            step = "finalizer"
        elif before.step == phases.FETCHING and after.step == phases.BUILDING:
            step = "fetch"
        elif before.step == phases.BUILDING and after.step == phases.APPLYING:
            step = "build"
        elif before.step == phases.HEALTH_CHECKS and after.status == phases.TRUE:
            step = "finish"
        elif before.status == after.status == phases.TRUE and before.observed != after.observed:
            step = "release"
        elif before.step == phases.APPLYING:
            found += _apply(run, k, before, after)
            continue
        if step is not None:
            found.append(_Span(before.t_s, after.t_s, k.id, step, objects=max(k.applies, 1)))
    found += _first_reconcile(run, k, events)
    found += _poll(events, k.id, phases.HEALTH_CHECKS, "poll+health_end+finish")
    return found


def _first_reconcile(run: Run, k: Kustomization, events: tuple[Event, ...]) -> list[_Span]:
    """What comes 750 ms after the finalizer: the dependency check, or the start of the reconcile."""
    if len(events) < 3 or events[1].status != phases.ABSENT or events[1].step is not None:
        return []
    due, third = events[1].t_s + run_min_retry_s(run), events[2]
    if not 0.0 < third.t_s - due < 1.0:
        return []  # it had to wait for a worker
    if third.reason == phases.DEPENDENCY_NOT_READY:
        return [_Span(due, third.t_s, k.id, "dependency_get+dependency_end")]
    if third.step == phases.FETCHING and not k.depends_on:
        return [_Span(due, third.t_s, k.id, "start")]
    return []


def run_min_retry_s(run: Run) -> float:
    """``--min-retry-delay`` of the run."""
    return float(run.flags.get("min_retry_delay_s", 0.75))


def _apply(run: Run, k: Kustomization, drift: Event, after: Event) -> list[_Span]:
    """From Detecting drift: dry-runs, then the objects one after the other, then the next row."""
    first = [
        events[0].t_s
        for w in k.workloads
        if (events := run.timeline.by_object.get(w.object)) and drift.t_s <= events[0].t_s <= after.t_s + 1.0
    ]
    kids = [
        events[0].t_s
        for id in run.fleet.children.get(k.id, ())
        if (events := run.timeline.by_object.get(id)) and drift.t_s <= events[0].t_s <= after.t_s + 1.0
    ]
    found = [_Span(drift.t_s, after.t_s, k.id, None)]
    if len(kids) > 3:
        found.append(_Span(min(kids), max(kids), k.id, "apply", len(kids) - 1))
    made = first + kids
    if made:
        rounds = -(-max(k.applies, 1) // int(run.flags.get("concurrent_ssa", 4)))
        found.append(_Span(drift.t_s, min(made), k.id, "dry_run+apply", rounds))
        if after.step == phases.HEALTH_CHECKS and after.t_s > max(made):
            found.append(_Span(max(made), after.t_s, k.id, "health_start"))
    return found


def _poll(events: tuple[Event, ...], id: ObjectId, waiting: str, step: str) -> list[_Span]:
    """Ready comes this long after a tick of the poller, whose ticks are 5 s apart from the row that starts it."""
    start: Event | None = None
    for event in events:
        if event.step == waiting and start is None:
            start = event
        elif event.status == phases.TRUE and start is not None:
            after_tick = (event.t_s - start.t_s) % POLL_S
            if after_tick < 1.0:
                return [_Span(event.t_s - after_tick, event.t_s, id, step)]
            return []
        elif event.step is None and event.status != phases.TRUE:
            start = None
    return []


def _helmrelease(run: Run, id: ObjectId, events: tuple[Event, ...], afar: Collection[ObjectId]) -> list[_Span]:
    found: list[_Span] = []
    release = run.fleet.helmrelease(id)
    downloads = release is not None and release.chart_id in afar
    for before, after in itertools.pairwise(events):
        if before.status == after.status == phases.ABSENT and before.step is None and after.step is None:
            found.append(_Span(before.t_s, after.t_s, id, "finalizer"))
        elif before.reason == phases.SOURCE_NOT_READY and after.step == phases.INSTALLING and not downloads:
            wait = after.t_s - before.t_s - run_min_retry_s(run)
            if 0.0 < wait < 2.0:
                found.append(_Span(after.t_s - wait, after.t_s, id, "finalizer+chart_build+helm_start+helm_load"))
    starts = [e.t_s for e in events if e.step == phases.INSTALLING]
    made = [
        rows[0].t_s for w in (release.workloads if release else ()) if (rows := run.timeline.by_object.get(w.object))
    ]
    if starts and made and min(made) >= starts[0]:
        found.append(_Span(starts[0], min(made), id, "helm_install"))
    found += _poll(events, id, phases.INSTALLING, "helm_install+poll+helm_finish")
    return found


def _source(events: tuple[Event, ...], id: ObjectId) -> list[_Span]:
    started: float | None = None
    found: list[_Span] = []
    for event in events:
        if event.status == phases.UNKNOWN and started is None:
            started = event.t_s
        elif event.status == phases.TRUE and started is not None:
            found.append(_Span(started, event.t_s, id, "git_fetch"))
            started = None
    return found


def _pods(run: Run) -> list[Observation]:
    """What a workload takes over the time that its pod template states by annotation."""
    found = []
    for service in run.fleet.services():
        for w in service.workloads:
            events = run.timeline.by_object.get(w.object, ())
            ready = next((e.t_s for e in events if e.status == phases.TRUE), None)
            if ready is None or w.stated_ready_s is None or w.stated_by != "annotation":
                continue
            over = ready - events[0].t_s - w.stated_ready_s
            if over > 0.0:
                found.append(Observation("pod_lag", over, events[0].t_s, w.object, events[0].t_s > COLD_UNTIL_S))
    return found

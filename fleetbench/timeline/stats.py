"""Figures of one timeline, and of many samples: parallelism, held workers, states over time, quantiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import TYPE_CHECKING, Any, NamedTuple

from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.timeline import causes
from fleetbench.timeline.events import Timeline
from fleetbench.timeline.fold import RUN, flux_rows, reconciles
from fleetbench.timeline.workers import Held, steps_of

if TYPE_CHECKING:
    import pandas

    from fleetbench.timeline.why import Explanation


def lower_quantile(values: Sequence[float | None], q: float) -> float | None:
    """A quantile of the lower kind: one of the values, never a mean of two.

    Args:
        values: any order; None or infinity = never, which is later than everything.
        q: 0 to 1.

    Returns:
        The smallest value that at least the share ``q`` of the values does not exceed; None if that is a "never", or
        if there are no values.

    >>> lower_quantile([3.0, 1.0, 2.0, 4.0], 0.5), lower_quantile([1.0, None], 0.5), lower_quantile([1.0, None], 0.9)
    (2.0, 1.0, None)
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"got q={q!r}, wanted 0 to 1")
    reached = sorted(v for v in values if v is not None and v != inf)
    rank = lower_rank(q, len(values))
    return reached[rank] if rank < len(reached) else None


def lower_rank(q: float, size: int) -> int:
    """Where the lower quantile stands among so many values in order, counted from 0.

    >>> lower_rank(0.5, 4), lower_rank(0.0, 4), lower_rank(1.0, 4)
    (1, 0, 3)
    """
    return max(ceil(q * size - 1e-9), 1) - 1


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Most spans that overlap at one moment; one that ends where another starts does not overlap it.

    >>> most_at_once([(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)])
    2
    """
    return max((count for _, count in steps_of(Held(a, b, _NOBODY) for a, b in spans)), default=0)


_NOBODY = ObjectId("", "", "")


def parallel_services(fleet: Fleet) -> list[ObjectId]:
    """What counts as a service where parallelism is judged, sorted.

    Kustomizations that are neither the root nor a parent of other Kustomizations (those only group); and HelmReleases,
    unless a counted Kustomization waits for them, so that none is counted twice.
    """
    groups = {k.parent for k in fleet.kustomizations} | {fleet.root}
    leaves = {k.id: k for k in fleet.kustomizations if k.id not in groups}
    found = set(leaves)
    for release in fleet.helmreleases:
        owner = leaves.get(release.parent) if release.parent is not None else None
        if owner is None or not (owner.wait or release.id in owner.health_checks):
            found.add(release.id)
    return sorted(found)


def max_parallel(fleet: Fleet, timeline: Timeline) -> int:
    """Most services (see :func:`parallel_services`) applied and not yet Ready at one moment.

    Applied is the first time that a run got as far as its health checks, or began to install a release; what was Ready
    before a commit or a restart shows a single row of that, which is no run.
    """
    spans = []
    for id in parallel_services(fleet):
        runs = [r for r in reconciles(flux_rows(timeline, id)) if r.kind == RUN and r.to_s != r.from_s]
        applied = [r.from_s if id.kind == HELM_RELEASE else r.applied_s for r in runs]
        started = next((at for at in applied if at is not None), None)
        if started is not None:
            turned = (r.to_s for r in runs if r.ok and r.to_s is not None and r.to_s >= started)
            spans.append((started, next(turned, timeline.until_s)))
    return most_at_once(spans)


class BusyWorkers(NamedTuple):
    """Held workers of one controller over time."""

    steps: list[tuple[float, int]]
    """(from this second on, so many are held)."""
    most: int


def busy_workers(timeline: Timeline, kind: str = KUSTOMIZATION) -> BusyWorkers:
    """How many workers of kustomize-controller (or helm-controller) were held, inferred from the rows.

    A worker is held from ``Fetching manifests`` to Ready or failed; checks of dependencies, which last
    milliseconds, leave too little trace to count.
    """
    held = [
        Held(r.from_s, timeline.until_s if r.to_s is None else r.to_s, id)
        for id in timeline.by_object
        if id.kind == kind
        for r in reconciles(flux_rows(timeline, id))
        if r.kind == RUN
    ]
    steps = steps_of(held)
    return BusyWorkers(steps, max((count for _, count in steps), default=0))


WAITING, POLLING, QUEUED, APPLYING = (
    "waiting for a dependency",
    "waiting for a poll",
    "waiting for a worker",
    "applying",
)
STARTING, HEALTH_POLLING, FAILING, IDLE = "workload starting", "waiting for the health poll", "failing", "ready"
UPSTREAM, ASLEEP, UNATTENDED = "waiting for a source", "suspended", "not watched"

STATE_OF = {
    causes.SOURCE: UPSTREAM,
    causes.FINALIZER_REQUEUE: QUEUED,
    causes.QUEUE: QUEUED,
    causes.DEPENDENCY: WAITING,
    causes.DEPENDENCY_POLL: POLLING,
    causes.FETCH_BUILD_APPLY: APPLYING,
    causes.HELM: APPLYING,
    causes.EVENTS: APPLYING,
    causes.WORKLOAD: STARTING,
    causes.CHILD: STARTING,
    causes.NEED: STARTING,
    causes.HEALTH_POLL: HEALTH_POLLING,
    causes.RETRY: FAILING,
    causes.TIMEOUT: FAILING,
    causes.FAILED: FAILING,
    causes.SUSPENDED: ASLEEP,
    causes.UNWATCHED: UNATTENDED,
    causes.READY: IDLE,
}
"""Cause of a stretch of a life -> the state that a chart colours."""


class Interval(NamedTuple):
    """An object in one state."""

    from_s: float
    to_s: float
    state: str


def intervals(explanation: Explanation) -> dict[ObjectId, list[Interval]]:
    """Per service, in what state it was when; touching, from created to the end of the timeline."""
    found: dict[ObjectId, list[Interval]] = {}
    for id in explanation.rollout.services:
        spans: list[Interval] = []
        for segment in explanation.life(id):
            state = STATE_OF.get(segment.cause, QUEUED)
            if spans and spans[-1].state == state:
                spans[-1] = spans[-1]._replace(to_s=segment.to_s)
            else:
                spans.append(Interval(segment.from_s, segment.to_s, state))
        found[id] = spans
    return found


def to_frame(timeline: Timeline) -> pandas.DataFrame:
    """The events as a tidy frame: one row an event, columns as :class:`~fleetbench.timeline.events.Event` names them."""
    import pandas

    rows: list[dict[str, Any]] = [
        {
            "t_s": e.t_s,
            "kind": e.object.kind,
            "namespace": e.object.namespace,
            "name": e.object.name,
            "status": e.status,
            "reason": e.reason,
            "step": phases.step_of(e.message) or "",
            "message": e.message,
            "generation": e.generation,
            "observed": e.observed,
            "revision": e.revision,
            "attempt": e.attempt,
        }
        for e in timeline.events
    ]
    columns = ["t_s", "kind", "namespace", "name", "status", "reason", "step", "message"]
    return pandas.DataFrame(rows, columns=[*columns, "generation", "observed", "revision", "attempt"])

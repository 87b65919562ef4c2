"""What a run came to, predicted or measured, in one type: the input of every picture, page, table and notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.ids import ObjectId
from fleetbench.report import frames
from fleetbench.timeline.causes import HELM, WORKLOAD, Piece
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    import pandas

    from fleetbench.runs.run import Run
    from fleetbench.timeline.stats import Interval
    from fleetbench.timeline.why import Explanation
    from fleetbench.timeline.workers import Pool

PREDICTED, MEASURED = "predicted", "measured"


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """One service (Kustomization or HelmRelease) of one rollout; seconds from the start; None = never or not known."""

    id: ObjectId
    ready_s: float | None
    """When it was Ready: as measured, or in the median sample."""
    quantiles: Mapping[str, float | None] = field(default_factory=dict)
    """``p5`` ... ``p95`` of its Ready over the samples; empty for a measured rollout."""
    ready_fraction: float | None = None
    """Share of the samples in which it turned Ready; None = measured."""
    started_s: float | None = None
    """Its first reconcile that got past its dependencies."""
    attempts: int | None = None
    """Reconciles up to its Ready."""
    chosen_by: str = ""
    """Which rule chose its workload time; empty = measured, or not recorded."""
    suspended: bool = False
    """It is suspended, or only created by what is: nobody asks when it is Ready."""

    def at(self, name: str) -> float | None:
        """A quantile by name (``p50``); of a measured rollout the measured value."""
        return self.quantiles.get(name) if self.quantiles else self.ready_s


@dataclass(frozen=True, repr=False)
class RolloutResult:
    """One rollout: a strategy of a prediction (its median sample, with the spread of all), or a measured run."""

    label: str
    """``fine``, ``waves``, or the name of a measured run."""
    source: str
    """``predicted`` or ``measured``."""
    fleet: Fleet
    objects: tuple[ObjectResult, ...]
    """Sorted by id."""
    chain: tuple[Piece, ...]
    """The causal chain behind the last Ready (or what ``--why`` named); seconds from the start."""
    total_s: float | None
    """Of a prediction its total (MODEL.md), None = the median sample has none; of a measured run the last Ready."""
    total_quantiles: Mapping[str, float] = field(default_factory=dict)
    """``p5`` ... ``p95``; empty for a measured rollout."""
    totals_s: tuple[float, ...] = ()
    """Totals of the samples, ascending (evenly thinned if there are very many); empty = not recorded or measured."""
    complete: bool = False
    """Every service that is not suspended turned Ready (in the median sample)."""
    complete_fraction: float | None = None
    max_parallel: int | None = None
    """Most services applied and not yet Ready at one moment."""
    max_busy_workers: int | None = None
    explanation: Explanation | None = field(default=None, repr=False, compare=False)
    """Answers questions about the events; None = the run does not hold them."""

    def __repr__(self) -> str:
        """``<rollout fine, predicted: 24 objects, total 11m00s>``: what it holds would fill pages."""
        whole = "" if self.complete else ", not all Ready"
        objects = counted(len(self.objects), "object")
        return f"<rollout {self.label}, {self.source}: {objects}, total {format_duration(self.total_s)}{whole}>"

    @cached_property
    def by_id(self) -> dict[ObjectId, ObjectResult]:
        """Service -> its row."""
        return {o.id: o for o in self.objects}

    @cached_property
    def by_id_s(self) -> dict[ObjectId, float | None]:
        """Service -> its Ready in seconds; None = never."""
        return {o.id: o.ready_s for o in self.objects}

    @cached_property
    def in_order(self) -> tuple[ObjectResult, ...]:
        """The services in order of Ready; those that never were come last."""
        return tuple(sorted(self.objects, key=lambda o: (o.ready_s is None, o.ready_s or 0.0, o.id)))

    @property
    def last_ready_s(self) -> float | None:
        """The last Ready of those that got there (in the median sample); None = none did."""
        return max((o.ready_s for o in self.objects if o.ready_s is not None), default=None)

    @property
    def since_s(self) -> float:
        """Where the rollout's own clock starts on the timeline's: 0, or the artifact of a measured commit."""
        return 0.0 if self.explanation is None else self.explanation.rollout.since_s

    @cached_property
    def intervals(self) -> dict[ObjectId, list[Interval]]:
        """Per service its states over time, in seconds from the start, up to the end of what was watched."""
        from fleetbench.timeline.stats import intervals

        if self.explanation is None:
            return {}
        since = self.since_s
        return {
            id: [s._replace(from_s=max(s.from_s - since, 0.0), to_s=s.to_s - since) for s in spans if s.to_s > since]
            for id, spans in intervals(self.explanation).items()
        }

    def pools(self, kind: str) -> list[Pool]:
        """The workers of a kind's controller: one pool, or one a shard; none where the events are not known."""
        if self.explanation is None:
            return []
        found = (self.explanation.queue(o.id).pool for o in self.objects if o.id.kind == kind)
        return list({id(pool): pool for pool in found}.values())

    @cached_property
    def durations_s(self) -> dict[ObjectId, float]:
        """Per service the seconds that it took itself up to Ready: its workloads, and Helm's work on them."""
        if self.explanation is None:
            return {}
        return {
            id: sum(s.to_s - s.from_s for s in self.explanation.until_ready(id) if s.cause in (WORKLOAD, HELM))
            for id in self.explanation.rollout.services
        }

    @cached_property
    def layer_of(self) -> dict[ObjectId, int | None]:
        """Service -> its layer of the dependsOn graph."""
        return layers(self.fleet)


@dataclass(frozen=True, repr=False)
class RunResult:
    """A run folder, a trace file or a fresh prediction; its frames are tidy: one row an observation, seconds.

    ``fleetbench.load`` and ``fleetbench.simulate`` return one. Columns: ``fleetbench.COLUMNS``.
    """

    name: str
    source: str
    """``predicted`` or ``measured``."""
    rollouts: tuple[RolloutResult, ...]
    """``fine`` and ``waves`` of a prediction; the one rollout of a measured run."""
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was recorded about it: seed, samples, versions, scenario, written."""
    parameters: Mapping[str, tuple[Any, str]] = field(default_factory=dict, repr=False)
    """Controller flag -> (value, where it came from)."""
    findings: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """As ``fleetbench graph --format json`` writes them."""
    comparison: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Waves against fine over the same draws, where both are there."""
    notes: tuple[str, ...] = ()
    """What is missing or cut short, for people."""
    path: Path | None = None
    run: Run | None = field(default=None, repr=False, compare=False)
    """The measured run itself, for holding predictions against it."""
    commit: Commit | None = field(default=None, repr=False)
    """What the commit that was timed or predicted changes; None = there is none, or only the record shows it."""

    def __repr__(self) -> str:
        """``<run dev-fine-1, measured: <rollout ...>; frames: ready, events, intervals, why, totals>``."""
        rollouts = ", ".join(map(repr, self.rollouts))
        return f"<run {self.name}, {self.source}: {rollouts}; frames: ready, events, intervals, why, totals>"

    def __getitem__(self, label: str) -> RolloutResult:
        """A rollout by its label: ``run["fine"]``."""
        for rollout in self.rollouts:
            if rollout.label == label:
                return rollout
        raise KeyError(f"{label!r}: wanted one of {[r.label for r in self.rollouts]}")

    @property
    def rollout(self) -> RolloutResult:
        """The first rollout: the measured one, or ``fine`` of a prediction."""
        return self.rollouts[0]

    @cached_property
    def ready(self) -> pandas.DataFrame:
        """When each service was Ready: one row a service and rollout."""
        return frames.ready(self)

    @cached_property
    def events(self) -> pandas.DataFrame:
        """What was seen: one row a change of an object's conditions."""
        return frames.events(self)

    @cached_property
    def intervals(self) -> pandas.DataFrame:
        """In what state each service was when: one row a stretch."""
        return frames.states(self)

    @cached_property
    def why(self) -> pandas.DataFrame:
        """The causal chain behind the last Ready: one row a piece."""
        return frames.why(self)

    @cached_property
    def totals(self) -> pandas.DataFrame:
        """The total of each sample, ascending: one row a sample and strategy; of a measured run its one total."""
        return frames.totals(self)

"""Tidy pandas frames of a run. Every time is in seconds from the rollout's start, in a column that ends in ``_s``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fleetbench.ids import ObjectId

if TYPE_CHECKING:
    import pandas

    from fleetbench.report.result import RunResult
    from fleetbench.validation.compare import RunComparison

QUANTILE_NAMES = ("p5", "p10", "p50", "p90", "p95")

_WHICH = {
    "run": "name of the run",
    "rollout": "fine or waves of a prediction; the run's name where it was measured",
    "kind": "kind of the object",
    "namespace": "namespace of the object",
    "name": "name of the object",
}

COLUMNS: dict[str, dict[str, str]] = {
    "ready": {
        **_WHICH,
        "layer": "layer of the dependsOn graph, 0 depends on nothing; empty = in a cycle or behind one",
        "ready_s": "seconds to Ready: measured, or in the median sample; empty = never",
        **{
            f"ready_s_{q}": f"seconds to Ready, quantile {q[1:]} % of the samples; empty = never there, or not predicted"
            for q in QUANTILE_NAMES
        },
        "ready_fraction": "share of the samples in which it turned Ready, 0 to 1; empty = not predicted",
        "started_s": "seconds to the first reconcile that got past its dependencies; empty = not known",
        "attempts": "reconciles up to Ready; empty = not known",
        "workload_time_from": "which rule chose its workload time; empty = measured",
    },
    "events": {
        **_WHICH,
        "t_s": "seconds; before 0 = before the commit that a measured run counts from",
        "status": "status of the Ready condition: True, False, Unknown; empty = none yet",
        "reason": "reason of the Ready condition",
        "step": "the reconcile step that the message announces; empty = none",
        "message": "message of the Reconciling condition while there is one, else of Ready",
        "generation": "metadata.generation",
        "observed": "status.observedGeneration; -1 = none yet",
        "revision": "lastAppliedRevision, or a source's artifact revision",
        "attempt": "which reconcile, from 1; 0 = not known",
    },
    "intervals": {
        **_WHICH,
        "state": "what a Gantt chart colours (fleetbench.timeline.stats.STATE_OF)",
        "from_s": "start in seconds",
        "to_s": "end in seconds",
    },
    "why": {
        **_WHICH,
        "cause": "what the rollout waited for (fleetbench.timeline.causes.MEANING)",
        "from_s": "start in seconds",
        "to_s": "end in seconds",
        "takes_s": "to_s - from_s",
        "detail": "for people: which workload, who held the workers",
    },
    "totals": {
        "run": _WHICH["run"],
        "rollout": _WHICH["rollout"],
        "quantile": "share of the samples that are not later, 0 to 1; empty = measured",
        "total_s": "seconds to the last Ready of all that counts in that sample, or as measured; empty = there is none",
    },
}
"""Frame -> column -> its meaning and unit."""
TABLES = tuple(COLUMNS)
"""Frames of a :class:`~fleetbench.report.result.RunResult`."""


def _frame(name: str, rows: list[dict[str, Any]]) -> pandas.DataFrame:
    import pandas

    frame = pandas.DataFrame(rows, columns=list(COLUMNS[name]))
    for column in frame.columns:
        if column.endswith("_s") or column in ("ready_fraction", "quantile") or "_s_p" in column:
            frame[column] = frame[column].astype("float64")
        elif column in ("layer", "attempts", "generation", "observed", "attempt"):
            frame[column] = frame[column].astype("Int64")
        else:
            frame[column] = frame[column].astype("string")
    return frame


def _which(run: RunResult, label: str, id: ObjectId) -> dict[str, Any]:
    return {"run": run.name, "rollout": label, "kind": id.kind, "namespace": id.namespace, "name": id.name}


def ready(run: RunResult) -> pandas.DataFrame:
    """One row a service and rollout."""
    rows = [
        {
            **_which(run, rollout.label, o.id),
            "layer": rollout.layer_of.get(o.id),
            "ready_s": o.ready_s,
            **{f"ready_s_{q}": o.quantiles.get(q) for q in QUANTILE_NAMES},
            "ready_fraction": o.ready_fraction,
            "started_s": o.started_s,
            "attempts": o.attempts,
            "workload_time_from": o.chosen_by,
        }
        for rollout in run.rollouts
        for o in rollout.objects
    ]
    return _frame("ready", rows)


def with_prediction(frame: pandas.DataFrame, held: RunComparison) -> pandas.DataFrame:
    """The ``ready`` frame of a measured run with what its prediction says of each object."""
    said: dict[str, list[float | None]] = {}
    by_id = {o.id: o for o in held.objects}
    for which in zip(frame["kind"], frame["namespace"], frame["name"], strict=True):
        o = by_id.get(ObjectId(*which))
        for n, q in enumerate(QUANTILE_NAMES):
            said.setdefault(f"ready_s_{q}", []).append(None if o is None else o.quantiles[n])
        said.setdefault("ready_fraction", []).append(None if o is None else o.ready_fraction)
    return frame.assign(**said).astype(dict.fromkeys(said, "float64"))


def of_runs(runs: Sequence[RunResult], table: str, held: Mapping[int, RunComparison]) -> pandas.DataFrame:
    """The same frame of several runs as one; ``held``: place of a measured run -> what to show of it in ``ready``."""
    import pandas

    parts = [getattr(run, table) for run in runs]
    return pandas.concat(
        [with_prediction(part, held[n]) if n in held else part for n, part in enumerate(parts)], ignore_index=True
    )


def events(run: RunResult) -> pandas.DataFrame:
    """One row an event."""
    import pandas

    from fleetbench.timeline.stats import to_frame

    parts = []
    for rollout in run.rollouts:
        if rollout.explanation is None:
            continue
        part = to_frame(rollout.explanation.rollout.timeline)
        part["t_s"] -= rollout.since_s
        parts.append(part.assign(run=run.name, rollout=rollout.label))
    rows = pandas.concat(parts).to_dict("records") if parts else []
    return _frame("events", rows)


def states(run: RunResult) -> pandas.DataFrame:
    """One row a stretch in one state."""
    rows = [
        {**_which(run, rollout.label, id), "state": s.state, "from_s": s.from_s, "to_s": s.to_s}
        for rollout in run.rollouts
        for id, spans in rollout.intervals.items()
        for s in spans
    ]
    return _frame("intervals", rows)


def why(run: RunResult) -> pandas.DataFrame:
    """One row a piece of the causal chain."""
    rows = [
        {
            **_which(run, rollout.label, p.object),
            "cause": p.cause,
            "from_s": p.from_s,
            "to_s": p.to_s,
            "takes_s": p.seconds,
            "detail": p.detail,
        }
        for rollout in run.rollouts
        for p in rollout.chain
    ]
    return _frame("why", rows)


def totals(run: RunResult) -> pandas.DataFrame:
    """One row a sample and strategy, ascending; of a measured run its one total."""
    rows = [
        {"run": run.name, "rollout": rollout.label, "total_s": rollout.total_s}
        for rollout in run.rollouts
        if run.run is not None
    ]
    rows += [
        {"run": run.name, "rollout": rollout.label, "quantile": (n + 1) / len(rollout.totals_s), "total_s": total}
        for rollout in run.rollouts
        for n, total in enumerate(rollout.totals_s)
    ]
    return _frame("totals", rows)

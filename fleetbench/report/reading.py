"""Run folders and trace files -> :class:`~fleetbench.report.result.RunResult`, as far as they go."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.errors import InputError, briefly
from fleetbench.findings import in_order
from fleetbench.graph import commit_document
from fleetbench.graph.checks import check
from fleetbench.graph.document import from_document
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, parse_object
from fleetbench.json_node import Node, parse
from fleetbench.json_values import object_id, seconds, share, whole
from fleetbench.model.parameters import flags_of_run
from fleetbench.report.frames import QUANTILE_NAMES
from fleetbench.report.result import MEASURED, PREDICTED, ObjectResult, RolloutResult, RunResult
from fleetbench.runs import folder as runs
from fleetbench.runs.explained import explained
from fleetbench.runs.files import read_run
from fleetbench.runs.text import read_text
from fleetbench.timeline.causes import Piece
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.stats import busy_workers, max_parallel
from fleetbench.timeline.why import Explanation
from fleetbench.units import counted

if TYPE_CHECKING:
    from fleetbench.graph.fleet import Fleet
    from fleetbench.runs.run import Run

PREDICTION_VERSION = 1
"""``format_version`` of prediction.json that this release reads."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A RUN that could not be read; a page says so."""

    name: str
    problem: str
    hint: str | None = None


def load(path: Path | str) -> RunResult:
    """Read a run folder (predicted or measured) or a trace file.

    Args:
        path: what ``simulate -o``, ``measure -o`` wrote, or a trace (``.json``, ``.json.gz``, ``.jsonl``).

    Returns:
        The run; what is missing or cut short is said in its ``notes``.

    Raises:
        InputError: there is no run, or none that this release reads.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such run", "name a run folder or a trace file")
    if path.is_dir() and not (path / runs.TRACE).exists():
        if (path / runs.PREDICTION).exists():
            return _load_prediction(path)
        held = ", ".join(sorted(p.name for p in path.iterdir())[:6]) or "nothing"
        raise InputError(
            f"{path}: got a folder that holds {held}, wanted {runs.PREDICTION} or {runs.TRACE}",
            "the run that should have written it was cut short, or this is no run folder",
        )
    return result_of_run(read_run(path), path)


# --- measured ----------------------------------------------------------------------------------------------------


def result_of_run(run: Run, path: Path | None = None) -> RunResult:
    """A run that was read from its trace."""
    ready_s = run.ready_s()
    explanation = explained(run, ready_s)
    since = explanation.rollout.since_s
    chain = tuple(p._replace(from_s=p.from_s - since, to_s=p.to_s - since) for p in explanation.chain())
    asleep = run.fleet.asleep.keys()
    never = [id for id, t in ready_s.items() if t is None and id not in run.unseen | asleep]
    notes = [] if run.cut is None else [f"{run.cut}: what follows is as far as it goes"]
    if never:
        known = len(ready_s.keys() - run.unseen - asleep)
        notes.append(f"{len(never)} of {counted(known, 'object')} not Ready within the time watched")
    busy = [busy_workers(run.timeline, kind).most for kind in (KUSTOMIZATION, HELM_RELEASE)]
    rollout = RolloutResult(
        label=run.name,
        source=run.source,
        fleet=run.fleet,
        objects=tuple(ObjectResult(id, ready_s.get(id), suspended=id in asleep) for id in run.services()),
        chain=chain,
        total_s=max((t for t in ready_s.values() if t is not None), default=None),
        complete=not never and not run.unseen,
        max_parallel=max_parallel(run.fleet, run.timeline),
        max_busy_workers=max(busy),
        explanation=explanation,
    )
    meta = {**run.meta, "fleet": run.fleet.name, "scenario": "bootstrap" if run.commit is None else "commit"}
    flags = {name: (value, "recorded with the run") for name, value in run.flags.items()}
    parameters = flags_of_run(run.flags)
    workers, of_shards = parameters.kustomize_concurrent, parameters.shard_concurrent
    found = check(run.fleet, kustomize_concurrent=workers, shard_concurrent=of_shards)
    findings = tuple(f.to_json() for f in in_order(found))
    commit = None if run.commit is None else run.commit.changes
    return RunResult(
        run.name, MEASURED, (rollout,), meta, flags, findings, notes=tuple(notes), path=path, run=run, commit=commit
    )


# --- predicted ---------------------------------------------------------------------------------------------------


def _load_prediction(path: Path) -> RunResult:
    file = path / runs.PREDICTION
    document, text = _json(file)
    meta, _ = _json(path / runs.META) if (path / runs.META).exists() else ({}, "")
    notes = [] if meta else [f"{runs.META} is missing: the run was cut short while it was written"]
    fleet: Fleet | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    if (path / runs.GRAPH).exists():
        graph, graph_text = _json(path / runs.GRAPH)
        fleet = from_document(graph, str(path / runs.GRAPH), graph_text)
        findings = _findings(graph.get("findings"))
    else:
        notes.append(f"{runs.GRAPH} is missing: no findings and no dependency graph")
    timelines = _timelines(path, list(Node(document, str(file), text).mapping("strategies")), notes)
    totals = _totals(path / runs.TOTALS)
    return result_of_document(
        document, str(file), fleet, timelines, totals, path.name, meta, findings, tuple(notes), path, text
    )


def _timelines(path: Path, strategies: list[str], notes: list[str]) -> dict[str, Run]:
    """The events of each strategy's median sample, as far as they are there; what is not is noted."""
    files = {strategy: path / runs.timeline_file(strategy) for strategy in strategies}
    if not any(file.exists() for file in files.values()):
        notes.append("an older release wrote it, without events: no Gantt chart, no states over time")
    found = {}
    for strategy, file in files.items():
        if not file.exists():
            continue
        try:
            run = read_run(file)
        except InputError as error:
            notes.append(f"{strategy} has no Gantt chart: {error.message}")
            continue
        found[strategy] = run
        if run.cut is not None:
            notes.append(f"{file.name}: {run.cut}: the pictures of {strategy} show it as far as it goes")
    return found


def result_of_document(
    document: Mapping[str, Any],
    file: str,
    fleet: Fleet | None,
    timelines: Mapping[str, Run],
    totals: Mapping[str, tuple[float, ...]],
    name: str,
    meta: Mapping[str, Any] | None = None,
    findings: tuple[Mapping[str, Any], ...] = (),
    notes: tuple[str, ...] = (),
    path: Path | None = None,
    text: str | None = None,
) -> RunResult:
    """A run of the document that ``fleetbench simulate --format json`` writes.

    Raises:
        InputError: another format version, or a field of the wrong shape.
    """
    top = Node(document, file, text)
    version = document.get("format_version")
    if version != PREDICTION_VERSION:
        hint = "read it with the release that wrote it, or simulate again with this one"
        raise top.bad("format_version", version, f"{PREDICTION_VERSION}, which this release reads", hint)
    chosen = {_id(w): w.required("chosen_by") for w in top.each("workload_times")}
    strategies = top.below("strategies", data=top.data.get("strategies"))
    rollouts = tuple(
        _rollout(strategy, strategies.below(strategy, data=d), fleet, timelines.get(strategy), totals, chosen)
        for strategy, d in strategies.data.items()
    )
    if not rollouts:
        raise top.bad("strategies", None, "fine or waves")
    known = ("seed", "samples", "scenario", "fleet", "fleetbench", "warnings")
    about = {**(meta or {}), **{k: document[k] for k in known if k in document}}
    parameters, comparison = _parameters(top), top.mapping("comparison")
    commit = (
        commit_document.from_document(top.below("commit", data=given)) if (given := document.get("commit")) else None
    )
    return RunResult(name, PREDICTED, rollouts, about, parameters, findings, comparison, notes, path, commit=commit)


def _parameters(top: Node) -> dict[str, tuple[Any, str]]:
    """Each flag's value and where it came from."""
    found = top.below("parameters", data=top.mapping("parameters"))
    each = {name: found.below(name, data=given) for name, given in found.data.items()}
    return {name: (at.data.get("value"), at.required("from")) for name, at in each.items()}


def _rollout(
    strategy: str,
    d: Node,
    fleet: Fleet | None,
    run: Run | None,
    totals: Mapping[str, tuple[float, ...]],
    chosen: Mapping[ObjectId, str],
) -> RolloutResult:
    objects = tuple(sorted((_object(o, chosen) for o in d.each("objects")), key=lambda o: o.id))
    explanation, chain = None, tuple(_piece(p) for p in d.each("why"))
    if run is not None:
        ready = {o.id: o.ready_s for o in objects}
        explanation = Explanation(Rollout(run.fleet, run.timeline, flags_of_run(run.flags), ready_s=ready))
        fleet = run.fleet
    quantiles = {q: d.optional(f"total_s_{q}", seconds) for q in QUANTILE_NAMES}
    return RolloutResult(
        label=strategy,
        source=PREDICTED,
        fleet=fleet or _bare_fleet(objects),
        objects=objects,
        chain=chain,
        total_s=d.optional("total_s", seconds),
        total_quantiles={q: total_s for q, total_s in quantiles.items() if total_s is not None},
        totals_s=totals.get(strategy, ()),
        complete=bool(d.data.get("complete")),
        complete_fraction=d.optional("complete_fraction", share),
        max_parallel=d.optional("max_parallel", whole),
        max_busy_workers=d.optional("max_busy_workers", whole),
        explanation=explanation,
    )


def _object(o: Node, chosen: Mapping[ObjectId, str]) -> ObjectResult:
    id = _id(o)
    return ObjectResult(
        id,
        o.optional("ready_s", seconds),
        {q: o.optional(f"ready_s_{q}", seconds) for q in QUANTILE_NAMES},
        o.optional("ready_fraction", share),
        o.optional("started_s", seconds),
        o.optional("attempts", whole),
        chosen.get(id, ""),
        bool(o.data.get("suspended")),
    )


def _piece(p: Node) -> Piece:
    from_s, to_s = (p.field(name, seconds) for name in ("from_s", "to_s"))
    return Piece(p.field("object", object_id), p.required("cause"), from_s, to_s, p.text_of("detail") or "")


def _bare_fleet(objects: tuple[ObjectResult, ...]) -> Fleet:
    """The objects alone, where the run folder holds no graph: no edges are known."""
    named: dict[str, Any] = {"kustomizations": [], "helmreleases": []}
    for o in objects:
        named["helmreleases" if o.id.kind == HELM_RELEASE else "kustomizations"].append({"id": o.id.key})
    return from_document(named, runs.PREDICTION)


def _id(o: Node) -> ObjectId:
    kind = o.required("kind")
    return o.read("id", o.required("id"), lambda key: parse_object(key, kind))


def _findings(listed: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(f for f in listed if isinstance(f, dict)) if isinstance(listed, list) else ()


def _totals(file: Path) -> dict[str, tuple[float, ...]]:
    """``totals.csv``: columns strategy, quantile, total_s."""
    found: dict[str, list[float]] = {}
    if not file.is_file():
        return {}
    wanted = "strategy,quantile,total_s"
    rows = csv.DictReader(io.StringIO(read_text(file, wanted)))
    try:
        for row in rows:
            found.setdefault(row["strategy"], []).append(float(row["total_s"]))
    except (KeyError, TypeError, ValueError, csv.Error):
        raise InputError.at(file, rows.line_num, None, got="a line of another kind", wanted=wanted) from None
    return {strategy: tuple(values) for strategy, values in found.items()}


def _json(file: Path) -> tuple[dict[str, Any], str]:
    """The document of a file, and its text."""
    text = read_text(file, "JSON")
    hint = "the run was cut short while it was written: simulate again"
    document = parse(text, file, "JSON", hint, got="no whole JSON document")
    if not isinstance(document, dict):
        raise InputError.at(file, 1, None, got=briefly(document), wanted="a JSON object")
    return document, text

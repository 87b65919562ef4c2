"""A prediction for the terminal: how long, why, and each object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fleetbench.findings import ERROR, Finding
from fleetbench.graph.objects import WITH_HELM, WITHOUT_HELM
from fleetbench.ids import ObjectId, say, some
from fleetbench.model.controller_flags import DEFAULT_ORIGIN, origin_key
from fleetbench.model.scenario import BOOTSTRAP, COMMIT
from fleetbench.prediction.document import compare, why_pieces
from fleetbench.prediction.nothing import why_nothing
from fleetbench.prediction.predict import Prediction
from fleetbench.prediction.strategies import STRATEGIES
from fleetbench.report.assumptions import assumptions, guessed
from fleetbench.report.chain import by_cause, rows_of
from fleetbench.report.commit import commit_table
from fleetbench.report.inert import inert, name_of
from fleetbench.report.ready import number_of_rows, ready_tables
from fleetbench.report.remarks import LEFT_OUT, LEGEND, about_waves, longer, outlasted_timeouts
from fleetbench.report.root_causes import KEEPS, root_causes
from fleetbench.report.rows import Rows, indented
from fleetbench.timeline.stats import max_parallel
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fleetbench.prediction.strategies import Simulated

CLAIM = "The claim that fleetbench was born to check: 8-12 min with fine-grained dependsOn against 30-45 min in waves."
_FLAGS = {
    "kustomize_concurrent": "kustomize workers",
    "helm_concurrent": "helm workers",
    "source_concurrent": "source workers",
    "requeue_dependency_s": "requeue-dependency",
    "nodes": "nodes",
}
_REFERENCE = "fleet-infra"
_SHIPPED = "profile default"
"""The origin of what the profile says that holds where none is named."""
MOST_ROWS = 120
"""Objects whose Ready is listed for both strategies, counted in each; of more the second one is told in brief."""
_LEFT_TO_ASK_FOR = (
    "Not listed, as they are many: when each object is Ready in {0}, and the steps of its chain. --strategy {0} shows "
    "them; --format json, or -o DIR, holds both strategies."
)


def tables(result: Simulated, chain_only: bool = False) -> list[RenderableType]:
    """The whole answer; with ``chain_only`` without the table of objects."""
    distinct = _distinct(result.predictions)
    nothing = {name: why for name, p in distinct.items() if (why := why_nothing(p)) is not None}
    parts: list[RenderableType] = [_heading(result), *_commit(result)]
    if len(nothing) == len(distinct):
        parts += [Text(inert(why), style="yellow") for why in dict.fromkeys(nothing.values())]
    else:
        parts += [_totals(result), *(Text(inert(f"{name}: {why}"), style="yellow") for name, why in nothing.items())]
        parts += _remarks(result)
    causes = root_causes(result)
    if causes:
        parts += [Text(f"{KEEPS}:"), *(indented(Text(inert(said)), 2) for said in causes)]
    told = [name for name in distinct if name not in nothing]
    many = not chain_only and sum(number_of_rows(distinct[name]) for name in told) > MOST_ROWS
    for name, prediction in distinct.items():
        parts += _why(result, name, prediction, detailed=chain_only, brief=many and name in told[1:])
    if not chain_only:
        for name in told[:1] if many else told:
            parts += [_title(f"Ready, {name}"), *ready_tables(distinct[name])]
        if many:
            parts += [Text(f"\n{_LEFT_TO_ASK_FOR.format(name)}", style="dim") for name in told[1:]]
    return parts


def _why(
    result: Simulated, name: str, prediction: Prediction, detailed: bool, brief: bool = False
) -> list[RenderableType]:
    """The chain behind the last Ready, or behind the object that was asked for; nothing where there is none.

    ``detailed`` says more in each row of it, ``brief`` leaves the rows out and keeps how much each cause takes in all.
    """
    target = result.why_of
    pieces = why_pieces(prediction, target)
    said = [] if target is None else [Text(line, style="yellow") for line in _left_alone(prediction, target)]
    if not pieces and not said:
        return []
    if target is None:
        title = f"Why {name} takes that long (its median sample)"
    elif prediction.median_ready_s[target] is None:
        title = f"Why {name_of(target)}, {name}, is not Ready (the median sample)"
    else:
        title = f"Why {name_of(target)}, {name}, takes that long (its median sample)"
    rows: list[RenderableType] = [] if brief else [rows_of(pieces, detailed), Text()]
    tables: list[RenderableType] = [*rows, by_cause(pieces)] if pieces else []
    return [_title(title), *said, *tables]


def _left_alone(prediction: Prediction, id: ObjectId) -> list[str]:
    """That an object is left out, or that nobody reconciles it, and what to do."""
    scenario = prediction.scenario
    fleet = scenario.fleet
    obj = fleet.service(id)
    by = fleet.asleep.get(id) if id in prediction.left_out else None
    if by is not None:
        does = "stays at the revision it has" if scenario.kind == COMMIT else "never comes up"
        so = "its controller leaves it alone" if by == id else f"{inert(say(id))} {does}"
        return [f"{inert(say(by))} is suspended, so {so}, and is left out of the totals, until that is resumed."]
    if obj is not None and obj.unwatched is not None:
        do = f"install it ({WITH_HELM})" if obj.unwatched == WITHOUT_HELM else "correct its labels"
        return [f"Nobody reconciles it, as no controller watches {inert(obj.unwatched)}: {do}."]
    return []


def _distinct(predictions: Mapping[str, Prediction]) -> dict[str, Prediction]:
    """The strategies without those that are the same as one before."""
    found: dict[str, Prediction] = {}
    for name, prediction in predictions.items():
        if not any(prediction is other for other in found.values()):
            found[name] = prediction
    return found


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _heading(result: Simulated) -> Text:
    first = next(iter(result.predictions.values()))
    scenario, parameters = first.scenario, first.scenario.parameters
    flags = [_flag(result, field, getattr(parameters, field), field) for field in _FLAGS]
    text = Text(
        f"{inert(scenario.fleet.name)}: {scenario.title}, {counted(first.samples, 'sample')}, seed {scenario.seed}",
        style="bold",
    )
    version = f"Flux {parameters.flux_version}{_said_by(result, 'flux_version')}"
    text.append(f"\n{version}, {', '.join(flags)}", style="not bold")
    for kind, shard, differ in parameters.shards:
        told = [_flag(result, field, value, origin_key(kind, shard, field)) for field, value in differ]
        text.append(f"\nshard {inert(shard)} ({kind}): {', '.join(told)}", style="not bold")
    return text


def _commit(result: Simulated) -> list[RenderableType]:
    """What the commit does, where two revisions say so."""
    scenario = result.assembled.scenario
    table = commit_table(scenario.commit, scenario.fleet)
    return [] if table is None else [table, Text()]


def _flag(result: Simulated, field: str, value: Any, origin: str) -> str:
    name = _FLAGS.get(field, field.removesuffix("_s").replace("_", " "))
    shown = format_duration(value).replace(".0s", "s") if field.endswith("_s") else str(value)
    return f"{name} {shown}{_said_by(result, origin)}"


def _said_by(result: Simulated, field: str) -> str:
    """Where a value came from, in brackets; nothing for a default, Flux's or the shipped profile's."""
    origin = result.assembled.origins[field]
    return "" if origin.startswith(DEFAULT_ORIGIN) or origin == _SHIPPED else f" ({inert(origin)})"


def _totals(result: Simulated) -> Rows:
    rows = Rows()
    rows.names("strategy")
    rows.numbers("median", "p5 - p95", "all Ready", "in flight", "workers held")
    for name, p in result.predictions.items():
        timeline = p.median.timeline
        assert timeline is not None
        rows.add(
            name,
            format_duration(p.total_quantile(0.5)),
            "-"
            if p.total_quantile(0.05) is None
            else " - ".join(format_duration(p.total_quantile(q)) for q in (0.05, 0.95)),
            f"{100 * p.complete_fraction:.0f} %",
            str(max_parallel(p.scenario.fleet, timeline)),
            str(p.median.most_busy),
        )
    return rows


def _remarks(result: Simulated) -> list[Text]:
    lines = []
    if len(result.predictions) == 2:
        lines.append(_comparison(result))
        fine, waves = (result.predictions[name] for name in STRATEGIES)
        if waves is not fine:
            lines += about_waves(fine, waves)
    for name, p in result.predictions.items():
        asked = [id for id in p.services if id not in p.left_out | p.kept_down]
        never = [inert(say(id)) for id in asked if not p.ready_fraction(id)]
        if never:
            lines.append(f"Never Ready ({name}): {some(never, 6)}")
        seldom = [
            f"{inert(say(id))} ({100 * p.ready_fraction(id):.0f} %)" for id in asked if 0 < p.ready_fraction(id) < 0.5
        ]
        if seldom:
            lines.append(f"Ready in less than half of the samples ({name}): {some(seldom, 6)}")
    distinct = _distinct(result.predictions)
    for name, p in distinct.items():
        lines += _of_the_total(name, p, result.findings)
    asleep = sorted(set().union(*(p.left_out for p in distinct.values())))
    if asleep:
        names = some([inert(say(id)) for id in asleep], 6)
        lines.append(f"{LEFT_OUT} ({len(asleep)}): {names}")
    partly = [p for p in result.predictions.values() if p.complete_fraction < 1]
    first = next(iter(result.predictions.values()))
    scenario = first.scenario
    lines += assumptions(scenario, result.findings)
    if scenario.fleet.name.startswith(_REFERENCE) and scenario.kind == BOOTSTRAP and not partly:
        lines.append(CLAIM)
    guesses = guessed(scenario)
    if guesses:
        lines.append(
            f"{counted(guesses, 'workload time')} from a guess (wide spread): replace with --durations or --profile."
        )
    lines += outlasted_timeouts(first, name_of)
    return [*map(Text, lines), Text(LEGEND, style="dim")]


def _of_the_total(name: str, p: Prediction, findings: Sequence[Finding]) -> list[str]:
    """What the total of a strategy does not tell: what never gets there, and the samples in which not all does."""
    lines = []
    kept = [inert(say(id)) for id in sorted(p.kept_down) if not p.ready_fraction(id)]
    if kept:
        by = ["an error"] if any(f.severity == ERROR for f in findings) else []
        by += ["--fail"] if p.scenario.fail else []
        why = f"as {' or '.join(by)} keeps it from that" if by else "whatever the timing"
        lines.append(f"Never Ready ({name}), {why}: {some(kept, 6)}")
    without = sum(math.isinf(total) for total in p.whole_totals)
    if without:
        what = "more than these never turns Ready" if kept else "not all turns Ready"
        lines.append(
            f"In {without} of {counted(p.samples, 'sample')} ({name}) {what}: their total is the last Ready of what does."
        )
    return lines


def _comparison(result: Simulated) -> str:
    """Waves against fine in a line; why that compares nothing where there is no order to lay out in waves."""
    fine, waves = (result.predictions[name] for name in STRATEGIES)
    if result.already_waves:
        return "This fleet is laid out in waves already: both strategies are the same."
    if waves is fine:
        return "There is no Kustomization below the root to lay out in waves: both strategies are the same."
    if len(waves.scenario.fleet.kustomizations) - len(fine.scenario.fleet.kustomizations) == 1:
        return (
            "No order between services, hence a single wave: all that waves add here is that wave itself, its reconcile, "
            "its health check and the worker it holds."
        )
    return _faster(compare(result.predictions), fine.samples)


def _faster(c: Mapping[str, Any], samples: int) -> str:
    found = longer(c)
    if found is None:
        return "Fine-grained and waves are not compared: in no sample does everything turn Ready in both."
    where = (
        ""
        if c["samples_compared"] == samples
        else f", over the {counted(c['samples_compared'], 'sample')} complete in both"
    )
    return f"{found.said} (p5 {found.p5:.2f}, p95 {found.p95:.2f}, same draws{where})."

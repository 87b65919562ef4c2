"""A check for the terminal: the verdict first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fleetbench.decide.change import Change, said_pairs, said_quantile, said_shares
from fleetbench.decide.check import Verdict
from fleetbench.decide.paired import interval, signed
from fleetbench.decide.sides import Side
from fleetbench.findings import ERROR
from fleetbench.graph import commit_document
from fleetbench.ids import ObjectId, say, some
from fleetbench.prediction.document import total_quantiles
from fleetbench.report.assumptions import taken_as_given
from fleetbench.report.commit import BRINGS, MIND, REFUSED, TAKES_AWAY, commit_rows
from fleetbench.report.inert import inert
from fleetbench.report.remarks import LEFT_OUT
from fleetbench.report.root_causes import KEEPS, first_causes, told
from fleetbench.report.rows import GAP, Rows, indented
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fleetbench.prediction.predict import Prediction

_MOST_NAMED = 100
_FEW = 6


def tables(verdict: Verdict) -> list[RenderableType]:
    """Verdict, reasons, changed objects and edges, the critical chain."""
    style = "bold red" if not verdict.passed else "bold yellow" if verdict.never_as_before else "bold green"
    parts: list[RenderableType] = [Text(headline(verdict), style=style)]
    parts += [indented(Text(f"{failure.kind}: {inert(failure.message)}"), GAP) for failure in verdict.failures]
    causes = cause_lines(verdict)
    if causes:
        parts += [Text(f"{KEEPS}:"), *(indented(Text(inert(said)), GAP) for said in causes)]
    parts.append(Text(figures(verdict)))
    for title, rows in edge_lines(verdict):
        parts.append(Text(f"{title}: {inert(some(rows, _MOST_NAMED))}"))
    if verdict.objects:
        parts += [Text("\nReady, changed beyond tolerance and noise", style="bold"), objects_table(verdict.objects)]
    if verdict.base is not None and chain_changed(verdict):
        parts += [Text(f"\nCritical chain before: {inert(chain_line(verdict.chain_before))}")]
        parts += [Text(f"Critical chain now:    {inert(chain_line(verdict.chain))}")]
    return parts


def headline(verdict: Verdict) -> str:
    """``fleetbench check: failed, 2 reasons``."""
    if verdict.passed and verdict.never_as_before:
        objects = counted(len(verdict.never_as_before), "object")
        return f"fleetbench check: passed, as nothing got worse; but {objects} never Ready, as before"
    if verdict.passed:
        return "fleetbench check: passed"
    return f"fleetbench check: failed, {counted(len(verdict.failures), 'reason')}"


def figures(verdict: Verdict) -> str:
    """The total beside its target and its baseline, in a line."""
    p = verdict.now.prediction
    policy = verdict.policy
    p50_s, p90_s = (p.total_quantile(q) for q in (0.5, 0.9))
    total = f"total p50 {format_duration(p50_s)}, p90 {format_duration(p90_s)}{_got_there(p)}, all Ready in {whole(p)}"
    parts = [f"{total} ({counted(p.samples, 'sample')}, seed {p.scenario.seed})"]
    if p.kept_down:
        parts.append(f"{counted(len(p.kept_down), 'object')} {_kept(verdict.now)}")
    if policy.target_s is not None:
        parts.append(f"target {format_duration(policy.target_s)} on p{round(policy.quantile * 100)}")
    if verdict.base is not None and verdict.total is not None:
        before = verdict.base.prediction
        kept = f" ({counted(len(before.kept_down), 'object')} {_kept(verdict.base)})"
        change = verdict.total
        was = f"was p50 {format_duration(change.before_s)}{kept if before.kept_down else ''}"
        was += f", p90 {format_duration(before.total_quantile(0.9))}{_got_there(before)}, all Ready in {whole(before)}"
        parts.append(f"against {verdict.base.name}: {was}; {said_pairs(change.difference, change.both, p.samples)}")
        if change.shares.later or change.shares.sooner:
            parts.append(said_shares(change.shares))
        if policy.quantile != 0.5:
            parts.append(said_quantile(change.at))
    parts.append(f"at most {in_flight(verdict.parallel)} at one moment")
    return "; ".join(parts)


def cause_lines(verdict: Verdict) -> list[str]:
    """What first keeps objects from Ready, of what the reasons do not say already; nothing where all turns Ready."""
    said = {f.message for f in verdict.failures}
    causes = first_causes(verdict.now.prediction, verdict.now.findings)
    return told([f for f in causes if f"{f.code}: {f.in_full}" not in said])


def _kept(side: Side) -> str:
    """Why some objects of a side are Ready in no sample: errors, or a wait that no error tells of."""
    errors = any(f.severity == ERROR for f in side.findings)
    return "kept from Ready by errors" if errors else "never Ready, whatever the timing"


def _got_there(p: Prediction) -> str:
    """That a total says nothing of what is not Ready."""
    return "" if p.complete_fraction == 1 else " for what got there"


def in_flight(services: int) -> str:
    """``1 service applied and not yet Ready``."""
    return f"{counted(services, 'service')} (Kustomizations and HelmReleases) applied and not yet Ready"


def whole(p: Prediction) -> str:
    """``86 %``: the share of the samples in which everything turns Ready that is not left out."""
    return f"{100 * p.complete_fraction:.0f} %"


def edge_lines(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """Changed edges, objects that came and went, findings that are gone, what is left out."""
    lines = [
        ("Edges added", [f"{say(a)} -> {say(b)}" for a, b in verdict.edges_added]),
        ("Edges dropped", [f"{say(a)} -> {say(b)}" for a, b in verdict.edges_dropped]),
        *commit_lines(verdict),
        ("New objects", [say(id) for id in verdict.added]),
        ("Objects that are gone", [say(id) for id in verdict.removed]),
        ("Fixed", [f"{f.code} {say(f.object) if f.object else f.file or ''}".strip() for f in verdict.fixed_findings]),
        ("Never Ready, as before", _few(verdict.never_as_before)),
        ("Taken as given", taken_as_given(verdict.now.findings)),
        (LEFT_OUT, _few(sorted(verdict.now.prediction.left_out))),
    ]
    return [(title, rows) for title, rows in lines if rows]


def _few(ids: Sequence[ObjectId]) -> list[str]:
    """The first names of what is no news, and how many more there are: JSON holds them all."""
    return [some([say(id) for id in ids], _FEW)] if ids else []


def commit_lines(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """What the change does to a cluster that runs, and how long that takes from when its source looks."""
    p = verdict.commit
    if p is None:
        return []
    at = [format_duration(p.total_quantile(q)) for q in (0.5, 0.05, 0.95)]
    took = (
        f"{at[0]} ({at[1]} - {at[2]}), all Ready in {whole(p)}"
        if any(map(math.isfinite, p.totals))
        else "nothing waits for it"
    )
    told = [
        ("Mind" if verb == MIND else f"The commit {verb}", [objects])
        for verb, objects in commit_rows(p.scenario.commit, p.scenario.fleet)
        if verb not in (BRINGS, TAKES_AWAY, REFUSED)  # those are told as objects that came and went, and as findings
    ]
    return [("As a commit on a cluster that runs, from when its source looks", [took]), *told]


def chain_changed(verdict: Verdict) -> bool:
    """Whether the chain leads through other objects than before."""
    return [id for id, _ in verdict.chain] != [id for id, _ in verdict.chain_before]


def chain_line(chain: tuple[tuple[Any, float], ...]) -> str:
    """The objects at which the chain spent time, with the seconds."""
    return " -> ".join(f"{say(id)} {format_duration(s)}" for id, s in chain if s >= 1.0) or "nothing takes a second"


def objects_table(changes: Sequence[Change]) -> Rows:
    """The Ready of objects before and now."""
    rows = Rows()
    rows.names("object")
    rows.numbers("before", "now", "difference", "95 % interval", "much later", "")
    for change in changes:
        d = change.difference
        assert change.object is not None
        rows.add(
            inert(say(change.object)), format_duration(change.before_s), format_duration(change.now_s), signed(d.p50_s),
            interval(d), f"{change.shares.later} of {change.shares.samples}", "worse" if change.worse else "better",
        )  # fmt: skip
    return rows


def to_document(verdict: Verdict) -> dict[str, Any]:
    """The check as one JSON document."""
    p = verdict.now.prediction
    return {
        "format_version": 1,
        "passed": verdict.passed,
        "seed": p.scenario.seed,
        "samples": p.samples,
        "target_s": verdict.policy.target_s,
        "quantile": f"p{round(verdict.policy.quantile * 100)}",
        "tolerance": verdict.policy.tolerance,
        "total_s": None if verdict.budget_s is None else round(verdict.budget_s, 6),
        "max_parallel": verdict.parallel,
        "against": None if verdict.base is None else verdict.base.name,
        "failures": [
            {
                "kind": f.kind,
                "message": f.message,
                "object": None if f.object is None else str(f.object),
                "file": f.file,
                "line": f.line,
            }
            for f in verdict.failures
        ],
        "total": None if verdict.total is None else change_document(verdict.total),
        "objects": [change_document(c) for c in verdict.objects],
        "edges_added": [[str(a), str(b)] for a, b in verdict.edges_added],
        "edges_dropped": [[str(a), str(b)] for a, b in verdict.edges_dropped],
        "objects_added": [str(id) for id in verdict.added],
        "objects_removed": [str(id) for id in verdict.removed],
        "new_findings": [f.to_json() for f in verdict.new_findings],
        "fixed_findings": [f.to_json() for f in verdict.fixed_findings],
        "never": [str(id) for id in verdict.never],
        "never_as_before": [str(id) for id in verdict.never_as_before],
        "left_out": [str(id) for id in sorted(p.left_out)],
        "complete_fraction": p.complete_fraction,
        "complete_fraction_before": None if verdict.base is None else verdict.base.prediction.complete_fraction,
        **({} if verdict.commit is None else {"commit": _commit_document(verdict.commit)}),
        "critical_chain": [{"object": str(id), "seconds": round(s, 6)} for id, s in verdict.chain],
        "critical_chain_before": [{"object": str(id), "seconds": round(s, 6)} for id, s in verdict.chain_before],
    }


def _commit_document(p: Prediction) -> dict[str, Any]:
    commit = commit_document.to_document(p.scenario.commit, p.scenario.fleet)
    return {**total_quantiles(p), "complete_fraction": p.complete_fraction, **commit}


def change_document(change: Change) -> dict[str, Any]:
    """A change as it stands in documents."""
    return {
        "object": None if change.object is None else str(change.object),
        "before_s": change.before_s,
        "now_s": change.now_s,
        "difference": change.difference.to_json(),
        "at_quantile": change.at.to_json(),
        "much_later": change.shares.to_json(),
        "worse": change.worse,
        "better": change.better,
        **(
            {"difference_of_both": None if change.both is None else change.both.to_json()}
            if change.object is None
            else {}
        ),
    }

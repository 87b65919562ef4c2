"""A prediction as Markdown, for run folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.nothing import why_nothing
from fleetbench.report.chain import More, folded
from fleetbench.report.commit import commit_rows
from fleetbench.report.inert import inert
from fleetbench.report.remarks import LEFT_OUT
from fleetbench.timeline.causes import meanings
from fleetbench.units import counted, format_duration

if TYPE_CHECKING:
    from fleetbench.prediction.strategies import Simulated


def escaped(text: str) -> str:
    """A name as plain text in a Markdown table."""
    return inert(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


def row(*cells: object) -> str:
    """One row of a table."""
    return "| " + " | ".join(str(c) for c in cells) + " |"


def prediction_markdown(result: Simulated) -> str:
    """Totals, the chain of causes and each object's Ready."""
    first = next(iter(result.predictions.values()))
    lines = [f"# {escaped(first.scenario.fleet.name)}: predicted {first.scenario.title}", ""]
    lines += [
        f"{counted(first.samples, 'sample')}, seed {first.scenario.seed}, Flux {first.scenario.parameters.flux_version}.",
        "",
    ]
    commit = first.scenario.commit
    if said := commit_rows(commit, first.scenario.fleet):
        lines += [row("the commit", f"since {escaped(str(commit.since))}"), row("---", "---")]
        lines += [*(row(verb, escaped(objects)) for verb, objects in said), ""]
    lines += [row("strategy", "median", "p5", "p95", "all Ready"), row("---", "---:", "---:", "---:", "---:")]
    for name, p in result.predictions.items():
        at = [format_duration(p.total_quantile(q)) for q in (0.5, 0.05, 0.95)]
        lines.append(row(name, *at, f"{100 * p.complete_fraction:.0f} %"))
    for name, p in result.predictions.items():
        nothing = why_nothing(p)
        if nothing is not None:
            lines += ["", f"{name}: {escaped(nothing)}"]
            continue
        lines += ["", f"## Why {name} takes that long (median sample)", ""]
        lines += [row("from", "to", "cause", "object"), row("---:", "---:", "---", "---")]
        pieces = why_pieces(p, result.why_of)
        for piece in folded(pieces):
            what = ("", piece.said) if isinstance(piece, More) else (piece.cause, escaped(str(piece.object)))
            lines.append(row(format_duration(piece.from_s), format_duration(piece.to_s), *what))
        lines += ["", *(f"- `{cause}`: {meaning}" for cause, meaning in meanings(pieces).items())]
        lines += ["", f"## Ready, {name}", "", row("object", "median", "p5", "p95"), row("---", "---:", "---:", "---:")]
        for id in (id for id in p.services if id not in p.left_out):
            lines.append(row(escaped(str(id)), *(format_duration(p.quantile(id, q)) for q in (0.5, 0.05, 0.95))))
        if p.left_out:
            names = ", ".join(escaped(str(id)) for id in sorted(p.left_out))
            lines += ["", f"{LEFT_OUT}: {names}."]
    return "\n".join(lines) + "\n"

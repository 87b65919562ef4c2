"""A check as Markdown for a pull request's comment: the verdict first, and never too long for one."""

from __future__ import annotations

from fleetbench.decide.change import Change
from fleetbench.decide.check import Verdict
from fleetbench.decide.paired import interval, signed
from fleetbench.ids import say, some
from fleetbench.report.check import cause_lines, chain_changed, chain_line, edge_lines, figures, headline
from fleetbench.report.markdown import escaped, row
from fleetbench.report.root_causes import KEEPS
from fleetbench.units import format_duration

COMMENT_LIMIT = 65_536
"""Characters that a GitHub comment may have."""
_MOST_ROWS = 60
_MOST_REASONS = 40
_MOST_NAMED = 100
_LINE = 600


def check_markdown(verdict: Verdict) -> str:
    """The whole comment, always shorter than :data:`COMMENT_LIMIT`: what does not fit is counted, not dropped silently."""
    lines = [f"## {headline(verdict)}", ""]
    lines += [f"- **{f.kind}**: {_cut(escaped(f.message))}" for f in verdict.failures[:_MOST_REASONS]]
    lines += _more(len(verdict.failures) - _MOST_REASONS, "reasons")
    causes = cause_lines(verdict)
    lines += ["", f"{KEEPS}:", "", *(f"- {_cut(escaped(said))}" for said in causes)] if causes else []
    lines += ["" if verdict.failures or causes else None, _cut(escaped(figures(verdict))) + "."]  # type: ignore[list-item]
    for title, rows in edge_lines(verdict):
        lines += ["", f"**{title}:** {some([_cut(escaped(r), 160) for r in rows], _MOST_NAMED)}"]
    if verdict.objects:
        lines += ["", *_objects(verdict.objects)]
    if verdict.base is not None and chain_changed(verdict):
        lines += ["", "**Critical chain** (median sample)", ""]
        lines += [f"- before: {_cut(escaped(chain_line(verdict.chain_before)), 1500)}"]
        lines += [f"- now: {_cut(escaped(chain_line(verdict.chain)), 1500)}"]
    elif verdict.base is None:
        lines += ["", f"**Critical chain** (median sample): {_cut(escaped(chain_line(verdict.chain)), 1500)}"]
    text = "\n".join(line for line in lines if line is not None) + "\n"
    note = "\n\n... cut to fit a comment.\n"
    return text if len(text) < COMMENT_LIMIT else text[: COMMENT_LIMIT - len(note) - 1].rpartition("\n")[0] + note


def _objects(changes: tuple[Change, ...]) -> list[str]:
    lines = [row("object", "before", "now", "difference", "95 % interval", "much later"), row("---", *["---:"] * 5)]
    for c in changes[:_MOST_ROWS]:
        d = c.difference
        assert c.object is not None
        name = _cut(escaped(say(c.object)), 200)
        cells = [format_duration(c.before_s), format_duration(c.now_s), signed(d.p50_s), interval(d)]
        cells.append(f"{c.shares.later} of {c.shares.samples}")
        lines.append(row(f"**{name}**" if c.worse else name, *cells))
    left = changes[_MOST_ROWS:]
    if left:
        # Every object that got worse is named, if not with its figures.
        names = [_cut(escaped(say(c.object)), 120) for c in left if c.worse and c.object is not None]
        lines += [
            "",
            f"and {len(left)} more" + (f", worse among them: {', '.join(names[:_MOST_NAMED])}" if names else ""),
        ]
        lines += _more(len(names) - _MOST_NAMED, "that got worse")
    return lines


def _more(count: int, what: str) -> list[str]:
    return [f"- ... and {count} more {what}; `--junit` and `--format json` hold them all"] if count > 0 else []


def _cut(text: str, most: int = _LINE) -> str:
    return text if len(text) <= most else text[: most - 4].rstrip("\\") + " ..."

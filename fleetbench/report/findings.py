"""Findings for the terminal: those of one code together, and those of one cause in one line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.errors import place
from fleetbench.findings import RULES, SEVERITIES, Finding, Shared
from fleetbench.ids import say, some
from fleetbench.report.inert import inert
from fleetbench.report.rows import indented
from fleetbench.units import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

MANY = 3
"""From how many findings on one cause is one line: two are shorter than what a line of both says."""
_NAMED = 4
_STYLE = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def findings_list(findings: Sequence[Finding]) -> list[RenderableType]:
    """All findings, those of one severity and code together, with a line that counts them."""
    counts = [(sum(1 for f in findings if f.severity == s), s) for s in SEVERITIES]
    said = ", ".join(f"{n} {s}" if s == "info" else counted(n, s) for n, s in counts if n)
    parts: list[RenderableType] = [Text(f"Findings: {said or 'none'}", style="bold")]
    gathered = False
    for (severity, code), of_code in groupby(findings, key=lambda f: (f.severity, f.code)):
        title = Text()
        title.append(f"{severity} {code}", style=_STYLE[severity])
        title.append(f"  {RULES[code].title}")
        parts += [Text(), title]
        together, alone = _by_cause(list(of_code))
        for shared, findings_of_it in together.items():
            gathered = True
            parts += [indented(_of_several(shared, findings_of_it), 2), _fix(shared.fix)]
        for fix, same_fix in groupby(alone, key=lambda f: f.fix):
            parts += [indented(_finding(f), 2) for f in same_fix]
            parts.append(_fix(fix))
    if gathered:
        parts += [
            Text(),
            Text("Findings of one cause share a line; --format json has each with its file and line.", style="dim"),
        ]
    return parts


def by_cause(findings: Sequence[Finding]) -> list[str]:
    """Findings as warnings, a line each; of those that many have in common the first, and how many more there are."""
    together, alone = _by_cause(findings)
    said = [f"{f.code}: {f.in_full}" for f in alone]
    for alike in together.values():
        said.append(f"{alike[0].code}: {alike[0].in_full}; so of {len(alike) - 1} more (`fleetbench graph` names them)")
    return said


def _by_cause(findings: Sequence[Finding]) -> tuple[dict[Shared, list[Finding]], list[Finding]]:
    """The findings of causes that many have in common, and the others, each in the order given."""
    causes: dict[Shared, list[Finding]] = {}
    for f in findings:
        if f.shared is not None:
            causes.setdefault(f.shared, []).append(f)
    together = {shared: found for shared, found in causes.items() if len(found) >= MANY}
    return together, [f for f in findings if f.shared not in together]


def _of_several(shared: Shared, findings: Sequence[Finding]) -> Text:
    objects = list(dict.fromkeys(say(f.object) for f in findings if f.object is not None))
    text = Text(f"{counted(len(objects), 'object')} ({inert(some(objects, _NAMED))})", style="bold")
    verb, _, rest = shared.message.partition(" ")
    if len(objects) == 1:  # several findings of one object
        verb = _OF_ONE.get(verb, f"{verb}s")
    text.append(f" {inert(f'{verb} {rest}')}", style="not bold")
    return text


_OF_ONE = {"are": "is", "have": "has"}


def _finding(f: Finding) -> Text:
    where = place(f.file, f.line)
    text = Text(f"{inert(where)} " if where else "", style="dim")
    if f.object is not None:
        text.append(inert(say(f.object)) + ": ", style="not dim bold")
    text.append(inert(f.message), style="not dim")
    return text


def _fix(fix: str) -> RenderableType:
    return indented(Text(f"fix: {inert(fix)}", style="dim"), 4)

"""The doctor's findings, for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.doctor import Found
from fleetbench.report.rows import GAP, Rows, indented

if TYPE_CHECKING:
    from rich.console import RenderableType


def tables(found: Sequence[Found]) -> list[RenderableType]:
    """One row a tool, then how to get what is missing."""
    rows = Rows()
    rows.names("tool")
    rows.words("here", "needed for")
    there = {f.tool.name for f in found if f.version}
    for f in found:
        rows.add(f.tool.name, f.version or _without(f, there), f.tool.needed_for)
    missing = [f for f in found if f.version is None and f.tool.alternative not in there]
    parts: list[RenderableType] = [rows]
    if missing:
        parts.append(Text("\nTo get what is missing:", style="bold"))
        parts += [indented(Text(f"{f.tool.name}: {f.advice}   (in CI: {f.tool.ci})"), GAP) for f in missing]
    return parts


def _without(f: Found, there: Collection[str]) -> str:
    """What is said of a tool that is not to be had: that it is missed, or that another one does as well."""
    if f.tool.alternative in there:
        only_for = f", except for {f.tool.alone}" if f.tool.alone else ""
        return f"not there; {f.tool.alternative} does as well{only_for}"
    return "does not answer" if f.present else "missing"

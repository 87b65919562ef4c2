"""The doctor's findings, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fleetbench.doctor import Found

if TYPE_CHECKING:
    from rich.console import RenderableType


def tables(found: Sequence[Found]) -> list[RenderableType]:
    """One row a tool, then how to get what is missing."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("tool", no_wrap=True)
    table.add_column("here", overflow="fold")
    table.add_column("needed for", overflow="fold")
    for f in found:
        table.add_row(f.tool.name, f.version or ("does not answer" if f.present else "missing"), f.tool.needed_for)
    there = {f.tool.name for f in found if f.version}
    missing = [f for f in found if f.version is None and f.tool.alternative not in there]
    parts: list[RenderableType] = [table]
    if missing:
        parts.append(Text("\nTo get what is missing:", style="bold"))
        parts += [Text(f"  {f.tool.name}: {f.advice}   (in CI: {f.tool.ci})") for f in missing]
    return parts

"""What optimize says of objects that no change of it brings to Ready: which, and what to mend first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.decide.optimize import Optimized
from fleetbench.findings import Finding
from fleetbench.ids import say, some
from fleetbench.report.inert import inert
from fleetbench.report.remarks import LEFT_OUT
from fleetbench.report.root_causes import mend_first, told
from fleetbench.report.rows import GAP, indented
from fleetbench.units import counted

if TYPE_CHECKING:
    from rich.console import RenderableType


def never_ready(found: Optimized, findings: Sequence[Finding]) -> list[RenderableType]:
    """What no timing brings to Ready, and what to mend first."""
    lines: list[RenderableType] = []
    asleep = found.base.left_out & found.basis.never
    if asleep:
        named = inert(some([say(id) for id in sorted(asleep)], 6))
        lines.append(Text(f"{LEFT_OUT}: {named}.", style="dim"))
    if found.basis.never - asleep:
        never = inert(some([say(id) for id in sorted(found.basis.never - asleep)], 6))
        lines.append(
            Text(f"Never Ready as it is, whatever the timing, and in no figure here: {never}.", style="yellow")
        )
    causes = mend_first(found.base, findings)
    if causes:
        lines.append(Text("Mend these first:", style="yellow"))
        lines += [indented(Text(inert(said)), GAP) for said in told(causes)]
    return lines


def mend_before(found: Optimized, findings: Sequence[Finding]) -> list[RenderableType]:
    """That what is to be mended keeps most objects from Ready, before anything that makes the rest sooner."""
    p = found.base
    asked = [id for id in p.services if id not in p.left_out]
    down = found.basis.never.intersection(asked)
    if 2 * len(down) < len(asked):
        return []
    first = ", ".join(dict.fromkeys(f.code for f in mend_first(p, findings)[:3]))
    mend = (
        f"mend what is named above ({first}) first"
        if first
        else "find out first why (`fleetbench simulate --why OBJECT`)"
    )
    said = f"{len(down)} of {counted(len(asked), 'object')} never turn Ready, whatever is changed here: {mend}. Of the rest:"
    return [Text(said, style="yellow")]

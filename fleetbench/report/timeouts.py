"""How close waits come to their timeouts, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.decide.optimize import Optimized
from fleetbench.ids import say, some
from fleetbench.report.inert import inert
from fleetbench.report.rows import Rows
from fleetbench.units import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

MEASURE_FIRST = "measure first"
_BY_A_GUESS = (
    "only a guessed time outlasts the timeout, which is no ground to raise it (`fleetbench calibrate`, --durations)."
)
_NOT_BY_A_GUESS = "To raise although a guess is in the wait, as most of it is spent on something else"
_IN_VAIN = "Not listed, as they are never Ready as it is and no timeout mends that"
NO_SHORTER_TIMEOUT = (
    "No shorter timeout is proposed: one that is not reached costs no time, and only measured waits (`fleetbench calibrate`, "
    "--durations) are a ground to lower it."
)


def timeouts(found: Optimized, top: int) -> list[RenderableType]:
    """A row for each wait that may run into its timeout, those to raise first; none for what no timeout mends."""
    advice = [a for a in found.timeouts if a.object not in found.basis.never]
    in_vain = len(found.timeouts) - len(advice)
    if in_vain and not advice:
        return [Text(f"{_IN_VAIN}: {in_vain}", style="dim")]
    ordered = sorted(advice, key=lambda a: a.suggested_s == a.timeout_s)
    rows = Rows()
    rows.names("object")
    rows.numbers("timeout", "P(timeout)", "wait p50", "wait p90", "margin at p90")
    rows.labels("times")
    rows.numbers("raise to")
    for a in ordered[:top]:
        raised = "none helps" if a.suggested_s is None else "-" if a.raised_s is None else format_duration(a.raised_s)
        raised = MEASURE_FIRST if a.by_guess and a.raised_s is not None else raised
        rows.add(
            inert(say(a.object)), format_duration(a.timeout_s), f"{100 * a.chance:.0f} %", format_duration(a.wait_s_p50),
            format_duration(a.wait_s_p90), "none" if a.margin_s_p90 is None else format_duration(a.margin_s_p90),
            "guess" if a.guess else "-", raised,
        )  # fmt: skip
    rest = ordered[top:]
    to_raise = sum(a.raised_s is not None and not a.by_guess for a in rest)
    guessed = any(a.by_guess and a.raised_s is not None for a in advice)
    others = [f"{say(a.object)} ({a.outlasted_by.said})" for a in ordered[:top] if a.outlasted_by and not a.by_guess]
    measure = [Text(f"{MEASURE_FIRST}: {_BY_A_GUESS}", style="dim")] if guessed else []
    return [
        rows,
        *measure,
        *([Text(inert(f"{_NOT_BY_A_GUESS}: {some(others, 4)}."), style="dim")] if others else []),
        *([Text(f"{_IN_VAIN}: {in_vain}", style="dim")] if in_vain else []),
        *([Text(f"and {len(rest)} more, {to_raise} of them to raise (--top)", style="dim")] if rest else []),
        Text(NO_SHORTER_TIMEOUT, style="dim"),
    ]

"""How well each step cost is known, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fleetbench.calibration.steps import Calibration

if TYPE_CHECKING:
    from rich.console import RenderableType


def tables(calibration: Calibration) -> list[RenderableType]:
    """Fits, and what kept its value."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step", overflow="fold")
    for column in ("observations", "median", "sigma of log", "KS distance"):
        table.add_column(column, justify="right", no_wrap=True)
    for f in calibration.fits:
        table.add_row(f.step, str(f.observations), f"{f.p50_s * 1000:.1f} ms", f"{f.sigma:.2f}", f"{f.ks:.2f}")
    kept = ", ".join(calibration.kept) or "none"
    return [
        Text(f"{len(calibration.runs)} runs; quiet steps only", style="bold"),
        table,
        Text(f"Too few observations, value kept: {kept}"),
    ]

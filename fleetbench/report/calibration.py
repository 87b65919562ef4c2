"""How well each step cost is known, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.calibration.steps import Calibration
from fleetbench.report.rows import Rows
from fleetbench.units import counted

if TYPE_CHECKING:
    from rich.console import RenderableType


def tables(calibration: Calibration) -> list[RenderableType]:
    """Fits, and what kept its value."""
    rows = Rows()
    rows.names("step")
    rows.numbers("observations", "median", "sigma of log", "KS distance")
    for f in calibration.fits:
        rows.add(f.step, str(f.observations), f"{f.p50_s * 1000:.1f} ms", f"{f.sigma:.2f}", f"{f.ks:.2f}")
    kept = ", ".join(calibration.kept) or "none"
    return [
        Text(f"{counted(len(calibration.runs), 'run')}; quiet steps only", style="bold"),
        rows,
        Text(f"Too few observations, value kept: {kept}"),
    ]

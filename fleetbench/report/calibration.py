"""What was learned from runs, workload times first, and how well each step cost is known, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fleetbench.calibration.steps import ENOUGH, Calibration
from fleetbench.report.rows import Rows
from fleetbench.units import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

_LEARNED = {"objects": "object", "charts": "chart", "kinds": "kind"}


def tables(calibration: Calibration, document: Mapping[str, Any]) -> list[RenderableType]:
    """The workload times of the profile, the fits, and what kept its value.

    Args:
        calibration: the fitted step costs.
        document: the profile that was written.
    """
    parts: list[RenderableType] = [
        Text(counted(len(calibration.runs), "run"), style="bold"),
        Text(_workloads(document)),
        *([Text(_fetches(document))] if document.get("fetch") else []),
    ]
    if calibration.fits:
        rows = Rows()
        rows.names("step")
        rows.numbers("observations", "median", "sigma of log", "KS distance")
        for f in calibration.fits:
            rows.add(f.step, str(f.observations), f"{f.p50_s * 1000:.1f} ms", f"{f.sigma:.2f}", f"{f.ks:.2f}")
        parts += [Text("\nStep costs of the controllers, of quiet steps only", style="bold"), rows]
    return [*parts, Text(_kept(calibration))]


def _workloads(document: Mapping[str, Any]) -> str:
    counts = [(len(document.get(part) or ()), noun) for part, noun in _LEARNED.items()]
    learned = ", ".join(counted(n, noun) for n, noun in counts if n)
    if not learned:
        return "Workload times: none (--steps-only, or the runs show no workload turn Current)."
    return f"Workload times learned: of {learned}; `--profile` with this file uses them."


def _fetches(document: Mapping[str, Any]) -> str:
    times = ", ".join(f"{kind} {section['source']}" for kind, section in document["fetch"].items())
    return f"Fetches learned, of what came from afar: {times}."


def _kept(calibration: Calibration) -> str:
    kept = calibration.kept
    if not kept:
        return "Every step cost was seen often enough."
    few = f"seen fewer than {ENOUGH} times undisturbed; more runs would show them"
    if not calibration.fits:
        return f"Step costs of the controllers: all {len(kept)} keep the value that ships, as each was {few}."
    return f"The shipped value is kept of {counted(len(kept), 'step')}, {few}: {', '.join(kept)}"

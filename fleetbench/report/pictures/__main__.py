"""Draw the reference fleet, for the README: ``python -m fleetbench.report.pictures FOLDER [MEASURED]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import fleetbench
from fleetbench.report import pictures

SAMPLES = 200
TRIAL_SAMPLES = 60
"""Samples of each what-if: there are some fifty of them."""


def draw(
    folder: Path, measured: Path | None = None, samples: int = SAMPLES, trial_samples: int = TRIAL_SAMPLES
) -> list[Path]:
    """Write the pictures; the same numbers give the same files.

    Args:
        folder: where; it is made if it does not exist.
        measured: a measured run to hold a prediction against.
        samples: simulated rollouts.
        trial_samples: simulated rollouts of each what-if.
    """
    run = fleetbench.simulate(samples=samples)
    fine, waves = run["fine"], run["waves"]
    drawn: dict[str, Callable[[], pictures.Picture]] = {
        "gantt-fine": lambda: pictures.gantt(fine),
        "gantt-waves": lambda: pictures.gantt(waves),
        "waves-vs-fine": lambda: pictures.compare(run.rollouts),
        "totals": lambda: pictures.totals({r.label: r.totals_s for r in run.rollouts}),
        "dependencies": lambda: pictures.dependencies(fine.fleet, fine.durations_s),
        "what-ifs": lambda: pictures.tornado(fleetbench.what_ifs(samples=trial_samples), fine.total_s),
        "failure-matrix": lambda: pictures.failure_matrix(fleetbench.blast_radius(fine.fleet)),
    }
    if measured is not None:
        comparison = fleetbench.validate(fleetbench.load(measured), samples)
        drawn["predicted-vs-measured"] = lambda: pictures.predicted_and_measured([comparison])
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in drawn.items():
        file = folder / f"{name}.png"
        file.write_bytes(picture().png())
        written.append(file)
    return written


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    for file in draw(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None):
        print(f"{file} {file.stat().st_size / 1000:.0f} kB")

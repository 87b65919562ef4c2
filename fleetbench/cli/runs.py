"""RUN arguments of commands that need measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetbench.cli.output import warn
from fleetbench.errors import InputError

if TYPE_CHECKING:
    from fleetbench.runs.run import Run


def measured_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs that these name; in a folder of runs, what is no measured one is left out with a warning.

    Raises:
        InputError: a path that is itself a run cannot be read, or no run is left.
    """
    from fleetbench.runs.files import find_runs, read_run

    found: list[Run] = []
    for path in paths:
        for place in find_runs([path]):
            try:
                found.append(read_run(place))
            except InputError as error:
                if place == path:
                    raise
                warn(f"left out: {error.message}")
    if not found:
        named = ", ".join(map(str, paths))
        raise InputError(f"{named}: holds no measured run that can be read", "give what `fleetbench measure -o` wrote")
    for run in found:
        warn_if_cut(run)
    return found


def warn_if_cut(run: Run) -> None:
    """Say of a run whose record stops early that it does."""
    if run.cut:
        warn(f"{run.name}: {run.cut}; it is used as far as it goes")

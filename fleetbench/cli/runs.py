"""RUN arguments of commands that need measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetbench.cli.output import warn
from fleetbench.errors import InputError
from fleetbench.ids import some

if TYPE_CHECKING:
    from fleetbench.runs.run import Run


def measured_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs that these name; in a folder of runs, what is no measured one is left out with a warning.

    So is a path that does not look like a run (a README that ``results/*`` takes along), as long as another one is.

    Raises:
        InputError: a path that is itself a run cannot be read, or no run is left.
    """
    from fleetbench.runs.files import SUFFIXES, find_runs, read_run

    found: list[Run] = []
    others: list[Path] = []
    for path in paths:
        unlike = len(paths) > 1 and (path.is_dir() or (path.is_file() and not path.name.endswith(SUFFIXES)))
        try:
            places = find_runs([path])
        except InputError:
            if not unlike:
                raise
            others.append(path)
            continue
        for place in places:
            try:
                found.append(read_run(place))
            except InputError as error:
                if place == path and not (unlike and path.is_file()):
                    raise
                if place == path:
                    others.append(path)
                else:
                    warn(f"left out: {error.message}")
    if found and others:
        verb = "it is no run" if len(others) == 1 else "they are no runs"
        warn(f"left out, as {verb}: {some([str(path) for path in others], 5)}")
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

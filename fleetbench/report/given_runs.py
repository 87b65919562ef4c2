"""The RUNs of a report: found, read as far as they go, and the measured ones held against a prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fleetbench.errors import FleetbenchError, InputError
from fleetbench.model.profile import Profile
from fleetbench.report.reading import Unreadable, load
from fleetbench.report.result import RunResult
from fleetbench.runs.files import find_runs
from fleetbench.runs.folder import PREDICTION
from fleetbench.validation.compare import RunComparison, compare_runs


def runs_at(path: Path) -> list[Path]:
    """The runs that a RUN names, as :func:`~fleetbench.runs.files.find_runs`; also a prediction without its meta.json.

    Raises:
        InputError: a path that does not exist, or a folder that holds no run.
    """
    return [path] if (path / PREDICTION).exists() else find_runs([path])


def read_each(paths: Iterable[Path], tolerant: bool) -> Iterator[RunResult | Unreadable]:
    """Every run, as it is read; with ``tolerant`` what cannot be read becomes a part of the report instead of an error.

    Raises:
        InputError: a path that does not exist; without ``tolerant`` also a run that cannot be read.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such run", "name a run folder, a trace file or a folder of them")
        try:
            inside = runs_at(path)
        except InputError:
            inside = [path]  # an empty folder: reading it says so
        for one in inside:
            try:
                yield load(one)
            except FleetbenchError as error:
                if not tolerant:
                    raise
                yield Unreadable(one.name, error.message, error.hint)


def held(
    runs: Sequence[RunResult | Unreadable],
    samples: int,
    profile: Profile | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, RunComparison]:
    """Each measured run's place among the runs -> its prediction held against it."""
    measured = {n: run.run for n, run in enumerate(runs) if isinstance(run, RunResult) and run.run is not None}
    compared = compare_runs(list(measured.values()), samples, profile, seed=seed, progress=progress)
    return dict(zip(measured, compared, strict=True))

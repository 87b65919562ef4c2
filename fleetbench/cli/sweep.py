"""``fleetbench sweep``: a grid of what-ifs times samples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from fleetbench.cli.fleet import FleetChoice, load_fleet
from fleetbench.cli.options import (
    DURATION,
    PERCENT,
    durations_option,
    fleet_options,
    format_option,
    samples_option,
    seed_option,
    set_depends_on_option,
    stacked,
)
from fleetbench.cli.output import note, progress, warn, write_json, write_tables
from fleetbench.cli.simulation import Simulation, scenario_options
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.named import named
from fleetbench.ids import parse_reference, say
from fleetbench.sweep.axes import AXES, FAIL, NO_FAILURE, Axis, Value
from fleetbench.units import counted

Command = TypeVar("Command", bound=Callable[..., Any])
EXAMPLE = "fleetbench sweep --kustomize-concurrent 2,4,8,20 --requeue-dependency 5s,30s --cpus 1,2,4 --samples 100 -o sweeps/workers"


class ListOf(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A comma list of an axis' values."""

    name = "list"

    def __init__(self, axis: Axis):
        self.axis = axis

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Value, ...]:
        """Read each; none may be empty or there twice."""
        if isinstance(value, tuple):
            return value
        found: list[Value] = []
        for part in str(value).split(","):
            try:
                read = self.axis.read(part.strip()) if part.strip() else None
            except ValueError as error:
                self.fail(str(error), param, ctx)
            if read is None:
                self.fail(f"got {value!r}, wanted values with a comma between each two", param, ctx)
            if read in found:
                self.fail(f"got {part.strip()!r} twice, wanted each value once", param, ctx)
            found.append(read)
        return tuple(found)


def axis_options(command: Command) -> Command:
    """One option an axis; the command gets those given as one argument ``axes``."""

    @functools.wraps(command)
    def wrapper(*args: Any, **options: Any) -> Any:
        given = {name: options.pop(f"axis_{name}") for name in AXES}
        return command(*args, axes={name: values for name, values in given.items() if values is not None}, **options)

    options = (
        click.option(axis.option, f"axis_{axis.name}", metavar=axis.metavar, type=ListOf(axis), help=axis.help)
        for axis in AXES.values()
    )
    return stacked(wrapper, *options)  # type: ignore[return-value]


@click.command(epilog=f"Example: {EXAMPLE}")
@fleet_options
@axis_options
@durations_option
@samples_option("Simulated rollouts a cell.")
@seed_option("Same seed, same numbers; all cells share it.")
@scenario_options
@set_depends_on_option
@click.option("--until", metavar="DURATION", type=DURATION, help="Stop the clock there.")
@click.option(
    "--knee-within",
    metavar="PERCENT",
    type=PERCENT,
    default=0.05,
    help="How close to the best median a knee must be.  [default: 5%]",
)
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Processes of this machine.  [default: one a processor]",
)
@click.option(
    "--dask-scheduler", metavar="ADDRESS", help="Let the workers of this Dask cluster do it (tcp://HOST:8786)."
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder for the results (Parquet), as they come; a sweep that was cut short goes on.",
)
@click.option("--force", is_flag=True, help="With -o: throw away another sweep that is there.")
@format_option("table", "json")
def command(
    fleet: FleetChoice, axes: dict[str, tuple[Value, ...]], knee_within: float, processes: int | None,
    dask_scheduler: str | None, output: Path | None, force: bool, format: str, **options: Any,
) -> None:  # fmt: skip
    """Simulate a grid of what-ifs: every combination of the lists, each with the same draws.

    An option that takes a list is an axis. The table compares each cell with the base (on every axis what the fleet
    has today, if that is on the list, else the first value) and names the knee of each axis.
    """
    from fleetbench.sweep.grid import make_grid
    from fleetbench.sweep.run import run_sweep

    if dask_scheduler and processes:
        raise click.UsageError("--processes is for this machine, --dask-scheduler for a cluster: give one of them.")
    if force and output is None:
        raise click.UsageError("--force belongs to -o: give that too.")
    read, _ = load_fleet(fleet)
    simulation = Simulation(options)
    read = simulation.fleet(read)
    choice = simulation.choice(read)
    if FAIL in axes:
        axes[FAIL] = tuple(_full_names(read, value) for value in axes[FAIL])
    grid = make_grid(read, choice, axes)
    for text in grid.warnings:
        warn(text)
    with _told(output) as tell:
        summary = run_sweep(
            grid, choice, simulation.samples, folder=output, force=force, processes=processes,
            scheduler=dask_scheduler, within=knee_within, progress=tell,
        )  # fmt: skip
    if output is not None:
        note(f"Wrote {output}")
    if format == "json":
        from fleetbench.sweep.summary import to_document

        write_json(to_document(summary))
    else:
        from fleetbench.report.sweep import tables

        write_tables(tables(summary))


def _full_names(fleet: Fleet, value: Value) -> Value:
    """A value of ``--fail`` with the objects of the fleet that it means."""
    if value == NO_FAILURE:
        return value
    return "+".join(
        sorted(say(named(fleet, parse_reference(part), "--fail", workloads=True)) for part in str(value).split("+"))
    )


@contextmanager
def _told(output: Path | None) -> Iterator[Callable[[int, int], None]]:
    """Progress on standard error; when interrupted, what is kept is said."""
    count = (0, 0)

    with progress("Sweeping") as bar:

        def tell(done: int, total: int) -> None:
            nonlocal count
            if count == (0, 0) and done:
                note(f"Going on: {done} of {counted(total, 'cell')} done")
            count = (done, total)
            bar(done, total)

        try:
            yield tell
        except KeyboardInterrupt:
            bar.close()
            kept = f"{count[0]} of {counted(count[1], 'cell')} kept in {output}: repeat the command to go on"
            note(kept if output is not None else "Nothing is kept: -o DIR keeps the cells that are done")
            raise

"""``fleetbench report``: a page about runs, an executed notebook, a trace for Perfetto, or a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fleetbench.cli.options import format_option, samples_option, seed_option
from fleetbench.cli.output import note, progress, warn, write_json, write_text
from fleetbench.cli.runs import warn_if_cut
from fleetbench.report.frames import TABLES

if TYPE_CHECKING:
    from fleetbench.report.reading import Unreadable
    from fleetbench.report.result import RunResult
    from fleetbench.validation.compare import RunComparison


@click.command(epilog="Example: fleetbench report results/dev-both results/dev-fine-1 -o report.html")
@click.argument("runs", metavar="RUN...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE instead of the terminal."
)
@format_option("html", "perfetto", "csv", "parquet", "markdown")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="ready",
    show_default=True,
    help="Which table csv, parquet and markdown hold.",
)
@click.option(
    "--notebook",
    metavar="NAME",
    help="Execute this notebook on the runs and export it instead: 01-waves-vs-fine ... 05-your-own-fleet.",
)
@samples_option("Simulated rollouts to hold against a measured run; 0 = none.", least=0)
@seed_option()
@click.option("--profile", metavar="NAME|FILE", help="Workload times and step costs that the measured runs had.")
def command(
    runs: tuple[Path, ...],
    output: Path | None,
    format: str,
    table: str,
    notebook: str | None,
    samples: int,
    seed: int,
    profile: str | None,
) -> None:
    """Write a self-contained page about predicted and measured runs.

    RUN is a run folder, a trace file or a folder of them. What is cut short is shown as far as it goes; what cannot
    be read is said on the page. The page needs no network and stays below 5 MB.
    """
    if notebook is not None:
        _refuse_a_terminal(output)
        from fleetbench.report.notebooks import export

        with progress("Executing") as bar:
            bar(0)
            text = export(notebook, runs, samples=samples, seed=seed)
        write_text(text, output)
        return
    if not runs:
        raise click.UsageError("Missing argument 'RUN...'.")
    if format == "html":
        _refuse_a_terminal(output)
    found = _read(runs, tolerant=format == "html")
    compared = format == "html" or (format != "perfetto" and table == "ready")
    held = _held(found, samples, seed, profile) if compared else {}
    if format == "html":
        from fleetbench.report.html import page

        write_text(page(found, held), output)
    else:
        _export(cast("list[RunResult]", found), held, format, table, output)  # what cannot be read has ended it


def _refuse_a_terminal(output: Path | None) -> None:
    """A page would fill the terminal with megabytes of its source; a pipe or a file redirected to gets it."""
    if output is None and sys.stdout.isatty():
        raise click.UsageError("The page is no text for a terminal: give -o FILE, for example -o report.html.")


def _read(paths: tuple[Path, ...], tolerant: bool) -> list[RunResult | Unreadable]:
    """Every run, with a warning for each that cannot be read or was cut short."""
    from fleetbench.report.given_runs import read_each
    from fleetbench.report.reading import Unreadable

    found = []
    for run in read_each(paths, tolerant):
        if isinstance(run, Unreadable):
            warn(run.problem)
        elif run.run is not None:
            warn_if_cut(run.run)
        found.append(run)
    return found


def _held(
    found: list[RunResult | Unreadable], samples: int, seed: int, profile: str | None
) -> dict[int, RunComparison]:
    from fleetbench.model.profile import load_profile
    from fleetbench.report.given_runs import held

    user = None if profile is None else load_profile(profile)
    with progress("Predicting") as bar:
        return held(found, samples, user, seed=seed, progress=bar) if samples else {}


def _export(
    found: list[RunResult], held: dict[int, RunComparison], format: str, table: str, output: Path | None
) -> None:
    if format == "perfetto":
        from fleetbench.report.perfetto import trace

        write_json(trace([rollout for run in found for rollout in run.rollouts]), output)
        return
    from fleetbench.report import exports
    from fleetbench.report.frames import of_runs

    frame = of_runs(found, table, held)
    if format == "csv":
        write_text(exports.frame_csv(frame), output)
    elif format == "markdown":
        write_text(exports.frame_markdown(frame), output)
    elif output is None:
        raise click.UsageError("--format parquet is binary: give -o FILE.")
    else:
        exports.write_parquet(frame, output)
        note(f"Wrote {output}")

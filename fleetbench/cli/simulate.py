"""``fleetbench simulate``: when each object is Ready, and why then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetbench.cli.against import commit_since, require_repository
from fleetbench.cli.fleet import FleetChoice, load_fleet, load_repository
from fleetbench.cli.options import DURATION, OBJECT, fleet_options, format_option, set_depends_on_option
from fleetbench.cli.output import note, progress, warn, write_json, write_tables, write_text
from fleetbench.cli.simulation import Simulation, simulation_options
from fleetbench.graph.named import named
from fleetbench.model.scenario import COMMIT

if TYPE_CHECKING:
    from fleetbench.findings import Finding
    from fleetbench.graph.commit import Commit
    from fleetbench.graph.fleet import Fleet
    from fleetbench.ids import ObjectId
    from fleetbench.prediction.strategies import Simulated

LAST = "last"
"""What ``--why`` without an object explains."""


@click.command(epilog="Example: fleetbench simulate --repo . --cluster-path clusters/production --strategy both --why")
@fleet_options
@click.option(
    "--strategy",
    type=click.Choice(["both", "fine", "waves"]),
    default="both",
    show_default=True,
    help="The fleet as it is, regrouped in waves, or both.",
)
@simulation_options
@click.option(
    "--against",
    metavar="REV",
    help="The commit is what the working tree changes since its merge base with this revision.",
)
@click.option("--fail", metavar="OBJECT", type=OBJECT, multiple=True, help="Never turns healthy (repeatable).")
@set_depends_on_option
@click.option(
    "--until",
    metavar="DURATION",
    type=DURATION,
    help="Stop the clock there.  [default: when only retries that cannot succeed remain, or thousands of reconciles were in vain, at most 24h]",
)
@click.option("--why", metavar="[OBJECT]", is_flag=False, flag_value=LAST, help="Explain the last Ready, or OBJECT's.")
@format_option("table", "json", "csv", "perfetto")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Run folder to write.")
@click.option("--save", is_flag=True, help="Write a run folder results/<time>-<fleet>-<strategy>.")
@click.option("--force", is_flag=True, help="With -o: write over a run that is there.")
def command(
    fleet: FleetChoice,
    strategy: str,
    why: str | None,
    format: str,
    output: Path | None,
    save: bool,
    force: bool,
    against: str | None,
    **options: Any,
) -> None:
    """Predict the rollout: when each object is Ready, and why then.

    Flags that the repository itself sets on the controllers hold unless an option says otherwise.

    Exits 1, with everything printed, if the fleet has a finding of severity error. That something never turns Ready for
    another reason (--fail, --until, suspended, a timeout) is an answer: it exits 0, and JSON says "complete": false.
    """
    from fleetbench.findings import ERROR, TIMEOUT_TOO_SHORT
    from fleetbench.prediction.strategies import InterruptedSimulation, predict_strategies
    from fleetbench.report.findings import by_cause
    from fleetbench.report.folder import write_prediction
    from fleetbench.runs.folder import folder_for

    _validate(fleet, against, options)
    read, findings, commit = _read(fleet, against, options["flux_version"])
    simulation = Simulation({**options, "commit": commit})
    read = simulation.fleet(read)
    choice = simulation.choice(read)
    folder = folder_for(output, save, read.name, strategy, force)
    findings = simulation.findings(read, findings)
    explained = _object(read, why)
    try:
        with progress("Simulating") as bar:
            result = predict_strategies(
                read, choice, strategy, simulation.samples, findings=tuple(findings), why_of=explained, progress=bar
            )
    except InterruptedSimulation as stop:
        if folder is not None:
            write_prediction(folder, stop.simulated, force)
            note(f"Wrote {folder}: {stop.simulated.assembled.warnings[-1]}")
        raise
    if folder is not None:
        write_prediction(folder, result, force)
    _show(result, format, why is not None)
    for text in result.assembled.warnings:
        warn(text)
    errors = [f for f in findings if f.severity == ERROR]
    for text in by_cause([*errors, *(f for f in findings if f.code == TIMEOUT_TOO_SHORT)]):
        warn(text)
    if errors:
        raise click.exceptions.Exit(1)


def _validate(fleet: FleetChoice, against: str | None, options: Mapping[str, Any]) -> None:
    require_repository(fleet, against)
    if against is None:
        return
    if options["scenario"] != COMMIT:
        raise click.UsageError(f"--against belongs to --scenario {COMMIT}.")
    if options["changed"]:
        raise click.UsageError("--against and --changed each say what the commit changes: give one of them.")


def _read(fleet: FleetChoice, against: str | None, flux: str | None) -> tuple[Fleet, Sequence[Finding], Commit | None]:
    """The fleet, what reading it brought to light, and the commit where another revision says what that is."""
    if against is None:
        return *load_fleet(fleet, flux), None
    from fleetbench.repo.commits.immutable import refusals

    reading = load_repository(fleet, flux)
    commit = commit_since(fleet, reading, against, flux)
    return reading.fleet, [*reading.findings, *refusals(commit)], commit


def _object(fleet: Fleet, why: str | None) -> ObjectId | None:
    if why is None or why == LAST:
        return None
    try:
        object = OBJECT.convert(why, None, None)
    except click.BadParameter as error:
        error.param_hint = "'--why'"
        raise
    return named(fleet, object, "--why")


def _show(result: Simulated, format: str, why: bool) -> None:
    if format == "json":
        from fleetbench.prediction.document import to_document

        write_json(to_document(result.assembled, result.predictions, result.why_of))
    elif format == "csv":
        from fleetbench.report.exports import ready_csv

        write_text(ready_csv(result.predictions))
    elif format == "perfetto":
        from fleetbench.report.perfetto import perfetto

        write_json(perfetto(result))
    else:
        from fleetbench.report.prediction import tables

        write_tables(tables(result, why))

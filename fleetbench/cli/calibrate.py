"""``fleetbench calibrate``: durations and step costs from measured runs or a live cluster."""

from __future__ import annotations

from pathlib import Path

import click

from fleetbench.cli.output import note, write_tables, write_text
from fleetbench.cli.runs import measured_runs


@click.command(epilog="Example: fleetbench calibrate results/dev-fine-* -o profile.yaml")
@click.argument("runs", metavar="[RUN...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="PROFILE", required=True, type=click.Path(path_type=Path), help="The profile to write."
)
@click.option("--steps-only", is_flag=True, help="Only the controllers' step costs, no workload times.")
@click.option("--context", metavar="NAME", help="Learn workload times from this live cluster, read-only.")
def command(runs: tuple[Path, ...], output: Path, steps_only: bool, context: str | None) -> None:
    """Learn a profile from measured runs, or from the history that a live cluster keeps.

    Step costs are fitted from the rows that the controllers write while they reconcile; what the runs do not show
    often enough keeps the value that ships, and the profile says so.
    """
    if bool(runs) == (context is not None):
        raise click.UsageError("Give measured runs, or --context for a live cluster.")
    if context is not None:
        from fleetbench.calibration.document import as_yaml
        from fleetbench.measure.learned_profile import learn_profile

        document, remarks = learn_profile(context)
        write_text(as_yaml(document), output)
        for remark in remarks:
            note(remark)
        return
    from fleetbench.calibration.document import as_yaml, profile_document
    from fleetbench.calibration.steps import calibrate_steps
    from fleetbench.model.steps import shipped_steps
    from fleetbench.report.calibration import tables

    found = measured_runs(runs)
    calibration = calibrate_steps(found, shipped_steps())
    document = profile_document(calibration, found, steps_only=steps_only)
    write_text(as_yaml(document), output)
    write_tables(tables(calibration, document))

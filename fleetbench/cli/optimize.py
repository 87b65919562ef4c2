"""``fleetbench optimize``: what would make the rollout shorter, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fleetbench.cli.fleet import FleetChoice, load_fleet, load_repository
from fleetbench.cli.options import fleet_options, format_option
from fleetbench.cli.output import progress, warn, write_json, write_tables, write_text
from fleetbench.cli.simulation import Simulation, belief_options, flag_options

if TYPE_CHECKING:
    from fleetbench.decide.optimize import Optimized
    from fleetbench.decide.patch.outcome import PatchOutcome
    from fleetbench.repo import Reading


@click.command(epilog="Example: fleetbench optimize --repo . --cluster-path clusters/production --patch faster.patch")
@fleet_options
@flag_options
@belief_options
@click.option(
    "--edges",
    type=click.Choice(["safe", "unneeded", "unproven", "none"]),
    default="safe",
    show_default=True,
    help="Which dependsOn edges may be dropped: those that others imply; also those that nothing needs in the manifests; also those whose need could not be looked up; none.",
)
@click.option(
    "--patch",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the changes as a patch of the repository (with --repo); apply with `git apply`.",
)
@click.option("--top", metavar="N", type=click.IntRange(1), default=15, show_default=True, help="Rows of each table.")
@format_option("table", "json")
@click.pass_context
def command(
    context: click.Context,
    /,
    fleet: FleetChoice,
    edges: str,
    patch: Path | None,
    top: int,
    format: str,
    **options: Any,
) -> None:
    """Find changes that make the rollout surer or shorter, and keep every order that dependsOn states.

    Each change is simulated with the same draws as the fleet as it is; what helps is combined. An edge that nothing needs
    in the manifests is listed with what it costs, for you to judge; only --edges unneeded has it dropped, and none an
    edge that something is seen to need. Also says how close each object comes to its timeout, and which one to raise. A
    large fleet is simulated in fewer samples, unless --samples says how many.
    """
    from functools import partial

    from fleetbench.decide.cost import affordable
    from fleetbench.decide.leaner_artifact import leaner_artifact
    from fleetbench.decide.optimize import optimize
    from fleetbench.decide.paired import require_samples
    from fleetbench.decide.patch.write import coupled_flags, writable_part
    from fleetbench.report.optimize import tables
    from fleetbench.report.optimize_document import to_document

    if patch is not None and fleet.repo is None:
        raise click.UsageError("--patch belongs to --repo: it changes that repository's files.")
    simulation = Simulation(options)
    require_samples(simulation.samples)
    reading = None if fleet.repo is None else load_repository(fleet, simulation.flux_version)
    read, findings = load_fleet(fleet) if reading is None else (reading.fleet, list(reading.findings))
    assembled = simulation.assembled(read)
    findings = simulation.findings(read, findings)
    limits: dict[str, Any] = {}
    if reading is not None and fleet.repo is not None:
        limits |= {"coupled": coupled_flags(fleet.repo, reading), "more": leaner_artifact(reading)}
        if patch is not None:
            limits["writable"] = partial(writable_part, fleet.repo, reading)
    samples = simulation.samples
    if context.get_parameter_source("samples") is ParameterSource.DEFAULT:
        samples = affordable(assembled.scenario, samples)
    with progress("Trying") as bar:
        found = optimize(assembled.scenario, samples, edges=edges, progress=bar, **limits)
    outcome = None if patch is None or reading is None else _patched(fleet, reading, found, simulation, patch)
    if format == "json":
        write_json(to_document(found, outcome, patch, findings))
    else:
        write_tables(tables(found, outcome, top, patch, findings, asked=simulation.samples))


def _patched(
    fleet: FleetChoice, reading: Reading, found: Optimized, simulation: Simulation, file: Path
) -> PatchOutcome:
    """The patch, written."""
    from fleetbench.decide.patch.outcome import patch_outcome

    assert fleet.repo is not None and fleet.cluster_path is not None
    choice = simulation.choice(reading.fleet)
    outcome = patch_outcome(fleet.repo, fleet.cluster_path, reading, found, choice)
    if outcome.patch.text:
        write_text(outcome.patch.text, file)
    elif found.best.changes:
        warn(f"{file} was not written: {'; '.join(outcome.patch.left) or 'its files say all of this already'}")
    else:
        warn(f"{file} was not written: nothing that this repository can say makes the rollout shorter")
    return outcome

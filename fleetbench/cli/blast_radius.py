"""``fleetbench blast-radius``: what stays down when an object never turns healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fleetbench.cli.fleet import FleetChoice, load_fleet
from fleetbench.cli.options import OBJECT, fleet_options, format_option
from fleetbench.cli.output import progress, warn, write_json, write_tables
from fleetbench.cli.simulation import Simulation, belief_options, flag_options

if TYPE_CHECKING:
    from fleetbench.ids import ObjectId


@click.command(
    epilog="Example: fleetbench blast-radius flux-system/cert-manager --repo . --cluster-path clusters/production"
)
@click.argument("objects", metavar="[OBJECT]...", type=OBJECT, nargs=-1)
@click.option(
    "--all", "everything", is_flag=True, help="Every service in turn, and pairs of them.  [default without OBJECT]"
)
@click.option("--together", is_flag=True, help="The objects named fail at the same time.")
@fleet_options
@flag_options
@belief_options
@click.option("--top", metavar="N", type=click.IntRange(1), default=15, show_default=True, help="Pairs to show.")
@format_option("table", "json")
@click.pass_context
def command(
    context: click.Context,
    /,
    objects: tuple[ObjectId, ...],
    everything: bool,
    together: bool,
    fleet: FleetChoice,
    top: int,
    format: str,
    **options: Any,
) -> None:
    """Say what never turns Ready and what is late when an object never turns healthy, in the fleet as it is and in waves.

    A large fleet is simulated in fewer samples, unless --samples says how many; what waits in vain takes none.
    """
    from fleetbench.decide.blast_radius import blast_radius, layouts
    from fleetbench.graph.named import named
    from fleetbench.model.assemble import assemble
    from fleetbench.report.blast_radius import tables, to_document
    from fleetbench.timeline.stats import parallel_services

    if everything and objects:
        raise click.UsageError("--all takes every service: name objects or give --all.")
    if together and len(objects) < 2:
        raise click.UsageError("--together takes two objects or more.")
    simulation = Simulation(options)
    read, findings = load_fleet(fleet, simulation.flux_version)
    choice = simulation.choice(read)
    asked = [named(read, object) for object in objects]
    overview = not asked
    failures = [tuple(asked)] if together else [(id,) for id in asked or parallel_services(read)]
    assembled = {layout: assemble(laid_out, choice) for layout, laid_out in layouts(read).items()}
    for text in next(iter(assembled.values())).warnings:
        warn(text)
    with progress("Simulating failures") as bar:
        scenarios = {layout: a.scenario for layout, a in assembled.items()}
        found = blast_radius(
            scenarios,
            failures,
            simulation.samples,
            pairs=overview,
            bounded=context.get_parameter_source("samples") is ParameterSource.DEFAULT,
            named=not overview,
            progress=bar,
        )
    findings = simulation.findings(read, findings)
    if format == "json":
        write_json(to_document(found, findings))
    else:
        write_tables(tables(found, overview=overview, top=top, findings=findings))

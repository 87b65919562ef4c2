"""``fleetbench graph``: what the fleet holds and what follows from it."""

from __future__ import annotations

from pathlib import Path

import click

from fleetbench.cli.fleet import FleetChoice, load_fleet
from fleetbench.cli.options import fleet_options, format_option, output_option
from fleetbench.cli.output import write_json


@click.command(
    epilog="Example: fleetbench graph --repo . --cluster-path clusters/production --format json -o graph.json"
)
@fleet_options
@format_option("json")
@output_option
def command(fleet: FleetChoice, format: str, output: Path | None) -> None:
    """Read a fleet as Flux does: objects, edges, layers, findings."""
    from fleetbench.graph.document import to_document

    read, findings = load_fleet(fleet)
    write_json(to_document(read, findings), output)

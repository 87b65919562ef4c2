"""``fleetbench doctor``: what this machine has and lacks for each command."""

from __future__ import annotations

import click

from fleetbench.cli.options import format_option
from fleetbench.cli.output import write_json, write_tables


@click.command(epilog="Example: fleetbench doctor")
@format_option("table", "json")
def command(format: str) -> None:
    """Say what is installed, what is missing for what, and how to get it.

    Nothing is needed for the reference fleet; a missing tool only matters for the commands named beside it.
    """
    from fleetbench.doctor import examine, to_document

    found = examine()
    if format == "json":
        write_json(to_document(found))
        return
    from fleetbench.report.doctor import tables

    write_tables(tables(found))

"""``fleetbench graph``: what the fleet holds and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetbench.cli.fleet import FleetChoice, fleet_findings, load_fleet, parameters_of_repository
from fleetbench.cli.options import fleet_options, flux_version_option, output_option
from fleetbench.cli.output import inert, note, terminal_width, write_json, write_tables, write_text
from fleetbench.units import counted

if TYPE_CHECKING:
    from fleetbench.findings import Finding
    from fleetbench.graph.fleet import Fleet
    from fleetbench.report.critical_path import CriticalPath

FORMATS = ("table", "json", "dot", "mermaid", "graphml")
_BY_SUFFIX = {
    ".json": "json",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".graphml": "graphml",
}


@click.command(
    epilog="Example: fleetbench graph --repo . --cluster-path clusters/production --format json -o graph.json"
)
@fleet_options
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="How to print the fleet.  [default: by the suffix of -o FILE, otherwise table]",
)
@click.option(
    "--critical-path", is_flag=True, help="Print the longest path and the slack beside it; in JSON, add them."
)
@flux_version_option()
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    fleet: FleetChoice,
    format: str | None,
    critical_path: bool,
    flux_version: str | None,
    output: Path | None,
) -> None:
    """Read a fleet as Flux does: objects, edges, layers, findings.

    Exit code 1 if a finding is an error, something that Flux can never reconcile; all is printed all the same.
    """
    read, reading = load_fleet(fleet, flux_version)
    parameters = parameters_of_repository(read, flux_version)
    findings = fleet_findings(read, reading, parameters=parameters)
    met = read.under(parameters.flux_version, parameters.strict_post_build_substitutions)
    chosen = format or _BY_SUFFIX.get(output.suffix.lower() if output else "", "table")
    if chosen == "table":
        judged_by = None
        if met is not read or flux_version is not None:
            judged_by = f"{parameters.flux_version}{_why_that(read, flux_version)}"
        _tables(met, findings, critical_path, output, judged_by)
    elif chosen == "json":
        _json(read, findings, met if critical_path else None, output)
    else:
        _drawing(met, chosen, critical_path, output)
    errors = [f for f in findings if f.severity == "error"]
    if errors:
        if chosen != "table" or output:
            note(
                f"{counted(len(errors), 'error')} among {counted(len(findings), 'finding')}, the first: {errors[0].in_full}"
            )
        ctx.exit(1)


def _why_that(fleet: Fleet, asked: str | None) -> str:
    """Why that release of Flux judges; nothing where the repository names it."""
    if asked is not None:
        return ", as --flux-version says"
    return ", as the repository names no release" if fleet.flux is None else ""


def _path_of(fleet: Fleet) -> CriticalPath:
    """The critical path of a bootstrap, without what that can never bring up."""
    from fleetbench.engine.plan import compile_plan
    from fleetbench.engine.reachable import never_ready
    from fleetbench.model.assemble import Choice, assemble
    from fleetbench.report.critical_path import path_of

    return path_of(fleet, never_ready(compile_plan(assemble(fleet, Choice()).scenario)))


def _tables(fleet: Fleet, findings: list[Finding], path_only: bool, output: Path | None, judged_by: str | None) -> None:
    from fleetbench.report.tables import graph_tables, path_tables

    path = _path_of(fleet)
    if path_only:
        write_tables(path_tables(fleet, path, findings), output)
    else:
        write_tables(graph_tables(fleet, findings, path, terminal_width(output), judged_by), output)


def _json(fleet: Fleet, findings: list[Finding], with_path_of: Fleet | None, output: Path | None) -> None:
    """The fleet whatever the release; the path, where asked for, of what it meets under the one that holds."""
    from fleetbench.graph.document import to_document

    document = to_document(fleet, findings)
    if with_path_of is not None:
        from fleetbench.report import critical_path

        document["critical_path"] = critical_path.to_document(_path_of(with_path_of))
    write_json(document, output)


def _drawing(fleet: Fleet, format: str, with_path: bool, output: Path | None) -> None:
    from fleetbench.graph import export

    bold = _path_of(fleet).objects if with_path else ()
    if format == "dot":
        text = export.to_dot(fleet, bold)
    elif format == "mermaid":
        text = export.to_mermaid(fleet, bold)
    else:
        text = export.to_graphml(fleet, bold)
    write_text(inert(text, newlines=True), output)

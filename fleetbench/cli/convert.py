"""``fleetbench convert``: the other layout of a repository, as manifests."""

from __future__ import annotations

from pathlib import Path

import click

from fleetbench.cli.fleet import FleetChoice, load_fleet
from fleetbench.cli.options import fleet_options
from fleetbench.cli.output import note, warn
from fleetbench.units import counted


@click.command(
    epilog="Example: fleetbench convert --repo . --cluster-path clusters/production --to waves -o ../in-waves"
)
@fleet_options
@click.option("--to", type=click.Choice(["waves", "fine"]), required=True, help="The layout to write.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="New folder for the whole repository; nothing is ever overwritten.",
)
def command(fleet: FleetChoice, to: str, output: Path) -> None:
    """Write a repository's fleet as waves, or as fine-grained dependsOn.

    In waves each service keeps its old dependsOn, with the order that its grouping parents enforced, in the annotation
    fleetbench/depends-on, from which --to fine restores it. Without that annotation --to fine writes the edges that the manifests need.
    """
    from fleetbench.decide.convert.write import convert

    fleet.validate()
    if fleet.repo is None:
        raise click.UsageError(
            "convert writes manifests, and a graph, a live cluster or the reference fleet that ships holds none: give it a "
            "repository with --repo and --cluster-path."
        )
    if fleet.cluster_path is None or not fleet.repo.is_dir():
        load_fleet(fleet)  # says what is wrong
    assert fleet.cluster_path is not None
    done = convert(fleet.repo, fleet.cluster_path, to, output)
    for text in done.notes:
        warn(text)
    services = sum(1 for k in done.fleet.kustomizations if k.id != done.fleet.root)
    note(
        f"Wrote {output}: {counted(services, 'Kustomization')}; read it with --repo {output} --cluster-path {fleet.cluster_path}"
    )


for _option in command.params:
    # Known, so that it is said why they are refused; of no use here, so in no help. The reference fleet is a graph, too.
    if isinstance(_option, click.Option) and _option.name in ("graph", "from_cluster", "context", "env"):
        _option.hidden = True

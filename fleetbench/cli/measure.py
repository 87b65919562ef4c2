"""``fleetbench measure``: roll out on a real cluster and time every Ready."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fleetbench.cli.fleet import FleetChoice
from fleetbench.cli.options import DURATION, OBJECT, fleet_options
from fleetbench.cli.simulation import flag_options
from fleetbench.ids import ObjectId
from fleetbench.measure.request import EXISTING, KIND, FlagOptions, KindOptions, Request

Command = TypeVar("Command", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_DIR = click.Path(path_type=Path, file_okay=False)


def _kind_options(command: Command) -> Command:
    """Options of ``--cluster kind``; the command gets them as one argument ``kind``."""

    @click.option("--name", metavar="NAME", help="Kind: name of the cluster.  [default: fleetbench-<id>]")
    @click.option("--kind-image", metavar="IMAGE", help="Kind: node image.")
    @click.option("--kind-config", metavar="FILE", type=_FILE, help="Kind: cluster config.")
    @click.option(
        "--load-image", metavar="IMAGE", multiple=True, help="Kind: copy this image of the local docker to the nodes."
    )
    @click.option(
        "--flux-manifest", metavar="FILE", type=_FILE, help="Kind: install Flux from FILE instead of `flux install`."
    )
    @click.option("--keep", is_flag=True, help="Kind: leave the cluster behind.")
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        name: str | None,
        kind_image: str | None,
        kind_config: Path | None,
        load_image: tuple[str, ...],
        keep: bool,
        **rest: Any,
    ) -> Any:
        return command(*args, kind=KindOptions(name, kind_image, kind_config, load_image, keep), **rest)

    return wrapper  # type: ignore[return-value]


@click.command(
    epilog="Example: fleetbench measure --repo . --cluster-path clusters/production --workloads stand-in --profile short -o results/first"
)
@fleet_options
@click.option(
    "--cluster",
    type=click.Choice([KIND, EXISTING]),
    default=KIND,
    show_default=True,
    help="A Kind cluster made for the run, or one that is there.",
)
@click.option(
    "--strategy",
    type=click.Choice(["fine", "waves"]),
    default="fine",
    show_default=True,
    help="As the repository has it, or regrouped in waves.",
)
@click.option(
    "--workloads",
    type=click.Choice(["real", "stand-in"]),
    help="The repository's own, or pauses of the profile's durations.  [default: real with --repo]",
)
@click.option(
    "--source",
    type=click.Choice(["served", "remote"]),
    default="served",
    show_default=True,
    help="Serve the committed HEAD from here, or use the repository's own URL.",
)
@click.option(
    "--profile", metavar="NAME|FILE", default="short", show_default=True, help="Stand-ins: how long workloads take."
)
@click.option("--durations", metavar="FILE", type=_FILE, help="Stand-ins: durations of single objects.")
@click.option("--fail", metavar="OBJECT", type=OBJECT, multiple=True, help="Stand-ins: OBJECT never turns healthy.")
@click.option(
    "--against",
    metavar="REV",
    help="Time the commit from the merge base with REV, which runs first, to HEAD; on a cluster that is there, the next one.",
)
@flag_options
@_kind_options
@click.option("--apply", is_flag=True, help="Existing: create the source and the root Kustomization.")
@click.option("--print-rbac", is_flag=True, help="Existing: print the ClusterRole that watching needs, and stop.")
@click.option(
    "--repeat",
    metavar="N",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Measure N times, each on a fresh cluster.",
)
@click.option(
    "--timeout", metavar="DURATION", type=DURATION, default=3600.0, help="Watch at most this long.  [default: 1h]"
)
@click.option(
    "-o", "--output", metavar="DIR", type=_DIR, help="Run folder.  [default: results/<time>-<fleet>-<strategy>]"
)
@click.option("--force", is_flag=True, help="Overwrite the run that the folder holds.")
def command(
    fleet: FleetChoice,
    print_rbac: bool,
    cluster: str,
    kustomize_concurrent: int | None,
    helm_concurrent: int | None,
    source_concurrent: int | None,
    requeue_dependency: float | None,
    fail: tuple[ObjectId, ...],
    **options: Any,
) -> None:
    """Roll out on a real cluster and time every object's Ready; with --against, a commit's on a cluster that runs.

    Everything that is made (cluster, server, kubeconfig) is taken away again; your kubeconfig is never changed.
    """
    from fleetbench.cli import measure_run

    if print_rbac:
        measure_run.print_rbac()
        return
    flags = FlagOptions(kustomize_concurrent, helm_concurrent, source_concurrent, requeue_dependency)
    request = Request(cluster=cluster, flags=flags, fail=frozenset(fail), context=fleet.context, **options)
    measure_run.measure(fleet, request)

"""``fleetbench check``: the gate in CI."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fleetbench.cli.against import merge_base, require_repository
from fleetbench.cli.fleet import FleetChoice, load_fleet, load_repository
from fleetbench.cli.options import DURATION, PERCENT, fleet_options, format_option
from fleetbench.cli.output import progress, warn, write_json, write_tables, write_text
from fleetbench.cli.simulation import Simulation, belief_options, flag_options

if TYPE_CHECKING:
    from fleetbench.decide.check import Verdict
    from fleetbench.decide.sides import Side
    from fleetbench.findings import Finding
    from fleetbench.graph.commit import Commit
    from fleetbench.graph.fleet import Fleet
    from fleetbench.prediction.predict import Prediction
    from fleetbench.repo import Reading

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog="Example: fleetbench check --repo . --cluster-path clusters/production --target 12m --quantile p90 --against origin/main"
)
@fleet_options
@click.option(
    "--target", metavar="DURATION", type=DURATION, help="Longest that the rollout may take.  [default: no budget]"
)
@click.option(
    "--quantile",
    type=click.Choice(["p50", "p90"]),
    default="p50",
    show_default=True,
    help="Of the total, held against the target; and, of it and of each object, against the baseline.",
)
@click.option("--baseline", metavar="GRAPH", type=FILE, help="Graph file to hold the fleet against.")
@click.option("--against", metavar="REV", help="Hold the working tree against its merge base with this revision.")
@click.option(
    "--tolerance",
    metavar="PERCENT",
    type=PERCENT,
    default=0.05,
    help="How much later than the baseline is no failure.  [default: 5%]",
)
@click.option(
    "--min-parallel",
    metavar="N",
    type=click.IntRange(1),
    help="Fewest services (Kustomizations and HelmReleases) applied and not yet Ready at the busiest moment.",
)
@flag_options
@belief_options
@click.option("--junit", metavar="FILE", type=FILE, help="Write JUnit XML.")
@click.option("--markdown", metavar="FILE", type=FILE, help="Write Markdown that fits a pull request's comment.")
@click.option("--sarif", metavar="FILE", type=FILE, help="Write the findings as SARIF 2.1.0.")
@format_option("table", "json")
def command(
    fleet: FleetChoice,
    target: float | None,
    quantile: str,
    baseline: Path | None,
    against: str | None,
    tolerance: float,
    min_parallel: int | None,
    junit: Path | None,
    markdown: Path | None,
    sarif: Path | None,
    format: str,
    **options: Any,
) -> None:
    """Fail (exit code 1) when a rollout is over budget, or worse than a baseline.

    Without a baseline every finding of severity error fails, and every object that is never Ready in any sample, unless
    that is for something suspended. With one only what is new or worse does: a new finding of severity error; a new
    object that is never Ready; or the total, or any object's Ready, is worse by more than the tolerance and 5 s, beyond noise. Both
    sides see the same draws, so three things are held against each other: the median of the differences, the quantile
    that --quantile names, and how many draws end more than a minute and 25 % later, or never, against as much sooner.
    An entry that holds nothing which Flux rolls out is no fleet to judge (exit code 2), nor is a live cluster of which a
    part may not be read (exit code 3).
    """
    from fleetbench.decide.change import Policy
    from fleetbench.decide.check import judge
    from fleetbench.repo.commits.immutable import refusals

    simulation = Simulation(options)
    _validate(fleet, baseline, against, simulation.samples)
    name = "the cluster" if fleet.from_cluster else "the working tree"
    if against is None:
        read, commit = Read(name, *load_fleet(fleet, simulation.flux_version, whole=True)), None
        read_base = None if baseline is None else _baseline(baseline, simulation.flux_version)
    else:
        reading = load_repository(fleet, simulation.flux_version)
        read_base, commit = _merge_base(fleet, reading, against, simulation.flux_version)
        findings = [*reading.findings, *(() if commit is None else refusals(commit))]
        read = Read(name, reading.fleet, findings)
    _require_something(read)
    now = _side(read, read_base, simulation)
    base = None if read_base is None else _side(read_base, read, simulation)
    rolled_out = None if commit is None or read_base is None else _rolled_out(read, read_base, commit, simulation)
    verdict = judge(now, base, Policy(target, int(quantile[1:]) / 100, tolerance, min_parallel), rolled_out)
    place = _places(fleet.repo)
    _write(verdict, place, junit, markdown, sarif)
    _show(verdict, format, place)
    if not verdict.passed:
        raise click.exceptions.Exit(1)


def _validate(fleet: FleetChoice, baseline: Path | None, against: str | None, samples: int) -> None:
    from fleetbench.decide.paired import require_samples

    fleet.validate()
    if baseline is not None or against is not None:
        require_samples(samples)
    if baseline is not None and against is not None:
        raise click.UsageError("--baseline and --against each choose what to hold the fleet against: give one of them.")
    require_repository(fleet, against)


class Read(NamedTuple):
    """A side as read, before it is simulated."""

    name: str
    fleet: Fleet
    findings: list[Finding]


def _require_something(read: Read) -> None:
    """Refuse to pass what holds nothing: most often the path is not the cluster's.

    Raises:
        InputError: there is nothing but a root, and that brings no workload either, or is only assumed.
    """
    from fleetbench.errors import InputError
    from fleetbench.findings import ENTRY_EMPTY

    root = read.fleet.kustomization(read.fleet.root)
    only_root = all(obj.id == read.fleet.root for obj in read.fleet.services())
    if not only_root or (root is not None and root.workloads and not root.assumed):
        return
    said = next((f for f in read.findings if f.code == ENTRY_EMPTY), None)
    text = f"{read.fleet.name} holds no Kustomization and no HelmRelease" if said is None else said.message
    raise InputError(f"nothing to judge: {text}", None if said is None else said.fix)


def _side(read: Read, other: Read | None, simulation: Simulation) -> Side:
    from fleetbench.decide.sides import Side
    from fleetbench.prediction.predict import predict

    name, fleet, findings = read
    assembled = simulation.assembled(fleet, () if other is None else (other.fleet,))
    with progress(f"Simulating {name}") as bar:
        prediction = predict(assembled.scenario, simulation.samples, progress=bar)
    return Side(name, fleet, tuple(simulation.findings(fleet, findings)), prediction)


def _rolled_out(read: Read, base: Read, commit: Commit, simulation: Simulation) -> Prediction:
    """The change as a commit on a cluster that runs; a receiver tells of it, as no one's interval is asked about."""
    from fleetbench.model.assemble import assemble
    from fleetbench.model.scenario import COMMIT
    from fleetbench.prediction.predict import predict

    asked = simulation.choice(read.fleet)
    choice = replace(asked, kind=COMMIT, commit=commit, webhook=True, compared_with=(base.fleet,))
    with progress("Simulating the commit") as bar:
        return predict(assemble(read.fleet, choice).scenario, simulation.samples, progress=bar)


def _baseline(baseline: Path, flux: str | None) -> Read:
    from fleetbench.decide.sides import MAX_BASELINE_BYTES
    from fleetbench.graph.objects import FluxVersion
    from fleetbench.repo.graph_file import read_with_findings

    named = None if flux is None else FluxVersion(flux)
    return Read(f"baseline {baseline}", *read_with_findings(baseline, named, MAX_BASELINE_BYTES))


def _merge_base(
    fleet: FleetChoice, reading: Reading, against: str, flux: str | None
) -> tuple[Read | None, Commit | None]:
    """The merge base as a side, and the change since; None, with a warning, where that commit holds no fleet to read."""
    from fleetbench.errors import InputError

    assert fleet.repo is not None
    with merge_base(fleet, against, flux) as base:
        if isinstance(base, InputError):
            warn(base.message)
            return None, None
        return Read(base.name, base.reading.fleet, list(base.reading.findings)), base.commit_to(reading, fleet.repo)


def _places(repo: Path | None) -> Callable[[str], str]:
    """Paths relative to the repository -> relative to what GitHub, or git, calls the root."""
    if repo is None:
        return lambda file: file
    from fleetbench.decide.git import top_level

    root = os.environ.get("GITHUB_WORKSPACE") or top_level(repo) or repo
    prefix = Path(os.path.relpath(repo.resolve(), Path(root).resolve())).as_posix()
    if prefix == "." or prefix.startswith(".."):
        return lambda file: file
    return lambda file: f"{prefix}/{file}"


def _write(
    verdict: Verdict, place: Callable[[str], str], junit: Path | None, markdown: Path | None, sarif: Path | None
) -> None:
    from fleetbench.report.check_junit import check_junit
    from fleetbench.report.check_markdown import check_markdown
    from fleetbench.report.check_sarif import check_sarif

    if junit is not None:
        write_text(check_junit(verdict), junit)
    if markdown is not None:
        write_text(check_markdown(verdict), markdown)
    if sarif is not None:
        write_json(check_sarif(verdict, place), sarif)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and os.environ.get("GITHUB_ACTIONS") == "true":
        with open(summary, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(check_markdown(verdict) + "\n")


def _show(verdict: Verdict, format: str, place: Callable[[str], str]) -> None:
    from fleetbench.report.check import tables, to_document
    from fleetbench.report.check_annotations import workflow_commands

    if format == "json":
        write_json(to_document(verdict))
    else:
        write_tables(tables(verdict))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The runner reads commands from either stream; standard output may be a JSON document.
        for line in workflow_commands(verdict, place):
            click.echo(line, err=True)

"""Which fleet a command works on: a repository, a graph file, a live cluster, or the one that ships."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetbench.cli.output import progress, warn
from fleetbench.errors import EnvironmentLacks, InputError

if TYPE_CHECKING:
    from fleetbench.findings import Finding
    from fleetbench.graph.fleet import Fleet
    from fleetbench.model.parameters import Parameters
    from fleetbench.model.profile import Durations, Profile
    from fleetbench.repo import Reading

ENVIRONMENTS = ("dev", "prod")


@dataclass(frozen=True, slots=True)
class FleetChoice:
    """What the user said about the fleet, options as given."""

    repo: Path | None = None
    cluster_path: str | None = None
    graph: Path | None = None
    from_cluster: bool = False
    context: str | None = None
    env: str | None = None
    installed: tuple[str, ...] = ()

    def validate(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            click.UsageError: they do.
        """
        given = [
            option
            for option, value in (
                ("--repo", self.repo),
                ("--graph", self.graph),
                ("--from-cluster", self.from_cluster),
                ("--env", self.env),
            )
            if value
        ]
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)} each choose a fleet: give one of them.")
        if self.cluster_path is not None and self.repo is None:
            raise click.UsageError("--cluster-path belongs to --repo: give the repository too.")
        if self.cluster_path is not None and not self.cluster_path.strip():
            raise click.UsageError(
                "--cluster-path is empty (is a variable unset?): give the path of the cluster's entry, a dot for the root of "
                "the repository."
            )
        if self.context is not None and not self.from_cluster:
            raise click.UsageError("--context belongs to --from-cluster: give that too.")


def load_fleet(choice: FleetChoice, flux: str | None = None, *, whole: bool = False) -> tuple[Fleet, list[Finding]]:
    """Read the chosen fleet.

    Args:
        choice: which.
        flux: the release that ``--flux-version`` names, by which a repository is then read and judged.
        whole: refuse a live cluster of which a part may not be read, as what is missing would only look better; else
            that is a warning.

    Returns:
        The fleet, and what reading it brought to light; what follows from the fleet alone is
        :func:`fleetbench.graph.checks.check`'s.

    Raises:
        click.UsageError: the options contradict each other.
        InputError: the fleet cannot be read.
        EnvironmentLacks: a program or the cluster that reading it takes is not there.
    """
    choice.validate()
    if choice.repo is not None:
        reading = load_repository(choice, flux)
        return reading.fleet, list(reading.findings)
    if choice.from_cluster:
        from fleetbench.measure.fleet import read_cluster  # type: ignore[import-not-found,import-untyped,unused-ignore]

        fleet, findings, lacking = read_cluster(choice.context)
        if lacking and whole:
            raise _not_whole(lacking)
        for line in lacking:
            warn(line)
        return _with_installed(fleet, choice), list(findings)
    from fleetbench.graph.objects import FluxVersion
    from fleetbench.repo.graph_file import read_with_findings, reference_graph

    graph = reference_graph(choice.env or "dev") if choice.graph is None else choice.graph
    read, found = read_with_findings(graph, None if flux is None else FluxVersion(flux))
    return _with_installed(read, choice), found


def _not_whole(lacking: Sequence[str]) -> EnvironmentLacks:
    from fleetbench.measure.permissions import RBAC_HINT

    return EnvironmentLacks(
        f"the cluster cannot be judged, as a part of it may not be read ({'; '.join(lacking)})", RBAC_HINT
    )


def load_repository(choice: FleetChoice, flux: str | None = None) -> Reading:
    """Read the chosen repository: its fleet, its findings, and what its Kustomizations render; ``flux`` as above.

    Raises:
        click.UsageError: the options contradict each other.
        InputError: it cannot be read.
        EnvironmentLacks: neither kustomize nor kubectl is installed.
    """
    choice.validate()
    assert choice.repo is not None
    repo, cluster_path = choice.repo, choice.cluster_path
    if not repo.is_dir():
        wanted = "the root of a Flux repository" if repo.exists() else "a directory that exists"
        raise InputError(f"--repo: got {str(repo)!r}, wanted {wanted}")
    require_cluster_path(choice)
    assert cluster_path is not None
    from fleetbench.findings import ENTRY_EMPTY
    from fleetbench.repo import read_repository  # type: ignore[attr-defined,unused-ignore]

    with progress("Building") as bar:
        built: set[str] = set()

        def count(name: str) -> None:
            built.add(name)
            bar(len(built))

        reading = read_repository(repo, cluster_path, progress=count, flux=flux, installed=choice.installed)
    for finding in reading.findings:
        if finding.code == ENTRY_EMPTY:
            warn(f"{finding.message}; {finding.fix}")
    fleet = _with_installed(reading.fleet, choice, reading.findings)
    given = {*choice.installed, *(f"Namespace/{name}" for name in choice.installed)}
    findings = tuple(f for f in reading.findings if not f.settled_by or not {*f.settled_by} <= given)
    return dataclasses.replace(reading, fleet=fleet, findings=findings)


def _with_installed(fleet: Fleet, choice: FleetChoice, findings: Sequence[Finding] = ()) -> Fleet:
    from fleetbench.graph.changes import check_installed, with_installed

    elsewhere = {name for f in findings for name in f.settled_by}
    check_installed(fleet, choice.installed, elsewhere.union(name.removeprefix("Namespace/") for name in elsewhere))
    return with_installed(fleet, choice.installed)


def fleet_findings(
    fleet: Fleet,
    reading: Sequence[Finding] = (),
    *,
    parameters: Parameters | None = None,
    nodes: int | None = None,
    profile: Profile | None = None,
    durations: Durations | None = None,
) -> list[Finding]:
    """What reading brought to light and what follows from the fleet, as one list.

    Args:
        fleet: the fleet.
        reading: the findings of :func:`load_fleet`.
        parameters: the release and the flags that hold; None = what the repository says, else Flux's defaults.
        nodes: nodes of the cluster; None = the profile's.
        profile: the profile that says how many nodes there are and how many pods each takes; None = one, of
            kubelet's usual size. What it and ``durations`` say of an object is held against its timeout.
        durations: the user's durations file.
    """
    from fleetbench.graph.checks import check, combined
    from fleetbench.model.profile import NodesPrior

    parameters = parameters_of_repository(fleet) if parameters is None else parameters
    prior = (None if profile is None else profile.nodes) or NodesPrior()
    nodes = prior.count if nodes is None else nodes
    times = {**({} if profile is None else profile.objects), **(durations or {})}
    known_s = {id: time.quantile(0.05) for id, time in times.items()}
    checked = check(
        fleet.under(parameters.flux_version, parameters.strict_post_build_substitutions),
        kustomize_concurrent=parameters.kustomize_concurrent,
        shard_concurrent=parameters.shard_concurrent,
        node_pods=prior.max_pods,
        nodes=nodes,
        known_s=known_s,
    )
    return combined(reading, checked, fleet)


def parameters_of_repository(fleet: Fleet, flux: str | None = None) -> Parameters:
    """The release and the flags that hold where no other option says otherwise, as ``fleetbench simulate`` takes them."""
    from fleetbench.model.assemble import Choice, in_force

    return in_force(fleet, Choice(flux_version=flux))[0]


def require_cluster_path(choice: FleetChoice) -> None:
    """Refuse a repository without the path of its cluster's entry, and say which it has.

    Raises:
        InputError: none was given.
    """
    if choice.repo is not None and choice.cluster_path is None:
        raise _without_cluster_path(choice.repo)


def _without_cluster_path(repo: Path) -> InputError:
    from fleetbench.repo.entries import entries
    from fleetbench.repo.files.tree import Tree

    found = entries(Tree.of_directory(repo.resolve()))
    listed = "\n".join(f"  --cluster-path {path}" for path in found)
    return InputError(
        f"--repo {repo} needs --cluster-path: what the root Kustomization of the cluster points at",
        f"candidates in this repository:\n{listed}"
        if found
        else "nothing in it looks like a cluster's entry (a folder with Flux objects)",
    )

"""Another revision of the chosen repository: where a branch started, read beside what the working tree holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fleetbench.cli.fleet import FleetChoice, load_repository, require_cluster_path
from fleetbench.cli.output import warn
from fleetbench.errors import InputError

if TYPE_CHECKING:
    from fleetbench.graph.commit import Commit
    from fleetbench.repo import Reading


class MergeBase(NamedTuple):
    """What the working tree is held against; its files are there as long as :func:`merge_base` holds it."""

    name: str
    commit: str
    repo: Path
    reading: Reading

    def commit_to(self, reading: Reading, repo: Path) -> Commit:
        """What a later state, read from ``repo``, changes since."""
        from fleetbench.repo.commits.between import commit_between

        return replace(commit_between(self.reading, reading, self.repo, repo), since=self.name)


def require_repository(fleet: FleetChoice, against: str | None) -> None:
    """Refuse ``--against`` where there is no other revision to read.

    Raises:
        click.UsageError: the fleet is not read from a repository.
    """
    if against is not None and fleet.repo is None:
        raise click.UsageError("--against belongs to --repo: it reads another revision of that repository.")


@contextmanager
def merge_base(fleet: FleetChoice, against: str, flux: str | None) -> Iterator[MergeBase | InputError]:
    """Read the merge base of the working tree with a revision; an error where it holds no fleet at this path.

    Args:
        fleet: the repository and the cluster path.
        against: a branch, tag or commit.
        flux: the release that ``--flux-version`` names.

    Raises:
        InputError: no git repository, an unknown revision, or no common history.
        EnvironmentLacks: git, or what builds the repository, is not there.
    """
    from fleetbench.decide.git import write_merge_base
    from fleetbench.graph.changes import with_installed
    from fleetbench.ids import some

    fleet.validate()
    require_cluster_path(fleet)
    assert fleet.repo is not None
    with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
        base = write_merge_base(fleet.repo, against, Path(folder))
        if base.submodules:
            warn(f"{base.name} is read without its submodules, which no commit holds: {some(base.submodules, 5)}")
        try:
            reading = load_repository(FleetChoice(base.repo, fleet.cluster_path, installed=fleet.installed), flux)
        except InputError as error:
            yield base.without_fleet(fleet.repo, error)
            return
        installed = replace(reading, fleet=with_installed(reading.fleet, fleet.installed))
        yield MergeBase(base.name, base.commit, base.repo, installed)


@contextmanager
def required_base(fleet: FleetChoice, against: str, flux: str | None, hint: str) -> Iterator[MergeBase]:
    """The merge base, which must hold a fleet.

    Raises:
        InputError: as :func:`merge_base`, and with that hint where that commit holds no fleet at this path.
    """
    with merge_base(fleet, against, flux) as base:
        if isinstance(base, InputError):
            raise InputError(f"--against {against}: {base.message}", hint)
        yield base


def commit_since(fleet: FleetChoice, reading: Reading, against: str, flux: str | None) -> Commit:
    """What the working tree changes since its merge base with a revision.

    Raises:
        InputError: as :func:`required_base`.
    """
    with required_base(fleet, against, flux, "a cluster that is new is --scenario bootstrap") as base:
        assert fleet.repo is not None
        return base.commit_to(reading, fleet.repo)

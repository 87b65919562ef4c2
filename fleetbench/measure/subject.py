"""What is measured: a fleet, and the checkout of the commit it was read from where there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fleetbench.graph.fleet import Fleet
from fleetbench.measure.served import clone_head, uncommitted


@dataclass(frozen=True)
class Subject:
    """A fleet to measure."""

    fleet: Fleet
    repo: Path | None = None
    """The user's repository; only read."""
    checkout: Path | None = None
    """Its HEAD, checked out elsewhere; may be changed."""
    commit: str | None = None
    uncommitted: bool = False
    """The repository holds changes that are not committed, and so not measured."""


def committed(repo: Path, cluster_path: str, work: Path) -> Subject:
    """The fleet of a repository's committed HEAD.

    Args:
        repo: the git repository.
        cluster_path: what the root Kustomization points at.
        work: a folder to check HEAD out into.

    Raises:
        InputError: no git repository, no commit, or the fleet cannot be read.
    """
    from fleetbench.repo import read_repository  # type: ignore[attr-defined,unused-ignore]

    checkout = work / "checkout"
    commit = clone_head(repo, checkout)
    read = read_repository(checkout, cluster_path)
    fleet = replace(read.fleet, name=repo.resolve().name)
    return Subject(fleet, repo, checkout, commit, uncommitted(repo))

"""What is measured: a fleet, the checkout of the commit it was read from where there is one, and what stands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId
from fleetbench.measure.served import clone_head, uncommitted
from fleetbench.measure.standin import StandIn

if TYPE_CHECKING:
    from fleetbench.repo import Reading


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
    reading: Reading | None = None
    """What its Kustomizations render."""


@dataclass(frozen=True)
class State:
    """What a cluster is to run at one time."""

    subject: Subject
    stand_in: StandIn | None = None
    """None = the repository's real workloads."""
    hopeless: frozenset[ObjectId] = frozenset()
    """Services that cannot turn Ready in its bootstrap, as something fails or is missing: nobody waits for them."""

    @property
    def fleet(self) -> Fleet:
        """The fleet as it is deployed."""
        return self.subject.fleet if self.stand_in is None else self.stand_in.fleet

    @property
    def held(self) -> dict[ObjectId, Mapping[str, Any]]:
        """See :func:`held`; of a stand-in nothing, as the repository's own sources are not what it has."""
        reading = self.subject.reading
        return {} if self.stand_in is not None or reading is None else held(reading)


def held(reading: Reading) -> dict[ObjectId, Mapping[str, Any]]:
    """The documents of the root Kustomization and of its source as the repository renders them; none that it lacks."""
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None
    found: dict[ObjectId, Mapping[str, Any]] = {}
    # What the root renders comes before what others do: it is what the root applies to itself.
    for by, manifests in sorted(reading.rendered.items(), key=lambda item: item[0] != root.id):
        for manifest in manifests:
            id = manifest.id_in(by.namespace)
            if id in (root.id, root.source) and id not in found:
                found[id] = {**manifest.body, "metadata": {**manifest.metadata, "namespace": id.namespace}}
    return found


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
    return Subject(fleet, repo, checkout, commit, uncommitted(repo), read)

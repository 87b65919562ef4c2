"""What was asked of ``fleetbench measure``, checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fleetbench.ids import ObjectId

KIND, EXISTING = "kind", "existing"


@dataclass(frozen=True, slots=True)
class KindOptions:
    """How the cluster is made."""

    name: str | None = None
    """None = ``fleetbench-<id>``."""
    image: str | None = None
    """Node image; None = the one that this release of kind prefers."""
    config: Path | None = None
    load_images: tuple[str, ...] = ()
    """Images of the local docker that the nodes get."""
    keep: bool = False
    """Leave the cluster and its kubeconfig behind."""


@dataclass(frozen=True, slots=True)
class FlagOptions:
    """Flags given on the command line; None = not given."""

    kustomize_concurrent: int | None = None
    helm_concurrent: int | None = None
    source_concurrent: int | None = None
    requeue_dependency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """All options, as given; None = not given."""

    cluster: str = KIND
    context: str | None = None
    strategy: str = "fine"
    workloads: str | None = None
    source: str = "served"
    profile: str = "short"
    durations: Path | None = None
    fail: frozenset[ObjectId] = frozenset()
    against: str | None = None
    flags: FlagOptions = field(default_factory=FlagOptions)
    kind: KindOptions = field(default_factory=KindOptions)
    flux_manifest: Path | None = None
    """For a Kind cluster: install Flux from it."""
    apply: bool = False
    repeat: int = 1
    timeout: float = 3600.0
    output: Path | None = None
    force: bool = False

    def contradiction(self, has_repo: bool) -> str | None:
        """Why these options cannot be had together, for a usage error; None = they can.

        Args:
            has_repo: a repository was named.
        """
        if self.against is not None:
            if not has_repo:
                return "--against belongs to --repo: it reads another revision of that repository."
            if self.apply:
                return "--apply starts a bootstrap, and --against times the commit to a cluster that runs."
            if self.strategy == "waves":
                return "--against times a commit as the repository has it: without --strategy waves."
            if self.source == "remote":
                return "--against serves one state after the other: it needs --source served."
        if self.cluster == KIND and self.context is not None:
            return "--context belongs to --cluster existing."
        if self.cluster == KIND and self.apply:
            return "--apply belongs to --cluster existing: a Kind cluster is always rolled out on."
        if self.cluster == EXISTING:
            given = [o for o, v in (("--kind-image", self.kind.image), ("--load-image", self.kind.load_images)) if v]
            if given or self.kind != KindOptions() or self.flux_manifest is not None:
                return f"{given[0] if given else 'An option of --cluster kind'} does not go with --cluster existing."
            if self.repeat > 1:
                return "--repeat makes fresh clusters: it goes with --cluster kind only."
            if self.fail or self.workloads == "stand-in":
                return "Stand-in workloads need a cluster of their own: --cluster kind."
            return None
        if self.repeat > 1 and self.kind.keep and self.kind.name is not None:
            return "--keep with --name leaves one cluster of that name: --repeat makes several."
        real = self.is_real(has_repo)
        if real and not has_repo:
            return "--workloads real needs --repo: a graph holds no manifests."
        if real and self.strategy == "waves":
            return "--strategy waves with real workloads: write them with `fleetbench convert --to waves -o DIR`, commit, and measure DIR."
        if real and self.fail:
            return "--fail needs --workloads stand-in."
        if not real and self.source == "remote":
            return "--source remote serves what the repository holds: it needs --workloads real."
        return None

    def is_real(self, has_repo: bool) -> bool:
        """Whether the repository's own workloads run."""
        return self.workloads == "real" or (self.workloads is None and has_repo and not self.fail)

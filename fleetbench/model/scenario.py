"""A scenario: the fleet, what is believed of controllers and workloads, and what happens to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fleetbench.graph.commit import NOTHING, Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import CONTROLLERS, SOURCE_CONTROLLER, ObjectId, controller_of
from fleetbench.model.distributions import Distribution
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import PullPrior
from fleetbench.model.steps import Step, Steps, shipped_steps
from fleetbench.model.workload_time import WorkloadTime

SCENARIOS = BOOTSTRAP, COMMIT, RESTART = "bootstrap", "commit", "restart"
RESTARTS = ROLLOUT, EVICT, KILL = "rollout", "evict", "kill"
"""How controllers are restarted: their pods are replaced by a rollout (``kubectl rollout restart``, an upgrade) or deleted (a
drained node), or their processes killed (out of memory), which leaves the lease to run out."""
MAX_UNTIL_S = 86_400.0


@dataclass(frozen=True)
class Scenario:
    """Everything a simulation depends on, but for the number of the sample."""

    fleet: Fleet
    parameters: Parameters = field(default_factory=Parameters)
    steps: Steps = field(default_factory=shipped_steps)
    workloads: Mapping[ObjectId, WorkloadTime] = field(default_factory=dict)
    """Kustomization / HelmRelease -> its own workloads' time (:func:`fleetbench.model.resolve.resolve`)."""
    pull: PullPrior | None = None
    """How a node pulls images; None = they are all there."""
    fetch: Mapping[ObjectId, Distribution] = field(default_factory=dict)
    """Source or HelmChart -> how long it waits for its server (:func:`fleetbench.model.fetch.fetch_times`)."""
    seed: int = 0
    kind: str = BOOTSTRAP
    fail: frozenset[ObjectId] = frozenset()
    """Objects (Kustomizations, HelmReleases or workloads) that never turn healthy."""
    until_s: float | None = None
    """Stop the clock there; None = when only retries that cannot succeed remain."""
    # commit
    commit: Commit = NOTHING
    webhook: bool = False
    """A receiver tells of the commit at once; otherwise it is seen at the source's next interval."""
    last_reconciled: Mapping[ObjectId, float] = field(default_factory=dict)
    """When each object was last reconciled before the commit, in seconds, where known: their order in the queue."""
    fix_after_s: float | None = None
    """A second commit, this long after the first, that heals what ``fail`` names."""
    # restart
    restart_by: str = ROLLOUT
    restarted: tuple[str, ...] = CONTROLLERS
    """The controllers that are restarted; of one that goes on nothing is asked."""

    @property
    def changed(self) -> frozenset[ObjectId]:
        """Kustomizations and HelmReleases whose manifests, and HelmCharts whose files, the commit changes."""
        return self.commit.changed

    @property
    def title(self) -> str:
        """What happens, for people."""
        if self.kind != RESTART:
            return self.kind
        of = "" if set(self.restarted) == set(CONTROLLERS) else f" of {' and '.join(self.restarted)}"
        return f"restart by {self.restart_by}{of}"

    @property
    def loses_storage(self) -> bool:
        """Whether source-controller comes back without its artifacts: they lie in an emptyDir of its pod."""
        return self.kind == RESTART and self.restart_by != KILL and SOURCE_CONTROLLER in self.restarted

    def goes_on(self, kind: str) -> bool:
        """Whether a restart leaves the controller of this kind alone: what was Ready stays so."""
        return self.kind == RESTART and controller_of(kind) not in self.restarted

    def from_artifact(self) -> Scenario:
        """The scenario of a commit that counts from its artifact, as a measured one does: it is fetched, and told at once."""
        return replace(self, kind=COMMIT, webhook=True, steps=replace(self.steps, git_fetch=Step(0.0, 0.0)))

    @property
    def left_out(self) -> frozenset[ObjectId]:
        """The services that nobody asks for: in a bootstrap :attr:`~fleetbench.graph.fleet.Fleet.asleep`, else what is suspended.

        Before a commit or a restart all was created, and its controller reconciles it whether its parent is suspended or
        not, from the artifact that its source has, if any. After a commit a suspended source keeps that artifact, so the
        Kustomizations that would follow it stay at the revision they had.
        """
        if self.kind == BOOTSTRAP:
            return frozenset(self.fleet.asleep)
        found = {obj.id for obj in self.fleet.services() if obj.suspend}
        if self.kind == COMMIT:
            found |= {k.id for k in self.fleet.kustomizations if self._stays_behind(k)}
        return frozenset(found)

    def starts(self, service: ObjectId) -> bool:
        """Whether the workloads of a Kustomization or HelmRelease start, or start anew."""
        if self.kind != COMMIT:
            return self.kind == BOOTSTRAP
        release = self.fleet.helmrelease(service)
        charts = () if release is None else (release.chart_object, release.source)
        anew = any(chart in self.changed or chart in self.commit.renewed for chart in charts)
        return service in self.changed or service in self.fail or anew

    def _stays_behind(self, k: Kustomization) -> bool:
        """Whether a suspended source keeps the commit from it."""
        source = self.fleet.suspended_source(k)
        return source is not None and source.this_repository

"""The objects of a scenario as numbers, and what stays the same about each over all samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.model.controller_manager import Deployed
from fleetbench.model.distributions import Distribution
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import Scenario
from fleetbench.model.workload_time import WorkloadTime

MISSING = -1


class Brought(NamedTuple):
    """What an object cannot be applied, or turn ready, without, and when it is there."""

    by: int
    """The item that brings it."""
    first: bool = False
    """It is a CRD, namespace or class that a Kustomization applies itself: there after the first stages of its apply,
    whatever becomes of the last."""


@dataclass(slots=True)
class Item:
    """What stays the same about one object over all samples."""

    id: ObjectId
    key: int
    """For its random numbers."""
    parameters: Parameters
    """Of the controller that reconciles it."""
    parent: int = MISSING
    also_by: tuple[int, ...] = ()
    """Others whose apply creates it as well."""
    after: tuple[int, ...] = ()
    """What must have been Ready before flux-operator makes it, once its parent is applied: MISSING for what does not exist."""
    source: int = MISSING
    """Kustomization: its source. HelmRelease: what holds its chart (HelmChart or chartRef). HelmChart: its repository."""
    dependencies: tuple[tuple[int, bool], ...] = ()
    """(item, revision must match): MISSING for an object that does not exist."""
    names: tuple[str, ...] = ()
    """ns/name of the dependencies, for messages."""
    dependents: list[int] = field(default_factory=list)
    creates: tuple[int, ...] = ()
    """Items that its apply creates, in the order of the apply."""
    applies: int = 0
    """Objects in its build."""
    changes: int = 0
    """Those of them that a commit adds or changes."""
    dry_runs: int = 1
    """Rounds of dry-runs that those take, ``--concurrent-ssa`` at a time."""
    definitions: bool = False
    """Its build holds CRDs, which the apply waits for."""
    waits: bool = False
    """``wait`` or health checks, a release's own wait: the worker is held until they pass."""
    cancels: bool = False
    """What queues it cancels its health check."""
    fails_fast: bool = True
    """Its health check ends at the first object that is Failed."""
    poll_s: float = 5.0
    """How often its health check looks."""
    look: float = 1.0
    """How many times as long one look takes as one at few objects."""
    checks: tuple[int, ...] = ()
    """Items that its health check watches."""
    checks_workloads: frozenset[ObjectId] | None = None
    """Own workloads that its health check watches; None = all."""
    checks_elsewhere: tuple[tuple[int, ObjectId], ...] = ()
    """Workloads of other items that its health check watches: (whose, which)."""
    check_missing: bool = False
    """A health check names an object that nothing creates."""
    watchers: list[int] = field(default_factory=list)
    """Items whose health check watches this one."""
    interval_s: float = 600.0
    jitter: float = 0.0
    """Share by which its controller lengthens or shortens intervals at most."""
    timeout_s: float = 570.0
    retry_s: float = 600.0
    suspend: bool = False
    """Its controller leaves it alone: suspended, or nobody watches it."""
    resumable: bool = False
    """It is left alone for ``spec.suspend`` only."""
    denied: bool = False
    """It may not use its source: AccessDenied, Stalled."""
    broken: bool = False
    """A Kustomization that cannot be built; a HelmRelease whose chart is not there, and the HelmChart that it makes."""
    lacks_values: bool = False
    """A HelmRelease whose ``valuesFrom`` never finds what it names."""
    refused: bool = False
    """The API server refuses something of what it applies."""
    refuses_commit: bool = False
    """The API server refuses what the commit changes of it."""
    stays_released: bool = False
    """A release whose new manifest upgrades nothing."""
    added: bool = False
    """The commit brings it: before, it was not there."""
    needs_build: tuple[int, ...] = ()
    """Items that must have been applied before its build succeeds (substituteFrom)."""
    queued_by: tuple[int, ...] = ()
    """Those of them whose apply queues it, as its controller watches what they bring."""
    needs_apply: tuple[Brought, ...] = ()
    """What must be there before its dry-run succeeds, or a release's chart can be rendered for the cluster."""
    needs_namespace: tuple[Brought, ...] = ()
    """The namespaces that a release's objects go to."""
    needs_run: tuple[Brought, ...] = ()
    """What must be there before its workloads turn ready, or so that what its health check names exists."""
    pods_need: tuple[tuple[ObjectId | None, Brought], ...] = ()
    """What own workloads cannot start without, whose: None = all of them."""
    cluster: str | None = None
    """The other cluster where its workloads start; None = this one."""
    workload: WorkloadTime | None = None
    workload_keys: tuple[int, ...] = ()
    deployments: tuple[Deployed, ...] = ()
    """Of its workload: those that their controller works off one after the other."""
    deadlines: dict[ObjectId, float] = field(default_factory=dict)
    """Own workloads that Kubernetes gives up after so many seconds without progress: kstatus calls them Failed then."""
    fails: bool = False
    """Named by ``fail``: never turns healthy."""
    failing_workloads: bool = False
    shard: str | None = None
    exists: bool = False
    """There from the beginning."""
    retries: int = 0
    """Of a release's install."""
    upgrade_retries: int = 0
    installed: bool = False
    """Its Helm release was there before Flux: the first thing that helm-controller does is an upgrade."""
    retry_on_failure: bool = False
    defined: bool = True
    static: bool = False
    """A source that nobody reconciles: kstatus calls it Current as soon as it is there."""
    of_revision: bool = False
    """A HelmChart: each revision of its repository makes a new one."""
    files: int = 0
    """A source: files of its artifact."""
    fetch: Distribution | None = None
    """A source: how long it waits for its server when there is something new; None = not at all."""

    @property
    def current_when_left_alone(self) -> bool:
        """Whether kstatus calls it Current although it is suspended and was never Ready.

        helm-controller sets the observedGeneration of a suspended release, which then has no condition that says
        otherwise; kustomize-controller does so only where Ready is True.

        Source: helm-controller v1.6.3 internal/controller/helmrelease_controller.go Reconcile
        (WithStatusObservedGeneration); kustomize-controller v1.9.4 internal/controller/kustomization_controller.go
        finalizeStatus; fluxcd/cli-utils v1.2.2 pkg/kstatus/status/status.go Compute, generic.go checkGeneration.
        """
        return self.resumable and self.id.kind == HELM_RELEASE


class Reach(NamedTuple):
    """How far each item can get: one flag an item, in the plan's order."""

    exists: list[bool]
    """It is created one day."""
    starts: list[bool]
    """So are a source's artifact and Ready dependencies: a whole reconcile of it begins."""
    stages: list[bool]
    """The first stage of its apply: CRDs and namespaces."""
    applies: list[bool]
    ready: list[bool]


@dataclass(slots=True)
class Plan:
    """The compiled scenario."""

    scenario: Scenario
    items: list[Item]
    services: list[int]
    """Kustomizations and HelmReleases."""
    users: list[tuple[int, ...]]
    """Source -> what its artifact event enqueues, dependencies before their dependants."""
    following: frozenset[int]
    """Sources whose content is the repository, so that a commit changes them."""
    reconcilable: list[bool] = field(default_factory=list)
    """Whether an item can ever turn Ready (see :func:`fleetbench.engine.reachable.reach`)."""
    doomed: dict[int, bool] = field(default_factory=dict)
    """Services that can never turn Ready, but are looked at -> whether a whole reconcile begins."""
    before: Reach | None = None
    """How far each item had got before a commit or a restart; None for a bootstrap."""
    changed: frozenset[int] = frozenset()
    """Services whose own manifests, and HelmCharts whose files, the commit changes."""
    renewed: frozenset[int] = frozenset()
    """Sources and HelmCharts whose own manifests the commit changes."""
    given_by: dict[int, int] = field(default_factory=dict)
    """Changed services that no new artifact tells of the commit, but a new generation of their own (HelmReleases, and
    Kustomizations of another source, which stay at its revision), and renewed sources -> the Kustomization whose apply
    brings that, or the release that makes the HelmChart; MISSING = none that sees the commit does, so whoever made the
    object applies it anew at t0."""
    moved: frozenset[int] = frozenset()
    """Sources that show another revision once the commit is in; empty for a bootstrap or a restart."""
    left_out: frozenset[int] = frozenset()
    """Services that nobody asks for: suspended, or in a bootstrap only created by what is."""
    kept_down: frozenset[int] = frozenset()
    """Services that an error or ``fail`` keeps from Ready, with what waits for them in vain."""
    takers: dict[int, list[int]] = field(default_factory=dict)
    """Item -> who is queued as soon as that is applied, as it takes variables or values from what that brings."""
    interested: list[list[int]] = field(default_factory=list)
    """Item -> who must look again when it gets further; empty until :func:`fleetbench.engine.reachable.reach` asks."""

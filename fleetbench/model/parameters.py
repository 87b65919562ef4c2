"""The controllers' flags, feature gates and constants: defaults of the release, each with its source.

KC = fluxcd/kustomize-controller v1.9.4, HC = helm-controller v1.6.3, SC = source-controller v1.9.3 (Flux 2.9),
pkg/X = fluxcd/pkg module X at the version those releases pin, CR = controller-runtime v0.24.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from fleetbench.errors import InputError
from fleetbench.graph.release import RELEASES, strict_by_default
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION

NEVER_S = 86_400.0
"""As long as any simulation lasts."""
EVENT_RETRIES_S = (1.0, 2.0, 4.0, 8.0)
"""The waits before an event that notification-controller does not take is posted again; after the last it is given up."""
EVENT_TRY_S = 5.0
"""How long one try lasts at most; most are refused at once."""
EVENT_GIVEN_UP_S = sum(EVENT_RETRIES_S)
EVENT_LONGEST_S = EVENT_GIVEN_UP_S + EVENT_TRY_S * (1 + len(EVENT_RETRIES_S))
REQUEUE_S = (0.001, 86_400.0)
"""Seconds that ``--requeue-dependency`` may be, from and to."""


class ShardFlags(NamedTuple):
    """What differs on the controller of a shard from the main one of the same kind."""

    kind: str
    """What it reconciles: ``Kustomization`` or ``HelmRelease``."""
    shard: str
    flags: tuple[tuple[str, Any], ...]
    """Field of :class:`Parameters` -> value."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What can be set on the controllers, or differs between releases."""

    flux_version: str = "2.9"
    kustomize_concurrent: int = 4
    """``--concurrent``; KC main.go."""
    helm_concurrent: int = 4
    """``--concurrent``; HC main.go."""
    source_concurrent: int = 2
    """``--concurrent``, per kind of source; SC main.go."""
    requeue_dependency_s: float = 30.0
    """``--requeue-dependency`` of kustomize-controller; KC main.go."""
    helm_requeue_dependency_s: float = 30.0
    """``--requeue-dependency`` of helm-controller; HC main.go."""
    min_retry_delay_s: float = 0.75
    """``--min-retry-delay`` of kustomize-controller: the first delay of the rate limiter; pkg/runtime
    controller/rate_limiter.go."""
    max_retry_delay_s: float = 900.0
    """``--max-retry-delay``; pkg/runtime controller/rate_limiter.go."""
    helm_min_retry_delay_s: float = 0.75
    helm_max_retry_delay_s: float = 900.0
    source_min_retry_delay_s: float = 0.75
    source_max_retry_delay_s: float = 900.0
    concurrent_ssa: int = 4
    """``--concurrent-ssa``: dry-runs of one apply at a time; KC main.go."""
    kustomize_cpus: float | None = 1.0
    """CPU limit of kustomize-controller's container; ``flux install`` sets 1000m (KC config/manager/deployment.yaml).
    None = no limit."""
    in_memory_builds: bool = False
    """kustomize-controller's volume ``temp`` is an emptyDir with ``medium: Memory``, what Flux's page "Vertical scaling"
    calls in-memory kustomize builds; `flux install` leaves it on the node's disk."""
    health_poll_s: float = 5.0
    """How often kstatus is polled in a health check; KC kustomization_controller.go checkHealth."""
    helm_poll_s: float = 5.0
    """How often Helm's wait looks; HC >= 1.5 polls kstatus (internal/action/wait.go), Helm 3 looked every 2 s."""
    helm_legacy_poll_s: float = 2.0
    """How often Helm's own loop looks, the wait strategy ``legacy``; helm.sh/helm/v4 pkg/kube/wait.go waitForResources."""
    use_helm3_defaults: bool = False
    """Feature gate UseHelm3Defaults: a release that states no wait strategy waits as ``legacy``; HC
    internal/features/features.go: off."""
    stage_poll_s: float = 2.0
    """Poll of the wait for CRDs and namespaces between apply stages; KC apply WaitInterval."""
    interval_jitter: float = 0.05
    """``--interval-jitter-percentage`` of kustomize-controller / 100; pkg/runtime jitter/interval.go."""
    helm_interval_jitter: float = 0.05
    source_interval_jitter: float = 0.05
    fail_fast: bool = True
    """A health check of a Kustomization ends at the first Failed object; KC main.go, gate DisableFailFastBehavior off."""
    helm_fail_fast: bool = True
    """Helm's wait ends at the first Failed object; HC >= 1.5 internal/action/wait.go; Helm 3 went on to the timeout."""
    event_driven_dependents: bool = False
    """What-if: a dependency that turns Ready enqueues its dependants at once (KC pull request 1412)."""
    cancel_health_check_on_new_revision: bool = False
    """Feature gate CancelHealthCheckOnNewRevision of kustomize-controller; KC internal/features/features.go: off."""
    helm_cancel_health_check_on_new_revision: bool = False
    """The gate of the same name of helm-controller; HC internal/features/features.go: off."""
    additive_cel_dependency_check: bool = False
    """Feature gate AdditiveCELDependencyCheck; KC internal/features/features.go: off."""
    strict_post_build_substitutions: bool = True
    """Feature gate StrictPostBuildSubstitutions: a variable that nothing sets fails the build; KC
    internal/features/features.go: on since 1.9 (Flux 2.9)."""
    watches_configs: bool = True
    """ConfigMaps and Secrets with a label queue who takes variables or values from them; KC CHANGELOG.md: since 1.7 (Flux 2.7)."""
    default_to_retry_on_failure: bool = False
    """Feature gate DefaultToRetryOnFailure; HC internal/features/features.go: off."""
    nodes: int = 1
    cpus: float = 2.0
    """Processors that the controllers, the API server and etcd share."""
    controller_manager_qps: float | None = 20.0
    """``--kube-api-qps`` of kube-controller-manager, for each of its controllers; Kubernetes v1.34.4
    pkg/controller/apis/config/v1alpha1/defaults.go. None = no limit."""
    controller_manager_burst: int = 30
    """``--kube-api-burst`` of kube-controller-manager; the same file."""
    events_refused_s: float = 0.0
    """Until when after t0 notification-controller takes no events, where ``--events-addr`` names it: each that is posted
    meanwhile holds its worker (``engine/notification.py``). 0 = it always takes them, :data:`NEVER_S` = never."""
    leader_election: bool = True
    """``--enable-leader-election``: a restarted controller waits for the lease (``engine/restart.py``); KC
    config/manager/deployment.yaml."""
    shards: tuple[ShardFlags, ...] = ()
    """Shards whose controllers are set otherwise; any other has the same flags as the main one."""

    def __post_init__(self) -> None:
        for name in ("kustomize_concurrent", "helm_concurrent", "source_concurrent", "concurrent_ssa", "nodes"):
            value = getattr(self, name)
            if not 1 <= value <= 10_000:
                raise InputError(f"{name}: got {value}, wanted a whole number from 1 to 10000")
        if self.kustomize_cpus is not None and not 0.01 <= self.kustomize_cpus <= 1000:
            raise InputError(f"kustomize_cpus: got {self.kustomize_cpus:g}, wanted 0.01 to 1000 processors")
        for name in ("requeue_dependency_s", "helm_requeue_dependency_s"):
            value = getattr(self, name)
            if not REQUEUE_S[0] <= value <= REQUEUE_S[1]:
                raise InputError(f"{name}: got {value:g} s, wanted 1 ms to 24 h")
        for name in ("interval_jitter", "helm_interval_jitter", "source_interval_jitter"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise InputError(f"{name}: got {value:g}, wanted 0 or more and less than 1")

    def of(self, kind: str, shard: str | None) -> Parameters:
        """Those of the controller that reconciles a kind's objects of a shard (None = the main one)."""
        flags = next((s.flags for s in self.shards if (s.kind, s.shard) == (kind, shard)), None)
        return self if flags is None else replace(self, shards=(), **dict(flags))

    @property
    def shard_concurrent(self) -> dict[str, int]:
        """Workers of the kustomize-controller of each shard that has others than the main one."""
        return {s.shard: self.of(*s[:2]).kustomize_concurrent for s in self.shards if s.kind == KUSTOMIZATION}

    def everywhere(self, **changes: Any) -> Parameters:
        """A copy with these fields changed on the main controllers and on every shard."""
        kept = (s._replace(flags=tuple(f for f in s.flags if f[0] not in changes)) for s in self.shards)
        return replace(self, shards=tuple(s for s in kept if s.flags), **changes)

    def retry_delays_s(self, kind: str) -> tuple[float, float]:
        """First and longest delay of the rate limiter of the controller that reconciles a kind."""
        if kind == KUSTOMIZATION:
            return self.min_retry_delay_s, self.max_retry_delay_s
        if kind == HELM_RELEASE:
            return self.helm_min_retry_delay_s, self.helm_max_retry_delay_s
        return self.source_min_retry_delay_s, self.source_max_retry_delay_s

    def interval_jitter_of(self, kind: str) -> float:
        """Share by which the controller that reconciles a kind lengthens or shortens its intervals at most."""
        if kind == KUSTOMIZATION:
            return self.interval_jitter
        return self.helm_interval_jitter if kind == HELM_RELEASE else self.source_interval_jitter

    def waits_as_helm_3(self, wait_strategy: str | None) -> bool:
        """Whether a release with this ``spec.waitStrategy.name`` waits in Helm's own loop, not for kstatus.

        Source: helm-controller v1.6.3 internal/action/wait.go getWaitStrategy.
        """
        return wait_strategy == "legacy" or (wait_strategy is None and self.use_helm3_defaults)

    def release_poll_s(self, wait_strategy: str | None) -> float:
        """Seconds between two looks of a release's wait."""
        return self.helm_legacy_poll_s if self.waits_as_helm_3(wait_strategy) else self.helm_poll_s

    def unbounded(self) -> Parameters:
        """So many workers and processors that nothing stands in a queue."""
        return self.everywhere(
            kustomize_concurrent=10_000,
            helm_concurrent=10_000,
            source_concurrent=10_000,
            cpus=1e9,
            kustomize_cpus=None,
            controller_manager_qps=None,
            events_refused_s=0.0,
        )

    def perfect(self) -> Parameters:
        """A controller without polls, queues and delays: what is left is the longest path."""
        return self.unbounded().everywhere(
            min_retry_delay_s=0.0,
            helm_min_retry_delay_s=0.0,
            source_min_retry_delay_s=0.0,
            health_poll_s=0.0,
            helm_poll_s=0.0,
            helm_legacy_poll_s=0.0,
            stage_poll_s=0.0,
            event_driven_dependents=True,
        )

    def with_(self, **changes: Any) -> Parameters:
        """A copy with these fields of the main controllers changed; None leaves a field as it is."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


_OF_RELEASE: dict[str, dict[str, Any]] = {
    # helm-controller 1.3 and 1.4 wait with Helm 3's own loop: helm.sh/helm/v3 pkg/kube/wait.go, every 2 s.
    "2.6": {"helm_poll_s": 2.0, "helm_fail_fast": False, "watches_configs": False},
    "2.7": {"helm_poll_s": 2.0, "helm_fail_fast": False},
}
"""Release -> what differs from 2.9's defaults, beside :func:`fleetbench.graph.release.strict_by_default`."""


def parameters_of(flux_version: str = "2.9") -> Parameters:
    """The defaults of a Flux release, ``2.6`` to ``2.9``.

    Raises:
        InputError: a release this tool has no data for.
    """
    short = ".".join(flux_version.removeprefix("v").split(".")[:2])
    if short not in RELEASES:
        raise InputError(f"--flux-version: got {flux_version!r}, wanted one of {', '.join(RELEASES)}")
    strict = strict_by_default(short)
    return Parameters(flux_version=short, strict_post_build_substitutions=strict, **_OF_RELEASE.get(short, {}))


def flags_of_run(flags: Mapping[str, Any], **defaults: Any) -> Parameters:
    """The parameters that a run's recorded flags state, over the defaults of its release; unknown keys are left to the caller.

    Args:
        flags: as recorded; a run that records no ``flux_version`` is one of 2.9.
        defaults: fields that hold where the run says nothing.
    """
    names = {f.name for f in fields(Parameters)}
    known = {k: v for k, v in flags.items() if k in names}
    base = parameters_of(known.pop("flux_version", None) or RELEASES[-1]).with_(**defaults)
    if known.get("kustomize_cpus") is None:  # a run that says nothing of a limit had none
        base = replace(base, kustomize_cpus=None)
    if "shards" in known:
        known["shards"] = shards_of_run(known["shards"])
    if "requeue_dependency_s" in known:
        known.setdefault("helm_requeue_dependency_s", known["requeue_dependency_s"])
    return base.with_(**known)


def shards_of_run(recorded: Any) -> tuple[ShardFlags, ...]:
    """The shards' flags as a run records them: lists of kind, shard and pairs of field and value.

    Raises:
        ValueError: they are none.
    """
    names = {f.name for f in fields(Parameters)} - {"shards"}
    found = []
    try:
        for kind, shard, flags in recorded:
            pairs = tuple((name, value) for name, value in flags)
            if not all(isinstance(text, str) for text in (kind, shard)) or not names.issuperset(n for n, _ in pairs):
                raise ValueError
            found.append(ShardFlags(kind, shard, pairs))
            Parameters(shards=(found[-1],)).of(kind, shard)  # refuses values that they cannot have
    except (TypeError, ValueError, InputError):
        raise ValueError(f"got {recorded!r}, wanted lists of a kind, a shard and its flags") from None
    return tuple(found)

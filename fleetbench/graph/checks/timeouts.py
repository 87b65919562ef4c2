"""Timeouts that contradict each other, or that nothing can ever reach."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import CHILD_TIMEOUT, TIMEOUT_TOO_LONG, Finding
from fleetbench.graph.checks.about import about
from fleetbench.graph.fleet import MIN_TIMEOUT_S, Fleet, HelmRelease, Kustomization
from fleetbench.graph.order import checks_health, health_checked
from fleetbench.ids import ObjectId, say
from fleetbench.units import counted, go_duration

_CURRENT_AT_ONCE = {
    "Namespace", "ServiceAccount", "ConfigMap", "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    "NetworkPolicy", "ResourceQuota", "LimitRange", "PriorityClass", "StorageClass", "IngressClass",
    "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}  # fmt: skip
"""Kinds that kstatus calls Current as soon as they exist (fluxcd/cli-utils pkg/kstatus/status: no status of theirs)."""


def check_timeouts(fleet: Fleet) -> Iterator[Finding]:
    """All findings about timeouts."""
    for k in fleet.kustomizations:
        for id in health_checked(fleet, k):
            yield from _outlives_parent(fleet, k, id)
        if not k.suspend:
            yield from _too_long(k)


def _outlives_parent(fleet: Fleet, parent: Kustomization, id: ObjectId) -> Iterator[Finding]:
    child = fleet.service(id)
    assert child is not None
    theirs, mine = child.effective_timeout_s, parent.effective_timeout_s
    # A child that waits for nothing ends in seconds; as long as it may not run longer there is nothing to say.
    may_use_it = isinstance(child, HelmRelease) or checks_health(child)
    if theirs > mine or (theirs == mine and may_use_it):
        yield about(
            CHILD_TIMEOUT,
            child,
            f"may take {go_duration(theirs)} (timeout), but {say(parent.id)}, which waits for it, gives up after "
            f"{go_duration(mine)}: the parent fails first and hides the reason.",
            f"give {say(parent.id)} a timeout above {go_duration(theirs)}, or this one a shorter one",
        )


def _too_long(k: Kustomization) -> Iterator[Finding]:
    timeout_s = k.effective_timeout_s
    if not checks_health(k):
        default_s = k.default_timeout_s
        if timeout_s > default_s and timeout_s > MIN_TIMEOUT_S:
            yield about(
                TIMEOUT_TOO_LONG,
                k,
                f"timeout {go_duration(timeout_s)} bounds only build and apply here, as there is neither wait nor "
                f"healthChecks: it never waits for workloads (default for this interval: {go_duration(default_s)}).",
                "drop timeout, or set wait: true if it was meant for the workloads",
            )
        return
    fails_after_s = _certain_verdict_s(k)
    if fails_after_s is not None and timeout_s > fails_after_s:
        yield about(
            TIMEOUT_TOO_LONG,
            k,
            f"timeout {go_duration(timeout_s)}, but all it waits for ({counted(len(k.workloads), 'Deployment')}) is Current "
            f"or Failed within {go_duration(fails_after_s)} (progressDeadlineSeconds), and the check ends at the first Failed.",
            f"set timeout to {go_duration(fails_after_s)} or less, or raise progressDeadlineSeconds",
        )


def _certain_verdict_s(k: Kustomization) -> float | None:
    """Seconds after which a health check has surely ended, if only Deployments are in it; None = not known.

    Each new available replica restarts a Deployment's progress deadline, so it fails at the latest after as many
    deadlines as it has replicas (Kubernetes pkg/controller/deployment/util DeploymentTimedOut). The check fails fast
    (kustomize-controller v1.9.4: FailFast unless the gate DisableFailFastBehavior is on).
    """
    if not k.wait or not k.workloads or len(k.objects) != k.applies:
        return None
    slow = {w.object for w in k.workloads}
    if any(id.kind != "Deployment" for id in slow):
        return None
    if any(id not in slow and id.kind not in _CURRENT_AT_ONCE for id in k.objects):
        return None
    return max(max(w.replicas, 1) * (w.given_up_s or 0.0) for w in k.workloads)

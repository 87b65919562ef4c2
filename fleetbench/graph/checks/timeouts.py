"""Timeouts that contradict each other, that nothing can ever reach or that are always missed, and what a miss costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fleetbench.findings import CHILD_TIMEOUT, RETRY_LATE, TIMEOUT_TOO_LONG, TIMEOUT_TOO_SHORT, Finding, Shared
from fleetbench.graph.checks.about import about
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.least import least_s
from fleetbench.graph.objects import DEFAULT_INTERVAL_S, MIN_TIMEOUT_S, HelmRelease, Kustomization
from fleetbench.graph.order import checks_health, health_checked, watched
from fleetbench.graph.paths import never_applied, never_created
from fleetbench.ids import ObjectId, say
from fleetbench.units import counted, go_duration

_CURRENT_AT_ONCE = {
    "Namespace", "ServiceAccount", "ConfigMap", "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    "NetworkPolicy", "ResourceQuota", "LimitRange", "PriorityClass", "StorageClass", "IngressClass",
    "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}  # fmt: skip
"""Kinds that kstatus calls Current as soon as they exist (fluxcd/cli-utils pkg/kstatus/status: no status of theirs)."""


def check_timeouts(fleet: Fleet, known_s: Mapping[ObjectId, float]) -> Iterator[Finding]:
    """All findings about timeouts: of what an error keeps from ever existing, or from waiting for it, there is nothing to say."""
    never = never_applied(fleet)
    unborn = never_created(fleet, never)
    for k in fleet.kustomizations:
        children = [] if k.id in never else [id for id in health_checked(fleet, k) if not _is_suspended(fleet, id)]
        for id in children:
            yield from _outlives_parent(fleet, k, id, only=len(children) == 1)
        if not k.suspend and k.id not in unborn:
            yield from _too_long(fleet, k)
            yield from _late_retry(fleet, k)
    for obj in fleet.services():
        if not obj.suspend and not obj.obstacle and obj.id not in unborn:
            yield from _too_short(fleet, obj, known_s)


def _is_suspended(fleet: Fleet, id: ObjectId) -> bool:
    """Whether it, or the source that it takes its content from, is: then it runs into no timeout."""
    obj = fleet.service(id)
    return obj is not None and (obj.suspend or fleet.suspended_source(obj) is not None)


def _outlives_parent(fleet: Fleet, parent: Kustomization, id: ObjectId, only: bool) -> Iterator[Finding]:
    """A child and its waiting parent; an ``only`` child is one of many such pairs, where each has a parent of its own."""
    child = fleet.service(id)
    assert child is not None
    theirs, mine = child.effective_timeout_s, parent.effective_timeout_s
    # A child that waits for nothing ends in seconds, whatever its timeout: that bounds only its build and apply.
    may_use_it = isinstance(child, HelmRelease) or checks_health(child)
    by = "the Kustomization of each" if only else say(parent.id)
    if may_use_it and theirs >= mine:
        theirs_is = f"timeout{_set_by(child)}".rstrip(",")
        yield _at_its_place(
            fleet,
            CHILD_TIMEOUT,
            child,
            f"may take {go_duration(theirs)} ({theirs_is}), but {say(parent.id)}, which waits for it, gives up after "
            f"{go_duration(mine)}: the parent fails first and hides the reason.",
            f"give {say(parent.id)} a timeout above {go_duration(theirs)}, or this one a shorter one",
            Shared(
                f"may take {go_duration(theirs)} ({theirs_is}), but {by}, which waits for {'it' if only else 'them'}, gives "
                f"up after {go_duration(mine)}: the parent fails first and hides the reason.",
                f"give {by} a timeout above {go_duration(theirs)}, or these a shorter one",
            ),
        )


def _too_long(fleet: Fleet, k: Kustomization) -> Iterator[Finding]:
    timeout_s = k.effective_timeout_s
    if not checks_health(k):
        default_s = k.default_timeout_s
        if timeout_s > default_s and timeout_s > MIN_TIMEOUT_S:
            so = "bounds only build and apply here, as there is neither wait nor healthChecks: it never waits for workloads"
            fix = f"set wait: true if it is meant for the workloads, else drop timeout{' from that patch' if k.timeout_from else ''}"
            yield _at_its_place(
                fleet,
                TIMEOUT_TOO_LONG,
                k,
                f"timeout {go_duration(timeout_s)}{_set_by(k)} {so} (default for this interval: {go_duration(default_s)}).",
                fix,
                Shared(f"have a timeout{_set_by(k)} that {so}.", fix),
            )
        return
    if k.timeout_s is None:
        return  # nobody chose it: it follows from the interval
    fails_after_s = _certain_verdict_s(k)
    if fails_after_s is not None and timeout_s > fails_after_s:
        yield _at_its_place(
            fleet,
            TIMEOUT_TOO_LONG,
            k,
            f"timeout {go_duration(timeout_s)}{_set_by(k)}, but all it waits for ({counted(len(k.workloads), 'Deployment')}) is Current "
            f"or Failed within {go_duration(fails_after_s)} (progressDeadlineSeconds), and the check ends at the first Failed.",
            f"set timeout to {go_duration(fails_after_s)} or less, or raise progressDeadlineSeconds",
        )


def _set_by(obj: Kustomization | HelmRelease) -> str:
    """Who sets a timeout that does not stand in the object's own file."""
    return "" if obj.timeout_from is None else f", set by a patch of {say(obj.timeout_from)},"


def _at_its_place(
    fleet: Fleet, code: str, obj: Kustomization | HelmRelease, message: str, fix: str, shared: Shared | None = None
) -> Finding:
    """A finding about a timeout, at the file of the Kustomization that patches it in, if one does."""
    found = about(code, obj, message, fix, shared)
    by = None if obj.timeout_from is None else fleet.kustomization(obj.timeout_from)
    return found if by is None or by.file is None else replace(found, file=by.file, line=by.line)


def _too_short(fleet: Fleet, obj: Kustomization | HelmRelease, known_s: Mapping[ObjectId, float]) -> Iterator[Finding]:
    """A timeout below what the templates state, or what is known of a measurement; guesses have no say here."""
    timeout_s, least = obj.effective_timeout_s, least_s(fleet, obj, known_s)
    if least is None or least.seconds < timeout_s:
        yield from _too_short_for_an_update(fleet, obj, known_s)
        return
    takes = (
        f"timeout {go_duration(timeout_s)}, but {least.of} takes at least {go_duration(least.seconds)}, as {least.by}"
    )
    yield about(
        TIMEOUT_TOO_SHORT,
        obj,
        f"{takes}: {_cost_of_a_miss(obj)}.",
        f"set timeout well above {go_duration(least.seconds)}: scheduling and image pulls come on top",
    )


def _too_short_for_an_update(
    fleet: Fleet, obj: Kustomization | HelmRelease, known_s: Mapping[ObjectId, float]
) -> Iterator[Finding]:
    """A timeout that holds for a bootstrap, where all pods start at once, and not for a commit that changes them."""
    timeout_s, least = obj.effective_timeout_s, least_s(fleet, obj, known_s, update=True)
    if least is None or least.seconds < timeout_s:
        return
    each = go_duration(least.seconds / max(least.turns, 1))
    fails = "the health check" if isinstance(obj, Kustomization) else "the upgrade"
    yield about(
        TIMEOUT_TOO_SHORT,
        obj,
        f"timeout {go_duration(timeout_s)}, but an update of {least.of} takes at least {go_duration(least.seconds)}: it replaces "
        f"its pods in {least.turns} turns of {each}, as stated. After each commit that changes them {fails} surely fails.",
        f"set timeout well above {go_duration(least.seconds)}, or let more pods be replaced at one time (maxSurge)",
    )


def _cost_of_a_miss(obj: Kustomization | HelmRelease) -> str:
    if isinstance(obj, Kustomization):
        retry = go_duration(obj.effective_retry_s)
        word = "interval, as there is no retryInterval" if obj.retry_interval_s is None else "retryInterval"
        return f"its first health check surely fails, and the next one follows after {retry} ({word})"
    if obj.strategy == "RetryOnFailure":
        return f"its first install surely fails and is tried again after {go_duration(obj.retry_interval_s)}"
    if obj.retries == 0:
        return "its install surely fails, and without retries that is final"
    return "each install surely fails and is taken away again, pods and all"


def _late_retry(fleet: Fleet, k: Kustomization) -> Iterator[Finding]:
    """A health check whose failure costs a whole long interval: where it waits for anything that may take its time.

    Source: kustomize-controller v1.9.4 api/v1/kustomization_types.go GetRetryInterval.
    """
    if k.retry_interval_s is not None or k.interval_s <= DEFAULT_INTERVAL_S or k.obstacle or not checks_health(k):
        return
    found = watched(fleet, k)
    if not (found.objects or found.workloads or found.others or not k.expanded):
        return
    so = f"no retryInterval, so after a failed apply or a missed timeout the next try comes after {go_duration(k.interval_s)}"
    fix = "set retryInterval, for example 2m"
    shared = Shared(f"have {so} (interval), and they wait for what they apply.", fix)
    yield about(RETRY_LATE, k, f"has {so} (interval), and it waits for what it applies.", fix, shared)


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

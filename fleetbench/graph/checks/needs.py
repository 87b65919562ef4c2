"""What objects need of each other, declared or not: CRDs, namespaces, Secrets, ConfigMaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import networkx as nx

from fleetbench.findings import CRD_DEADLOCK, NEED_UNDECLARED, SELF_DEPENDENCY_LOOP, Finding, Shared
from fleetbench.graph.checks.about import about, listed
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import RUN_TIME, HelmRelease, Kustomization, Need
from fleetbench.graph.order import Moment, applied, checks_health, enforced_order, ready
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, say
from fleetbench.units import go_duration

Before = Callable[[Moment, Moment], bool]
NEEDING = "what needs it"
"""What lacks the edge, said of several objects."""


def check_needs(fleet: Fleet) -> Iterator[Finding]:
    """Needs that deadlock, and needs that nothing orders.

    A Kustomization's provision is there once it is applied, a HelmRelease's (its chart's CRDs, what its operator
    makes) once it is Ready. A need is met for sure if the enforced order puts that before the needing object's apply.
    A Service that is only named as a host is left out: to come before it costs nobody a reconcile.
    """
    order = enforced_order(fleet)

    @cache
    def after(moment: Moment) -> frozenset[Moment]:
        return frozenset(nx.descendants(order, moment)) if moment in order else frozenset()

    def before(first: Moment, second: Moment) -> bool:
        return second in after(first)

    for obj in fleet.services():
        groups: dict[tuple[ObjectId, str], list[Need]] = {}
        for need in obj.needs:
            if need.provided_by is not None and need.provided_by in fleet and need.blocks != RUN_TIME:
                groups.setdefault((need.provided_by, need.blocks), []).append(need)
        for (provider, blocks), needs in groups.items():
            found = _judge(fleet, obj, provider, blocks, needs, before)
            if found is not None:
                yield found


def _judge(
    fleet: Fleet, obj: Kustomization | HelmRelease, provider: ObjectId, blocks: str, needs: list[Need], before: Before
) -> Finding | None:
    what = listed(sorted({_said(need.what) for need in needs}), 3)
    if provider == obj.id:
        # What a Kustomization brings itself is there in time (CRDs and namespaces are applied first), except for
        # its own build, which comes before any of it.
        if blocks != "build":
            return None
        message = f"its build needs {what}, which only its own apply brings: it can never be built in a bootstrap."
        return about(SELF_DEPENDENCY_LOOP, obj, message, "move it into a Kustomization that this one depends on")
    there = ready(provider) if provider.kind == HELM_RELEASE else applied(provider)
    if before(there, applied(obj.id)):
        return None
    wanting = listed(sorted({say(need.wanted_by) for need in needs}), 3)
    several = len({need.wanted_by for need in needs}) > 1
    wanted = f"{wanting} {'need' if several else 'needs'} {what}, which {say(provider)} brings"
    holder = _holder(fleet, provider)
    if blocks != "workload" and before(applied(obj.id), there):
        if holder == obj.id:
            return about(
                CRD_DEADLOCK,
                obj,
                f"{wanted}, and both are in {say(obj.id)}. Its dry-run fails as long as {what} is not there, and a failed "
                f"dry-run applies nothing, not even {say(provider)}: a deadlock, tried again every "
                f"{go_duration(obj.effective_retry_s)} for ever.",
                f"move {wanting} into a Kustomization of its own that depends on {say(obj.id)}, with wait: true here; if the "
                f"cluster has it before Flux comes, say so with --installed {provider.name}",
            )
        return about(
            SELF_DEPENDENCY_LOOP,
            obj,
            f"{wanted}, but {say(provider)} can only follow {say(obj.id)}: a deadlock in a bootstrap.",
            f"move {wanting} into a Kustomization of its own that depends on {say(holder or provider)}; if the cluster has "
            f"it before Flux comes, say so with --installed {provider.name}",
        )
    if obj.id in fleet.asleep:
        return None  # it is not reconciled, so nothing of it fails and no time is lost
    cost = f"no edge puts that first: {_cost(fleet, obj, blocks, any(need.kind == 'Namespace' for need in needs))}."
    fix = _fix(fleet, obj, holder, before, say(_kustomization(obj)), wanting)
    shared = Shared(
        f"need {what}, which {say(provider)} brings; {cost}",
        _fix(fleet, obj, holder, before, "each", NEEDING),
    )
    return about(NEED_UNDECLARED, obj, f"{wanted}; {cost}", fix, shared)


def _said(what: str) -> str:
    """A need for people: one of a kind does not know its CRD's name, which has the plural.

    >>> _said("CustomResourceDefinition Certificate.cert-manager.io")
    'the CRD of Certificate.cert-manager.io'
    """
    kind, _, name = what.partition(" ")
    return f"the CRD of {name}" if kind == "CustomResourceDefinition" and name[:1].isupper() else what


def _kustomization(obj: Kustomization | HelmRelease) -> ObjectId:
    """The Kustomization that an object is or lies in; the object itself where nothing here creates it."""
    return obj.id if isinstance(obj, Kustomization) else obj.parent or obj.id


def _holder(fleet: Fleet, provider: ObjectId) -> ObjectId | None:
    """The Kustomization to depend on for what the provider brings."""
    release = fleet.helmrelease(provider)
    return provider if release is None else release.parent


def _cost(fleet: Fleet, obj: Kustomization | HelmRelease, blocks: str, namespace: bool) -> str:
    if blocks == "workload":
        # Custom resources whose status tells something are workloads, too; only pods have images.
        own = isinstance(obj, HelmRelease) or any(w.images for w in obj.workloads)
        has_pods = own or any(h.parent == obj.id for h in fleet.helmreleases)
        late = "its pods only start then" if has_pods else "what needs it only turns Ready then"
        return f"if it comes late {late}{', and a health check waits for that' if checks_health(obj) else ''}"
    if isinstance(obj, Kustomization):
        step = "build" if blocks == "build" else "dry-run"
        lost = go_duration(obj.effective_retry_s)
        return f"if it comes late the {step} fails and a whole retryInterval is lost ({lost})"
    if not namespace:
        step = "values cannot be read" if blocks == "build" else "chart cannot be built for the cluster"
        return f"as long as it is not there the {step}, which is tried again after 0.75 s, then twice as long each time"
    if obj.strategy == "RetryOnFailure":
        return f"if it comes late the install fails and is tried again after {go_duration(obj.retry_interval_s)}"
    if obj.retries == 0:
        return "if it comes late the install fails, and without retries that is final"
    return "if it comes late the install fails and costs one of its retries"


def _fix(
    fleet: Fleet, obj: Kustomization | HelmRelease, holder: ObjectId | None, before: Before, called: str, wanting: str
) -> str:
    """What to change; ``called`` is what lacks the edge, ``wanting`` what in it needs the other."""
    own = _kustomization(obj)
    found = None if holder is None else fleet.kustomization(holder)
    if own.kind != KUSTOMIZATION or found is None or own == found.id:
        return "order them with dependsOn"
    waits = "" if checks_health(found) or found.id == fleet.root else f", and set wait: true on {say(found.id)}"
    if before(ready(found.id), applied(own)):
        # The edge is there, but it leads to a Ready that says no more than "applied".
        return f"set wait: true on {say(found.id)}, so that its Ready covers what it brings"
    if before(applied(own), applied(found.id)):
        # A child, or what depends on it: it can only follow, whatever is split.
        rest = "" if wanting == NEEDING else ", and what else needs it,"
        return f"move {wanting}{rest} into a Kustomization of its own that depends on {say(found.id)}{waits}"
    if before(applied(own), ready(found.id)):
        return f"split {say(found.id)}: it waits for {called} itself, so {called} cannot depend on it"
    return f"add {say(found.id)} to the dependsOn of {called}{waits}"

"""What a cluster is doing when the watching begins: nothing yet, a bootstrap, or running, whole or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.measure.connect import one_line
from fleetbench.measure.fleet import id_of
from fleetbench.measure.fold import flux_event
from fleetbench.measure.kinds import BY_KIND, WatchedKind
from fleetbench.measure.kstatus import conditions
from fleetbench.measure.progress import is_failure
from fleetbench.measure.protocols import Manifest
from fleetbench.phases import FALSE, TRUE

BOOTSTRAP, COMMIT = "bootstrap", "commit"
JOIN_S = 600.0
"""A bootstrap that began longer ago is not joined: most of it happened unseen."""
MISSING = "not in the cluster"
_SAID = 120
Objects = Mapping[WatchedKind, list[Manifest]]


class Situation(NamedTuple):
    """What there is to time."""

    scenario: str
    """``bootstrap``: the root is not there yet, or was created a moment ago; ``commit``: the next one is."""
    not_ready: Mapping[ObjectId, str]
    """Kustomizations of the fleet that are not Ready (suspended ones left out), and why."""
    began_s: float | None
    """When a bootstrap under way began, in seconds since 1970; None = there is none."""


def situation_of(fleet: Fleet, objects: Objects, now_s: float) -> Situation:
    """Tell a bootstrap from a cluster that runs, in which as a rule something is not Ready.

    A bootstrap is under way where the root was created less than :data:`JOIN_S` ago and something that was never Ready
    (``status.lastAppliedRevision`` is set by the first reconcile that ends well: kustomize-controller v1.9.4
    kustomization_controller.go reconcile) is at work, or waits and nothing has failed that it may wait for.

    Args:
        fleet: what is or will be rolled out.
        objects: what the cluster holds.
        now_s: the cluster's time, in seconds since 1970.
    """
    listed = {id_of(obj, KUSTOMIZATION): obj for obj in objects.get(BY_KIND[KUSTOMIZATION], [])}
    wanted = [k for k in fleet.kustomizations if not (k.assumed or k.suspend)]
    not_ready = {k.id: why for k in wanted if (why := _why_not_ready(k, listed.get(k.id))) is not None}
    born_s = _root_born_s(fleet, listed)
    if born_s is None and not _begun(fleet, listed):
        return Situation(BOOTSTRAP, not_ready, None)
    young = born_s is not None and now_s - born_s < JOIN_S
    if young and _goes_on([listed[id] for id in not_ready if id in listed and not _was_ready(listed[id])]):
        return Situation(BOOTSTRAP, not_ready, born_s)
    return Situation(COMMIT, not_ready, None)


def strangers(fleet: Fleet, objects: Objects) -> list[ObjectId]:
    """The cluster's Kustomizations and HelmReleases that the fleet does not hold, sorted."""
    known = {obj.id for obj in fleet.services()}
    kinds = (KUSTOMIZATION, HELM_RELEASE)
    return sorted({id_of(obj, k) for k in kinds for obj in objects.get(BY_KIND[k], [])} - known)


def starters(fleet: Fleet) -> frozenset[ObjectId]:
    """The Kustomizations whose creation begins a bootstrap: the root; all, where the root is an assumed one."""
    root = fleet.kustomization(fleet.root)
    if root is not None and root.assumed:
        return frozenset(k.id for k in fleet.kustomizations)
    return frozenset({fleet.root})


def _begun(fleet: Fleet, listed: Mapping[ObjectId, Manifest]) -> bool:
    return any(id in listed for id in starters(fleet))


def _root_born_s(fleet: Fleet, listed: Mapping[ObjectId, Manifest]) -> float | None:
    found = [listed[id] for id in starters(fleet) if id in listed]
    stamps = [stamp for obj in found if (stamp := (obj.get("metadata") or {}).get("creationTimestamp"))]
    return min((datetime.fromisoformat(stamp).timestamp() for stamp in stamps), default=None)


def _why_not_ready(k: Kustomization, obj: Manifest | None) -> str | None:
    if obj is None:
        return MISSING
    event, _ = flux_event(0.0, k.id, obj)
    if event.status == TRUE and event.observed == event.generation:
        return None
    if event.status == TRUE:
        return "its newest generation is not reconciled yet"
    # Ready's own message: the event has that of Reconciling, which only says what is tried again.
    said = one_line(conditions(obj.get("status") or {}).get("Ready", {}).get("message", ""), _SAID)
    return ": ".join(part for part in (event.reason, said) if part) or "not reconciled yet"


def _was_ready(obj: Manifest) -> bool:
    return bool((obj.get("status") or {}).get("lastAppliedRevision"))


def _goes_on(never_ready: list[Manifest]) -> bool:
    events = [flux_event(0.0, id_of(obj, KUSTOMIZATION), obj)[0] for obj in never_ready]
    at_work = any(event.status != FALSE for event in events)
    waits = any(event.status == FALSE and not is_failure(event) for event in events)
    return at_work or (waits and not any(is_failure(event) for event in events))

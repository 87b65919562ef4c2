"""What a commit changed, as far as a record of the rollout shows it: whose workloads were rolled out anew."""

from __future__ import annotations

from collections.abc import Iterable

from fleetbench import phases
from fleetbench.graph.commit import Commit, upgraded
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.timeline.events import Event


def touched_by(fleet: Fleet, events: Iterable[Event], since_s: float) -> tuple[ObjectId, ...]:
    """The services that a revision changed, and the HelmCharts that it made anew.

    A workload whose spec was changed has a new generation (``metadata.generation``, which the API server counts up), and
    is not Current for more than the moment until that is observed where its pods are replaced; one that is new, or was
    deleted, is changed too. A HelmRelease is changed where it has a new generation itself: its release is then upgraded.
    One whose chart alone has a new version is upgraded by that, before its Kustomization comes to the commit. What else a
    commit may change (a ConfigMap, an interval, ``minReadySeconds``) takes no time of its own.

    Args:
        fleet: the fleet, with the workloads of its services.
        events: all events of the run, in order of time.
        since_s: when the revision's artifact was there.
    """
    owners = {w.object: service.id for service in fleet.services() for w in service.workloads}
    owners |= {service.id: service.id for service in fleet.services() if service.id.kind == HELM_RELEASE}
    charts = {h.chart_object: h.id for h in fleet.helmreleases if h.chart_object is not None and _is_local(fleet, h)}
    before: dict[ObjectId, int] = {}
    versions: dict[ObjectId, str] = {}
    found: set[ObjectId] = set()
    given: set[ObjectId] = set()
    """Releases with a new generation of their own."""
    renewed: set[ObjectId] = set()
    for event in events:
        if event.object in charts and event.revision:
            if event.t_s >= since_s and event.revision != versions.get(event.object, event.revision):
                renewed.add(event.object)
            versions[event.object] = event.revision
        if event.object not in owners:
            continue
        if event.t_s < since_s:
            before[event.object] = event.generation
        elif event.reason == phases.DELETED or (
            event.generation != before.get(event.object) and _is_at_work(event, new=event.object not in before)
        ):
            found.add(owners[event.object])
            if event.object.kind == HELM_RELEASE:
                given.add(event.object)
    by_chart_alone = {charts[chart] for chart in renewed} - given
    return tuple(sorted((found - by_chart_alone) | renewed))


def untold(touched: Iterable[ObjectId], changes: Commit, fleet: Fleet) -> tuple[ObjectId, ...]:
    """What a record shows as changed and two revisions do not tell: then another commit came than the one between them."""
    told = changes.changed | changes.reconciled | changes.renewed | {*upgraded(changes, fleet)}
    return tuple(sorted(set(touched) - told))


def _is_local(fleet: Fleet, release: HelmRelease) -> bool:
    """Whether its chart comes with the commits of the repository."""
    source = None if release.source is None else fleet.source(release.source)
    return source is not None and source.this_repository


def _is_at_work(event: Event, new: bool) -> bool:
    if new or event.object.kind == HELM_RELEASE:
        return True
    return event.status != phases.TRUE and event.reason != phases.NOT_OBSERVED

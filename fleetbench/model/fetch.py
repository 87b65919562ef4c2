"""How long a source waits for the server that holds it, each time that there is something new to fetch."""

from __future__ import annotations

from collections.abc import Mapping

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source
from fleetbench.ids import HELM_CHART, HELM_REPOSITORY, ObjectId
from fleetbench.model.distributions import Distribution


def fetch_times(
    fleet: Fleet, by_kind: Mapping[str, Distribution], *, served: bool = False
) -> dict[ObjectId, Distribution]:
    """Source or HelmChart -> seconds from its request until all is there, the controller's own work not in it.

    A chart out of a Git repository or bucket, and an artifact that is copied, is made from what source-controller
    holds. A HelmRepository of ``type: oci`` has nothing to fetch, but its charts have.

    Args:
        fleet: whose sources.
        by_kind: a profile's ``fetch``; a kind that takes no time counts as none.
        served: the repository that was read comes from beside the cluster, as ``measure`` serves it.
    """
    found = {}
    for source in fleet.sources:
        if not source.static and not (served and source.this_repository) and _comes_from_outside(fleet, source):
            found[source.id] = by_kind.get(source.id.kind)
    for release in fleet.helmreleases:
        if release.chart_id is not None and release.source is not None and release.source.kind == HELM_REPOSITORY:
            found[release.chart_id] = by_kind.get(HELM_CHART)
    return {id: time for id, time in found.items() if time is not None and time.quantile(0.5) > 0.0}


def _comes_from_outside(fleet: Fleet, source: Source) -> bool:
    if source.id.kind == HELM_CHART:
        return source.copied_from is not None and source.copied_from.kind == HELM_REPOSITORY
    return source.copied_from is None

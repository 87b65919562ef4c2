"""How long a source waits for the server that holds it, each time that there is something new to fetch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Source
from fleetbench.ids import HELM_CHART, HELM_REPOSITORY, ObjectId
from fleetbench.model.distributions import Distribution


def from_afar(fleet: Fleet, *, served: bool = False) -> frozenset[ObjectId]:
    """The sources and HelmCharts that come from elsewhere.

    A chart out of a Git repository or bucket, and an artifact that is copied, is made from what source-controller
    holds. A HelmRepository of ``type: oci`` has nothing to fetch, but its charts have.

    Args:
        fleet: whose sources.
        served: the repository that was read comes from beside the cluster, as ``measure`` serves it.
    """
    sources = {
        source.id
        for source in fleet.sources
        if not source.static and not (served and source.this_repository) and _comes_from_outside(source)
    }
    charts = {h.chart_id for h in fleet.helmreleases if h.source is not None and h.source.kind == HELM_REPOSITORY}
    return frozenset(sources | {chart for chart in charts if chart is not None})


def fetch_times(ids: Iterable[ObjectId], by_kind: Mapping[str, Distribution]) -> dict[ObjectId, Distribution]:
    """Each of these -> seconds from its request until all is there, the controller's own work not in it.

    Args:
        ids: :func:`from_afar`.
        by_kind: a profile's ``fetch``; what is of a kind that takes no time is left out.
    """
    return {id: time for id in ids if (time := by_kind.get(id.kind)) is not None and time.quantile(0.5) > 0.0}


def _comes_from_outside(source: Source) -> bool:
    if source.id.kind == HELM_CHART:
        return source.copied_from is not None and source.copied_from.kind == HELM_REPOSITORY
    return source.copied_from is None

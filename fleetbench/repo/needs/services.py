"""Who brings which Service: those that manifests hold, and those that a chart or an operator is likely to make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import ObjectId
from fleetbench.repo.helm.charts import Chart, release_name
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.needs.hosts import labels_of
from fleetbench.repo.nodes import Node
from fleetbench.repo.workloads import workload_of

_NO_SERVERS = frozenset({"", "apps", "batch", "external-secrets.io"})
"""API groups of workloads that make no Service."""
_Key = tuple[str | None, str]
"""Namespace and name; the namespace None: not known."""


class Services:
    """An index over a fleet: Service -> the Kustomizations and HelmReleases that bring it.

    Of a chart that was not rendered, of an operator's custom resource and of a Kustomization whose content lies
    elsewhere the Services are not known: they are called as the release (the resource, the Kustomization), or begin
    with its name and a dash, as charts and operators name them.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        releases: Iterable[tuple[HelmRelease, Manifest]],
        charts: Mapping[ObjectId, Chart],
    ):
        self._known: dict[_Key, list[ObjectId]] = {}
        self._likely: dict[_Key, list[ObjectId]] = {}
        for node in nodes:
            for manifest in node.rendered:
                self._add(manifest, manifest.namespace or node.id.namespace, node.id)
            if node.not_expanded is not None:
                self._likely.setdefault((None, node.id.name), []).append(node.id)
        for release, manifest in releases:
            chart = charts.get(release.id)
            for held in chart.manifests if chart else ():
                self._add(held, held.namespace or release.release_namespace, release.id)
            if chart is None or not chart.complete:
                override = mapping(manifest.spec, "values").get("fullnameOverride")
                for name in {release_name(manifest), release.id.name, *([str(override)] if override else [])}:
                    self._likely.setdefault((release.release_namespace, name), []).append(release.id)
        self._found: dict[tuple[str, str], dict[ObjectId, str]] = {}

    def _add(self, manifest: Manifest, namespace: str, by: ObjectId) -> None:
        if manifest.kind == "Service" and manifest.group == "":
            self._known.setdefault((namespace, manifest.name), []).append(by)
        workload = workload_of(manifest, namespace)
        if workload is not None and workload.group not in _NO_SERVERS:
            self._likely.setdefault((namespace, manifest.name), []).append(by)

    def bringing(self, host: str, namespace: str) -> Mapping[ObjectId, str]:
        """Who brings the Service that a host is to a client in a namespace -> ``namespace/name``; empty = nobody here."""
        asked = host, namespace
        if asked not in self._found:
            found: dict[ObjectId, str] = {}
            for name, other in labels_of(host):
                own = other or namespace
                for by in self._who(name, own):
                    found.setdefault(by, f"{own}/{name}")
            self._found[asked] = found
        return self._found[asked]

    def _who(self, name: str, namespace: str) -> list[ObjectId]:
        known = self._known.get((namespace, name))
        if known:
            return known
        parts = name.split("-")
        begins = ["-".join(parts[:n]) for n in range(len(parts), 0, -1)]
        return [by for begin in begins for place in (namespace, None) for by in self._likely.get((place, begin), ())]

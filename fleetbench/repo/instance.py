"""Flux as flux-operator installs it: FluxInstances, and releases of the chart that makes one.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/fluxinstance_types.go, internal/builder/templates.go syncTmpl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fleetbench.graph.fleet import BOOTSTRAP_INTERVAL_S, Source
from fleetbench.ids import BUCKET, GIT_REPOSITORY, KUSTOMIZATION, OCI_REPOSITORY, ObjectId
from fleetbench.repo.charts import coalesced, values_of
from fleetbench.repo.flag_places import line_in
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import is_helmrelease, oci_chart
from fleetbench.repo.tree import Tree, spec_path
from fleetbench.units import parse_duration

INSTANCE_GROUP = "fluxcd.controlplane.io"
INSTANCE_CHART, CONTROLLERS_CHARTS = "flux-instance", ("flux2", "flux")


def _chart(node: Node, manifest: Manifest, walk: Walk) -> str | None:
    """The chart of a HelmRelease, also where an OCIRepository names it; None for any other object."""
    if not is_helmrelease(manifest):
        return None
    reference = mapping(manifest.spec, "chartRef")
    id = manifest.id_in(node.id.namespace)
    named = ObjectId(
        str(reference.get("kind")), str(reference.get("namespace") or id.namespace), str(reference.get("name"))
    )
    source = walk.sources.get(named)
    known = None if source is None else oci_chart(source[0])[0]
    chart = mapping(manifest.spec, "chart", "spec").get("chart") or known or reference.get("name")
    return None if chart is None else str(chart)


def flux_values(node: Node, manifest: Manifest, walk: Walk) -> Mapping[str, Any]:
    """The values of a release of a chart that installs Flux; empty for any other object."""
    if _chart(node, manifest, walk) not in (INSTANCE_CHART, *CONTROLLERS_CHARTS):
        return {}
    return coalesced(values_of(manifest, manifest.id_in(node.id.namespace).namespace, walk.store))


def instance_spec(node: Node, manifest: Manifest, walk: Walk) -> Mapping[str, Any]:
    """``spec`` of a FluxInstance, or what a release of its chart makes it; empty for any other object."""
    if manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
        return manifest.spec
    return mapping(flux_values(node, manifest, walk), "instance")


def instances(walk: Walk) -> Iterator[Mapping[str, Any]]:
    """The specs of the FluxInstances: those that the repository holds, and what it gives to their chart."""
    for node, manifest in walk.manifests():
        if manifest.is_flux(INSTANCE_GROUP, "FluxInstance") or _chart(node, manifest, walk) == INSTANCE_CHART:
            yield instance_spec(node, manifest, walk)


def flux_charts(walk: Walk) -> list[Manifest]:
    """The HelmReleases that install the controllers themselves: what arguments they get is not wholly known."""
    return [m for node, m in walk.manifests() if _chart(node, m, walk) in CONTROLLERS_CHARTS]


@dataclass(frozen=True, slots=True)
class Sync:
    """The source and the Kustomization that flux-operator makes of ``spec.sync``, both of one name."""

    root: ObjectId
    source: ObjectId
    interval_s: float
    """Of the source; the Kustomization's is 10 m whatever it is."""
    file: str | None
    line: int | None


def sync_of(walk: Walk, tree: Tree, entry: str) -> Sync | None:
    """The sync of the first FluxInstance that points at a cluster path."""
    for node, manifest in walk.manifests():
        sync = mapping(instance_spec(node, manifest, walk), "sync")
        if sync.get("kind") not in (GIT_REPOSITORY, OCI_REPOSITORY, BUCKET) or spec_path(sync.get("path")) != entry:
            continue
        namespace = manifest.id_in(node.id.namespace).namespace
        if is_helmrelease(manifest):
            namespace = str(manifest.spec.get("targetNamespace") or namespace)
        name = str(sync.get("name") or namespace)
        line = line_in(tree, manifest, r"""["']?interval["']?\s*:""", after=r"""["']?sync["']?\s*:""")
        interval_s = BOOTSTRAP_INTERVAL_S
        try:
            interval_s = parse_duration(str(sync.get("interval") or "1m"))
        except ValueError:
            line = None
        return Sync(
            ObjectId(KUSTOMIZATION, namespace, name),
            ObjectId(str(sync["kind"]), namespace, name),
            interval_s,
            manifest.file,
            line or manifest.line,
        )
    return None


def assumed_source(source: Source, sync: Sync | None) -> Source:
    """The root's source, which no file holds: as flux-operator makes it, else as ``flux bootstrap`` does."""
    if sync is None or sync.source != source.id:
        return replace(source, interval_s=BOOTSTRAP_INTERVAL_S)
    return replace(source, interval_s=sync.interval_s, file=sync.file, line=sync.line)

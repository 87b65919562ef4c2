"""Flux as flux-operator installs it: FluxInstances, and releases of the chart that makes one.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/fluxinstance_types.go, internal/builder/templates.go syncTmpl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fleetbench.graph.objects import BOOTSTRAP_INTERVAL_S, Source
from fleetbench.ids import BUCKET, GIT_REPOSITORY, KUSTOMIZATION, OCI_REPOSITORY, ObjectId
from fleetbench.repo.files.tree import Tree, Unreadable, spec_path
from fleetbench.repo.files.yamltext import documents, load
from fleetbench.repo.helm.charts import coalesced, values_of
from fleetbench.repo.install.flag_places import line_in
from fleetbench.repo.kinds import INSTANCE_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP
from fleetbench.repo.kustomize.program import BuildFailed, Program
from fleetbench.repo.kustomize.shaping import selects
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import is_helmrelease, oci_chart
from fleetbench.units import parse_duration

OPERATOR_CHART, INSTANCE_CHART, CONTROLLERS_CHARTS = "flux-operator", "flux-instance", ("flux2", "flux")


_REF = {GIT_REPOSITORY: "name", OCI_REPOSITORY: "tag"}
"""What ``spec.sync.ref`` is in the source that flux-operator makes of it."""


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


def leaves_version_to_chart(node: Node, manifest: Manifest, walk: Walk) -> bool:
    """Whether it is a release of the chart flux-instance all of whose values are here, and none is a version of Flux."""
    if _chart(node, manifest, walk) != INSTANCE_CHART:
        return False
    namespace, stated = (
        manifest.id_in(node.id.namespace).namespace,
        mapping(instance_spec(node, manifest, walk), "distribution"),
    )
    asked = (ObjectId(str(r.get("kind")), namespace, str(r.get("name"))) for r in mappings(manifest.spec, "valuesFrom"))
    return not stated.get("version") and all(walk.store.get(id) is not None for id in asked)


def instance_spec(node: Node, manifest: Manifest, walk: Walk) -> Mapping[str, Any]:
    """``spec`` of a FluxInstance, or what a release of its chart makes it; empty for any other object."""
    if manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
        return manifest.spec
    return mapping(flux_values(node, manifest, walk), "instance")


def instances(walk: Walk) -> Iterator[Mapping[str, Any]]:
    """The specs of the FluxInstances: those that the repository holds, and what it gives to their chart."""
    for node, manifest in walk.installed():
        if manifest.is_flux(INSTANCE_GROUP, "FluxInstance") or _chart(node, manifest, walk) == INSTANCE_CHART:
            yield instance_spec(node, manifest, walk)


def flux_charts(walk: Walk) -> list[Manifest]:
    """The HelmReleases that install the controllers themselves: what arguments they get is not wholly known."""
    return [m for node, m in walk.installed() if _chart(node, m, walk) in CONTROLLERS_CHARTS]


@dataclass(frozen=True, slots=True)
class Sync:
    """The source and the Kustomization that flux-operator makes of ``spec.sync``, both of one name."""

    root: ObjectId
    source: ObjectId
    spec: Mapping[str, Any]
    """Of the Kustomization, with the patches of the FluxInstance."""
    source_spec: Mapping[str, Any]
    """Of the source, with the same patches."""
    file: str | None
    line: int | None

    @property
    def made(self) -> Mapping[ObjectId, Mapping[str, Any]]:
        """The source, which no file holds -> its spec."""
        return {self.source: self.source_spec}

    @property
    def interval_s(self) -> float:
        """Of the source."""
        return _interval_s(self.source_spec) or BOOTSTRAP_INTERVAL_S


def sync_of(walk: Walk, tree: Tree, entry: str, kustomize: Program) -> Sync | None:
    """The sync of the first FluxInstance that points at a cluster path.

    Args:
        walk: what was found.
        tree: the repository's files.
        entry: the cluster path.
        kustomize: puts the FluxInstance's own patches over what it makes, as flux-operator does.
    """
    for node, manifest in walk.installed():
        spec = instance_spec(node, manifest, walk)
        sync = mapping(spec, "sync")
        if sync.get("kind") not in (GIT_REPOSITORY, OCI_REPOSITORY, BUCKET):
            continue
        namespace = manifest.id_in(node.id.namespace).namespace
        if is_helmrelease(manifest):
            namespace = str(manifest.spec.get("targetNamespace") or namespace)
        name = str(sync.get("name") or namespace)
        of_root, of_source = _made(sync, namespace, name, mappings(spec, "kustomize", "patches"), kustomize)
        if spec_path(of_root.get("path")) != entry:
            continue
        line = line_in(tree, manifest, r"""["']?interval["']?\s*:""", after=r"""["']?sync["']?\s*:""")
        return Sync(
            ObjectId(KUSTOMIZATION, namespace, name),
            ObjectId(str(sync["kind"]), namespace, name),
            of_root,
            of_source,
            manifest.file,
            (line if _interval_s(sync) is not None else None) or manifest.line,
        )
    return None


def _interval_s(spec: Mapping[str, Any]) -> float | None:
    try:
        return parse_duration(str(spec.get("interval") or "1m"))
    except ValueError:
        return None


def _made(
    sync: Mapping[str, Any], namespace: str, name: str, patches: Sequence[Mapping[str, Any]], kustomize: Program
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """``spec`` of the Kustomization and of the source.

    Where kustomize refuses a patch, so does flux-operator, and installs nothing: they count as they are without.

    Source: internal/builder/templates.go syncTmpl and kustomizationTmpl (the sync is built beside the controllers, so
    that ``spec.kustomize.patches`` reach it), docs/guides/instance/instance-customization.md.
    """
    kind = str(sync["kind"])
    reference = {"kind": kind, "name": name}
    made = [
        _object(KUSTOMIZE_GROUP, KUSTOMIZATION, namespace, name, {
            "interval": "10m0s", "path": str(sync.get("path") or ""), "prune": True, "sourceRef": reference,
        }),
        _object(SOURCE_GROUP, kind, namespace, name, {
            "interval": str(sync.get("interval") or "1m"), "url": str(sync.get("url") or ""),
            **({"ref": {_REF[kind]: str(sync["ref"])}} if kind in _REF and sync.get("ref") else {}),
        }),
    ]  # fmt: skip
    wanted = [patch for patch in patches if _may_patch(patch, (KUSTOMIZATION, kind))]
    if wanted:
        files = {
            "kustomization.yaml": json.dumps({"resources": ["sync.yaml"], "patches": wanted}, default=str).encode(),
            "sync.yaml": "\n---\n".join(map(json.dumps, made)).encode(),
        }
        try:
            made = [body for _, body in documents(kustomize.run(files, "."), "sync.yaml")]
        except (BuildFailed, Unreadable):
            wanted = []
    specs = {str(body.get("kind")): mapping(body, "spec") for body in made if isinstance(body, Mapping)}
    return specs.get(KUSTOMIZATION, {}), specs.get(kind, {})


def _object(group: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _may_patch(patch: Mapping[str, Any], kinds: Sequence[str]) -> bool:
    """Whether a patch may be for one of these kinds: the others' objects, the controllers', are not built here."""
    target = mapping(patch, "target")
    if target:
        return any(selects(str(target.get("kind") or ""), kind) for kind in kinds)
    try:
        body = load(str(patch.get("patch") or ""), "patch")
    except Unreadable:
        return False
    return isinstance(body, Mapping) and body.get("kind") in kinds


def assumed_source(source: Source, sync: Sync | None) -> Source:
    """The root's source, which no file holds: as flux-operator makes it, else as ``flux bootstrap`` does."""
    if sync is None or sync.source != source.id:
        return replace(source, interval_s=BOOTSTRAP_INTERVAL_S)
    return replace(source, interval_s=sync.interval_s, file=sync.file, line=sync.line)

"""Which Flux a repository installs: what its controllers, a FluxInstance or a source of Flux's manifests say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fleetbench.graph.objects import FluxVersion
from fleetbench.graph.release import RELEASES, minor_of, release_of
from fleetbench.ids import GIT_REPOSITORY, OCI_REPOSITORY
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.install.flag_places import line_in
from fleetbench.repo.install.instance import instance_spec, leaves_version_to_chart
from fleetbench.repo.install.own_manifests import is_applied, is_artifact_of_flux, version_of_base, version_of_source
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping, mappings
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import is_source

_VERSION_LABEL, _PART_OF_LABEL = "app.kubernetes.io/version", "app.kubernetes.io/part-of"
"""Labels that ``flux install`` and flux-operator set on all they make: fluxcd/flux2 v2.9.4 pkg/manifestgen/labels.go."""
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+)?([-+].*)?")
_RANGE = re.compile(r"[<>=!~^,|\s]*v?\d+(\.[\dxX*]+)*[\w.*+<>=!~^,|\s-]*")
_BY_CHART = "2.x"
"""The version that the chart flux-instance asks for by default: controlplaneio-fluxcd/charts charts/flux-instance values.yaml."""
_AHEAD = {"kustomize-controller": 0, "source-controller": 0, "helm-controller": 3}
"""How far the minor version of Flux is ahead of a controller's own, from Flux 2.3 (kustomize-controller 1.3,
source-controller 1.3, helm-controller 1.0) to 2.9 (1.9, 1.9, 1.6): fluxcd/flux2 manifests/bases of each release."""


_EMBEDDED = ((53, "2.9"), (42, "2.8"), (30, "2.7"), (21, "2.6"), (15, "2.5"), (10, "2.4"), (1, "2.3"))
"""Minor version of flux-operator -> the newest Flux that its distribution artifact holds (controlplaneio-fluxcd/flux-operator,
config/data/flux of each release up to v0.58.1); it takes versions from there alone (internal/builder/semver.go
MatchVersionWithEmbedded)."""


def newest_in(artifact: str) -> str | None:
    """The newest Flux in a distribution artifact of flux-operator; None = its address states no release of it.

    >>> newest_in("oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests:v0.46.0")
    '2.8'
    """
    tag = re.search(r"/flux-operator-manifests:v?0\.(\d+)\.\d+", artifact)
    return None if tag is None else next((flux for since, flux in _EMBEDDED if int(tag[1]) >= since), None)


def flux_version(walk: Walk, tree: Tree) -> FluxVersion | None:
    """The Flux that a fleet's objects install; None = they do not say.

    What is most explicit holds: the version that a FluxInstance asks for, the label on the controllers, the release of
    Flux's own manifests (a remote base, a GitRepository, an OCIRepository), and only then the tags of the images.
    """
    found = sorted(_said(walk, tree), key=lambda said: said[0])
    return found[0][1] if found else None


def _said(walk: Walk, tree: Tree) -> Iterator[tuple[int, FluxVersion]]:
    for node, manifest in walk.installed():
        for rank, version, pattern in _of(node, manifest, walk):
            yield rank, FluxVersion(version, manifest.file, line_in(tree, manifest, pattern) or manifest.line)
        if leaves_version_to_chart(node, manifest, walk):
            yield (
                0,
                FluxVersion(
                    _BY_CHART, manifest.file, manifest.line, f"the default of its chart: {RELEASES[-1]} is the newest"
                ),
            )
    for node in walk.appliers():
        for base in node.build.bases if node.build else ():
            released = version_of_base(base.text)
            if released is not None and _VERSION.fullmatch(released):
                yield 3, FluxVersion(released, base.file, base.line)


def _of(node: Node, manifest: Manifest, walk: Walk) -> Iterator[tuple[int, str, str]]:
    """Rank, version, and the pattern of the line that says it."""
    distribution = mapping(instance_spec(node, manifest, walk), "distribution")
    asked, newest = distribution.get("version"), newest_in(str(distribution.get("artifact") or ""))
    if newest is not None and (not asked or minor_of(release_of(str(asked))[0]) > minor_of(newest)):
        yield 0, f"{newest}.x", re.escape(str(distribution["artifact"]))
    elif asked:
        yield 0, str(asked), r"""["']?version["']?\s*:\s*["']?""" + re.escape(str(asked))
    if manifest.kind == "Deployment" and manifest.name in CONTROLLERS:
        yield from _of_controller(manifest)
    elif manifest.kind == "Namespace" and (version := _labelled(manifest)) is not None:
        yield 2, version, rf"# Flux Version: {re.escape(version)}\s*$"
    elif is_source(manifest) and _is_of_flux(node, manifest, walk):
        version = version_of_source(manifest)
        if version is not None and _RANGE.fullmatch(version):
            yield 3, version, re.escape(version)


def _is_of_flux(node: Node, source: Manifest, walk: Walk) -> bool:
    """Whether a source is of Flux's manifests: an artifact holds nothing else, of the repository some path is applied."""
    if source.kind == OCI_REPOSITORY:
        return is_artifact_of_flux(source)
    return source.kind == GIT_REPOSITORY and is_applied(source.id_in(node.id.namespace), walk)


def _of_controller(deployment: Manifest) -> Iterator[tuple[int, str, str]]:
    version = _labelled(deployment)
    if version is not None:
        yield 1, version, rf"# Flux Version: {re.escape(version)}\s*$"
    for image in _images(deployment):
        release = release_of_image(deployment.name, image)
        if release is not None:
            yield 4 + (deployment.name != "kustomize-controller"), release, re.escape(image)


def _labelled(manifest: Manifest) -> str | None:
    """The version that ``flux install`` put on what it made; at first it did not say that it is a part of Flux."""
    labels = mapping(manifest.metadata, "labels")
    version = str(labels.get(_VERSION_LABEL) or "")
    made = labels.get(_PART_OF_LABEL) == "flux" or any(_tag(manifest.name, image) for image in _images(manifest))
    return version if made and _VERSION.fullmatch(version) else None


def _images(deployment: Manifest) -> list[str]:
    containers = mappings(deployment.spec, "template", "spec", "containers")
    return [str(container.get("image") or "") for container in containers]


def _tag(controller: str, image: str) -> tuple[int, int] | None:
    """Major and minor version in the tag of a controller's image; None = it is another image, or its tag is no version."""
    tag = re.search(rf"/{re.escape(controller)}:v?(\d+)\.(\d+)\.\d+", image)
    return None if tag is None else (int(tag[1]), int(tag[2]))


def flux_of_controllers(deployments: Iterable[Manifest]) -> FluxVersion | None:
    """The Flux that the controllers' Deployments of a cluster belong to, and which says so; None = they do not say."""
    found = sorted((said, d.file or "") for d in deployments if d.name in CONTROLLERS for said in _of_controller(d))
    if not found:
        return None
    (_, version, _), file = found[0]
    return FluxVersion(version, file or None)


def release_of_image(controller: str, image: str) -> str | None:
    """The Flux release that a controller's image came with; None = its tag does not say.

    >>> release_of_image("kustomize-controller", "ghcr.io/fluxcd/kustomize-controller:v1.7.3")
    'v2.7'
    >>> release_of_image("helm-controller", "ghcr.io/fluxcd/helm-controller:v1.6.3@sha256:00")
    'v2.9'
    >>> release_of_image("source-controller", "ghcr.io/fluxcd/source-controller:v0.7.4")
    '<2.0'
    """
    major, minor = _tag(controller, image) or (None, 0)
    if controller not in _AHEAD or major not in (0, 1):
        return None
    return f"v2.{minor + _AHEAD[controller]}" if major else f"<2.{_AHEAD[controller]}"

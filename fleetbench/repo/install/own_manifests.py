"""Flux's own manifests where they are read from elsewhere: they hold its controllers and CRDs, nothing that they reconcile.

Source: fluxcd/flux2 v2.9.4 manifests/install/kustomization.yaml (bases, policies, rbac); .github/workflows/release.yaml
pushes the same to ghcr.io/fluxcd/flux-manifests and as install.yaml of a release. manifests/monitoring, which is gone
since, is not among it: it held a HelmRelease.
"""

from __future__ import annotations

import re

from fleetbench.ids import GIT_REPOSITORY, OCI_REPOSITORY, ObjectId
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.objects import oci_chart

_REPOSITORY = re.compile(r"(?:^|[/@.])github\.com[/:]fluxcd/flux2(?:\.git)?/*$", re.I)
_PATH = re.compile(r"manifests/(?:install|bases|crds|policies|rbac|openshift)(?:/|$)")
_BASE = re.compile(
    r"(?:github|githubusercontent)\.com[/:]fluxcd/flux2(?:\.git)?/"
    r"(?:releases/(?:latest/)?download/(?:(?P<released>[^/]+)/)?install\.yaml|"
    r"/?(?P<raw>v\d[^/]*/)?manifests/(?:install|bases|crds|policies|rbac|openshift)\b[^?]*(?:\?(?P<query>.*))?)$",
    re.I,
)
_REF = re.compile(r"(?:^|&)(?:ref|version)=([^&]+)")


def is_of_flux_alone(node: Node, walk: Walk) -> bool:
    """Whether a Kustomization, whose content is not here, applies Flux's own manifests."""
    found = None if node.source is None else walk.sources.get(node.source)
    if found is None:
        return False
    source = found[0]
    if source.kind == OCI_REPOSITORY:
        return is_artifact_of_flux(source)
    is_git = source.kind == GIT_REPOSITORY and _REPOSITORY.search(str(source.spec.get("url") or ""))
    return bool(is_git) and _PATH.match(node.directory) is not None


def is_artifact_of_flux(source: Manifest) -> bool:
    """Whether an OCIRepository is of the artifact in which each release's manifests are pushed."""
    return oci_chart(source)[0] == "flux-manifests"


def is_base_of_flux(url: str) -> bool:
    """Whether a remote base is of Flux's own manifests.

    >>> is_base_of_flux("https://github.com/fluxcd/flux2/releases/latest/download/install.yaml")
    True
    >>> is_base_of_flux("github.com/fluxcd/flux2//manifests/monitoring?ref=v0.30.0")
    False
    """
    return _BASE.search(url) is not None


def version_of_base(url: str) -> str | None:
    """The release whose manifests a remote base holds; None = it does not say.

    >>> version_of_base("https://github.com/fluxcd/flux2/releases/download/v2.7.3/install.yaml")
    'v2.7.3'
    >>> version_of_base("github.com/fluxcd/flux2//manifests/install?ref=v2.7.3&timeout=90s")
    'v2.7.3'
    >>> version_of_base("https://raw.githubusercontent.com/fluxcd/flux2/v2.7.3/manifests/install/kustomization.yaml")
    'v2.7.3'
    """
    found = _BASE.search(url)
    if found is None:
        return None
    reference = _REF.search(found["query"] or "")
    return found["released"] or (found["raw"] or "").rstrip("/") or (reference[1] if reference else None)


def version_of_source(source: Manifest) -> str | None:
    """The release, or the range of releases, that a source of Flux's manifests is pinned to; None = it does not say.

    Source: source-controller v1.9.3 api/v1/gitrepository_types.go GitRepositoryRef: a commit goes before a name, that before
    a range, that before a tag.
    """
    if source.kind == OCI_REPOSITORY:
        return oci_chart(source)[1]
    reference = mapping(source.spec, "ref")
    if reference.get("commit"):
        return None
    name = str(reference.get("name") or "")
    said = name.removeprefix("refs/tags/") if name else reference.get("semver") or reference.get("tag")
    return None if said is None else str(said)


def is_applied(source: ObjectId, walk: Walk) -> bool:
    """Whether some Kustomization applies Flux's own manifests from a source."""
    return any(node.source == source and is_of_flux_alone(node, walk) for node in walk.nodes.values())

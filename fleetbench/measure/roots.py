"""The two objects whose creation starts a rollout: the root's source and the root Kustomization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.measure.manifests import flux_object, kustomization
from fleetbench.repo.kinds import KUSTOMIZE_GROUP, SOURCE_GROUP
from fleetbench.units import go_duration

BRANCH = "main"
"""Of what is served."""


def root_objects(
    fleet: Fleet,
    url: str | None,
    api_versions: Mapping[str, str],
    held: Mapping[ObjectId, Mapping[str, Any]] | None = None,
    keep_ref: bool = False,
) -> list[dict[str, Any]]:
    """The root's source and the root Kustomization whose creation is t0.

    What the repository holds is created as it stands there: anything written differently would be changed back by the
    root's first apply of itself, a new generation that starts its reconcile again.

    Args:
        fleet: the fleet that is rolled out.
        url: where the source is to be read; None = where its document says.
        api_versions: group -> apiVersion of an object that no document states.
        held: their documents (:func:`fleetbench.measure.subject.held`); what is missing there is written from the fleet.
        keep_ref: of a document keep ``spec.ref``, else it is the served branch.

    Raises:
        InputError: the repository does not hold the source, and it is none that could be made up.
    """
    held = held or {}
    root = fleet.kustomization(fleet.root)
    assert root is not None and root.source is not None
    return [
        _root_source(fleet, root.source, url, api_versions, held.get(root.source), keep_ref),
        _plain(held[root.id]) if root.id in held else kustomization(root, api_versions.get(KUSTOMIZE_GROUP)),
    ]


def _root_source(
    fleet: Fleet,
    id: ObjectId,
    url: str | None,
    api_versions: Mapping[str, str],
    document: Mapping[str, Any] | None,
    keep_ref: bool,
) -> dict[str, Any]:
    if document is not None:
        body = _plain(document)
        return body if url is None else {**body, "spec": pointed_at(body.get("spec") or {}, url, keep_ref)}
    if url is None or id.kind != GIT_REPOSITORY:
        raise InputError(
            f"the root's source {id} is in no file of the repository, so it cannot be created",
            "create it in the cluster first, and the root with it",
        )
    source = fleet.source(id)
    return git_repository(id, url, 60.0 if source is None else source.interval_s, api_versions.get(SOURCE_GROUP))


def pointed_at(spec: Mapping[str, Any], url: str, keep_ref: bool = False) -> dict[str, Any]:
    """A GitRepository's spec that reads another address, without what gives access to its own."""
    found = {name: value for name, value in spec.items() if name not in NO_ACCESS}
    return {**found, "url": url, "ref": spec.get("ref") if keep_ref and spec.get("ref") else {"branch": BRANCH}}


NO_ACCESS = ("secretRef", "proxySecretRef", "provider", "verify")
"""Fields of a GitRepository that name what the served copy neither needs nor has."""


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it can be created: what the cluster itself writes is not taken along."""
    return {name: value for name, value in document.items() if name != "status"}


def git_repository(id: ObjectId, url: str, interval_s: float, api_version: str | None = None) -> dict[str, Any]:
    """A GitRepository of the served branch."""
    spec = {"url": url, "interval": go_duration(interval_s), "ref": {"branch": BRANCH}}
    return flux_object(id, spec, api_version)

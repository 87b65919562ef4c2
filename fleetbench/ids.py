"""The name of an object in a cluster, ordered and hashable, and how people write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

KUSTOMIZATION = "Kustomization"
HELM_RELEASE = "HelmRelease"
HELM_CHART = "HelmChart"
GIT_REPOSITORY = "GitRepository"
OCI_REPOSITORY = "OCIRepository"
HELM_REPOSITORY = "HelmRepository"
BUCKET = "Bucket"
EXTERNAL_ARTIFACT = "ExternalArtifact"
CRD = "CustomResourceDefinition"

SOURCE_KINDS = (GIT_REPOSITORY, OCI_REPOSITORY, HELM_REPOSITORY, HELM_CHART, BUCKET, EXTERNAL_ARTIFACT)

CONTROLLERS = SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER, HELM_CONTROLLER = (
    "source-controller", "kustomize-controller", "helm-controller",
)  # fmt: skip

NOTIFICATION_CONTROLLER = "notification-controller"
"""Takes the events of the others; it reconciles nothing that a rollout waits for."""


def controller_of(kind: str) -> str:
    """The controller that reconciles a kind."""
    return {KUSTOMIZATION: KUSTOMIZE_CONTROLLER, HELM_RELEASE: HELM_CONTROLLER}.get(kind, SOURCE_CONTROLLER)


class ObjectId(NamedTuple):
    """Kind, namespace and name; the namespace is empty for what the cluster keeps outside namespaces."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """``Kind/ns/name``; ``Kind//name`` for what has no namespace."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def key(self) -> str:
        """``ns/name``: how a Kustomization or HelmRelease is named where the kind is clear."""
        return f"{self.namespace}/{self.name}"


def say(id: ObjectId) -> str:
    """An object as people name it, and as :func:`parse_reference` reads it: a Kustomization without its kind.

    >>> say(ObjectId(KUSTOMIZATION, "flux-system", "traefik")), say(ObjectId(HELM_RELEASE, "traefik", "traefik"))
    ('flux-system/traefik', 'HelmRelease/traefik/traefik')
    >>> say(ObjectId("ClusterIssuer", "", "letsencrypt"))
    'ClusterIssuer/letsencrypt'
    """
    if id.kind == KUSTOMIZATION:
        return id.key.lstrip("/")
    return str(id) if id.namespace else f"{id.kind}/{id.name}"


def some(names: Sequence[str], most: int) -> str:
    """The first few names, and how many more there are.

    >>> some(["a", "b", "c"], 2), some(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def parse_object(text: str, kind: str = KUSTOMIZATION) -> ObjectId:
    """Read OBJECT as commands and files write it: ``ns/name`` (of ``kind``) or ``Kind/ns/name``.

    Raises:
        ValueError: neither form.

    >>> str(parse_object("flux-system/traefik")), str(parse_object("HelmRelease/traefik/traefik"))
    ('Kustomization/flux-system/traefik', 'HelmRelease/traefik/traefik')
    """
    parts = text.split("/")
    if len(parts) == 2 and all(parts):
        return ObjectId(kind, parts[0], parts[1])
    if len(parts) == 3 and parts[0] and parts[2]:
        return ObjectId(parts[0], parts[1], parts[2])
    raise ValueError(f"got {text[:80]!r}, wanted ns/name (a Kustomization) or Kind/ns/name")


def parse_reference(text: str) -> ObjectId:
    """Read OBJECT as somebody types it: also ``name`` and ``Kind/name``, which leave the namespace empty.

    A namespace has no capital letter (RFC 1123), a kind begins with one.

    Raises:
        ValueError: no form of OBJECT.

    >>> parse_reference("n8n"), parse_reference("HelmRelease/n8n").namespace
    (ObjectId(kind='Kustomization', namespace='', name='n8n'), '')
    """
    first, *rest = text.split("/")
    if first and not rest:
        return ObjectId(KUSTOMIZATION, "", first)
    if first[:1].isupper() and len(rest) == 1 and rest[0]:
        return ObjectId(first, "", rest[0])
    return parse_object(text)

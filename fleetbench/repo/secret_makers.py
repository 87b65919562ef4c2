"""Which custom resources a controller makes a Secret of, and what that is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from fleetbench.ids import ObjectId
from fleetbench.repo.label_selector import Term
from fleetbench.repo.manifest import Manifest, mapping, mappings

SECRET_MAKERS = ("ExternalSecret", "SealedSecret", "Certificate")
"""Kinds of which a controller makes a Secret."""
CLUSTER_EXTERNAL_SECRET = "ClusterExternalSecret"
"""The kind of which external-secrets makes an ExternalSecret in each namespace that it selects."""
_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has: its name (Kubernetes v1.34.4 pkg/apis/core/v1/defaults.go SetDefaults_Namespace)."""


def made_secret(manifest: Manifest) -> str:
    """The Secret that an ExternalSecret, SealedSecret or Certificate makes."""
    if manifest.kind == "Certificate":
        return str(manifest.spec.get("secretName") or manifest.name)
    place = (
        mapping(manifest.spec, "target")
        if manifest.kind == "ExternalSecret"
        else mapping(manifest.spec, "template", "metadata")
    )
    return str(place.get("name") or manifest.name)


def external_secret_for(cluster_wide: Manifest, secret: ObjectId) -> Manifest | None:
    """The ExternalSecret of which a ClusterExternalSecret has a Secret made; None = it does not.

    A selector selects every namespace whose name it does not exclude: which other labels those will have is not known.

    Source: external-secrets 04c4bf06 pkg/controllers/clusterexternalsecret/clusterexternalsecret_controller.go Reconcile,
    getTargetNamespaces.
    """
    spec = cluster_wide.spec
    metadata = {"name": spec.get("externalSecretName") or cluster_wide.name, "namespace": secret.namespace}
    body = {"kind": "ExternalSecret", "metadata": metadata, "spec": mapping(spec, "externalSecretSpec")}
    made = replace(cluster_wide, body={**cluster_wide.body, **body})
    named = spec.get("namespaces")
    selected = isinstance(named, list) and secret.namespace in named
    selected = selected or any(_may_select(selector, secret.namespace) for selector in _selectors(spec))
    return made if secret.kind == "Secret" and selected and made_secret(made) == secret.name else None


def _selectors(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    one = spec.get("namespaceSelector")
    return [*mappings(spec, "namespaceSelectors"), *([one] if isinstance(one, Mapping) else [])]


def _may_select(selector: Mapping[str, Any], namespace: str) -> bool:
    return all(term.key != _NAME or term.holds({_NAME: namespace}) for term in _terms(selector))


def _terms(selector: Mapping[str, Any]) -> Iterator[Term]:
    for key, value in mapping(selector, "matchLabels").items():
        yield Term(str(key), frozenset({str(value)}), True)
    for expression in mappings(selector, "matchExpressions"):
        values, operator = expression.get("values"), expression.get("operator")
        among = frozenset(map(str, values)) if isinstance(values, list) and values else None
        yield Term(str(expression.get("key")), among, operator in ("In", "Exists"))

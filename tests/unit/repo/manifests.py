"""Manifests as text, written the short way."""

from __future__ import annotations

import json
from typing import Any

from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.repo import Reading


def flux(
    name: str, path: str, *, namespace: str | None = "flux-system", source: str = "flux-system", **spec: Any
) -> str:
    """A Flux Kustomization."""
    return _yaml(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        name,
        namespace,
        {
            "interval": "10m",
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": source},
            **spec,
        },
    )


def release(
    name: str, *, namespace: str | None = "apps", chart: str = "app", source: str = "charts", **spec: Any
) -> str:
    """A HelmRelease whose chart comes from a HelmRepository."""
    reference = {"kind": "HelmRepository", "name": source}
    return _yaml(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        name,
        namespace,
        {"interval": "10m", "chart": {"spec": {"chart": chart, "sourceRef": reference}}, **spec},
    )


def obj(api_version: str, kind: str, name: str, *, namespace: str | None = None, **rest: Any) -> str:
    """Any object; ``rest`` are its top-level fields."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
    return json.dumps(body, indent=1) + "\n"


def git(name: str = "flux-system", namespace: str = "flux-system", **spec: Any) -> str:
    """A GitRepository."""
    return obj(
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        name,
        namespace=namespace,
        spec={"interval": "1m", "url": "https://example.test/fleet", **spec},
    )


def config_map(name: str, namespace: str | None = None, **data: str) -> str:
    """A ConfigMap."""
    return obj("v1", "ConfigMap", name, namespace=namespace, data=data)


def kustomization(*resources: str, **fields: Any) -> str:
    """A kustomization.yaml."""
    body = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
        **fields,
    }
    return json.dumps(body, indent=1) + "\n"


def both(*texts: str) -> str:
    """Several documents in one file."""
    return "---\n".join(texts)


def ks_id(key: str) -> ObjectId:
    """A Kustomization's id from ``ns/name``, or from a name in flux-system."""
    namespace, _, name = key.rpartition("/")
    return ObjectId(KUSTOMIZATION, namespace or "flux-system", name)


def edges(reading: Reading) -> dict[str, list[str]]:
    """Kustomization -> what it depends on, as ``ns/name``."""
    return {k.id.key: [d.target.key for d in k.depends_on] for k in reading.fleet.kustomizations}


def parents(reading: Reading) -> dict[str, str | None]:
    """Kustomization -> its parent, as ``ns/name``."""
    return {k.id.key: None if k.parent is None else k.parent.key for k in reading.fleet.kustomizations}


def codes(reading: Reading) -> list[str]:
    """The codes of a reading's findings."""
    return [f.code for f in reading.findings]


def _yaml(api_version: str, kind: str, name: str, namespace: str | None, spec: dict[str, Any]) -> str:
    return obj(api_version, kind, name, namespace=namespace, spec=spec)

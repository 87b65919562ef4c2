"""Write a fleet from a short description, in the shape of the fleets that traces were recorded of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.repo.manifests import kustomization, obj

SERVICES: list[dict[str, Any]] = [
    {"name": "base", "wait": True, "interval": "10m", "timeout": "8m", "retryInterval": "1m", "pods": [36.5, 32.3]},
    {
        "name": "release",
        "dependsOn": ["base"],
        "wait": True,
        "interval": "10m",
        "helm": [{"name": "h1", "pods": [3.8]}],
    },
    {
        "name": "loose",
        "dependsOn": ["base", "release"],
        "wait": False,
        "interval": "5m",
        "timeout": "1m",
        "pods": [24.9],
    },
    {"name": "empty", "interval": "10m"},
    {
        "name": "two",
        "interval": "10m",
        "helm": [{"name": "h2", "dependsOn": ["h3"], "pods": [21.4, 0.5]}, {"name": "h3", "pods": []}],
    },
]
NESTED: list[dict[str, Any]] = [
    {"name": "p0", "wait": True, "interval": "10m", "timeout": "2m", "retryInterval": "30s"},
    {"name": "p1", "wait": True, "interval": "10m", "timeout": "2m", "retryInterval": "30s", "dependsOn": ["p0"]},
    {"name": "p0c0", "parent": "p0", "wait": True, "interval": "10m", "pods": [3.6]},
    {"name": "p0c1", "parent": "p0", "wait": True, "interval": "10m", "dependsOn": ["p0c0"], "pods": [8.9, 7.1]},
    {"name": "p1c0", "parent": "p1", "wait": False, "interval": "10m", "dependsOn": ["p0c1"], "pods": [2.3]},
]


def write_fleet(services: list[dict[str, Any]], root: Path) -> None:
    """Write the services below ``clusters/dev`` and ``apps``, charts below ``charts``."""

    def put(path: str, text: str) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    lists: dict[str, list[str]] = {"clusters/dev": []}
    for service in services:
        folder = f"apps/{service['parent']}" if service.get("parent") else "clusters/dev"
        lists.setdefault(folder, []).append(f"{service['name']}.yaml")
        put(f"{folder}/{service['name']}.yaml", _service(service))
        held = lists.setdefault(f"apps/{service['name']}", [])
        for i, seconds in enumerate(service.get("pods", [])):
            put(f"apps/{service['name']}/d{i}.yaml", _deployment(f"{service['name']}-{i}", seconds))
            held.append(f"d{i}.yaml")
        for helm in service.get("helm", []):
            put(f"apps/{service['name']}/hr-{helm['name']}.yaml", _release(helm))
            held.append(f"hr-{helm['name']}.yaml")
            pods = [_deployment(f"{helm['name']}-{i}", s) for i, s in enumerate(helm["pods"])]
            put(f"charts/{helm['name']}/Chart.yaml", f"apiVersion: v2\nname: {helm['name']}\nversion: 1.0.0\n")
            put(f"charts/{helm['name']}/templates/d.yaml", "---\n".join(pods) or "{}")
    for folder, names in lists.items():
        put(f"{folder}/kustomization.yaml", kustomization(*names))


def _service(service: dict[str, Any]) -> str:
    spec = {
        "interval": service["interval"],
        "path": f"./apps/{service['name']}",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        "wait": service.get("wait", True),
        **{k: service[k] for k in ("timeout", "retryInterval") if k in service},
        **({"dependsOn": [{"name": d} for d in service["dependsOn"]]} if service.get("dependsOn") else {}),
    }
    return obj("kustomize.toolkit.fluxcd.io/v1", "Kustomization", service["name"], namespace="flux-system", spec=spec)


def _release(helm: dict[str, Any]) -> str:
    reference = {"kind": "GitRepository", "name": "flux-system"}
    spec = {
        "interval": "10m",
        "timeout": "15m",
        "targetNamespace": "default",
        "dependsOn": [{"name": d} for d in helm.get("dependsOn", [])],
        "chart": {"spec": {"chart": f"./charts/{helm['name']}", "sourceRef": reference}},
    }
    return obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", helm["name"], namespace="flux-system", spec=spec)


def _deployment(name: str, seconds: float) -> str:
    annotations = {"pod-ready.stage.kwok.x-k8s.io/delay": f"{round(seconds * 1000)}ms"}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "c", "image": "fake"}]}}
    spec = {"replicas": 1, "progressDeadlineSeconds": 3600, "template": template}
    return obj("apps/v1", "Deployment", name, namespace="default", spec=spec)

"""How long reading a repository takes: the reference fleet, and 200 Kustomizations that all need kustomize.

Run it as ``python tests/benchmarks/read_repository.py [COUNT]``; it prints seconds and asserts nothing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from fleetbench.repo import read_repository

FLEET = Path(__file__).parents[2] / "graphs" / "fleet-infra"
REFERENCE = "clusters/stages/dev/clusters/services-amer"
PATCH = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: _
spec:
  install:
    remediation:
      retries: 3
"""


def write_fleet(root: Path, count: int) -> None:
    """One Kustomization an app, each with a release, a generated ConfigMap, a shared component and the root's patch."""

    def put(path: str, body: object) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body if isinstance(body, str) else json.dumps(body, indent=1))

    def flux(name: str, path: str, **spec: object) -> dict[str, object]:
        reference = {"kind": "GitRepository", "name": "flux-system"}
        return {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"interval": "1h", "path": path, "prune": True, "sourceRef": reference, **spec},
        }

    helm = {"patch": PATCH, "target": {"kind": "HelmRelease"}}
    add = {
        "patch": json.dumps([{"op": "add", "path": "/spec/patches", "value": [helm]}]),
        "target": {"kind": "Kustomization"},
    }
    put("clusters/c/apps.yaml", flux("apps", "./apps", patches=[add]))
    source = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "spec": {"interval": "1h"}}
    put("clusters/c/source.yaml", {**source, "metadata": {"name": "app", "namespace": "flux-system"}})
    put("apps/kustomization.yaml", {"resources": [f"app-{n:03d}.yaml" for n in range(count)]})
    put(
        "components/quota/kustomization.yaml",
        {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "resources": ["quota.yaml"]},
    )
    put(
        "components/quota/quota.yaml",
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {}},
    )
    for n in range(count):
        name = f"app-{n:03d}"
        depends_on = [{"name": f"app-{n // 2:03d}"}] if n else []
        variables = {"substitute": {"APP": name}}
        spec = {
            "targetNamespace": name,
            "dependsOn": depends_on,
            "components": ["../../components/quota"],
            "postBuild": variables,
        }
        put(f"apps/{name}.yaml", flux(name, f"./services/{name}", **spec))
        put(
            f"services/{name}/kustomization.yaml",
            {
                "resources": ["release.yaml"],
                "configMapGenerator": [{"name": "values", "files": ["values.yaml"]}],
                "generatorOptions": {"disableNameSuffixHash": True},
            },
        )
        put(f"services/{name}/values.yaml", "controllers:\n  main:\n    replicas: 1\n" * 20)
        put(
            f"services/{name}/release.yaml",
            {
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": {"name": "${APP}"},
                "spec": {
                    "interval": "1h",
                    "chartRef": {"kind": "OCIRepository", "name": "app", "namespace": "flux-system"},
                },
            },
        )


def timed(what: str, root: Path, cluster_path: str) -> None:
    """Read once and print what it took."""
    start, used = time.perf_counter(), _processor_s()
    reading = read_repository(root, cluster_path)
    took_s, used_s = time.perf_counter() - start, _processor_s() - used
    objects = len(reading.fleet.kustomizations), len(reading.fleet.helmreleases)
    print(
        f"{what:<34} {took_s:6.2f} s ({used_s:5.2f} s of processors)  {objects[0]} Kustomizations, {objects[1]} HelmReleases, {reading.builds_run} built"
    )


def _processor_s() -> float:
    """Processor time of this process and of the programs it ran: what a busy machine does not stretch."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main(count: int) -> None:
    """Time cold and warm reads."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        if FLEET.is_dir():
            timed("reference fleet, cold", FLEET, REFERENCE)
            timed("reference fleet, warm", FLEET, REFERENCE)
        write_fleet(Path(folder) / "fleet", count)
        timed(f"{count} Kustomizations, cold", Path(folder) / "fleet", "clusters/c")
        timed(f"{count} Kustomizations, warm", Path(folder) / "fleet", "clusters/c")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)

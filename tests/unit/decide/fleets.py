"""Random fleets whose needs are known, in memory and as repositories on disk."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Need
from fleetbench.ids import ObjectId
from tests.builders import fleet, ks, ks_id


def needs_of(seed: int) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, float]]:
    """Names -> declared dependencies; names -> what they need (always reachable through the declared); durations."""
    rng = random.Random(seed)
    names = [f"app-{n}" for n in range(rng.randint(4, 9))]
    declared: dict[str, list[str]] = {}
    needed: dict[str, list[str]] = {}
    above: dict[str, set[str]] = {}
    for n, name in enumerate(names):
        declared[name] = sorted(rng.sample(names[:n], rng.randint(0, min(n, 3))))
        above[name] = set(declared[name]).union(*(above[d] for d in declared[name]))
        needed[name] = sorted(x for x in above[name] if rng.random() < 0.35)
    return declared, needed, {name: rng.choice([5.0, 20.0, 60.0, 200.0]) for name in names}


def crd(name: str) -> str:
    return f"{name.replace('-', '')}s.example.com"


def random_fleet(seed: int) -> tuple[Fleet, dict[str, list[str]], dict[str, float]]:
    """A fleet of Kustomizations that wait; some of them hold a custom resource of another's CRD."""
    declared, needed, durations = needs_of(seed)
    objects = []
    for name, dependencies in declared.items():
        wants = tuple(
            Need(f"CustomResourceDefinition {crd(n)}", ObjectId("Deployment", "default", name), ks_id(n), "apply")
            for n in needed[name]
        )
        k = ks(name, *dependencies)
        objects.append(replace(k, needs=wants, objects=(ObjectId("Deployment", "default", name),)))
    return fleet(*objects), needed, durations


SYNC = """apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m0s, url: "https://example.com/fleet"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./clusters/x
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
"""
CONTROLLERS = "".join(
    f"""---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: flux-system}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: manager
          args: ["--log-level=info"]
"""
    for name in ("kustomize-controller", "helm-controller", "source-controller")
)


def write_repository(root: Path, seed: int) -> dict[str, list[str]]:
    """The random fleet as files, with comments; the controllers' Deployments are in flux-system.

    Returns:
        Names -> names of what they need.
    """
    declared, needed, durations = needs_of(seed)
    flux = root / "clusters/x/flux-system"
    flux.mkdir(parents=True)
    (flux / "gotk-sync.yaml").write_text(SYNC)
    (flux / "gotk-components.yaml").write_text(CONTROLLERS)
    (flux / "kustomization.yaml").write_text(
        "# what flux bootstrap wrote\nresources:\n- gotk-components.yaml\n- gotk-sync.yaml\n"
    )
    (root / "clusters/x/kustomization.yaml").write_text(
        "resources:\n- flux-system\n" + "".join(f"- {name}.yaml\n" for name in declared)
    )
    for name, dependencies in declared.items():
        (root / f"clusters/x/{name}.yaml").write_text(_flux_kustomization(name, dependencies))
        app = root / "apps" / name
        app.mkdir(parents=True)
        (app / "all.yaml").write_text(_content(name, needed[name], durations[name]))
        (app / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    return needed


def _flux_kustomization(name: str, dependencies: list[str]) -> str:
    listed = "".join(f"    - name: {d}  # {name} comes after {d}\n" for d in dependencies)
    return (
        f"# {name}\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n"
        f"  namespace: flux-system\nspec:\n  interval: 10m0s # often enough\n  path: ./apps/{name}\n  prune: true\n  wait: true\n"
        f"  timeout: 30m0s\n  retryInterval: 1m0s\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
        + (f"  dependsOn:\n{listed}" if dependencies else "")
    )


def _content(name: str, needed: list[str], seconds: float) -> str:
    kind = name.replace("-", "").capitalize()
    text = (
        f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {crd(name)}}}\nspec:\n"
        f"  group: example.com\n  scope: Namespaced\n  names: {{kind: {kind}, plural: {crd(name).split('.')[0]}}}\n  versions: []\n"
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: default}}\nspec:\n"
        f"  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n"
        f"      annotations: {{pod-ready.stage.kwok.x-k8s.io/delay: {seconds:g}s}}\n    spec: {{containers: [{{name: a, image: a:1}}]}}\n"
    )
    for n in needed:
        kind = n.replace("-", "").capitalize()
        text += f"---\napiVersion: example.com/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\n"
    return text

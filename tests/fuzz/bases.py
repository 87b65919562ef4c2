"""What is mutated: the reference fleet and its graphs, measured traces, and a small repository that uses everything."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "graphs" / "fleet-infra"
REFERENCE_ENTRIES = ("clusters/stages/dev/clusters/services-amer", "clusters/stages/prod/clusters/services-amer")
TRACES = ROOT / "tests" / "traces"

_FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
SMALL: dict[str, str] = {
    "clusters/dev/sync.yaml": (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n"
        "spec: {interval: 1m, url: https://127.0.0.1:9/x.git}\n---\n"
        + _FLUX
        + "metadata: {name: flux-system, namespace: flux-system}\n"
        "spec:\n  interval: 10m\n  path: ./clusters/dev\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
        "  postBuild: {substitute: {size: '2', region: eu}}\n"
    ),
    "clusters/dev/apps.yaml": "---\n".join(
        _FLUX
        + f"metadata: {{name: {name}, namespace: flux-system}}\nspec:\n  interval: 10m\n  timeout: 5m\n  wait: {wait}\n"
        f"  path: ./apps/{name}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n  dependsOn: [{needs}]\n"
        for name, wait, needs in (("a", "true", ""), ("b", "false", "{name: a}"), ("c", "true", "{name: a}, {name: b}"))
    ),
    "clusters/dev/kustomization.yaml": "resources: [sync.yaml, apps.yaml, vars.yaml]\n",
    "clusters/dev/vars.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {tag: '1.0', name: '${region}-x'}\n"
    ),
    "apps/a/kustomization.yaml": (
        "namespace: a\nresources: [deployment.yaml, ../../base]\npatches:\n- target: {kind: Deployment}\n  patch: |\n"
        "    - op: replace\n      path: /spec/replicas\n      value: 2\nconfigMapGenerator:\n- name: settings\n  literals: [a=b]\n"
        "generators: [gen]\ntransformers: [../../labels]\n"
    ),
    "apps/a/gen/kustomization.yaml": "resources: [extra.yaml]\n",
    "apps/a/gen/extra.yaml": (
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: extra}\nfiles: [deployment.yaml]\nliterals: [a=b]\n"
    ),
    "labels/kustomization.yaml": "resources: [label.yaml]\n",
    "labels/label.yaml": (
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: label}\nlabels: {tier: x}\n"
        "fieldSpecs: [{path: metadata/labels, create: true}]\n"
    ),
    "apps/a/deployment.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n"
        "  template:\n    metadata: {labels: {app: web}, annotations: {pod-ready.stage.kwok.x-k8s.io/delay: 5s}}\n"
        "    spec:\n      containers:\n      - {name: web, image: 'web:${tag:=1}', readinessProbe: {initialDelaySeconds: 5}}\n"
    ),
    "base/kustomization.yaml": "resources: [service.yaml]\ncommonLabels: {team: x}\n",
    "base/service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
    "apps/b/stateful.yaml": (
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: b}\nspec:\n  replicas: 3\n"
        "  template: {spec: {containers: [{name: db, image: 'db:1'}]}}\n"
    ),
    "apps/c/release.yaml": (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: c, namespace: c}\nspec:\n  interval: 10m\n"
        "  chart: {spec: {chart: ./charts/c, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n"
        "  values: {replicas: 2}\n  install: {remediation: {retries: 2}}\n"
    ),
    "charts/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "charts/c/templates/deployment.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: c}\nspec:\n  replicas: {{ .Values.replicas }}\n"
        "  template: {spec: {containers: [{name: c, image: 'c:1'}]}}\n"
    ),
}
"""Path -> text: root, substitutions, patches, generators and a transformer (two of them directories), a shared base, a chart beside its release."""

DURATIONS = (
    "flux-system/a: 12\nflux-system/b: 1m30s\nHelmRelease/c/c: {p50_s: 20, p90_s: 60}\nflux-system/c: [1, 2, 3]\n"
)


@cache
def reference() -> dict[str, bytes]:
    """The reference fleet: path -> content."""
    return {str(p.relative_to(REFERENCE)): p.read_bytes() for p in sorted(REFERENCE.rglob("*")) if p.is_file()}


@cache
def graph(name: str) -> str:
    """A graph file: one of the reference fleet's, or ``small``."""
    if name == "small":
        return json.dumps(_small_graph())
    return (ROOT / "graphs" / f"{name}.json").read_text(encoding="utf-8")


GRAPHS = ("small", "small", "fleet-infra-dev", "fleet-infra-prod-waves")


def _small_graph() -> dict[str, Any]:
    ids = [f"flux-system/{n}" for n in "abcde"]
    return {
        "format_version": 1,
        "root": "flux-system/flux-system",
        "kustomizations": [
            {"id": "flux-system/flux-system", "path": "./clusters/dev", "wait": False},
            *(
                {
                    "id": id,
                    "parent": "flux-system/flux-system",
                    "depends_on": ids[max(0, n - 2) : n],
                    "wait": n % 2 == 0,
                    "interval_s": 600.0,
                    "timeout_s": 300.0,
                    "retry_interval_s": 60.0,
                    "source": "GitRepository/flux-system/flux-system",
                    "applies": 2,
                    "workloads": [
                        {"object": f"Deployment/x/{n}", "replicas": 1, "images": ["web:1"], "stated_ready_s": 5.0}
                    ],
                }
                for n, id in enumerate(ids)
            ),
        ],
        "helmreleases": [{"id": "x/h", "parent": "flux-system/a", "chart": "redis", "depends_on": []}],
        "findings": [],
    }


@cache
def spec_trace(name: str = "helm15-c4") -> dict[str, Any]:
    """A measured rollout whose workload times are known, shortened to its first objects' rows."""
    with gzip.open(TRACES / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    return document


@cache
def trace_lines() -> str:
    """A ``trace.jsonl``: the small graph's rollout as the recorder writes it."""
    from fleetbench.graph.document import read_document
    from fleetbench.runs.files import end_line, event_line, header_line
    from fleetbench.timeline.events import Event

    fleet = read_document(graph("small"), "small")
    lines, at_s = [header_line(fleet, {"kustomize_concurrent": 4}, {"workloads": "stand-in"}, 600.0)], 0.0
    for obj in fleet.services():
        for status, reason in (
            ("Unknown", "Progressing"),
            ("False", "DependencyNotReady"),
            ("True", "ReconciliationSucceeded"),
        ):
            at_s += 1.5
            revision = "main@sha1:1" if status == "True" else ""
            lines.append(event_line(Event(at_s, obj.id, status, reason, "", 1, 1, revision), "2026-01-01T00:00:01Z"))
    return "\n".join([*lines, end_line(at_s + 5, True)]) + "\n"


@cache
def run_folder() -> dict[str, bytes]:
    """A predicted run folder of the small graph, as ``simulate -o`` writes it: name -> content."""
    import tempfile

    from click.testing import CliRunner

    from fleetbench.cli.main import cli

    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "graph.json", Path(folder) / "run"
        file.write_text(graph("small"), encoding="utf-8")
        done = CliRunner().invoke(cli, ["simulate", "--graph", str(file), "--samples", "3", "-o", str(out)])
        assert done.exit_code == 0, done.output
        return {p.name: p.read_bytes() for p in sorted(out.iterdir())}


@cache
def profile() -> str:
    """The smaller one of the shipped profiles."""
    return (ROOT / "fleetbench" / "data" / "profiles" / "short.yaml").read_text(encoding="utf-8")

"""Four commits on a small repository, as they were rolled out on Kind (results/commits): what it holds after each.

1 changes one of two Deployments, brings a Kustomization with a Deployment and a HelmRelease, and takes another one away;
2 raises replicas from one to three and changes the values of a release; 3 changes a selector, which the API server
refuses; 4 sets ``spec.force`` where it does, so that the Deployment is deleted and made anew.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from fleetbench.measure.served import commit_all, git

STEPS = ("brings", "scales", "refused", "made-anew")
ENTRY = "clusters/c"
_CHART = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "hr-{{ .Release.Name }}"}
spec:
  replicas: 1
  minReadySeconds: 6
  selector: {matchLabels: {app: "hr-{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "hr-{{ .Release.Name }}"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: "registry.k8s.io/pause:3.10", env: [{name: V, value: "{{ .Values.env }}"}]}]
"""


def write(into: Path, commits: int) -> None:
    """Write the repository as it is after so many of the commits, over what the folder holds."""
    for path in into.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in _files(commits).items():
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def write_branch(into: Path, commits: int = 1) -> Path:
    """A git repository whose branch ``base`` is before the first commit; what so many of them make lies there, uncommitted."""
    into.mkdir(exist_ok=True)
    write(into, 0)
    commit_all(into, "Before")
    git(into, "branch", "base")
    write(into, commits)
    return into


def _files(commits: int) -> dict[str, str]:
    depends_on = {
        "web": "",
        "db": "",
        "api": "db",
        "tail": "api",
        "rel": "web",
        **({"fresh": "web"} if commits else {"old": ""}),
    }
    force = {"db": {"force": True}} if commits >= 4 else {}
    files = {f"{ENTRY}/{name}.yaml": _flux(name, other, **force.get(name, {})) for name, other in depends_on.items()}
    source = {"interval": "10m", "url": "https://example.test/x", "ref": {"branch": "main"}}
    root = {
        "interval": "10m",
        "path": f"./{ENTRY}",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
    }
    files[f"{ENTRY}/sync.yaml"] = "---\n".join(
        (
            _object("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system", spec=source),
            _object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "flux-system", spec=root),
        )
    )
    settings = _object("v1", "ConfigMap", "web", "default", data={"a": str(commits)})
    web = _deployment("web", env="2" if commits >= 1 else "1")
    files["apps/web/all.yaml"] = "---\n".join((web, _deployment("web-idle"), settings))
    files["apps/db/all.yaml"] = _deployment("db", ready_s=5, label="db2" if commits >= 3 else "db")
    files["apps/api/all.yaml"] = _deployment("api", replicas=3 if commits >= 2 else 1)
    files["apps/tail/all.yaml"] = _deployment("tail")
    files["apps/rel/all.yaml"] = _release("rel", values={"env": "2" if commits >= 2 else "1"})
    if commits:
        files["apps/fresh/all.yaml"] = _deployment("fresh") + "---\n" + _release("fresh")
    else:
        files["apps/old/all.yaml"] = _deployment("old")
    files["charts/app/Chart.yaml"] = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
    files["charts/app/values.yaml"] = "env: '0'\n"
    files["charts/app/templates/d.yaml"] = _CHART
    return files


def _object(api_version: str, kind: str, name: str, namespace: str, **rest: Any) -> str:
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}
    return json.dumps(body, indent=1) + "\n"


def _flux(name: str, depends_on: str, **spec: Any) -> str:
    stated = {
        "interval": "10m", "retryInterval": "30s", "timeout": "3m", "path": f"./apps/{name}", "prune": True, "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        "dependsOn": [{"name": depends_on}] if depends_on else [],
    }  # fmt: skip
    return _object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, "flux-system", spec={**stated, **spec})


def _deployment(name: str, env: str = "1", replicas: int = 1, ready_s: int = 8, label: str | None = None) -> str:
    labels = {"app": label or name}
    container = {
        "name": "c", "image": "registry.k8s.io/pause:3.10", "imagePullPolicy": "IfNotPresent", "env": [{"name": "V", "value": env}],
    }  # fmt: skip
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    spec = {
        "replicas": replicas, "selector": {"matchLabels": labels}, "minReadySeconds": ready_s,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }  # fmt: skip
    return _object("apps/v1", "Deployment", name, "default", spec=spec)


def _release(name: str, **spec: Any) -> str:
    source = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    chart = {"spec": {"chart": "./charts/app", "interval": "10m", "sourceRef": source}}
    stated = {"interval": "10m", "chart": chart}
    return _object("helm.toolkit.fluxcd.io/v2", "HelmRelease", name, "default", spec={**stated, **spec})

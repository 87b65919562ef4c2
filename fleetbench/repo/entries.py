"""Candidates for ``--cluster-path``: folders of a repository that look like a cluster's entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from fleetbench.findings import ENTRY_EMPTY, Finding
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION
from fleetbench.repo.files.tree import Tree, Unreadable, spec_path
from fleetbench.repo.files.yamltext import documents
from fleetbench.repo.install.instance import INSTANCE_CHART
from fleetbench.repo.manifest import mapping

_SYNC_FILE = "gotk-sync.yaml"
_SYNC_PATH = re.compile(r"^\s*path:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_FLUX = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_STATES = re.compile(
    rf"^kind:\s*[\"']?FluxInstance\b|{INSTANCE_CHART}|^(metadata:.*\bname|  name):\s*[\"']?flux-system\b", re.MULTILINE
)
"""What a file holds that may state a cluster's path: so few are parsed."""
_READ_BYTES = 256 * 2**10
_MAX_FILES = 20_000
_MAX_SHOWN = 20


def entries(tree: Tree) -> list[str]:
    """Folders that a root Kustomization could point at, most likely ones first, at most 20.

    What ``flux bootstrap`` writes names its path, as does a FluxInstance, the values of its chart or a Kustomization
    flux-system; beside it may lie others. Failing that, folders below ``clusters/`` that hold Flux Kustomizations, and
    failing that any such folder. Files are only looked at; those that may state a path are parsed.
    """
    stated: set[str] = set()
    holding: set[str] = set()
    for path in yaml_files(tree):
        text = beginning_of(tree, path)
        folder, _, name = path.rpartition("/")
        if name == _SYNC_FILE:
            stated.update(p or "." for p in map(spec_path, _SYNC_PATH.findall(text)) if tree.is_directory(p))
            continue
        if _FLUX.search(text):
            holding.add(folder or ".")
        if INSTANCE_CHART in path or _STATES.search(text):
            said = (spec_path(p) for p in _stated_in(text, path) if p and isinstance(p, str))
            stated.update(p or "." for p in said if tree.is_directory(p))
    if stated:
        folders = {path.rpartition("/")[0] for path in stated if "/" in path}
        beside = {path for path in holding if path.rpartition("/")[0] in folders}
        return [*sorted(stated), *sorted(beside - stated)][:_MAX_SHOWN]
    below_clusters = sorted({p for p in holding if "clusters" in p.split("/") or "cluster" in p.split("/")})
    return (below_clusters or sorted(holding))[:_MAX_SHOWN]


def _stated_in(text: str, file: str) -> Iterator[object]:
    """Paths that a file says a cluster is synced from.

    Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/fluxinstance_types.go Sync (``spec.sync.path``); its chart
    flux-instance takes the same spec as ``instance`` of its values, which a HelmRelease or a file of values holds.
    """
    try:
        bodies = [body for _, body in documents(text, file) if isinstance(body, dict)]
    except Unreadable:
        return
    for body in bodies:
        kind, spec = body.get("kind"), mapping(body, "spec")
        if kind == "FluxInstance":
            yield mapping(spec, "sync").get("path")
        elif kind == HELM_RELEASE:
            yield mapping(spec, "values", "instance", "sync").get("path")
        elif kind == KUSTOMIZATION and mapping(body, "metadata").get("name") == "flux-system":
            yield spec.get("path")
        elif kind is None:
            yield mapping(body, "instance", "sync").get("path")


def nothing_in_it(tree: Tree, entry: str, *, beside_a_root: bool) -> Finding:
    """That an entry holds nothing to roll out, or nothing beside its root, with other candidates."""
    candidates = [path for path in entries(tree) if path != (entry or ".")]
    fix = f"paths that look like clusters: {', '.join(candidates)}" if candidates else "give another --cluster-path"
    beside = " beside the root" if beside_a_root else ""
    text = f"{entry or '.'} holds no Kustomization{beside} and no HelmRelease: nothing is rolled out"
    return Finding(ENTRY_EMPTY, text, fix)


def beginning_of(tree: Tree, path: str) -> str:
    """The beginning of a file; empty where it cannot be read."""
    try:
        with tree.files[path].open("rb") as handle:
            return handle.read(_READ_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def yaml_files(tree: Tree) -> list[str]:
    """The YAML files of a repository, sorted, but for what is hidden or vendored; at most :data:`_MAX_FILES`."""
    found = (
        path
        for path in sorted(tree.files)
        if path.endswith((".yaml", ".yml"))
        and not any(p.startswith(".") or p == "node_modules" for p in path.split("/"))
    )
    return list(islice(found, _MAX_FILES))

"""Candidates for ``--cluster-path``: folders of a repository that look like a cluster's entry."""

from __future__ import annotations

import re
from itertools import islice

from fleetbench.findings import ENTRY_EMPTY, Finding
from fleetbench.ids import ObjectId
from fleetbench.repo.manifest import mapping
from fleetbench.repo.tree import Tree, Unreadable, spec_path
from fleetbench.repo.yamltext import documents

_SYNC_FILE = "gotk-sync.yaml"
_SYNC_PATH = re.compile(r"^\s*path:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_FLUX = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_READ_BYTES = 256 * 2**10
_MAX_FILES = 20_000
_MAX_SHOWN = 20


def entries(tree: Tree) -> list[str]:
    """Folders that a root Kustomization could point at, most likely ones first, at most 20.

    What ``flux bootstrap`` writes names its path, and beside it may lie others; failing that, folders below ``clusters/`` that hold Flux
    Kustomizations, and failing that any such folder. Files are only looked at, not parsed.
    """
    synced: set[str] = set()
    holding: set[str] = set()
    for path in _yaml_files(tree):
        text = _text(tree, path)
        folder, _, name = path.rpartition("/")
        if name == _SYNC_FILE:
            synced.update(p or "." for p in map(spec_path, _SYNC_PATH.findall(text)) if tree.is_directory(p))
        elif _FLUX.search(text):
            holding.add(folder or ".")
    if synced:
        folders = {path.rpartition("/")[0] for path in synced if "/" in path}
        beside = {path for path in holding if path.rpartition("/")[0] in folders}
        return sorted(synced | beside)[:_MAX_SHOWN]
    below_clusters = sorted({p for p in holding if "clusters" in p.split("/") or "cluster" in p.split("/")})
    return (below_clusters or sorted(holding))[:_MAX_SHOWN]


def defining(tree: Tree, id: ObjectId) -> list[str]:
    """Files that define an object, whether anything applies them or not; only looked for where it is missed."""
    wanted = re.compile(rf"\bname[\"']?\s*:\s*[\"']?{re.escape(id.name)}(?![\w.-])")
    found = []
    for path in _yaml_files(tree):
        text = _text(tree, path)
        if wanted.search(text):
            try:
                bodies = [body for _, body in documents(text, path) if isinstance(body, dict)]
            except Unreadable:
                continue
            if any(body.get("kind") == id.kind and mapping(body, "metadata").get("name") == id.name for body in bodies):
                found.append(path)
    return found


def nothing_in_it(tree: Tree, entry: str) -> Finding:
    """That an entry holds nothing to roll out, with other candidates."""
    candidates = [path for path in entries(tree) if path != (entry or ".")]
    fix = f"paths that look like clusters: {', '.join(candidates)}" if candidates else "give another --cluster-path"
    return Finding(ENTRY_EMPTY, f"{entry or '.'} holds no Kustomization and no HelmRelease: nothing is rolled out", fix)


def _text(tree: Tree, path: str) -> str:
    """The beginning of a file; empty where it cannot be read."""
    try:
        with tree.files[path].open("rb") as handle:
            return handle.read(_READ_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _yaml_files(tree: Tree) -> list[str]:
    found = (
        path
        for path in sorted(tree.files)
        if path.endswith((".yaml", ".yml"))
        and not any(p.startswith(".") or p == "node_modules" for p in path.split("/"))
    )
    return list(islice(found, _MAX_FILES))

"""Candidates for ``--cluster-path``: folders of a repository that look like a cluster's entry."""

from __future__ import annotations

import re
from itertools import islice

from fleetbench.repo.tree import Tree, spec_path

_SYNC_FILE = "gotk-sync.yaml"
_SYNC_PATH = re.compile(r"^\s*path:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_FLUX = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_READ_BYTES = 256 * 2**10
_MAX_FILES = 20_000
_MAX_SHOWN = 20


def entries(tree: Tree) -> list[str]:
    """Folders that a root Kustomization could point at, most likely ones first, at most 20.

    What ``flux bootstrap`` writes names its path; failing that, folders below ``clusters/`` that hold Flux
    Kustomizations, and failing that any such folder. Files are only looked at, not parsed.
    """
    synced: set[str] = set()
    holding: set[str] = set()
    for path in _yaml_files(tree):
        try:
            with tree.files[path].open("rb") as handle:
                text = handle.read(_READ_BYTES).decode("utf-8", errors="replace")
        except OSError:
            continue
        folder, _, name = path.rpartition("/")
        if name == _SYNC_FILE:
            synced.update(p or "." for p in map(spec_path, _SYNC_PATH.findall(text)) if tree.is_directory(p))
        elif _FLUX.search(text):
            holding.add(folder or ".")
    if synced:
        return sorted(synced)[:_MAX_SHOWN]
    below_clusters = sorted({p for p in holding if "clusters" in p.split("/") or "cluster" in p.split("/")})
    return (below_clusters or sorted(holding))[:_MAX_SHOWN]


def _yaml_files(tree: Tree) -> list[str]:
    found = (
        path
        for path in sorted(tree.files)
        if path.endswith((".yaml", ".yml"))
        and not any(p.startswith(".") or p == "node_modules" for p in path.split("/"))
    )
    return list(islice(found, _MAX_FILES))

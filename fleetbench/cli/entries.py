"""Candidates for ``--cluster-path``: folders of a repository that look like a cluster's entry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_SYNC_FILE = "gotk-sync.yaml"
_SYNC_PATH = re.compile(r"^\s*path:\s*[\"']?\.?/?([^\s\"'#]+)", re.MULTILINE)
_FLUX = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_READ_BYTES = 256 * 2**10
_MAX_FILES = 20_000
_MAX_SHOWN = 20


def entries(repo: Path) -> list[str]:
    """Folders that a root Kustomization could point at, most likely ones first, at most 20.

    What ``flux bootstrap`` writes names its path; failing that, folders below ``clusters/`` that hold Flux
    Kustomizations, and failing that any such folder. Files are only looked at, not parsed.
    """
    synced: set[str] = set()
    holding: set[str] = set()
    for file in _yaml_files(repo):
        try:
            with file.open(encoding="utf-8", errors="replace") as handle:
                text = handle.read(_READ_BYTES)
        except OSError:
            continue
        folder = file.parent.relative_to(repo).as_posix()
        if file.name == _SYNC_FILE:
            synced.update(p for p in _SYNC_PATH.findall(text) if (repo / p).is_dir())
        elif _FLUX.search(text):
            holding.add(folder)
    if synced:
        return sorted(synced)[:_MAX_SHOWN]
    below_clusters = sorted({p for p in holding if "clusters" in p.split("/") or "cluster" in p.split("/")})
    return (below_clusters or sorted(holding))[:_MAX_SHOWN]


def _yaml_files(repo: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, files in os.walk(repo):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "node_modules")
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")):
                seen += 1
                if seen > _MAX_FILES:
                    return
                yield Path(folder, name)

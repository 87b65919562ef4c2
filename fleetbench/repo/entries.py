"""``--cluster-path``: what it means in a repository, and which folders look like a cluster's entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fleetbench.errors import InputError
from fleetbench.findings import ENTRY_EMPTY, NOT_EXPANDED, Finding
from fleetbench.ids import KUSTOMIZATION, ObjectId, say, some
from fleetbench.repo.files.glance import beginning_of, bodies_of, yaml_files
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES, Tree, spec_path
from fleetbench.repo.install.given import MENTIONS, instance_in
from fleetbench.repo.manifest import mapping

_SYNC_FILE = "gotk-sync.yaml"
_SYNC_PATH = re.compile(r"^\s*path:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_FLUX = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_HELM = re.compile(r"^\s*(-\s*)?apiVersion:\s*[\"']?helm\.toolkit\.fluxcd\.io/", re.MULTILINE)
_LISTED = re.compile(r"^\s*-\s+[\"']?([^\s\"'#:]+)[\"']?\s*$", re.MULTILINE)
"""What a kustomization.yaml lists, files too."""
_STATES = re.compile(
    rf"^kind:\s*[\"']?FluxInstance\b|{MENTIONS.pattern}|^(metadata:.*\bname|  name):\s*[\"']?flux-system\b",
    re.MULTILINE,
)
"""What a file holds that may state a cluster's path: so few are parsed."""
_MAX_SHOWN = 20


def entries(tree: Tree) -> list[str]:
    """Folders that a root Kustomization could point at, most likely ones first, at most 20.

    What ``flux bootstrap`` writes names its path, as does a FluxInstance, the values of its chart or a Kustomization
    flux-system; beside it may lie others. Failing that, folders below ``clusters/`` that hold Flux Kustomizations, and
    failing that any such folder, behind them those that hold HelmReleases alone and that no path and no kustomization.yaml
    names. Files are only looked at; those that may state a path are parsed.
    """
    stated: set[str] = set()
    holding: set[str] = set()
    releases: set[str] = set()
    applied: set[str] = set()
    for path in yaml_files(tree):
        text = beginning_of(tree, path)
        folder, _, name = path.rpartition("/")
        if name == _SYNC_FILE:
            stated.update(p or "." for p in map(spec_path, _SYNC_PATH.findall(text)) if tree.is_directory(p))
            continue
        if _FLUX.search(text):
            holding.add(folder or ".")
            applied.update(map(spec_path, _SYNC_PATH.findall(text)))
        if _HELM.search(text):
            releases.add(folder or ".")
        if name in KUSTOMIZATION_FILES:
            applied.update(spec_path(f"{folder}/{listed}") for listed in _LISTED.findall(text))
        if MENTIONS.search(path) or _STATES.search(text):
            said = (spec_path(p) for p in _stated_in(text, path) if p and isinstance(p, str))
            stated.update(p or "." for p in said if tree.is_directory(p))
    if stated:
        folders = {path.rpartition("/")[0] for path in stated if "/" in path}
        beside = {path for path in holding if path.rpartition("/")[0] in folders}
        return [*sorted(stated), *sorted(beside - stated)][:_MAX_SHOWN]
    below_clusters = sorted({p for p in holding if "clusters" in p.split("/") or "cluster" in p.split("/")})
    alone = {p for p in releases - holding if not any(f"{p}/".startswith(f"{folder}/") for folder in applied)}
    return (below_clusters or [*sorted(holding), *sorted(alone)])[:_MAX_SHOWN]


def _stated_in(text: str, file: str) -> Iterator[object]:
    """Paths that a file says a cluster is synced from: ``spec.sync.path`` of a FluxInstance, or the path of the root."""
    for _, body in bodies_of(text, file):
        yield mapping(instance_in(body), "sync").get("path")
        if body.get("kind") == KUSTOMIZATION and mapping(body, "metadata").get("name") == "flux-system":
            yield mapping(body, "spec").get("path")


def nothing_in_it(tree: Tree, entry: str, unexpanded: Sequence[ObjectId], *, beside_a_root: bool) -> Finding:
    """That an entry holds nothing to roll out, or nothing beside its root; or only what is not expanded, ResourceSets."""
    if unexpanded:
        one, makes = ("one is", "it makes") if len(unexpanded) == 1 else (f"{len(unexpanded)} are", "they make")
        text = (
            f"{entry or '.'} holds no Kustomization and no HelmRelease but what flux-operator makes of ResourceSets, of which "
            f"{one} not expanded ({some(list(map(say, unexpanded)), 3)}): what {makes} is not counted, so nothing is rolled out"
        )
        fix = f"{NOT_EXPANDED} says why; --from-cluster reads what {makes} from a cluster in which it runs"
        return Finding(ENTRY_EMPTY, text, fix)
    candidates = [path for path in entries(tree) if path != (entry or ".")]
    fix = f"paths that look like clusters: {', '.join(candidates)}" if candidates else "give another --cluster-path"
    beside = " beside the root" if beside_a_root else ""
    text = f"{entry or '.'} holds no Kustomization{beside} and no HelmRelease: nothing is rolled out"
    return Finding(ENTRY_EMPTY, text, fix)


def entry_of(root: Path, cluster_path: str) -> str:
    """The cluster path within the repository; a leading slash is the repository's root, as in ``spec.path``.

    Raises:
        InputError: it leaves the repository.
    """
    text = cluster_path
    if Path(text).is_absolute():
        on_disk = Path(text).resolve()
        text = text.lstrip("/")
        if on_disk.is_relative_to(root):
            text = str(on_disk.relative_to(root))
        elif on_disk.exists() and not (root / text).exists():
            raise InputError(f"--cluster-path {cluster_path}: leaves the repository {root}", "give a path inside it")
    if ".." in Path(text).parts:
        inside = (root / text).resolve()
        if not inside.is_relative_to(root):
            raise InputError(f"--cluster-path {cluster_path}: leaves the repository {root}", "give a path inside it")
        text = str(inside.relative_to(root))
    return spec_path(text)


def check_entry(tree: Tree, entry: str, asked: str) -> None:
    """Refuse a cluster path that is no folder, and say what is like it.

    Raises:
        InputError: it is none.
    """
    if tree.is_directory(entry):
        return
    reason = "is a file, wanted a directory" if tree.is_file(entry) else tree.why_missing(entry)
    close = tree.like(entry).removeprefix("; ")
    candidates = entries(tree)
    hint = " ".join(
        ([close] if close else []) + ([f"paths that look like clusters: {', '.join(candidates)}"] if candidates else [])
    )
    raise InputError(f"--cluster-path {asked}: {reason}", hint or "give a directory of the repository")

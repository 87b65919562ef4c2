"""Builds that need no kustomize: a kustomization that only lists files with plain objects gives those objects.

Starting kustomize costs 60 to 100 ms of processor time, and most directories of most fleets are this simple. Whatever is not
certainly the same is left to the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import decode, documents, is_utf_16
from fleetbench.repo.kustomize.inputs import Inputs
from fleetbench.repo.manifest import Manifest

MAX_BYTES = 64 * 1024
"""Larger files (CRD bundles) are parsed faster by the program."""
_ALLOWED = frozenset({"apiVersion", "kind", "metadata", "resources", "buildMetadata"})


def plain_build(tree: Tree, inputs: Inputs) -> list[Manifest] | None:
    """The manifests of a build without transformations; None when kustomize has to say."""
    if inputs.repeated:
        return None
    for body in inputs.kustomizations.values():
        if not _is_list_of_files(body):
            return None
        if not _ALLOWED.issuperset(body) or body.get("kind") not in (None, "Kustomization"):
            return None
        if not body.get("resources") and body.get("buildMetadata") != ["originAnnotations"]:
            return None
        if body.get("resources") and body.get("buildMetadata"):
            return None
    if len(set(inputs.resources)) != len(inputs.resources):
        return None
    found: list[Manifest] = []
    seen = set()
    for path in inputs.resources:
        content = inputs.files[path]
        if len(content) > MAX_BYTES or is_utf_16(content):
            return None  # kustomize sees no end of a document in UTF-16, and so the first one alone
        try:
            parsed = tree.memo.get("documents:" + path)
            if parsed is None:
                parsed = tree.memo["documents:" + path] = documents(decode(content, path), path)
        except Unreadable:
            return None
        for line, body in parsed:
            if body is None:
                continue
            manifest = Manifest(body, tree.name(path), line) if isinstance(body, dict) else None
            if manifest is None or not _is_plain(manifest):
                return None
            id = (manifest.group, manifest.kind, manifest.namespace or "default", manifest.name)
            if id in seen:
                return None
            seen.add(id)
            found.append(manifest)
    return found if found or not inputs.resources else None


def _is_list_of_files(body: Mapping[str, Any]) -> bool:
    listed, version = body.get("resources"), body.get("apiVersion")
    if listed is not None and not (isinstance(listed, list) and all(isinstance(r, str) for r in listed)):
        return False
    return version in (None, "kustomize.config.k8s.io/v1beta1")  # with any other it fails: api types/kustomization.go


def _is_plain(manifest: Manifest) -> bool:
    metadata = manifest.body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return False
    if not all(isinstance(manifest.body.get(key), str) and manifest.body[key] for key in ("apiVersion", "kind")):
        return False
    if manifest.kind.endswith("List") or manifest.group.startswith("kustomize.config"):
        return False
    for place in ("labels", "annotations"):
        notes = metadata.get(place)
        if notes is None:
            continue
        if not isinstance(notes, dict) or not all(isinstance(v, str) for v in notes.values()):
            return False
        if any("config.k8s.io" in str(key) or "config.kubernetes.io" in str(key) for key in notes):
            return False
    return metadata.get("namespace") is None or isinstance(metadata["namespace"], str)

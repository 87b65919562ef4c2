"""The kustomization that Flux builds: the directory's own or a generated one, with the Flux object's fields merged in.

Source: fluxcd/pkg kustomize v1.35.4 kustomize_generator.go GenerateManifest, findOrGenerateKustomization, scanManifests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.repo.files.tree import Tree, Unreadable, join
from fleetbench.repo.files.yamltext import decode, load
from fleetbench.repo.manifest import mappings

FIELDS = frozenset(
    [
        "apiVersion",
        "kind",
        "metadata",
        "openapi",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "patchesStrategicMerge",
        "patchesJson6902",
        "patches",
        "images",
        "imageTags",
        "replacements",
        "replicas",
        "vars",
        "sortOptions",
        "resources",
        "components",
        "crds",
        "bases",
        "configMapGenerator",
        "secretGenerator",
        "helmGlobals",
        "helmCharts",
        "helmChartInflationGenerator",
        "generatorOptions",
        "configurations",
        "generators",
        "transformers",
        "validators",
        "buildMetadata",
    ]
)
"""Fields of kustomize's types.Kustomization; Flux reads the entry's file into that type, so others are lost."""


def generated(tree: Tree, directory: str) -> dict[str, Any]:
    """The kustomization Flux makes for a directory without one.

    Every YAML file below counts; a sub-directory with a kustomization file counts as a whole and is not entered.
    """
    resources: list[str] = []
    pending = [""]
    while pending:
        below = pending.pop()
        for name in tree.listing(join(directory, below)):
            inside = f"{below}/{name}" if below else name
            path = join(directory, inside)
            if tree.is_file(path):
                if name.endswith((".yaml", ".yml")):
                    resources.append(inside)
            elif tree.kustomization_file(path):
                resources.append(inside)
            else:
                pending.append(inside)
    content: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return content | ({"resources": sorted(resources)} if resources else {"namespace": "_placeholder"})


def read_kustomization(tree: Tree, path: str) -> dict[str, Any]:
    """Content of a kustomization file.

    Raises:
        Unreadable: it is no YAML mapping.
    """
    body = load(decode(tree.read(path), tree.name(path)), tree.name(path))
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Unreadable(tree.name(path), f"got a {type(body).__name__}, wanted a kustomization (a mapping)", 1)
    return body


def merged(tree: Tree, directory: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What kustomize-controller builds for ``spec.path`` = directory.

    Args:
        tree: the source's files.
        directory: the path, in the tree.
        spec: the Flux Kustomization's spec; empty for a plain build.

    Raises:
        Unreadable: the directory's kustomization file cannot be read.
    """
    file = tree.kustomization_file(directory)
    own = generated(tree, directory) if file is None else read_kustomization(tree, file)
    result = {k: v for k, v in own.items() if k in FIELDS and v is not None}
    if not isinstance(result.get("kind"), str):
        result["kind"] = "Kustomization"
    if file is not None and not result.get("resources"):
        result["buildMetadata"] = ["originAnnotations"]  # Flux: keeps "kustomization.yaml is empty" from failing it
    for field, target in (("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")):
        if spec.get(field):
            result[target] = spec[field]
    patches = [{k: p[k] for k in ("patch", "target") if k in p} for p in mappings(spec, "patches")]
    if patches:
        result["patches"] = _listed(result, "patches") + patches
    components = [c for c in _listed(spec, "components") if not _skips(tree, directory, spec, c)]
    if components:
        result["components"] = _listed(result, "components") + components
    for field in ("patchesStrategicMerge", "patchesJson6902"):  # Kustomization v1beta1 and v1beta2 only
        if _listed(spec, field):
            result[field] = _listed(result, field) + _legacy(spec, field)
    if mappings(spec, "images"):
        result["images"] = _images(_listed(result, "images"), mappings(spec, "images"))
    if _listed(spec, "buildMetadata"):
        result["buildMetadata"] = _listed(spec, "buildMetadata")
    return result


def _skips(tree: Tree, directory: str, spec: Mapping[str, Any], component: Any) -> bool:
    if not spec.get("ignoreMissingComponents") or not isinstance(component, str):
        return False
    try:
        path = join(directory, component)
    except Unreadable:
        return False
    return not (tree.is_file(path) or tree.is_directory(path))


def _legacy(spec: Mapping[str, Any], field: str) -> list[Any]:
    import json

    if field == "patchesStrategicMerge":
        return [json.dumps(p) for p in _listed(spec, field)]
    return [{"patch": json.dumps(p.get("patch")), "target": p.get("target")} for p in mappings(spec, field)]


def _images(existing: list[Any], new: Iterable[Mapping[str, Any]]) -> list[Any]:
    result = [dict(i) for i in existing if isinstance(i, dict)]
    for image in new:
        for own in result:
            if own.get("name") == image.get("name"):
                if image.get("newName"):
                    own["newName"] = image["newName"]
                if image.get("newTag") or image.get("digest"):
                    own.pop("newTag", None)
                    own.pop("digest", None)
                    own.update({k: image[k] for k in ("newTag", "digest") if image.get(k)})
                break
        else:
            result.append({k: image[k] for k in ("name", "newName", "newTag", "digest") if image.get(k)})
    return result


def _listed(body: Mapping[str, Any], field: str) -> list[Any]:
    value = body.get(field)
    return list(value) if isinstance(value, list) else []

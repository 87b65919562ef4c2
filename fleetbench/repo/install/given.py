"""FluxInstances that nothing of the repository applies: a file holds the values that Terraform or a helmfile gives to the chart.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/fluxinstance_types.go; controlplaneio-fluxcd/charts
charts/flux-instance values.yaml and templates/instance.yaml (``instance`` of the values is the spec).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fleetbench.graph.root import ASSUMED_ROOT
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE
from fleetbench.repo.files.glance import beginning_of, bodies_of, yaml_files
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.kinds import INSTANCE_GROUP
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Node

MENTIONS = re.compile("flux[-_]instance")
"""What the path or the text of a file says that may hold values of the chart: so few are parsed."""


def instance_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """``spec`` of the FluxInstance that a document of a file is, or gives to its chart; empty where it is none."""
    kind = body.get("kind")
    if kind == "FluxInstance":
        return mapping(body, "spec")
    return mapping(body, "spec", "values", "instance") if kind == HELM_RELEASE else _of_values(body)


def given_instance(tree: Tree, entry: str) -> Node | None:
    """The FluxInstance that the only file of values makes whose sync is a cluster path, as a node that holds it alone.

    Its namespace is the one of the chart's own instructions, as the repository does not say it.
    """
    found = [manifest for manifest in _given(tree) if spec_path(mapping(manifest.spec, "sync").get("path")) == entry]
    return Node(ASSUMED_ROOT, Manifest({}), None, None, rendered=found) if len(found) == 1 else None


def _given(tree: Tree) -> Iterator[Manifest]:
    for path in yaml_files(tree):
        text = beginning_of(tree, path)
        if MENTIONS.search(path) or MENTIONS.search(text):
            for line, body in bodies_of(text, path):
                values = _of_values(body)
                if mapping(values, "sync").get("path"):
                    yield _instance(values, tree.name(path), line)


def _of_values(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(body, "instance") if body.get("kind") is None else {}


def _instance(values: Mapping[str, Any], file: str, line: int) -> Manifest:
    spec = {**values, "sync": {"kind": GIT_REPOSITORY, **mapping(values, "sync")}}
    metadata = {"name": "flux", "namespace": ASSUMED_ROOT.namespace}
    body = {"apiVersion": f"{INSTANCE_GROUP}/v1", "kind": "FluxInstance", "metadata": metadata, "spec": spec}
    return Manifest(body, file, line)

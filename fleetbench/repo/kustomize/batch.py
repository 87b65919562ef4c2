"""Several builds in one run of kustomize, whose start costs far more than most builds do.

Each member becomes a base of one generated kustomization, with a name prefix of its own that keeps equal names apart and a
label that says whose an object is; both are taken off again. Only builds for which this provably changes nothing are
put together: kustomize fixes references to names over the whole batch, so no member may rename anything itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fleetbench.repo.files.yamltext import dump
from fleetbench.repo.kustomize.inputs import Inputs
from fleetbench.repo.kustomize.program import BuildFailed, Program

MAX_MEMBERS = 24
MAX_BYTES = 256 * 1024
"""A build with more input is run alone: its own work outweighs the start."""
_MARK = "fleetbench-member-"
_ALLOWED = frozenset(
    [
        "apiVersion",
        "kind",
        "metadata",
        "resources",
        "components",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "namespace",
        "images",
        "labels",
        "commonLabels",
        "commonAnnotations",
        "generatorOptions",
        "configMapGenerator",
        "secretGenerator",
        "replicas",
    ]
)
_NEVER_PREFIXED = re.compile(rb"kind[\"']?\s*:\s*[\"']?(?:Namespace|CustomResourceDefinition|APIService)\b")
"""kustomize's prefix transformer leaves these alone, so two members with one of the same name would clash."""


def can_share(inputs: Inputs) -> bool:
    """Whether a build gives the same objects as a member of a batch as alone."""
    if not inputs.resources or sum(map(len, inputs.files.values())) > MAX_BYTES:
        return False
    for body in inputs.kustomizations.values():
        if not _ALLOWED.issuperset(body) or _hashes_names(body):
            return False
    return not any(_NEVER_PREFIXED.search(c) or _MARK.encode() in c for c in inputs.files.values())


def _hashes_names(body: dict[str, Any]) -> bool:
    options = body.get("generatorOptions")
    off = isinstance(options, dict) and options.get("disableNameSuffixHash") is True
    for field in ("configMapGenerator", "secretGenerator"):
        listed = body.get(field)
        for generator in listed if isinstance(listed, list) else ():
            own = generator.get("options") if isinstance(generator, dict) else None
            if not off and not (isinstance(own, dict) and own.get("disableNameSuffixHash") is True):
                return True
    return False


def run_together(program: Program, members: Sequence[Inputs]) -> list[list[str]]:
    """Build all members in one run: each one's documents, as a run of its own would print them.

    Raises:
        BuildFailed: one of them fails, or they do not get along.
    """
    files: dict[str, bytes] = {}
    for n, inputs in enumerate(members):
        files.update({f"{n}/{path}": content for path, content in inputs.files.items()})
        files[f"of-{n}/kustomization.yaml"] = dump(
            {
                "namePrefix": f"{_MARK}{n}-",
                "labels": [{"pairs": {_MARK + "of": f"m{n}"}}],
                "resources": [f"../{n}/{inputs.directory}"],
            }
        ).encode()
    files["all/kustomization.yaml"] = dump({"resources": [f"../of-{n}" for n in range(len(members))]}).encode()
    found: list[list[str]] = [[] for _ in members]
    for text in split(program.run(files, "all")):
        label = re.search(rf"^    {_MARK}of: m(\d+)\n", text, re.M)
        if label is None:
            raise BuildFailed("an object without its member's label")
        n = int(label[1])
        head, tail = text[: label.start()], text[label.end() :]
        if head.endswith("\n  labels:\n") and not tail.startswith("    "):
            head = head.removesuffix("  labels:\n")  # ours was the only one
        plain = head + tail
        found[n].append(plain.replace(f"{_MARK}{n}-", ""))
        if _MARK in found[n][-1]:
            raise BuildFailed("a member refers to another's object")
    return found


def split(output: str) -> list[str]:
    """Kustomize's output as its documents."""
    return [text for text in re.split(r"^---\n", output, flags=re.M) if text.strip()]

"""Write ``fleetbench/data/flux-api.json``: what each release of Flux serves, from its controllers' CRDs.

For the next release: put the files of each controller's ``config/crd/bases`` into ``DIR/RELEASE/CONTROLLER@VERSION/``
(the versions that fluxcd/flux2's ``manifests/bases/*/kustomization.yaml`` names at the release's tag), then

    python -m tests.write_flux_api DIR > fleetbench/data/flux-api.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

LENGTHENED = "notification.toolkit.fluxcd.io"
"""flux-operator adds kinds of its own to those that this group's CRDs list (its internal/builder/templates.go)."""


class Parts:
    """The parts of all schemas, each kept once and named by its number."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, part: dict[str, Any]) -> int:
        """The number of a part; a new one is added."""
        text = json.dumps(part, ensure_ascii=False)
        if text not in self._numbers:
            self._numbers[text] = len(self.listed)
            self.listed.append(text)
        return self._numbers[text]

    def of(self, schema: dict[str, Any]) -> int:
        """The number of a schema's part: what may stand there, without descriptions."""
        if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string"):
            return self.number({})
        kind = schema["type"]
        if kind == "array":
            return self.number({"type": "list", "each": self.of(schema["items"])})
        if kind != "object":
            return self.number({"type": kind} | {key: schema[key] for key in ("enum", "pattern") if key in schema})
        if "properties" not in schema:
            values = schema.get("additionalProperties")
            return self.number({"type": "map", "each": self.of(values)} if isinstance(values, dict) else {})
        fields = schema["properties"]
        part: dict[str, Any] = {"type": "object", "fields": {name: self.of(fields[name]) for name in sorted(fields)}}
        # a default is filled in before what is required is asked for
        required = [name for name in schema.get("required", ()) if "default" not in fields[name]]
        return self.number(part | ({"required": required} if required else {}))


def whole(schema: dict[str, Any]) -> dict[str, Any]:
    """An object's schema as it is judged: the spec, and beside it what every object has and what a status says."""
    free = {"x-kubernetes-preserve-unknown-fields": True}
    beside = dict.fromkeys(("apiVersion", "kind", "metadata", "status"), free)
    return {**schema, "properties": {"spec": schema["properties"]["spec"], **beside}}


def free_kinds(schema: Any) -> None:
    """Drop the list of values from every field ``kind``."""
    if isinstance(schema, dict):
        for name, held in schema.items():
            if name == "kind" and isinstance(held, dict):
                held.pop("enum", None)
            free_kinds(held)
    elif isinstance(schema, list):
        for held in schema:
            free_kinds(held)


def served(folder: Path) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Group, kind, version and schema of all that one release serves."""
    for file in sorted(folder.glob("*/*.yaml")):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            if version["served"]:
                yield spec["group"], spec["names"]["kind"], version["name"], version["schema"]["openAPIV3Schema"]


def main(directory: Path) -> None:
    """Print the data: a line for each part, release and source."""
    parts = Parts()
    releases: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    sources = {}
    for folder in sorted(directory.iterdir(), key=lambda f: [int(n) for n in f.name.split(".")]):
        sources[folder.name] = [f"fluxcd/{c.name.replace('@', ' ')} config/crd/bases" for c in sorted(folder.iterdir())]
        groups = releases.setdefault(folder.name, {})
        for group, kind, version, schema in served(folder):
            if group == LENGTHENED:
                free_kinds(schema)
            groups.setdefault(group, {}).setdefault(kind, {})[version] = parts.of(whole(schema))
    lines = ["{", '"format_version": 1,']
    for name, held in (("sources", sources), ("releases", releases)):
        lines += [f'"{name}": {{', ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in held.items()), "},"]
    lines += ['"parts": [', ",\n".join(parts.listed), "]", "}"]
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

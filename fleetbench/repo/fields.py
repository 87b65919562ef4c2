"""The fields of an object as their types demand them: what has another type is a finding, never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.findings import FILE_UNREADABLE, Finding
from fleetbench.graph.objects import Dependency
from fleetbench.ids import ObjectId
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.units import parse_duration

DURATION_LIKE = "a duration such as 1m30s"
OBJECT, OBJECTS, TEXT, TEXTS, WHOLE = "an object", "a list of objects", "text", "a list of texts", "a whole number"
FLAG = "true or false"
Shapes = Mapping[str, str]
"""Field -> what it holds. A ``*`` stands for every key of an object."""
_ANY = {"metadata.name": TEXT, "metadata.namespace": TEXT, "spec": OBJECT}
KUSTOMIZATION_SHAPES: Shapes = {
    **_ANY,
    **dict.fromkeys(("spec.path", "spec.targetNamespace", "spec.namePrefix", "spec.nameSuffix"), TEXT),
    **dict.fromkeys(("spec.healthChecks", "spec.healthCheckExprs", "spec.patches", "spec.images"), OBJECTS),
    **dict.fromkeys(("spec.postBuild", "spec.commonMetadata", "spec.kubeConfig", "spec.decryption"), OBJECT),
    "spec.components": TEXTS,
    "spec.postBuild.substitute": OBJECT,
    "spec.postBuild.substitute.*": TEXT,
    "spec.postBuild.substituteFrom": OBJECTS,
}
"""kustomize-controller v1.9.4 api/v1/kustomization_types.go KustomizationSpec."""
HELM_RELEASE_SHAPES: Shapes = {
    **_ANY,
    **dict.fromkeys(("spec.chart", "spec.chart.spec", "spec.chart.spec.sourceRef", "spec.chartRef"), OBJECT),
    **dict.fromkeys(("spec.install", "spec.install.remediation", "spec.install.strategy", "spec.upgrade"), OBJECT),
    **dict.fromkeys(("spec.waitStrategy", "spec.kubeConfig"), OBJECT),
    **dict.fromkeys(("spec.chart.spec.chart", "spec.chart.spec.version"), TEXT),
    **dict.fromkeys(("spec.releaseName", "spec.targetNamespace"), TEXT),
    **dict.fromkeys(("spec.valuesFrom", "spec.postRenderers"), OBJECTS),
}
"""helm-controller v1.6.3 api/v2/helmrelease_types.go HelmReleaseSpec."""
SOURCE_SHAPES: Shapes = {**_ANY, "spec.url": TEXT, "spec.ignore": TEXT, "spec.sparseCheckout": TEXTS}
"""source-controller v1.9.3 api/v1/gitrepository_types.go GitRepositorySpec."""
WORKLOAD_SHAPES: Shapes = {
    **_ANY,
    **dict.fromkeys(("spec.replicas", "spec.parallelism", "spec.minReadySeconds"), WHOLE),
    **dict.fromkeys(("spec.progressDeadlineSeconds", "spec.activeDeadlineSeconds"), WHOLE),
    **dict.fromkeys(("spec.template", "spec.template.metadata", "spec.template.spec"), OBJECT),
    **dict.fromkeys(("spec.template.spec.containers", "spec.template.spec.initContainers"), OBJECTS),
}
"""k8s.io/api apps/v1/types.go, batch/v1/types.go and core/v1/types.go."""


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


_HOLDS: dict[str, Callable[[Any], bool]] = {
    OBJECT: lambda value: isinstance(value, Mapping),
    OBJECTS: lambda value: _all(value, Mapping),
    TEXT: lambda value: isinstance(value, str),
    TEXTS: lambda value: _all(value, str),
    WHOLE: _is_whole,
}


@dataclass
class Fields:
    """Typed access to a manifest's fields; what cannot be read is a finding, and Flux's default is used."""

    manifest: Manifest
    id: ObjectId
    findings: list[Finding] = field(default_factory=list)

    def bad(self, name: str, got: object, wanted: str) -> None:
        """Note a field with a value it cannot have.

        One that hangs on a variable which is not known here is no mistake: the API server sees what Flux puts there
        (kustomize-controller v1.9.4 kustomization_controller.go build, before apply), so the default holds.
        """
        if self.manifest.is_undecided(got):
            return
        text = f"{name}: got {_said(got, wanted)}, wanted {wanted}"
        fix = f"write {wanted}: the API server refuses this value, so its parent cannot apply it"
        self.findings.append(Finding(FILE_UNREADABLE, text, fix, self.id, self.manifest.file, self.manifest.line))

    def check(self, shapes: Shapes) -> None:
        """Note each field that holds something of another type than its own."""
        for name, wanted in shapes.items():
            for found, value in _fields(self.manifest.body, name):
                if value is not None and not _HOLDS[wanted](value):
                    self.bad(found, value, wanted)

    def seconds(self, *path: str) -> float | None:
        """A duration in seconds, or None."""
        value: Any = mapping(self.manifest.body, *path[:-1]).get(path[-1])
        if value is None:
            return None
        try:
            return parse_duration(value)
        except ValueError:
            days = isinstance(value, str) and re.fullmatch(r"[0-9.]+[dw]", value)
            self.bad(".".join(path), value, f"{DURATION_LIKE}: its units end at hours" if days else DURATION_LIKE)
            return None

    def flag(self, *path: str) -> bool:
        """A boolean; absent is false."""
        value: Any = mapping(self.manifest.body, *path[:-1]).get(path[-1])
        if value is not None and not isinstance(value, bool):
            self.bad(".".join(path), value, FLAG)
            return False
        return bool(value)

    def integer(self, default: int, *path: str) -> int:
        """A whole number."""
        value: Any = mapping(self.manifest.body, *path[:-1]).get(path[-1])
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.bad(".".join(path), value, WHOLE)
            return default
        return value

    def depends_on(self) -> tuple[Dependency, ...]:
        """``spec.dependsOn`` as far as it is known: the namespace is the object's own where none is written."""
        listed = self.manifest.spec.get("dependsOn")
        if listed is not None and not isinstance(listed, list):
            self.bad("spec.dependsOn", listed, "a list")
            return ()
        found: dict[ObjectId, Dependency] = {}
        for item in listed or ():
            if not isinstance(item, Mapping) or not item.get("name"):
                self.bad("spec.dependsOn", item, "an object with a name")
                continue
            if any(self.manifest.is_undecided(item.get(part)) for part in ("name", "namespace")):
                continue  # nobody here knows which
            target = ObjectId(self.id.kind, str(item.get("namespace") or self.id.namespace), str(item["name"]))
            expr = item.get("readyExpr")
            found.setdefault(target, Dependency(target, str(expr) if expr else None))
        return tuple(found.values())

    def reference(self, *path: str) -> ObjectId | None:
        """A ``{kind, name, namespace}`` reference; the namespace defaults to the object's own."""
        at = mapping(self.manifest.body, *path)
        if not at.get("kind") or not at.get("name"):
            return None
        return ObjectId(str(at["kind"]), str(at.get("namespace") or self.id.namespace), str(at["name"]))


def _said(got: object, wanted: str) -> str:
    """A value as a message names it; a text in quotes is not the number or boolean that it reads like."""
    if got is None:
        return "nothing"
    quoted = isinstance(got, str) and re.fullmatch(r"\d+" if wanted == WHOLE else r"true|false", got)
    return f"{'the string ' if quoted else ''}{str(got)[:80]!r}"


def _fields(body: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """A field by its dotted name, with its value."""
    *path, last = name.split(".")
    holder = mapping(body, *path)
    for key in holder if last == "*" else [last]:
        yield ".".join([*path, str(key)]), holder.get(key)

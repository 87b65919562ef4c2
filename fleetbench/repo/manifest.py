"""One rendered Kubernetes object, and the order in which Flux applies a set of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fleetbench.ids import CRD, ObjectId
from fleetbench.repo.kinds import CLUSTER_SCOPED, KUSTOMIZE_GROUP

FIRST = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
]
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANK = {kind: i - len(FIRST) for i, kind in enumerate(FIRST)} | {kind: i + 1 for i, kind in enumerate(LAST)}
"""fluxcd/pkg ssa v0.76.1 sort.go ReconcileOrder."""
CONTROLLERS = ("kustomize-controller", "helm-controller", "source-controller")
"""Flux's Deployments whose flags tell on the timing."""
_VARIABLE = re.compile(r"\$\{#?(\w+)")


class MadeBy(NamedTuple):
    """Which ResourceSet makes an object, and when."""

    set: ObjectId
    step: int = 0
    """In which of its steps, from 0."""
    waited: bool = False
    """Whether the ResourceSet turns Ready only once the object is."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a build. CRDs hold only what identifies them: they are large and nothing else of them is asked."""

    body: Mapping[str, Any]
    file: str | None = None
    """Where it is defined, relative to the repository; None = not known."""
    line: int | None = None
    unknown: frozenset[str] = frozenset()
    """Variables that its text still names, as nothing here says what kustomize-controller puts in their place."""
    made: MadeBy | None = None
    """Of what no build holds: the ResourceSet of which flux-operator makes it; None = kustomize-controller applies it."""

    @property
    def kind(self) -> str:
        """``kind``."""
        return str(self.body.get("kind") or "")

    @property
    def api_version(self) -> str:
        """``apiVersion``."""
        return str(self.body.get("apiVersion") or "")

    @property
    def group(self) -> str:
        """API group, ``""`` for core."""
        return self.api_version.rpartition("/")[0]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``metadata``; empty where it is missing or no mapping."""
        return mapping(self.body, "metadata")

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return str(self.metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        """``metadata.namespace``, ``""`` where none is written."""
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        """``spec``; empty where it is missing or no mapping."""
        return mapping(self.body, "spec")

    def note(self, key: str) -> str | None:
        """The label of that key, else the annotation, else None."""
        for place in ("labels", "annotations"):
            value = mapping(self.metadata, place).get(key)
            if value is not None:
                return str(value)
        return None

    @property
    def is_left_alone(self) -> bool:
        """Whether kustomize-controller does not touch it, though its build holds it.

        Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply (ExclusionSelector).
        """
        return self._is_noted("reconcile", "disabled") or self._is_noted("ssa", "Ignore")

    @property
    def is_only_created(self) -> bool:
        """Whether kustomize-controller leaves it alone once it is there (IfNotPresentSelector of the same)."""
        return self._is_noted("ssa", "IfNotPresent")

    @property
    def is_forced(self) -> bool:
        """Whether kustomize-controller deletes it and applies it again where its change is refused (ForceSelector)."""
        return self._is_noted("force", "Enabled")

    def _is_noted(self, key: str, value: str) -> bool:
        """fluxcd/pkg ssa v0.76.1 utils/meta.go AnyInMetadata: a label or an annotation, whatever the case of its letters."""
        places = (mapping(self.metadata, place) for place in ("labels", "annotations"))
        return any(str(place.get(f"{KUSTOMIZE_GROUP}/{key}") or "").lower() == value.lower() for place in places)

    def is_undecided(self, value: object) -> bool:
        """Whether a value of this object hangs on one of the variables that are not known here."""
        return not self.unknown.isdisjoint(names_in(value))

    @property
    def id(self) -> ObjectId:
        """Kind, namespace, name."""
        return ObjectId(self.kind, self.namespace, self.name)

    def id_in(self, namespace: str) -> ObjectId:
        """Its id once applied: where it names no namespace it goes to the given one, unless its kind has none."""
        inside = "" if self.kind in CLUSTER_SCOPED else self.namespace or namespace
        return ObjectId(self.kind, inside, self.name)

    def applied_by(self, kustomization: ObjectId) -> ObjectId:
        """Who fails where it is refused: the ResourceSet that makes it, else the Kustomization whose build holds it."""
        return kustomization if self.made is None else self.made.set

    def is_flux(self, group: str, kind: str) -> bool:
        """Whether it is of that Flux kind, in any version."""
        return self.kind == kind and self.group == group


def names_in(value: object) -> list[str]:
    """The variables that a text names; none where the value is no text.

    >>> names_in("${web_replicas}-${tag:=1}")
    ['web_replicas', 'tag']
    """
    return _VARIABLE.findall(value) if isinstance(value, str) else []


def mapping(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The mapping at a path of keys; empty where there is none."""
    value: Any = body
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def mappings(body: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The mappings of the list at a path of keys; empty where there is none."""
    value: Any = mapping(body, *path[:-1]).get(path[-1])
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def with_metadata(manifests: list[Manifest], spec: Mapping[str, Any]) -> list[Manifest]:
    """``spec.commonMetadata`` of a Kustomization or a ResourceSet: labels and annotations over all that it applies."""
    common = mapping(spec, "commonMetadata")
    if not common:
        return manifests
    changed = []
    for manifest in manifests:
        metadata = dict(manifest.metadata)
        for place in ("labels", "annotations"):
            if mapping(common, place):
                metadata[place] = {**mapping(metadata, place), **mapping(common, place)}
        changed.append(replace(manifest, body={**manifest.body, "metadata": metadata}))
    return changed


def in_apply_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """As kustomize-controller applies them: definitions, classes, the rest; each sorted by kind, namespace, name.

    Source: fluxcd/pkg ssa v0.76.1 manager_apply.go ApplyAllStaged, sort.go.
    """

    def key(m: Manifest) -> tuple[Any, ...]:
        stage = 0 if m.kind in (CRD, "Namespace", "ClusterRole") else 1 if m.kind.endswith("Class") else 2
        return (stage, _RANK.get(m.kind, 0), m.group, m.kind, m.namespace, m.name)

    return sorted(manifests, key=key)


_KIND = re.compile(r"^kind: (\S+)$", re.M)
_CRD_GROUP = re.compile(r"^  group: (\S+)$", re.M)
_CRD_KIND = re.compile(r"^  names:\n(?:    .*\n)*?    kind: (\S+)$", re.M)
_NAME = re.compile(r"^  name: (\S+)$", re.M)


def crd_header(document: str) -> dict[str, Any] | None:
    """What identifies a CustomResourceDefinition in kustomize's own print of it, without parsing its schema.

    Returns:
        A body with group, kind and name; None when the document is something else or is written otherwise.
    """
    kind = _KIND.search(document)
    if kind is None or kind[1] != CRD:
        return None
    metadata = document.find("\nmetadata:\n")
    spec = document.find("\nspec:\n")
    if metadata < 0 or spec < metadata:
        return None
    name, group, names = (
        _NAME.search(document, metadata, spec),
        _CRD_GROUP.search(document, spec),
        _CRD_KIND.search(document, spec),
    )
    if name is None or group is None or names is None:
        return None
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name[1].strip("'\"")},
        "spec": {"group": group[1], "names": {"kind": names[1]}},
    }

"""Post-build substitution: which variables a Kustomization has, and its objects with them filled in.

Source: fluxcd/pkg kustomize v1.35.4 kustomize_varsub.go SubstituteVariables, LoadVariables; kustomize-controller v1.9.4
kustomization_controller.go build.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fleetbench.ids import ObjectId
from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import dump, load
from fleetbench.repo.kinds import FLUX_GROUPS
from fleetbench.repo.kustomize.envsubst import BadSubstitution, substitute
from fleetbench.repo.manifest import Manifest, mapping, mappings, names_in
from fleetbench.repo.secret_makers import CLUSTER_EXTERNAL_SECRET, SECRET_MAKERS, external_secret_for, made_secret

SUBSTITUTE_KEY = "kustomize.toolkit.fluxcd.io/substitute"
COPY_FROM = "fluxcd.controlplane.io/copyFrom"
"""Annotation on what a ResourceSet makes: the ``namespace/name`` whose data it gets (controlplaneio-fluxcd/flux-operator
v0.58.1 internal/controller/resourceset_controller_configs.go copyResources)."""
_NAME = re.compile(r"^[_a-zA-Z][_a-zA-Z0-9]*$")

Values = dict[str, str | None]
"""Variable -> value; None = encrypted, so not to be had."""


class VariableStore:
    """The ConfigMaps and Secrets of the fleet, for ``substituteFrom``."""

    def __init__(self) -> None:
        self._data: dict[ObjectId, Values] = {}
        self._copies: dict[ObjectId, ObjectId] = {}
        """What flux-operator fills with the data of another object."""
        self._made: set[ObjectId] = set()
        """Secrets that a controller makes, whether they lie here as well or not."""
        self._cluster_wide: list[Manifest] = []
        """The ClusterExternalSecrets, which have Secrets made in many namespaces."""
        self.webhook: ObjectId | None = None
        """The release of an admission webhook that adds variables to every Kustomization; None = there is none."""

    def add(self, manifests: Iterable[Manifest], namespace: str) -> None:
        """Take in what a Kustomization applies; its own namespace counts where an object names none."""
        for manifest in manifests:
            if manifest.group == "" and manifest.kind in ("ConfigMap", "Secret"):
                id = manifest.id_in(namespace)
                self._data.setdefault(id, _values(manifest.body))
                copied = mapping(manifest.metadata, "annotations").get(COPY_FROM) if manifest.made else None
                if copied is not None:
                    self._copies[id] = ObjectId(manifest.kind, *str(copied).rpartition("/")[::2])
            elif manifest.kind in SECRET_MAKERS:
                self._made.add(ObjectId("Secret", manifest.id_in(namespace).namespace, made_secret(manifest)))
            elif manifest.kind == CLUSTER_EXTERNAL_SECRET:
                self._cluster_wide.append(manifest)

    def get(self, id: ObjectId) -> Values | None:
        """The values of an object; None = the repository does not hold it."""
        return self._data.get(self._copies.get(id, id))

    def is_filled(self, id: ObjectId) -> bool:
        """Whether a controller makes an object in the cluster: what lies here of it does not show all its keys."""
        id = self._copies.get(id, id)
        return id in self._made or any(external_secret_for(manifest, id) for manifest in self._cluster_wide)


def _values(body: Mapping[str, Any]) -> Values:
    found: Values = {}
    for key, value in mapping(body, "data").items():
        text = _text(value)
        if text is not None and body.get("kind") == "Secret":
            try:
                text = base64.b64decode(text, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                text = None
        found[str(key)] = text
    for key, value in mapping(body, "stringData").items():
        found[str(key)] = _text(value)
    return found


def _text(value: object) -> str | None:
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return None if text.startswith("ENC[") else text


@dataclass
class Variables:
    """The variables of one Kustomization."""

    values: Values = field(default_factory=dict)
    missing: list[ObjectId] = field(default_factory=list)
    """Sources of variables that the repository does not hold, optional ones too: they may be there in the cluster."""
    filled: list[ObjectId] = field(default_factory=list)
    """Those that it does hold and a controller fills in the cluster: they may have further keys there."""
    webhook: ObjectId | None = None
    """The release of an admission webhook that adds variables, which ones it does not say here."""
    invalid: list[str] = field(default_factory=list)
    """Names that Flux refuses."""
    active: bool = False
    """Whether Flux substitutes at all."""
    unseen: bool = False
    """Whether the cluster alone knows the Kustomization, and it substitutes: any variable may be set there."""

    def unset(self, name: str) -> bool:
        """Whether nothing sets a variable, as far as it can be known: nothing from elsewhere may hold it."""
        return not (name in self.values or self.missing or self.filled or self.webhook or self.unseen)


def variables_of(spec: Mapping[str, Any], namespace: str, store: VariableStore, *, unseen: bool = False) -> Variables:
    """Gather the variables of a Kustomization: ``substituteFrom`` in order, then ``substitute``.

    Args:
        spec: the Kustomization's.
        namespace: its own, in which ``substituteFrom`` looks.
        store: the ConfigMaps and Secrets of the fleet.
        unseen: no file holds it, and in the cluster it substitutes: see :func:`shows_substitution`.
    """
    found = Variables(webhook=store.webhook, unseen=unseen)
    post_build = mapping(spec, "postBuild")
    for reference in mappings(post_build, "substituteFrom"):
        id = ObjectId(str(reference.get("kind")), namespace, str(reference.get("name")))
        values = store.get(id)
        if values is not None:
            found.values.update(values)
            if store.is_filled(id):
                found.filled.append(id)
        else:
            found.missing.append(id)
    for key, value in mapping(post_build, "substitute").items():
        found.values[str(key)] = _text(value)
    found.values = {k: None if v is None else v.replace("\n", "") for k, v in found.values.items()}
    found.invalid = sorted(k for k in found.values if not _NAME.match(k))
    always = post_build.get("substituteStrategy") == "Always"
    # a source that lies elsewhere counts as there, and not empty
    found.active = unseen or (bool(post_build) and (bool(found.values) or bool(found.missing) or always))
    return found


@dataclass
class Substituted:
    """Manifests with their variables filled in."""

    manifests: list[Manifest]
    unknown: dict[str, Manifest] = field(default_factory=dict)
    """Variable without a value -> the first object that uses it."""
    failure: str | None = None
    """Why Flux's build fails here."""


def substituted(manifests: Iterable[Manifest], variables: Variables, strict: bool = True) -> Substituted:
    """Fill in the variables of all manifests that do not opt out.

    Args:
        manifests: what a Kustomization builds.
        variables: its variables.
        strict: a variable that nothing sets fails the build, so it is left as it is; False: it becomes the empty text.
    """
    result = Substituted([])
    if not variables.active:
        result.manifests = list(manifests)
        return result

    def kept(name: str) -> bool:
        return strict or not variables.unset(name)

    if variables.invalid:
        result.failure = f"variable name {variables.invalid[0]!r} is invalid, must match {_NAME.pattern}"
        return result
    # a value may itself hold a variable of the Kustomization that sets it
    inherited = frozenset(name for value in variables.values.values() for name in names_in(value))
    for manifest in manifests:
        if manifest.note(SUBSTITUTE_KEY) == "disabled" or not _has_dollar(manifest.body):
            result.manifests.append(manifest)
            continue
        unknown: list[str] = []

        def taken(name: str, unknown: list[str] = unknown) -> str | None:
            unknown.append(name)
            return None if kept(name) else ""

        try:
            body = load(substitute(dump(manifest.body), variables.values, taken), manifest.file or "")
        except (BadSubstitution, Unreadable) as error:
            reason = error.reason if isinstance(error, Unreadable) else str(error)
            result.failure = result.failure or f"post build failed for {manifest.id}: {reason}"
            continue
        filled = replace(manifest, body=body, unknown=inherited.union(filter(kept, unknown)))
        for name in unknown:
            result.unknown.setdefault(name, filled if isinstance(body, dict) else manifest)
        if isinstance(body, dict):
            result.manifests.append(filled)
    return result


def shows_substitution(manifests: Iterable[Manifest]) -> bool:
    """Whether what a Kustomization builds shows that it substitutes: a variable stands where it can only be meant as one.

    Kubernetes takes no ``${`` in a name or a namespace. In a path, a source or a ``dependsOn`` it would be found nowhere.
    """
    return any(
        names_in(value) and manifest.note(SUBSTITUTE_KEY) != "disabled"
        for manifest in manifests
        for value in _references(manifest)
    )


def _references(manifest: Manifest) -> Iterator[object]:
    yield from (manifest.name, manifest.namespace)
    if manifest.group in FLUX_GROUPS:
        yield manifest.spec.get("path")
        for named in (mapping(manifest.spec, "sourceRef"), *mappings(manifest.spec, "dependsOn")):
            yield from (named.get("name"), named.get("namespace"))


def _has_dollar(value: object) -> bool:
    if isinstance(value, str):
        return "$" in value
    if isinstance(value, Mapping):
        return any(_has_dollar(k) or _has_dollar(v) for k, v in value.items())
    return isinstance(value, list) and any(_has_dollar(v) for v in value)

"""What the API server refuses of Flux's own objects: kinds and versions it does not serve, fields it does not know.

kustomize-controller applies by server-side apply, whose dry-run fails for such an object and so for all beside it
(kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply; Kubernetes
staging/src/k8s.io/apiextensions-apiserver pkg/apiserver/customresource_handler.go: "field not declared in schema").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from fleetbench.findings import API_UNKNOWN, FILE_UNREADABLE, OBJECT_REFUSED, ROOT_DECRYPTS, Finding, Shared
from fleetbench.graph.objects import WITH_HELM
from fleetbench.ids import CRD, HELM_RELEASE, ObjectId, say, some
from fleetbench.repo.fields import DURATION_LIKE
from fleetbench.repo.flux_api import MIGRATE, Release, groups_of, kinds_of, known_releases, part
from fleetbench.repo.install.helm_controller import HelmController
from fleetbench.repo.install.source_watcher import ExternalArtifacts
from fleetbench.repo.kinds import HELM_GROUP, WATCHER_GROUP
from fleetbench.repo.manifest import Manifest, mapping

_LIKE = 0.75
"""How alike two names must be for one to be the other misspelt, 0 to 1 (difflib)."""
_GROUP_LIKE = 0.9
"""Groups are long and end alike, and others have groups of their own below fluxcd.io."""
_TYPES: Mapping[str, tuple[Any, str]] = {
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": ((int, float), "a whole number"),
    "number": ((int, float), "a number"),
    "list": (list, "a list"),
    "map": (Mapping, "an object"),
    "object": (Mapping, "an object"),
}
_DURATION = re.compile(r"^\^\(\[0-9\]\+\(\\\.\[0-9\]\+\)\?\(ms\|s\|m(?:\|h)?\)\)\+\$$")
"""The patterns that controllers write for durations."""


class Refusal(NamedTuple):
    """One thing that an API server with a release's CRDs does not take."""

    place: str
    """Dotted path of the field; ``apiVersion`` or ``kind`` where the object as a whole is not served."""
    text: str
    sure: bool = True
    """False: a release newer than the data may serve it."""
    missing: bool = False
    """The field is not there though it must be."""
    meant: str | None = None
    """Dotted path of the field that is missing where this one is, misspelt; None = none, or not known."""
    write: str | None = None
    """What to write instead, where the data knows it."""


class Judge:
    """Judges the objects of one repository by the CRDs of the release that it states, or the newest."""

    def __init__(
        self,
        release: Release,
        manifests: Iterable[Manifest],
        said: Iterable[Finding],
        artifacts: ExternalArtifacts,
        helm: HelmController,
    ):
        """Take in what the judgement leans on.

        Args:
            release: by which it is judged.
            manifests: all that the repository holds; its own CRDs count.
            said: what is found already; no field is named twice.
            artifacts: whether source-watcher is installed, whose CRD ArtifactGenerator is.
            helm: whether helm-controller is, whose CRD HelmRelease is.
        """
        self.artifacts, self.helm = artifacts, helm
        self.release = release
        self.brought = _crds(manifests)
        self._said: dict[ObjectId | None, list[str]] = {}
        for finding in said:
            if finding.code == FILE_UNREADABLE:
                self._said.setdefault(finding.object, []).append(finding.message.partition(":")[0])

    def findings(self, manifest: Manifest, id: ObjectId, by: ObjectId) -> list[Finding]:
        """What there is to say of one object: an error where it is refused, a warning where a newer Flux may take it.

        Args:
            manifest: the object.
            id: its id.
            by: the Kustomization that applies it.
        """
        return [
            _told(refusal, manifest, id, by)
            for refusal in (*self._without_crd(manifest), *refusals(manifest, self.release, self.brought))
            if not any(_within(refusal.place, place) for place in self._said.get(id, ()))
        ]

    def _without_crd(self, manifest: Manifest) -> Iterator[Refusal]:
        """The CRD of an ArtifactGenerator comes with source-watcher, which ``flux install`` leaves out by default.

        That of a HelmRelease comes with helm-controller.
        """
        if self.helm.without_crd and manifest.is_flux(HELM_GROUP, HELM_RELEASE):
            text = "its CRD comes with helm-controller, which is not among the controllers that the repository installs"
            yield Refusal("kind", text, write=f"install it ({WITH_HELM})")
        kind = (WATCHER_GROUP, "ArtifactGenerator")
        if self.artifacts.watcher is False and manifest.is_flux(*kind) and kind not in self.brought:
            yield Refusal(
                "kind",
                "its CRD comes with source-watcher, which is not among the controllers that the repository installs: "
                "bootstrap with --components-extra=source-watcher, or add it to the FluxInstance's components",
                # who sets the gate by hand may install source-watcher from elsewhere
                sure="kustomize-controller" in self.artifacts.forbidden_by,
            )

    def refusing(self, manifest: Manifest) -> frozenset[str]:
        """The releases that refuse an object, for a repository that does not state its own."""
        if any(refusal.sure for refusal in self._without_crd(manifest)):
            return frozenset(known_releases())
        return frozenset(
            name
            for name in known_releases()
            if any(refusal.sure for refusal in refusals(manifest, Release(name), self.brought))
        )


def _told(refusal: Refusal, manifest: Manifest, id: ObjectId, by: ObjectId) -> Finding:
    so = f"{refusal.place}: {refusal.text}"
    if not refusal.sure:
        fix = "nothing to do if your release of Flux has it; else correct it"
        return Finding(API_UNKNOWN, so, fix, id, manifest.file, manifest.line, Shared(f"have {so}", fix))
    fix = f"{refusal.write or f'correct {id}'}: {say(by)} applies nothing beside an object that is refused"
    each = f"{refusal.write or 'correct each'}: nothing is applied beside an object that is refused"
    return Finding(OBJECT_REFUSED, so, fix, id, manifest.file, manifest.line, Shared(f"have {so}", each))


def _within(place: str, outer: str) -> bool:
    """Whether a field is another one or lies below it."""
    return place == outer or place.startswith((f"{outer}.", f"{outer}["))


def stays_encrypted(manifest: Manifest, kustomization: Mapping[str, Any]) -> bool:
    """Whether kustomize-controller refuses a Secret, as SOPS encrypted it and the Kustomization does not decrypt.

    Encrypted ``data`` alone: one that has ``stringData`` only is a valid Secret, of which the mark of SOPS is dropped
    before it is looked for (fluxcd/pkg/ssa normalize/normalize.go; seen on kustomize-controller v1.9.4).

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply (IsEncryptedSecret).
    """
    if (manifest.kind, manifest.api_version) != ("Secret", "v1") or "sops" not in manifest.body:
        return False
    values = mapping(manifest.body, "data").values()
    return not kustomization.get("decryption") and any(str(value).startswith("ENC[") for value in values)


def encrypted_in_the_root(root: ObjectId, secret: ObjectId, manifest: Manifest) -> Finding:
    """Whoever makes a root that no file holds may give it ``spec.decryption``."""
    text = (
        f"holds {secret}, which SOPS encrypted: the repository holds no root, so it is assumed to decrypt it; where it has "
        "no spec.decryption, nothing that it applies turns Ready"
    )
    fix = "nothing to do if the root in the cluster has spec.decryption"
    return Finding(ROOT_DECRYPTS, text, fix, root, manifest.file, manifest.line)


def _crds(manifests: Iterable[Manifest]) -> frozenset[tuple[str, str]]:
    """(group, kind) of the CRDs among a repository's objects."""
    return frozenset(
        (str(m.spec.get("group")), str(mapping(m.spec, "names").get("kind"))) for m in manifests if m.kind == CRD
    )


def refusals(manifest: Manifest, release: Release, brought: Collection[tuple[str, str]]) -> Iterator[Refusal]:
    """All that a release refuses of one object; nothing where it is none of Flux's."""
    group, kind, version = manifest.group, manifest.kind, manifest.api_version.rpartition("/")[2]
    flux = f"Flux {release.name}"
    kinds = kinds_of(release.name, group)
    if not kinds:
        # only what names Flux is looked at: a group of anybody else's is no misspelling
        like = get_close_matches(group, groups_of(release.name), 1, _GROUP_LIKE) if "flux" in group else []
        later = any(kinds_of(name, group) for name in known_releases())
        if (group, kind) not in brought and (like or later):
            hint = f"; did you mean {like[0]}?" if like and not later else ""
            yield Refusal("apiVersion", f"{flux} serves no API group {group}{hint}")
        return
    if kind not in kinds:
        if (group, kind) not in brought:
            yield _no_kind(group, kind, release, kinds)
        return
    if version not in kinds[kind]:
        served = some(sorted(kinds[kind]), 5)
        # a version that no known release serves may be one of a later release, unless this one is known to hold
        old = any(version in kinds_of(name, group).get(kind, {}) for name in known_releases())
        sure = old or (release.stated and not release.newer and not release.older)
        write = f"write apiVersion: {group}/{max(kinds[kind], key=_age)}"
        if old:
            write += f" ({MIGRATE} rewrites old versions)"
        yield Refusal("apiVersion", f"{flux} serves {kind} as {group}/{served}, not as {version}", sure, write=write)
        return
    if "sops" in manifest.body:
        return  # decrypted before it is applied
    whose = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind} of {flux}"
    found = list(_judged(manifest.body, kinds[kind][version], "", whose, release))
    misspelt = {refusal.meant for refusal in found}
    # a required field that is there with another name is one mistake, told with the name that it has
    yield from (refusal for refusal in found if not (refusal.missing and refusal.place in misspelt))
    if group == HELM_GROUP and kind == HELM_RELEASE and not misspelt & {"spec.chart", "spec.chartRef"}:
        yield from _helm_release(manifest.spec)


def _age(version: str) -> tuple[bool, str]:
    """For the newest of the versions that are served: ``v1`` is newer than ``v1beta2``."""
    return version.lstrip("v").isdigit(), version


def _no_kind(group: str, kind: str, release: Release, kinds: Collection[str]) -> Refusal:
    like = get_close_matches(kind, kinds, 1, _LIKE)
    later = any(kind in kinds_of(name, group) for name in known_releases())
    hint = f"; did you mean {like[0]}?" if like and not later else ""
    sure = bool(like) or later or release.stated
    return Refusal("kind", f"Flux {release.name} serves no {kind} in {group}{hint}", sure)


def _helm_release(spec: Mapping[str, Any]) -> Iterator[Refusal]:
    """The rule that helm-controller's CRD states in CEL (api/v2/helmrelease_types.go, XValidation)."""
    given = [name for name in ("chart", "chartRef") if spec.get(name) is not None]
    if spec and len(given) != 1:
        got = "both" if given else "neither"
        yield Refusal("spec", f"got {got} chart {'and' if given else 'nor'} chartRef, wanted one of them")


def _judged(value: Any, number: int, place: str, whose: str, release: Release) -> Iterator[Refusal]:
    """What is refused at one place of an object and below; ``null`` is as good as absent."""
    schema = part(number)
    kind = schema.get("type")
    if value is None and place == "spec":
        value = {}  # written and left empty
    if kind is None or value is None:
        return
    accepts, wanted = _TYPES[kind]
    unknown = isinstance(value, str) and "${" in value  # a variable whose value is not known here
    if unknown:
        return
    if not isinstance(value, accepts) or (isinstance(value, bool) and kind != "boolean"):
        yield Refusal(place, f"got {str(value)[:80]!r}, wanted {wanted}")
    elif kind == "object":
        yield from _fields(value, schema, place, whose, release)
    elif kind == "map":
        for key, held in value.items():
            yield from _judged(held, schema["each"], f"{place}.{key}", whose, release)
    elif kind == "list":
        for index, held in enumerate(value):
            yield from _judged(held, schema["each"], f"{place}[{index}]", whose, release)
    elif "enum" in schema and value not in schema["enum"]:
        yield Refusal(place, f"got {value!r}, wanted one of {some([repr(v) for v in schema['enum']], 8)}")
    elif "pattern" in schema and re.search(schema["pattern"], str(value)) is None:
        means = DURATION_LIKE if _DURATION.match(schema["pattern"]) else f"text that matches {schema['pattern']}"
        yield Refusal(place, f"got {str(value)[:80]!r}, wanted {means}")


def _fields(
    value: Mapping[str, Any], schema: Mapping[str, Any], place: str, whose: str, release: Release
) -> Iterator[Refusal]:
    fields = schema["fields"]
    of_spec = () if place or "spec" not in fields else part(fields["spec"]).get("fields", ())
    for name, held in value.items():
        at = f"{place}.{name}".lstrip(".")
        if name in fields:
            yield from _judged(held, fields[name], at, whose, release)
        elif name in of_spec:
            text = f"{whose} has no such field at the top level; did you mean spec.{name}?"
            yield Refusal(at, text, meant=f"spec.{name}")
        else:
            like = get_close_matches(str(name), [f for f in fields if f not in value], 1, _LIKE)
            hint = f"; did you mean {like[0]}?" if like else ""
            meant = f"{place}.{like[0]}".lstrip(".") if like else None
            yield Refusal(at, f"{whose} has no such field{hint}", bool(like) or not release.newer, meant=meant)
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield Refusal(f"{place}.{name}".lstrip("."), f"got nothing; {whose} requires it", missing=True)

"""``valuesFrom`` and ``substituteFrom`` that find nothing, for ever: a key that is not there, or a generated object's plain name.

kustomize appends a hash of the content to the name, and follows the references that it knows of: not those in Flux's own
kinds, but for a ``configurations`` file with a ``nameReference`` for them. The plain name is then nobody's, for ever.

Source: kustomize api v0.21.1 internal/builtins/HashTransformer.go, hasher/hasher.go encode (ten characters of these),
konfig/builtinpluginconsts/namereference.go (the references that it knows of); fluxcd/pkg chartutil values.go
ChartValuesFromReferences (ErrKeyNotFound; of a ConfigMap ``data`` alone counts), helm-controller v1.6.3
internal/controller/helmrelease_controller.go reconcileRelease (ValuesError).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fleetbench.findings import NEVER_FOUND, Finding
from fleetbench.graph.objects import NO_VALUES, HelmRelease, Kustomization
from fleetbench.ids import ObjectId, some
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.needs.needs import values_from
from fleetbench.repo.nodes import Walk

_HASHED = re.compile(r"(.+)-[bcdfghkmt2456789]{10}")
_KINDS = ("ConfigMap", "Secret")


def generated(walk: Walk) -> dict[ObjectId, Manifest]:
    """The plain name of each object that is called otherwise, as far as nothing has that name -> the object."""
    objects = [(m.id_in(node.id.namespace), m) for node, m in walk.manifests() if m.kind in _KINDS and not m.group]
    there = {id for id, _ in objects}
    found = {}
    for id, manifest in objects:
        hashed = _HASHED.fullmatch(id.name)
        if hashed is not None and (plain := id._replace(name=hashed[1])) not in there:
            found[plain] = manifest
    return found


def without_values(
    of: Mapping[ObjectId, Manifest], releases: Iterable[HelmRelease], walk: Walk
) -> tuple[list[HelmRelease], list[Finding]]:
    """The releases, those broken, if not for their chart, whose values can never be found, with an error for each.

    Args:
        of: :func:`generated`.
        releases: as read.
        walk: what was found.
    """
    broken, findings = [], []
    for release in releases:
        found = next(_unfound(of, release, walk), None)
        if found is not None:
            text, fix = found
            findings.append(
                Finding(NEVER_FOUND, f"{text}: it never turns Ready", fix, release.id, release.file, release.line)
            )
            release = replace(release, broken=release.broken or text)  # a chart that is not there comes first
        broken.append(release)
    return broken, findings


def _unfound(of: Mapping[ObjectId, Manifest], release: HelmRelease, walk: Walk) -> Iterator[tuple[str, str]]:
    """What a release asks for in vain, and what to do."""
    for wanted, key in values_from(release, walk.releases[release.id][0]):
        known = walk.store.get(wanted)
        if wanted in of:
            yield _said(wanted, of[wanted], NO_VALUES)
        elif known is not None and key not in known:
            has = f"has {some(sorted(known), 4)} alone" if known else "is empty"
            yield (
                f"{NO_VALUES} asks {wanted} for the key {key}, and that {has}",
                f"name its key with valuesKey, or call it {key}",
            )


def without_variables(
    of: Mapping[ObjectId, Manifest], kustomizations: Iterable[Kustomization]
) -> tuple[list[Kustomization], list[Finding]]:
    """The same of ``substituteFrom``: the build fails for want of it."""
    broken, findings = [], []
    for k in kustomizations:
        wanted = next((id for id in k.substitute_from if id in of), None)
        if wanted is not None and k.broken is None:
            text, fix = _said(wanted, of[wanted], "postBuild.substituteFrom")
            findings.append(Finding(NEVER_FOUND, f"{text}: it never turns Ready", fix, k.id, k.file, k.line))
            k = replace(k, broken=text)
        broken.append(k)
    return broken, findings


def _said(wanted: ObjectId, manifest: Manifest, field: str) -> tuple[str, str]:
    text = f"{field} names {wanted}, which its generator calls {manifest.name}, as kustomize follows no names in Flux's kinds"
    fix = f"set generatorOptions.disableNameSuffixHash: true for {wanted.name}"
    if field == NO_VALUES:
        fix += (
            ", or add a nameReference for HelmRelease spec/valuesFrom/name to the kustomization.yaml's configurations"
        )
    return text, fix

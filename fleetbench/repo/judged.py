"""What the API server refuses of what each Kustomization applies, so that all of it fails."""

from __future__ import annotations

from collections.abc import Iterable

from fleetbench.findings import API_GONE, FILE_UNREADABLE, OBJECT_REFUSED, Finding
from fleetbench.graph.objects import FluxVersion
from fleetbench.ids import ObjectId, say
from fleetbench.repo.flux_api import Release, is_older, known_releases, release_of
from fleetbench.repo.install.helm_controller import HelmController
from fleetbench.repo.install.source_watcher import ExternalArtifacts
from fleetbench.repo.needs.served import KUBERNETES_OF, gone
from fleetbench.repo.nodes import Walk
from fleetbench.repo.refusals import Judge, encrypted_in_the_root, stays_encrypted


def refuse(refused: dict[ObjectId, str], by: ObjectId | None, findings: Iterable[Finding]) -> None:
    """Note what the API server refuses of what a Kustomization or ResourceSet applies: nothing of it is applied then."""
    for finding in findings:
        if by is not None and finding.code in (API_GONE, FILE_UNREADABLE, OBJECT_REFUSED):
            refused.setdefault(by, f"{finding.object}: {finding.message}")


def judged(
    walk: Walk,
    flux: FluxVersion | None,
    findings: list[Finding],
    refused: dict[ObjectId, str],
    artifacts: ExternalArtifacts,
    helm: HelmController,
    guessed: ObjectId | None,
) -> dict[ObjectId, tuple[str, ...]]:
    """Judge every object of Flux's by the CRDs of its release.

    Args:
        walk: what was found.
        flux: the release.
        findings: what is found already; more is added.
        refused: why an apply fails, for each Kustomization and ResourceSet; more is added.
        artifacts: what the controllers do with ExternalArtifacts.
        helm: whether there is a helm-controller.
        guessed: the root of which nothing is known; None = a file or a FluxInstance says it.

    Returns:
        Kustomization or ResourceSet -> the releases that refuse something of what it applies, where the repository states none and
        not all of them do.
    """
    manifests = [manifest for _, manifest in walk.installed()]
    release = release_of(flux)
    judge = Judge(release, manifests, findings, artifacts, helm)
    newest = Release(known_releases()[-1])
    others = (
        [] if release.stated or release.name == newest.name else [Judge(newest, manifests, findings, artifacts, helm)]
    )
    every = frozenset(known_releases())
    causes: dict[ObjectId, list[tuple[str, frozenset[str]]]] = {}
    for by_whom, finding in () if is_older(flux, KUBERNETES_OF) else gone(walk):
        findings.append(finding)
        refuse(refused, by_whom, [finding])
    said: set[tuple[ObjectId | None, str]] = set()
    for node, manifest in walk.manifests():
        id, applier = manifest.id_in(node.id.namespace), manifest.applied_by(node.id)
        if stays_encrypted(manifest, node.spec) and node.id == guessed:
            findings.append(encrypted_in_the_root(node.id, id, manifest))
        elif stays_encrypted(manifest, node.spec):
            text = f"{say(id)}: SOPS encrypted it, and spec.decryption is not set"
            causes.setdefault(applier, []).append((text, every))
        found = judge.findings(manifest, id, applier)
        findings += [f for f in found if (f.object, f.message) not in said]  # several may apply it
        said.update((f.object, f.message) for f in found)
        # who asks for another release than the one that is only assumed wants to know what that refuses, too
        found = list(dict.fromkeys([*found, *(f for other in others for f in other.findings(manifest, id, applier))]))
        for finding in (f for f in found if f.code == OBJECT_REFUSED):
            by = every if release.stated or release.newer else judge.refusing(manifest)
            causes.setdefault(applier, []).append((f"{finding.object}: {finding.message}", by))
    refusing: dict[ObjectId, tuple[str, ...]] = {}
    for id, refusals in causes.items():
        if id in refused:
            continue  # by any release
        # each is judged on its own; what all releases refuse is the reason, whatever stands beside it
        always = [text for text, by in refusals if by == every]
        refused[id] = (always or [text for text, _ in refusals])[0]
        union = frozenset[str]().union(*(by for _, by in refusals))
        if union != every:
            refusing[id] = tuple(sorted(union))
    return refusing

"""Which Flux a cluster gets of which its entry says nothing: what the rest of the repository says, and what it can not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from fleetbench.findings import RELEASE_JUDGED, Finding
from fleetbench.graph.objects import FluxVersion
from fleetbench.graph.release import release_of
from fleetbench.ids import some
from fleetbench.repo.files.glance import beginning_of, bodies_of, yaml_files
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.files.yamltext import line_of
from fleetbench.repo.flux_api import MIGRATE, kinds_of, known_releases
from fleetbench.repo.install.flux_version import flux_version
from fleetbench.repo.install.given import MENTIONS, instance_in
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.nodes import Walk

_COMPONENTS = "gotk-components.yaml"
_STATED = re.compile(
    r"^# Flux Version: (v?\d+\.\d+\.\d+\S*)|^ +app\.kubernetes\.io/version: [\"']?(v?\d+\.\d+\.\d+[^\s\"']*)",
    re.M | re.I,
)
"""Of the header or the labels that ``flux install`` writes: fluxcd/flux2 v2.9.4 pkg/manifestgen/install/manifests.go."""
_INSTANCE = re.compile(rf"^kind:\s*[\"']?FluxInstance\b|{MENTIONS.pattern}", re.M)
_NOT_APPLIED = "stated in a file that this entry does not apply"
_BY_OBJECTS = "the newest release that serves all that is applied here, as no YAML file states one"


def likely_flux(walk: Walk, tree: Tree, entry: str) -> FluxVersion | None:
    """The Flux that a fleet's objects install, else the only one that is stated elsewhere, else the newest that can be.

    A cluster that runs objects of an API version that a release does not serve is not on that release. None = nothing says
    anything, or no release that is known serves all that is applied.

    Args:
        walk: what was found.
        tree: the repository's files.
        entry: the cluster path.
    """
    return flux_version(walk, tree) or _stated_elsewhere(walk, tree, entry) or _newest_serving(walk)


def judged_by_objects(walk: Walk, flux: FluxVersion | None) -> Iterator[Finding]:
    """That the release was only found by what it serves."""
    if flux is None or flux.because != _BY_OBJECTS:
        return
    gone = sorted({f"{_named(m)} (from {_served_until(m)} on)" for m in _not_served(walk, known_releases()[-1])})
    text = (
        f"no YAML file of the repository states a release of Flux, and it applies what the newest does not serve any more: {some(gone, 6)}. "
        f"Flux {flux.version} is the newest that serves all of it, so it is judged and predicted by that"
    )
    fix = (
        f"before you upgrade write the versions of today ({MIGRATE} rewrites old versions); "
        "--flux-version takes another release"
    )
    yield Finding(RELEASE_JUDGED, text, fix, file=flux.file, line=flux.line)


def _stated_elsewhere(walk: Walk, tree: Tree, entry: str) -> FluxVersion | None:
    """The Flux that files below the entry state, else others, where it is one release and serves what is applied here."""
    found: list[FluxVersion] | None = tree.memo.get("flux stated")
    if found is None:
        found = tree.memo["flux stated"] = list(_stated(tree))
    own = f"{entry}/"
    found = [flux for flux in found if f"{flux.file}".startswith(own)] or found
    releases = {release_of(flux.version) for flux in found}
    if len(releases) != 1 or any(_not_served(walk, release) for release, _ in releases):
        return None
    return replace(found[0], because=_NOT_APPLIED)


def _stated(tree: Tree) -> Iterator[FluxVersion]:
    for path in yaml_files(tree):
        text = beginning_of(tree, path)
        if path.endswith(_COMPONENTS) and (stated := _STATED.search(text)):
            yield FluxVersion(stated[1] or stated[2], tree.name(path), text.count("\n", 0, stated.start()) + 1)
        elif _INSTANCE.search(text):
            for line, body in bodies_of(text, path):
                version = mapping(instance_in(body), "distribution").get("version")
                if version:
                    yield FluxVersion(str(version), tree.name(path), line_of(text, str(version)) or line)


def _newest_serving(walk: Walk) -> FluxVersion | None:
    newest, *before = reversed(known_releases())
    old = _not_served(walk, newest)
    served = next((name for name in before if not _not_served(walk, name)), None)
    return FluxVersion(served, old[0].file, old[0].line, _BY_OBJECTS) if old and served is not None else None


def _not_served(walk: Walk, release: str) -> list[Manifest]:
    """What is applied in an API version that a release does not serve, of those that any release serves."""
    return [
        manifest
        for _, manifest in walk.manifests()
        if not _serves(release, manifest) and any(_serves(name, manifest) for name in known_releases())
    ]


def _serves(release: str, manifest: Manifest) -> bool:
    return manifest.api_version.rpartition("/")[2] in kinds_of(release, manifest.group).get(manifest.kind, {})


def _served_until(manifest: Manifest) -> str:
    """The first release that does not serve its version any more."""
    known = known_releases()
    return known[max(at for at, name in enumerate(known) if _serves(name, manifest)) + 1]


def _named(manifest: Manifest) -> str:
    return f"{manifest.kind} of {manifest.api_version}"

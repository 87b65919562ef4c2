"""The sources of a fleet: those that a file defines, that something copies, and that somebody names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleetbench.findings import Finding
from fleetbench.graph.objects import HelmRelease, Kustomization, Source
from fleetbench.ids import ObjectId
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.judged import refuse
from fleetbench.repo.missing_sources import missing_sources
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import read_source
from fleetbench.repo.twins import Made, is_twin


def fleet_sources(
    walk: Walk,
    this: ObjectId,
    made: Made,
    kustomizations: Sequence[Kustomization],
    releases: Sequence[HelmRelease],
    findings: list[Finding],
    refused: dict[ObjectId, str],
    tree: Tree,
    entry: str,
) -> list[Source]:
    """Every source that is defined, copied or named.

    Args:
        walk: what was found.
        this: the root's source.
        made: what flux-operator makes of it.
        kustomizations: who names them,
        releases: and these.
        findings: gets what is wrong with them, and which of them nothing defines.
        refused: object -> why the API server refuses it; gets those of which it does.
        tree: the repository's files.
        entry: the cluster path.
    """
    found: dict[ObjectId, Source] = {}
    for id, (manifest, parent) in walk.sources.items():
        source, bad = read_source(manifest, id, parent)
        source = replace(source, also_by=tuple(dict.fromkeys(by for _, by in walk.again.get(id, ()) if by != parent)))
        findings += bad
        refuse(refused, manifest.applied_by(parent), bad)
        found[id] = source
    for id, copied in walk.artifacts.copied.items():
        known = found.get(id) or Source(id, copied.parent, file=copied.generator.file, line=copied.generator.line)
        found[id] = replace(known, copied_from=copied.origin)
    found[this] = found.get(this) or Source(this, assumed=True)
    for id in (this, *(id for id in walk.sources if is_twin(id, walk.sources, this, made, walk.by_hand))):
        found[id] = replace(found[id], this_repository=True)
    members: list[Kustomization | HelmRelease] = [*kustomizations, *releases]
    users = [(user, user.source, user.id) for user in members if user.source is not None]
    named = [(h, h.chart_object) for h in releases if h.chart_ref and h.chart_object in found]
    users += [(h, up, chart) for h, chart in named if chart and (up := found[chart].copied_from) is not None]
    for _, wanted, stated_by in users:
        if wanted not in found:
            # which one it is may hang on a variable that is not known here: then it counts as there
            undecided = any(map(walk.first(stated_by)[0].is_undecided, wanted[1:]))
            found[wanted] = Source(wanted, defined=undecided or wanted in walk.elsewhere)
    findings += missing_sources([(user, id) for user, id, _ in users], list(found.values()), tree, walk, entry)
    return list(found.values())

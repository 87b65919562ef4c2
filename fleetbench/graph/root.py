"""The root of a fleet: where everything hangs that no Kustomization creates; found, or assumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import (
    BOOTSTRAP_INTERVAL_S,
    DEFAULT_INTERVAL_S,
    ControllerFlag,
    ControllerShard,
    FluxVersion,
    HelmRelease,
    Kustomization,
    Source,
)
from fleetbench.ids import GIT_REPOSITORY, KUSTOMIZATION, ObjectId

ASSUMED_ROOT = ObjectId(KUSTOMIZATION, "flux-system", "flux-system")
ASSUMED_SOURCE = ObjectId(GIT_REPOSITORY, "flux-system", "flux-system")


def with_root(
    kustomizations: Iterable[Kustomization],
    helmreleases: Iterable[HelmRelease],
    sources: Iterable[Source],
    root: ObjectId | None,
    *,
    flags: tuple[ControllerFlag, ...] = (),
    shards: tuple[ControllerShard, ...] = (),
    name: str = "fleet",
    cluster_path: str | None = None,
    source: ObjectId | None = None,
    flux: FluxVersion | None = None,
) -> Fleet:
    """Close a fleet: find or assume its root, hang what has no parent below it, and add the sources it names.

    Args:
        kustomizations: as read.
        helmreleases: as read.
        sources: those that are defined; one that is only named is added.
        root: the root's id where known; None = look for one, or assume ``flux-system/flux-system``.
        flags: controller flags that the repository sets.
        shards: the controllers' other Deployments.
        name: for run folders and titles.
        cluster_path: what the root points at, where known.
        source: the source of an assumed root; None = the one most Kustomizations use.
        flux: the Flux that the repository installs.
    """
    ks = {k.id: k for k in kustomizations}
    srcs = {s.id: s for s in sources}
    root = root or _find_root(ks)
    if root is None:
        used = [k.source for k in ks.values() if k.source is not None]
        source = source or (max(sorted(set(used)), key=used.count) if used else ASSUMED_SOURCE)
        root = ASSUMED_ROOT
        ks[root] = Kustomization(
            root, path=f"./{cluster_path or ''}", wait=False, source=source, assumed=True, applies=len(ks)
        )
    ks = {id: replace(k, parent=root) if k.parent is None and id != root else k for id, k in ks.items()}
    ks = {id: replace(k, source=ks[root].source or ASSUMED_SOURCE) if k.source is None else k for id, k in ks.items()}
    hrs = [replace(h, parent=root) if h.parent is None else h for h in helmreleases]
    hrs = [replace(h, source=ks[root].source or ASSUMED_SOURCE) if h.source is None else h for h in hrs]
    root_source = ks[root].source
    for named in [k.source for k in ks.values()] + [h.source for h in hrs]:
        if named is not None and named not in srcs:
            assumed = ks[root].assumed and named == root_source
            interval_s = BOOTSTRAP_INTERVAL_S if assumed else DEFAULT_INTERVAL_S
            srcs[named] = Source(named, assumed=assumed, interval_s=interval_s)
    if root_source is not None:
        srcs[root_source] = replace(srcs[root_source], this_repository=True)
    return Fleet(
        root, tuple(ks.values()), tuple(hrs), tuple(srcs.values()), flags, name, cluster_path, flux, shards=shards
    )


def _find_root(ks: dict[ObjectId, Kustomization]) -> ObjectId | None:
    tops = [k for k in ks.values() if k.parent is None]
    for k in tops:
        if k.assumed or k.id == ASSUMED_ROOT:
            return k.id
    parents = {k.parent for k in ks.values()}
    return tops[0].id if len(tops) == 1 and tops[0].id in parents else None

"""What somebody changes of a fleet, in the words of an option: other dependsOn, or what a commit touches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.named import without_namespace
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Need
from fleetbench.ids import CRD, ObjectId, parse_reference, say, some


def with_dependencies(fleet: Fleet, changes: Mapping[ObjectId, tuple[ObjectId, ...]]) -> Fleet:
    """The fleet with other ``dependsOn`` for some objects.

    Raises:
        InputError: an object that the fleet does not hold.
    """
    for id in changes:
        if fleet.service(id) is None:
            raise InputError(f"--set-depends-on: got {id}, wanted an object of this fleet")

    def depending(obj: Kustomization | HelmRelease) -> Kustomization | HelmRelease:
        return replace(obj, depends_on=tuple(Dependency(target) for target in changes[obj.id]))

    return changed(fleet, dict.fromkeys(changes, depending))


def with_installed(fleet: Fleet, names: Collection[str]) -> Fleet:
    """The fleet on a cluster that holds some things before Flux comes, so that nothing of it is waited for.

    Args:
        fleet: the fleet as read.
        names: what is there already: ``Namespace/NAME`` and the like, an object in full, an API group
            (``cert-manager.io``); or loosely the name of a chart, a namespace or an object, which is all that is called so.
            A source in full is one that somebody applied by hand.
    """
    if not names:
        return fleet
    from fleetbench.graph.order import watched  # with networkx, which commands load late

    def on_it(obj: Kustomization | HelmRelease) -> Kustomization | HelmRelease:
        needs = tuple(n for n in obj.needs if not _brought_by(fleet, n).intersection(names))
        if isinstance(obj, HelmRelease):
            return replace(obj, needs=needs)
        settled = {id for id in _missing(watched(fleet, obj).nowhere, obj) if not {str(id), say(id)}.isdisjoint(names)}
        return replace(
            obj,
            needs=needs,
            health_checks=tuple(id for id in obj.health_checks if id not in settled),
            given_checks=tuple(check for check in obj.given_checks if check.object not in settled),
        )

    sources = tuple(replace(s, **_THERE) if _is_named(s.id, names) else s for s in fleet.sources)
    there = replace(changed(fleet, {obj.id: on_it for obj in fleet.services()}), sources=sources)
    named = {h.id: next((n for n in names if n in _called(fleet, h)), None) for h in fleet.helmreleases}
    by = {id: f"--installed {name}" for id, name in named.items() if name is not None}
    return replace(changed(there, {id: _installing(said) for id, said in by.items()}), installed=tuple(names))


_THERE: Mapping[str, Any] = {"defined": True, "parent": None, "also_by": (), "made": None}
"""What is so of a source that is on the cluster before anything of the fleet is applied."""


def _is_named(id: ObjectId, names: Collection[str]) -> bool:
    return str(id) in names or say(id) in names


def _missing(nowhere: Sequence[ObjectId], k: Kustomization) -> list[ObjectId]:
    """What its health check names and nothing creates, but for what is never found whoever creates it."""
    never = k.never_found
    return [*(id for id in nowhere if id not in never), *(check.object for check in k.given_checks)]


def narrowest(need: Need) -> str:
    """What to give to ``--installed`` for that need alone; of a CRD its API group, as one chart brings all of that."""
    group = need.what.rpartition(" ")[2].partition(".")[2]
    return group if need.kind == CRD and group else need.what.replace(" ", "/", 1)


def _called(fleet: Fleet, release: HelmRelease) -> set[str]:
    """What names a release: in full, its name, its chart where no other release has that one."""
    same = sum(h.chart_name == release.chart_name for h in fleet.helmreleases)
    return {str(release.id), release.id.name, release.chart_name if same == 1 else ""} - {""}


def _installing(by: str) -> Callable[[HelmRelease], HelmRelease]:
    return lambda release: as_installed(release, by)


def as_installed(release: HelmRelease, by: str) -> HelmRelease:
    """A release that was installed before Flux: of all that it needs only its values are still to come.

    Args:
        release: as read.
        by: who installed it.
    """
    return replace(release, installed_by=by, needs=tuple(n for n in release.needs if n.blocks == "build"))


def none_installed(fleet: Fleet) -> Fleet:
    """The fleet where no release counts as installed before Flux: what an upgrade starts then takes its whole time."""
    by = {h.id: (lambda h: replace(h, installed_by=None)) for h in fleet.helmreleases if h.installed_by is not None}
    return changed(fleet, by) if by else fleet


def check_installed(fleet: Fleet, names: Sequence[str], elsewhere: Collection[str] = ()) -> None:
    """Refuse a name that :func:`with_installed` has no use for.

    Args:
        fleet: the fleet.
        names: as given.
        elsewhere: what no part of the fleet brings and reading it took to be there: to name it settles the finding.

    Raises:
        InputError: it is no release, and nothing in the fleet needs anything of it.
    """
    if not names:
        return
    from fleetbench.graph.order import watched

    loosely = {name for obj in fleet.services() for need in obj.needs for name in _loosely(fleet, need)}
    known = loosely.union(*(_brought_by(fleet, need) for obj in fleet.services() for need in obj.needs))
    waited_for = {id for k in fleet.kustomizations for id in _missing(watched(fleet, k).nowhere, k)}
    known = known.union(
        elsewhere,
        map(str, waited_for),
        map(say, waited_for),
        map(str, (source.id for source in fleet.sources)),
        *(_called(fleet, release) for release in fleet.helmreleases),
    )
    for name in names:
        if name not in known:
            undefined = (str(s.id) for s in fleet.sources if not (s.defined or s.assumed))
            asked = loosely.union(elsewhere, map(str, waited_for), undefined)
            there = f"something needs: {some(sorted(asked), 12)}" if asked else "here nothing needs any"
            raise InputError(
                f"--installed: got {name!r}, wanted Namespace/NAME or another object that something needs, a release, a chart "
                f"or an API group; {there}"
            )


def _brought_by(fleet: Fleet, need: Need) -> frozenset[str]:
    """Names for what meets a need: itself in full, or as below."""
    by = () if need.provided_by is None else (str(need.provided_by), say(need.provided_by))
    return _loosely(fleet, need).union((need.what.replace(" ", "/", 1), *by))


def _loosely(fleet: Fleet, need: Need) -> frozenset[str]:
    """A namespace, the API group of a definition, the chart or object that brings it, by name alone."""
    named = need.what.rpartition(" ")[2]
    found = {{CRD: named.partition(".")[2], "Namespace": named}.get(need.kind, "")}
    if need.provided_by is not None:
        found.add(need.provided_by.name)
        release = fleet.helmrelease(need.provided_by)
        found.add(release.chart_name if release else "")
    return frozenset(found - {""})


def resumed(fleet: Fleet) -> Fleet:
    """The fleet with nothing suspended."""
    awake = {obj.id: (lambda o: replace(o, suspend=False)) for obj in fleet.services() if obj.suspend}
    sources = tuple(replace(source, suspend=False) if source.suspend else source for source in fleet.sources)
    return replace(changed(fleet, awake), sources=sources)


def changed_by(fleet: Fleet, changed: str) -> frozenset[ObjectId]:
    """What a commit changes, from ``--changed``: an OBJECT, a path in the repository, or else a name without its namespace.

    A Kustomization changes with the releases that it applies, not with the Kustomizations; a workload changes what brings it.
    A path, of a file or a folder, changes every Kustomization whose build reads it (its own folder, bases, components,
    patches, files of generators), every object that is defined or patched there, and the HelmChart of every release
    whose chart it is. What no build reads changes the Kustomizations whose own path holds it, the deepest ones.

    Raises:
        InputError: nothing in the fleet is touched by it.
    """
    services = {obj.id: obj for obj in fleet.services()}
    owners = {w.object: obj.id for obj in services.values() for w in obj.workloads} | {id: id for id in services}
    try:
        reference = parse_reference(changed)
    except ValueError:
        reference = None
    if reference in owners:
        return _as_a_whole(fleet, {reference}, owners)
    path = _parts(changed)
    found = {obj.id for obj in services.values() if any(_lies_in(f, path) for f in (obj.file, *obj.shaped_by) if f)}
    found |= {k.id for k in fleet.kustomizations if any(_lies_in(r, path) or _holds(r, path) for r in k.reads)}
    charts = [h for h in fleet.helmreleases if _is_of_chart(fleet, h, path)]
    renewed = [h for h in charts if h.chart_of_revision or _lies_in(f"{h.chart}/Chart.yaml", path)]
    found |= {h.chart_object for h in renewed if h.chart_object is not None}
    if not found and charts:
        raise _same_chart(changed, charts[0])
    if not any(k.reads and k.id in found for k in fleet.kustomizations):
        found |= _by_own_path(fleet, path)
    if not found and reference is not None:
        found |= _as_a_whole(fleet, without_namespace(reference, owners), owners)
    if not found:
        raise InputError(
            f"--changed: got {changed!r}, wanted an object of this fleet or a path that one of its Kustomizations builds",
            "`fleetbench graph` lists the objects with their paths, and as JSON what each build reads",
        )
    return frozenset(found)


def _as_a_whole(fleet: Fleet, named: Collection[ObjectId], owners: Mapping[ObjectId, ObjectId]) -> frozenset[ObjectId]:
    """Objects that somebody names, each by what brings it; of a Kustomization the releases that it applies are meant too."""
    applied = {h.id for h in fleet.helmreleases if h.parent in named}
    return frozenset(applied.union(owners[object] for object in named))


def _by_own_path(fleet: Fleet, path: tuple[str, ...]) -> set[ObjectId]:
    """The Kustomizations whose own path lies below a path, and the deepest ones whose own path holds it."""
    depths = {k.id: len(_parts(k.path)) for k in fleet.kustomizations if k.expanded and _holds(k.path, path)}
    deepest = max(depths.values(), default=0)
    below = {k.id for k in fleet.kustomizations if k.expanded and _lies_in(k.path, path) and _parts(k.path) != path}
    return below | {id for id, depth in depths.items() if depth == deepest and depth > 0}


def _is_of_chart(fleet: Fleet, release: HelmRelease, path: tuple[str, ...]) -> bool:
    """Whether a path is part of a release's chart, or holds that chart, in the repository itself."""
    if not chart_lies_here(fleet, release):
        return False
    return _holds(str(release.chart), path) or _lies_in(str(release.chart), path)


def chart_lies_here(fleet: Fleet, release: HelmRelease) -> bool:
    """Whether a release's chart is a folder of the repository itself."""
    source = None if release.source is None else fleet.source(release.source)
    if release.chart_ref and source is not None and source.copied_from is not None:
        source = fleet.source(source.copied_from)
    here = source is not None and source.this_repository
    return here and release.chart_in_folder and bool(release.chart)


def _same_chart(changed: str, release: HelmRelease) -> InputError:
    """Source: source-controller v1.9.3 internal/controller/helmchart_controller.go buildFromTarballArtifact."""
    return InputError(
        f"--changed: {changed} is part of the chart of HelmRelease {release.id.key}, which Flux takes anew only where the "
        "version in Chart.yaml changes (reconcileStrategy ChartVersion)",
        f"name {release.chart}/Chart.yaml where the commit raises it; a commit that does not changes nothing",
    )


def _holds(folder: str, path: tuple[str, ...]) -> bool:
    """Whether a path is that folder, or lies below it."""
    parts = _parts(folder)
    return path[: len(parts)] == parts


def _lies_in(file: str, path: tuple[str, ...]) -> bool:
    """Whether a file or folder is that path, or lies below it."""
    return _parts(file)[: len(path)] == path


def _parts(path: str) -> tuple[str, ...]:
    return tuple(p for p in path.split("/") if p not in ("", "."))

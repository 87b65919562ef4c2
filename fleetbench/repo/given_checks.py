"""Health checks of what nothing here creates and somebody most likely makes by hand: they count as met, with a warning.

Elsewhere a namespace, a CRD or a Secret that nothing creates counts as there (FB310, FB315, FB309), as the cluster runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.nearest import is_misspelt
from fleetbench.graph.objects import GivenCheck, Kustomization
from fleetbench.graph.order import watched
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS, ObjectId, some
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.missing_sources import files_defining

_OF_FLUX = (KUSTOMIZATION, HELM_RELEASE, *SOURCE_KINDS)


def with_given_checks(fleet: Fleet, tree: Tree, is_made: Callable[[str], bool]) -> Fleet:
    """The fleet, its Kustomizations with what of their health checks counts as there.

    Args:
        fleet: as read.
        tree: the repository's files.
        is_made: whether a namespace is there on every cluster, or made by something here.
    """
    known = {*fleet.creators, *fleet.workload_owners}
    missing = {k.id: [id for id in _missing(fleet, k) if not _is_slip(id, known)] for k in fleet.kustomizations}
    named = {id for ids in missing.values() for id in ids}
    if not named:
        return fleet
    applied = [spec_path(k.path) for k in fleet.kustomizations if k.expanded]
    everything = tree.with_ignored()
    files = {
        id: [path for path in paths if not any(_is_below(path, folder) for folder in applied)]
        for id, paths in files_defining(everything, named, exactly=True).items()
    }
    why = {id: said for id in named if (said := _why(id, files.get(id, []), is_made)) is not None}

    def given(k: Kustomization) -> Kustomization:
        return replace(k, given_checks=tuple(GivenCheck(id, why[id]) for id in missing[k.id] if id in why))

    return changed(fleet, {id: given for id, ids in missing.items() if why.keys() & ids})


def _missing(fleet: Fleet, k: Kustomization) -> list[ObjectId]:
    """What its health check names on this cluster and nothing creates; Flux's own objects nobody makes by hand."""
    if k.wait or k.cluster is not None or not k.health_checks:
        return []
    never = k.never_found
    return [id for id in watched(fleet, k).nowhere if id.kind not in _OF_FLUX and id not in never]


def _is_slip(named: ObjectId, known: Iterable[ObjectId]) -> bool:
    """Whether somebody meant an object that is there: in another namespace, or with a name misspelt."""
    alike = [id for id in known if id.kind == named.kind]
    return any(
        id.name == named.name or (id.namespace == named.namespace and is_misspelt(named.name, id.name)) for id in alike
    )


def _why(id: ObjectId, files: list[str], is_made: Callable[[str], bool]) -> str | None:
    if files:
        return f"{some(files, 2)} {'defines' if len(files) == 1 else 'define'} it, which nothing here applies"
    if id.namespace and not is_made(id.namespace):
        return f"its namespace {id.namespace} is made by hand too: nothing here creates that"
    return None


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")

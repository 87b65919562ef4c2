"""How checks word their findings: one way to name objects, lists of them and the nearest match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fleetbench.findings import (
    BUILD_FAILED,
    CHART_MISSING,
    FILE_UNREADABLE,
    NEVER_FOUND,
    PATH_MISSING,
    Finding,
    Shared,
)
from fleetbench.graph.nearest import nearest
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.ids import ObjectId, say


def about(code: str, obj: Kustomization | HelmRelease, message: str, fix: str, shared: Shared | None = None) -> Finding:
    """A finding about an object, at its file and line."""
    return Finding(code, message, fix, obj.id, obj.file, obj.line, shared)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names as a sentence holds them: all up to ``most``, then how many more."""
    names = list(names)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def said(ids: Iterable[ObjectId], most: int = 5) -> str:
    """Objects as a sentence lists them."""
    return listed([say(id) for id in sorted(ids)], most)


def similar(wanted: ObjectId, known: Sequence[ObjectId]) -> ObjectId | None:
    """The known object of the same kind whose name is most like the wanted one's, the same namespace preferred."""
    return nearest(wanted, [id for id in known if id.kind == wanted.kind])


_BROKEN = {PATH_MISSING, BUILD_FAILED, FILE_UNREADABLE, CHART_MISSING, NEVER_FOUND}


def family(code: str) -> str:
    """One code for all that tell, of an object, the same: that it cannot be built, or gets no chart or values."""
    return PATH_MISSING if code in _BROKEN else code

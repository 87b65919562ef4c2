"""Content that could not be read and comes before or with an object: it may bring a CRD that all else brings too late.

Source: fluxcd/pkg ssa v0.76.1 manager_apply.go ApplyAllStaged: a Kustomization's own CRDs are there before the dry-run of its
custom resources, so a remote base beside them may bring theirs as well as one that comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from fleetbench.findings import CRD_UNREAD, Finding
from fleetbench.ids import ObjectId, say, some
from fleetbench.repo.install.own_manifests import is_base_of_flux, is_of_flux_alone
from fleetbench.repo.needs.providers import groups_of_base
from fleetbench.repo.nodes import Walk


class Hedge(NamedTuple):
    """A CRD that counts as there, as something unread may bring it."""

    owner: ObjectId
    group: str
    kind: str
    wanted_by: ObjectId
    too_late: ObjectId
    """Who brings it only after the owner."""
    unread: tuple[str, ...]
    """What may bring it before."""


class Unread:
    """What of each Kustomization could not be read, and what was told of it."""

    def __init__(self, walk: Walk, this: ObjectId | None):
        """Take in what was found, and the source of the repository itself, which need not be defined."""
        self._walk, self._this = walk, this
        self._hedges: list[Hedge] = []

    def among(self, before: Iterable[ObjectId], group: str) -> dict[ObjectId, str]:
        """The Kustomizations that may bring the CRDs of an API group unseen, in their order -> what of each.

        Args:
            before: those that come before what needs the CRD, or are it.
            group: the API group.
        """
        return {id: said for id in before if (said := self._of(id, group)) is not None}

    def _of(self, id: ObjectId, group: str) -> str | None:
        node = self._walk.nodes.get(id)
        if node is None or node.cluster is not None or node.spec.get("suspend") is True or node.broken is not None:
            return None
        bases = [base.text for base in (node.build.bases if node.build else ()) if _may_hold(base.text, group)]
        if bases:
            return f"the remote base {bases[0]} in {say(id)}"
        exists = node.source == self._this or node.source in self._walk.sources
        unbuilt = node.build is None or node.build.failure is not None
        unread = node.not_expanded is not None and unbuilt and exists
        if not unread or is_of_flux_alone(node, self._walk) or not _may_hold(node.content_url or "", group):
            return None
        return say(id)

    def before(
        self,
        ids: Iterable[ObjectId],
        edges: Mapping[ObjectId, frozenset[ObjectId]],
        ancestors: Callable[[ObjectId], set[ObjectId]],
    ) -> dict[ObjectId, bool]:
        """What comes before these -> whether it must be Ready, and not only there.

        That is what they depend on and what that applies, and so on up from whatever applies those.
        """
        found: dict[ObjectId, bool] = {}
        todo = [(id, False) for id in ids]
        while todo:
            id, is_ready = todo.pop(0)
            steps = [(one, True) for one in sorted(edges.get(id, ()))]
            if is_ready:
                children, waits = self._below(id)
                steps += [(child, waits) for child in sorted(children)]
            steps += [(above, False) for one, _ in steps for above in sorted(ancestors(one))]
            for one, ready in steps:
                if one not in found or (ready and not found[one]):
                    found[one] = ready
                    todo.append((one, ready))
        return found

    def _below(self, id: ObjectId) -> tuple[list[ObjectId], bool]:
        """The Kustomizations that a Kustomization applies, and whether it waits until they are Ready."""
        node = self._walk.nodes.get(id)
        children = [child.id for child in self._walk.nodes.values() if child.parent == id]
        return children, node is not None and node.spec.get("wait") is True

    def counted(self, hedge: Hedge) -> None:
        """Note that a CRD counts as there."""
        self._hedges.append(hedge)

    def findings(self) -> Iterator[Finding]:
        """What counts as brought by something unread, once for each API group and Kustomization."""
        grouped: dict[tuple[ObjectId, str], list[Hedge]] = {}
        for hedge in self._hedges:
            grouped.setdefault((hedge.owner, hedge.group), []).append(hedge)
        for (owner, group), hedges in grouped.items():
            first = hedges[0]
            kinds = some(sorted({hedge.kind for hedge in hedges}), 4)
            manifest = self._walk.first(owner)[0]
            text = (
                f"{say(first.wanted_by)} needs the CRDs of {group} ({kinds}), which {say(first.too_late)} brings too late; "
                f"{some(first.unread, 3)} may bring them in time, but could not be read: they count as there"
            )
            fix = (
                f"nothing to do if that brings them, or the cluster has them; else move {say(first.wanted_by)}, and what else "
                f"needs them, into a Kustomization of its own that depends on what brings them"
            )
            yield Finding(CRD_UNREAD, text, fix, owner, manifest.file, manifest.line)


def _may_hold(address: str, group: str) -> bool:
    """Whether the CRDs of a remote base, or of a repository, are not known, or of that group."""
    known: Collection[str] = groups_of_base(address)
    return group in known if known else not is_base_of_flux(address)

"""What a commit changes as a JSON object, and back: in ``simulate`` and ``check``, and in the record of a measured one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.graph.commit import Commit, Immutable, updated, upgraded
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.json_node import Node
from fleetbench.json_values import count, object_id, whole


def to_document(commit: Commit, fleet: Fleet) -> dict[str, Any]:
    """The commit; what ``fleet`` adds to it (``upgraded``, ``workloads.replaced``) is for people and is not read back.

    Args:
        commit: the commit.
        fleet: after it.
    """
    return {
        "since": commit.since,
        "changed": _names(commit.changed),
        "applied": _counts(commit.applied),
        "upgraded": _names(upgraded(commit, fleet)),
        "reconciled": _names(commit.reconciled),
        "renewed": _names(commit.renewed),
        "added": _names(commit.added),
        "removed": _names(commit.removed),
        "workloads": {
            "replaced": _names(updated(commit, fleet)),
            "started": _names(commit.started),
            "kept": _counts(commit.kept),
        },
        "immutable": [
            {"object": str(i.object), "field": i.field, "by": str(i.by), "file": i.file, "line": i.line}
            for i in commit.immutable
        ],
        "notes": list(commit.notes),
    }


def from_document(at: Node) -> Commit:
    """Read it back.

    Raises:
        InputError: a field has a value it cannot have.
    """
    workloads = at.below("workloads", data=at.mapping("workloads"))
    return Commit(
        changed=frozenset(at.ids("changed", KUSTOMIZATION)),
        applied=_read_counts(at, "applied"),
        reconciled=frozenset(at.ids("reconciled", KUSTOMIZATION)),
        renewed=frozenset(at.ids("renewed", KUSTOMIZATION)),
        added=frozenset(at.ids("added", KUSTOMIZATION)),
        removed=at.ids("removed", KUSTOMIZATION),
        kept=_read_counts(workloads, "kept"),
        started=frozenset(workloads.ids("started", KUSTOMIZATION)),
        immutable=tuple(_read_immutable(each) for each in at.each("immutable")),
        since=at.text_of("since"),
        notes=at.texts("notes"),
    )


def _names(ids: Iterable[ObjectId]) -> list[str]:
    return [str(id) for id in sorted(ids)]


def _counts(numbers: Mapping[ObjectId, int]) -> dict[str, int]:
    return {str(id): numbers[id] for id in sorted(numbers)}


def _read_counts(at: Node, field: str) -> dict[ObjectId, int]:
    numbers = at.mapping(field)
    return {at.read((field, name), name, object_id): at.read((field, name), n, count) for name, n in numbers.items()}


def _read_immutable(at: Node) -> Immutable:
    return Immutable(
        at.field("object", object_id),
        at.required("field"),
        at.field("by", object_id),
        at.text_of("file"),
        at.optional("line", whole),
    )

"""Findings that follow from the fleet alone; those of reading a repository are the reader's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fleetbench.findings import APPLY_REFUSED, BUILD_FAILED, PATH_MISSING, VARIABLE_UNSET, Finding, in_order
from fleetbench.graph.checks.about import family
from fleetbench.graph.checks.edges import check_edges
from fleetbench.graph.checks.expressions import check_expressions
from fleetbench.graph.checks.needs import check_needs
from fleetbench.graph.checks.parents import check_parents
from fleetbench.graph.checks.presence import check_presence
from fleetbench.graph.checks.timeouts import check_timeouts
from fleetbench.graph.checks.waits import check_waits
from fleetbench.graph.checks.workers import check_workers
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId


def check(
    fleet: Fleet,
    *,
    kustomize_concurrent: int = 4,
    shard_concurrent: Mapping[str, int] | None = None,
    node_pods: int = 110,
    nodes: int = 1,
    known_s: Mapping[ObjectId, float] | None = None,
) -> list[Finding]:
    """Every finding that can be computed from the fleet alone, most severe first.

    Args:
        fleet: the fleet.
        kustomize_concurrent: workers of kustomize-controller (``--concurrent``).
        shard_concurrent: those of its shards; one that is not named has as many.
        node_pods: pods that a node takes (kubelet ``maxPods``, 110 by default).
        nodes: nodes of the cluster.
        known_s: what objects and workloads take at least, measured or given by the user; it goes before what templates
            state.
    """
    return in_order(
        [
            *check_edges(fleet),
            *check_expressions(fleet),
            *check_parents(fleet),
            *check_needs(fleet),
            *check_waits(fleet, kustomize_concurrent, shard_concurrent or {}),
            *check_timeouts(fleet, known_s or {}),
            *check_workers(fleet, kustomize_concurrent, shard_concurrent or {}),
            *check_presence(fleet, node_pods, nodes),
        ]
    )


def combined(read: Sequence[Finding], checked: Sequence[Finding], fleet: Fleet) -> list[Finding]:
    """The reader's findings and :func:`check`'s as one list; what the reader saw with file and line goes first.

    A finding of both about the same object (a missing path, a missing source) is kept as the reader has it; so is what
    the API server refuses, which the reader tells of the object and :func:`check` of the Kustomization that applies it.
    """
    reported = {(family(f.code), f.object) for f in read}
    refused = {f"{f.object}: {f.message}" for f in read}

    def is_new(found: Finding) -> bool:
        if (family(found.code), found.object) in reported:
            return False
        by = fleet.kustomization(found.object) if found.code == APPLY_REFUSED and found.object is not None else None
        return by is None or by.refused not in refused

    kept = [*read, *(f for f in checked if is_new(f))]
    return in_order([_as_dormant(f, fleet) for f in kept])


_DORMANT = "; no error yet, as it is suspended or only applied by what is"
_OF_BUILDS = frozenset({PATH_MISSING, BUILD_FAILED, VARIABLE_UNSET})
"""Of what a suspended Kustomization does not do itself."""


def _as_dormant(finding: Finding, fleet: Fleet) -> Finding:
    """An error of what nothing builds, or nothing applies, as long as something is suspended."""
    id = finding.object
    obj = None if id is None else fleet.service(id) or fleet.source(id)
    if obj is None:
        return finding
    below = obj.parent is not None and obj.parent in fleet.asleep
    if below or (obj.id in fleet.asleep and finding.code in _OF_BUILDS):
        return replace(finding, dormant=True, message=finding.message.removesuffix(_DORMANT) + _DORMANT)
    return finding

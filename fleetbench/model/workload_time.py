"""How long an object's workloads take, as parts that the engine draws: what :mod:`.resolve` hands to the engine."""

from __future__ import annotations

from dataclasses import dataclass

from fleetbench.ids import ObjectId
from fleetbench.model.distributions import NOTHING, Distribution


@dataclass(frozen=True, slots=True)
class ImagePull:
    """One image that a node must hold before the pod's containers start; a node pulls it once."""

    image: str
    """The reference as the pod names it, or the repository alone where a chart's prior names it."""
    megabytes: Distribution
    """Compressed size in MB (10^6 bytes); zero = the node holds it."""


@dataclass(frozen=True, slots=True)
class PodTime:
    """One pod, or one whole chart or custom resource that is only known as a whole.

    In order: wait for ``after``; ``start``; the pulls, through the node's queue; ``ready``.
    """

    workload: ObjectId
    """The Deployment, StatefulSet, custom resource ... or, for a chart known as a whole, its HelmRelease."""
    replica: int = 0
    start: Distribution = NOTHING
    """Scheduling, sandbox, volumes: from created to the first pull; seconds."""
    ready: Distribution = NOTHING
    """From the images being there to Ready (``minReadySeconds`` included): seconds."""
    pulls: tuple[ImagePull, ...] = ()
    after: int | None = None
    """Index in :attr:`WorkloadTime.pods` of the pod that must be Ready before this one is created."""
    hook: bool = False
    """Runs, and must end, before the release's other pods are created."""
    from_apply: bool = False
    """``ready`` counts from the apply until its workload is Current: what that waited for its controller is in it."""
    empty: bool = False
    """The Deployment has no pods: all that is waited for is that its controller has seen it."""
    at_once: int | None = None
    """How many pods of its workload an update replaces at one time, 0 = none; None = it starts as the first time."""


@dataclass(frozen=True, slots=True)
class WorkloadTime:
    """From applied until all its own workloads are Current; Flux's own time and child objects are not in it.

    Either ``total`` (the whole is known) or ``pods``; with neither it takes no time.
    """

    object: ObjectId
    """The Kustomization or HelmRelease."""
    chosen_by: str
    """For people: which rule chose, and what: ``durations file``, ``prior: chart loki (guess)`` ..."""
    source: str = ""
    """Where the figures are from, as the profile or file states it."""
    total: Distribution | None = None
    pods: tuple[PodTime, ...] = ()

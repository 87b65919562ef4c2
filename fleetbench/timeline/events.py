"""One observation of one object: what the engine emits and what the cluster's watch collects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from fleetbench import phases
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId

_FLUX_KINDS = (KUSTOMIZATION, HELM_RELEASE)


class Event(NamedTuple):
    """An object as it was seen at one moment.

    For Flux objects ``status``/``reason`` are the Ready condition's and ``message`` is the Reconciling condition's
    message while there is one (it names the step), else Ready's. For workloads ``status`` is True from the moment
    kstatus calls them Current.
    """

    t_s: float
    """Seconds since t0: the creation of the GitRepository and the root Kustomization."""
    object: ObjectId
    status: str = phases.ABSENT
    reason: str = ""
    message: str = ""
    generation: int = 1
    observed: int = -1
    """``status.observedGeneration``; -1 = none yet."""
    revision: str = ""
    """``status.lastAppliedRevision`` of a Kustomization, the artifact's revision of a source; empty = none."""
    attempt: int = 0
    """Which reconcile of the object this is, counted from 1, where the emitter knows; 0 = not known."""

    @property
    def step(self) -> str | None:
        """The reconcile step this event starts, if it is one."""
        return phases.step_of(self.message) if self.status == phases.UNKNOWN or self.status == phases.ABSENT else None


def first_ready_s(events: Iterable[Event], since_s: float = 0.0, revision: str | None = None) -> float | None:
    """When an object was Ready: the one definition for predicted and measured.

    The first event at or after ``since_s`` with Ready=True of the generation it shows (and of ``revision``, if
    given): either ``observedGeneration`` says so, or Ready turned True at that generation (the controllers patch the
    condition some milliseconds before observedGeneration). A True left over from an older generation does not count.

    Args:
        events: one object's events in order of time.
        since_s: count only from here.
        revision: the lastAppliedRevision that must be shown; None = any.

    Returns:
        Seconds since t0, or None.
    """
    previous: Event | None = None
    for event in events:
        if _is_of_workloads(event):
            continue
        turned = previous is None or previous.status != phases.TRUE or previous.revision != event.revision
        turned = turned and (previous is None or previous.generation == event.generation)
        if (
            event.status == phases.TRUE
            and event.t_s >= since_s
            and (turned or event.observed == event.generation)
            and (revision is None or event.revision == revision)
        ):
            return event.t_s
        previous = event
    return None


def ready_after_s(events: Iterable[Event], since_s: float = 0.0, revision: str | None = None) -> float | None:
    """How long an object took to be Ready: from ``since_s``, the one place that says from where a run counts.

    A bootstrap counts from t0. A commit counts from the new revision's artifact, which is all that a cluster shows of
    the push, whenever the watching began.

    Args:
        events: one object's events in order of time.
        since_s: from where to count, in seconds since t0.
        revision: as for :func:`first_ready_s`.

    Returns:
        Seconds since ``since_s``, or None.
    """
    at = first_ready_s(events, since_s, revision)
    return None if at is None else at - since_s


def ready_again_s(events: Iterable[Event], since_s: float) -> float | None:
    """How long an object took to be Ready after a commit of whose revision it shows nothing.

    That is a HelmRelease, or a Kustomization of another source. The commit changed it if it has a new generation since
    (its own manifest), runs an upgrade (its chart) or shows a new revision of its own source. What the commit left
    alone was Ready all along.

    Args:
        events: one object's events in order of time.
        since_s: when the commit's artifact was there, in seconds since t0.

    Returns:
        Seconds since ``since_s``, 0.0 where it was Ready then and left alone; None = not Ready since.
    """
    own = [e for e in events if not _is_of_workloads(e)]
    before = next((e for e in reversed(own) if e.t_s < since_s), None)
    if before is None:
        return ready_after_s(own, since_s)
    changed_s = next((e.t_s for e in own if e.t_s >= since_s and _is_changed(e, before)), None)
    if changed_s is None and before.status == phases.TRUE:
        return 0.0
    at = first_ready_s(own, since_s if changed_s is None else changed_s)
    return None if at is None else at - since_s


def _is_changed(event: Event, before: Event) -> bool:
    newer = event.generation > before.generation or event.revision != before.revision
    return newer or event.step == phases.UPGRADING


def _is_of_workloads(event: Event) -> bool:
    """Whether it tells of an object's workloads as a whole, where they are only known so."""
    return event.reason == phases.CURRENT and event.object.kind in _FLUX_KINDS


@dataclass(frozen=True)
class Timeline:
    """A rollout, predicted or measured: events in order of time."""

    events: tuple[Event, ...]
    until_s: float
    """How long it was watched or simulated, in seconds since t0."""
    complete: bool = True
    """Every service turned Ready within ``until_s``."""
    notes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def by_object(self) -> dict[ObjectId, tuple[Event, ...]]:
        """Object -> its events in order of time."""
        found: dict[ObjectId, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.object, []).append(event)
        return {id: tuple(events) for id, events in found.items()}

    def ready_s(self, id: ObjectId) -> float | None:
        """When the object was first Ready (see :func:`first_ready_s`), or None."""
        return first_ready_s(self.by_object.get(id, ()))

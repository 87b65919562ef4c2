"""How far a rollout is, kept up to date event by event: who is Ready, who waits for whom, who holds a worker."""

from __future__ import annotations

from dataclasses import dataclass

from fleetbench import phases
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.timeline.events import Event, ready_after_s, ready_again_s

READY, WORKING, WAITING, FAILED, UNSEEN, SUSPENDED = "ready", "working", "waiting", "failed", "not created", "suspended"
_FAILURES = (
    phases.HEALTH_CHECK_FAILED,
    phases.BUILD_FAILED,
    phases.RECONCILIATION_FAILED,
    phases.INSTALL_FAILED,
    phases.UPGRADE_FAILED,
    phases.RETRIES_EXCEEDED,
    phases.STALLED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One service at this moment."""

    object: ObjectId
    state: str
    ready_s: float | None
    detail: str
    """What it waits for, the step it is in, or why it failed."""


class Progress:
    """The state of a rollout.

    Args:
        fleet: what is rolled out.
        hopeless: services that cannot turn Ready in this run: nobody waits for them.
        since_s, revision: count Ready as :func:`fleetbench.timeline.events.ready_after_s` does.
    """

    def __init__(
        self,
        fleet: Fleet,
        hopeless: frozenset[ObjectId] = frozenset(),
        since_s: float = 0.0,
        revision: str | None = None,
    ):
        self.fleet, self.hopeless = fleet, hopeless
        self.since_s, self.revision = since_s, revision
        self.waits_for: str | None = None
        """What must happen before anything counts; None = nothing."""
        self.doubtful: frozenset[ObjectId] = frozenset()
        """Services that were not Ready before, or wait for such a one: waited for only as long as they are at work."""
        self.brought: frozenset[ObjectId] = frozenset()
        """Services that the commit brings: they are waited for though nothing is seen of them when it comes."""
        self.taken_away: frozenset[ObjectId] = frozenset()
        """Objects that the commit removes from the fleet."""
        self.ready_s: dict[ObjectId, float] = {}
        """Seconds from ``since_s`` on."""
        self.strangers: dict[ObjectId, Event] = {}
        """Flux objects of the cluster that the fleet does not hold, with their latest event: they do not count. Of what the
        commit takes away, it holds what is still there."""
        self._services = {obj.id: obj for obj in fleet.services()}
        self._beside: frozenset[ObjectId] = frozenset()
        """Services that show nothing of the revision which counts, but are Ready again, or were all along."""
        self._events: dict[ObjectId, list[Event]] = {}

    @property
    def total(self) -> int:
        """How many services are to turn Ready."""
        return sum(1 for obj in self._services.values() if not obj.suspend)

    @property
    def all_ready(self) -> bool:
        """Every service that is not suspended was Ready."""
        return all(obj.suspend or id in self.ready_s for id, obj in self._services.items())

    @property
    def all_that_can(self) -> bool:
        """Every service that can turn Ready was."""
        return self.waits_for is None and all(
            obj.suspend or id in self.ready_s or id in self.hopeless or self._has_rested(id)
            for id, obj in self._services.items()
        )

    def _has_rested(self, id: ObjectId) -> bool:
        """Whether an object of which nobody knows that it can be Ready is not at work right now."""
        latest = self.latest(id)
        return id in self.doubtful and (latest is None or latest.step is None)

    def expect(self, since_s: float, revision: str, of: frozenset[ObjectId]) -> None:
        """Start anew: count only Ready with a revision, of these services; the others as the commit changes them or not."""
        self.since_s, self.revision, self.waits_for = since_s, revision, None
        self._beside = self.fleet.beside(of)
        self.ready_s = {id: 0.0 for id in self._beside if (latest := self.latest(id)) and latest.status == phases.TRUE}
        self.hopeless |= {id for id in self._beside - self.brought if self.latest(id) is None}
        self.doubtful |= self._beside - self.brought - self.ready_s.keys()

    @property
    def last_ready_s(self) -> float | None:
        """The latest Ready so far."""
        return max(self.ready_s.values(), default=None)

    def add(self, event: Event) -> bool:
        """Take in an event; True if it made a service Ready for the first time."""
        if event.object not in self._services:
            if event.object.kind in (KUSTOMIZATION, HELM_RELEASE):
                self._meet(event)
            return False
        events = self._events.setdefault(event.object, [])
        events.append(event)
        if self.waits_for is not None:
            return False
        if event.object in self._beside:
            return self._look_again(event.object)
        if event.object in self.ready_s:
            return False
        at = ready_after_s(events, self.since_s, self.revision)
        if at is None:
            return False
        self.ready_s[event.object] = at
        if event.object in self.hopeless:
            self.hopeless = frozenset()  # whoever said so was wrong: wait for all
        return True

    def _look_again(self, id: ObjectId) -> bool:
        """Whether a service that shows no revision of the commit is Ready for the first time since that changed it."""
        before, at = self.ready_s.pop(id, None), ready_again_s(self._events[id], self.since_s)
        if at is not None:
            self.ready_s[id] = at
        return at is not None and at != before

    def _meet(self, event: Event) -> None:
        if event.reason == phases.DELETED:
            self.strangers.pop(event.object, None)
        else:
            self.strangers[event.object] = event

    def holds(self, id: ObjectId) -> bool:
        """Whether an object is one of the fleet's Kustomizations and HelmReleases."""
        return id in self._services

    def _counts_as_ready(self, id: ObjectId) -> bool:
        """Whether an object is Ready, or still is with the revision before while the next one is awaited."""
        latest = self.latest(id)
        return id in self.ready_s or (
            self.waits_for is not None and latest is not None and latest.status == phases.TRUE
        )

    def latest(self, id: ObjectId) -> Event | None:
        """The latest event of a service."""
        events = self._events.get(id)
        return events[-1] if events else None

    def busy(self, kind: str) -> int:
        """How many objects of a kind are in a step of their reconcile, and so hold a worker."""
        latest = (self.latest(id) for id in self._services if id.kind == kind)
        return sum(1 for event in latest if event is not None and event.step is not None)

    def rows(self) -> list[Row]:
        """Every service: Ready ones by time, then those at work, waiting, failed, not created."""
        order = (READY, WORKING, FAILED, WAITING, UNSEEN, SUSPENDED)
        rows = [self.row(id) for id in self._services]
        return sorted(rows, key=lambda r: (order.index(r.state), r.ready_s or 0.0, r.object))

    def row(self, id: ObjectId) -> Row:
        """One service."""
        obj, event = self._services[id], self.latest(id)
        if id in self.ready_s:
            return Row(id, READY, self.ready_s[id], "")
        if obj.suspend:
            return Row(id, SUSPENDED, None, "")
        if event is None:
            parent = "" if obj.parent is None else f"its parent {obj.parent.key} is not that far"
            return Row(id, UNSEEN, None, parent)
        if self.waits_for is not None and event.status == phases.TRUE:
            return Row(id, READY, None, "with the revision before")
        waits_for = [d.target for d in obj.depends_on if not self._counts_as_ready(d.target)]
        if event.step is not None and not (waits_for and event.reason == phases.DEPENDENCY_NOT_READY):
            return Row(id, WORKING, None, event.step)
        if is_failure(event):
            return Row(id, FAILED, None, event.reason)
        if waits_for:
            return Row(id, WAITING, None, "for " + ", ".join(_short(t) for t in waits_for))
        return Row(id, WAITING, None, event.reason or "queued")


def is_failure(event: Event) -> bool:
    """Whether an object says that it failed, and not only that it waits."""
    # Also said while the source has no artifact yet, which passes.
    missing = event.reason == phases.ARTIFACT_FAILED and "not found, retrying" not in event.message
    return event.reason in _FAILURES or missing


def _short(id: ObjectId) -> str:
    return id.name if id.kind == KUSTOMIZATION else f"{id.kind}/{id.name}"

"""Which revision of the repository each object is at, and which one the scenario waits for."""

from __future__ import annotations

from math import inf

from fleetbench.engine.items import MISSING, Plan
from fleetbench.engine.machine import Machine
from fleetbench.ids import HELM_CHART, HELM_RELEASE


class Revisions(Machine):
    """Revisions of one sample: 1 is what is there at t0, each push is one more."""

    __slots__ = (
        "applied_revision", "attempted", "breaks_at", "changes", "given", "goal_revision", "heals_at", "latest",
        "more_revisions", "plan", "released", "revision", "serves_from_s", "stored", "unhealthy",
    )  # fmt: skip

    def __init__(self, plan: Plan, sample: int):
        super().__init__(plan, sample)
        self.plan = plan
        size = len(plan.items)
        self.revision = [0] * size
        """lastAppliedRevision of a Kustomization, the artifact's revision of a source; 0 = none."""
        self.attempted = [0] * size
        self.stored = [True] * size
        """Whether what a source's revision names is in source-controller's storage."""
        self.serves_from_s = 0.0
        """When source-controller serves what it stores; before, connections are refused."""
        self.released: set[int] = set()
        """HelmReleases whose last action ended well."""
        self.unhealthy: set[int] = set()
        """Kustomizations whose last health check did not pass."""
        self.changes: list[tuple[int, ...]] = [()] * size
        """The revisions of the repository that change the object's own manifests, in order."""
        self.given = [0] * size
        """The revision of the repository that its manifest in the cluster is of; 0 = it was not created yet."""
        self.applied_revision = [0] * size
        """The revision of its manifests that was last applied; 0 = never."""
        self.goal_revision = 1
        self.more_revisions = False
        """Whether the repository may still get one, so that sources keep looking."""
        self.breaks_at = 0
        """The revision that breaks what fails: before a bad commit it was healthy."""
        self.heals_at = inf
        """The revision that heals it; infinity = none that was pushed yet."""
        self.latest = 1
        """The newest revision that the repository holds."""

    def fails(self, n: int) -> bool:
        """Whether the object is one that never turns healthy at the revision that is in force for it."""
        return self.items[n].fails and self.is_broken(n)

    def is_broken(self, n: int) -> bool:
        """Whether the revision in force for an object is one that breaks what fails."""
        return self.breaks_at <= (self.given if self.is_given(n) else self.attempted)[n] < self.heals_at

    def manifest_revision(self, n: int, revision: int) -> int:
        """The newest revision up to this one that changed the object's own manifests; 0 = none did."""
        changes = self.changes[n]
        return max((r for r in changes if r <= revision), default=0) if changes else 0

    def has_changed(self, n: int, revision: int) -> bool:
        """Whether that revision of the object's manifests is another than what was last applied, if anything was."""
        return self.applied_revision[n] == 0 or self.manifest_revision(n, revision) > self.applied_revision[n]

    def newest_change(self, n: int, revision: int) -> int:
        """The same, or that made a new chart of a release."""
        return max(self.manifest_revision(n, revision), self.chart_revision(n, revision))

    def chart_revision(self, n: int, revision: int) -> int:
        """The newest revision up to this one that made a new chart of a release; 0 = none did."""
        chart = self.items[n].source
        made = chart != MISSING and (self.items[chart].id.kind == HELM_CHART or chart in self.plan.renewed)
        return self.manifest_revision(chart, revision) if made else 0

    def reached(self, n: int) -> bool:
        """Whether Ready counts: of the revision that the scenario waits for."""
        goal = self.goal_revision
        if not self.is_given(n):
            return self.revision[n] >= goal
        given = self.applied_revision[n] >= self.manifest_revision(n, goal)
        return given and self.attempted[n] >= self.chart_revision(n, goal)

    def is_given(self, n: int) -> bool:
        """Whether its own manifest tells it of a commit, not the revision of its source."""
        return self.items[n].id.kind == HELM_RELEASE or n in self.plan.given_by

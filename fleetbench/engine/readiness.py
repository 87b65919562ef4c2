"""Pure decisions of the controllers: what is ready, and when to look again."""

from __future__ import annotations

from math import ceil

from fleetbench import phases


def dependency_ready(
    exists: bool, status: str, applied_revision: int, source_revision: int, revision_must_match: bool
) -> bool:
    """Whether a dependency lets its dependant go on.

    It exists, its observedGeneration is its generation (here: Ready=True is only ever set with it), Ready is True
    and, for a Kustomization of the same source, lastAppliedRevision is the source's current revision.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go checkDependencies;
    helm-controller v1.6.3 internal/controller/helmrelease_controller.go checkDependencies (without the revision).
    """
    if not exists or status != phases.TRUE:
        return False
    return not revision_must_match or applied_revision == source_revision


def artifact_event_enqueues(status: str, attempted_revision: int, revision: int) -> bool:
    """Whether a new artifact puts a Kustomization of its source, or the release of a chart, in the queue.

    Not one that is Ready or reconciling and has attempted that revision already.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_indexers.go requestsForRevisionChangeOf;
    helm-controller v1.6.3 internal/controller/helmrelease_indexers.go requestsForHelmChartChange.
    """
    return not (status in (phases.TRUE, phases.UNKNOWN) and attempted_revision == revision)


def next_poll_s(now_s: float, first_poll_s: float, interval_s: float) -> float:
    """The first poll at or after ``now_s`` of a poller that looked first at ``first_poll_s``.

    The poller looks at once and then at every tick of a ticker, so polls do not drift.

    Source: fluxcd/cli-utils v1.2.2 pkg/kstatus/polling/engine/engine.go statusPollerRunner.Run.
    """
    if now_s <= first_poll_s:
        return first_poll_s
    if interval_s <= 0.0:
        return now_s  # polling off: seen at once
    ticks = ceil((now_s - first_poll_s) / interval_s - 1e-9)
    return first_poll_s + ticks * interval_s


def retries_exhausted(failures: int, retries: int) -> bool:
    """Whether a failed HelmRelease is not remediated any more; ``retries`` -1 = for ever.

    Source: helm-controller v1.6.3 api/v2/helmrelease_types.go InstallRemediation.RetriesExhausted.
    """
    return retries >= 0 and failures > retries

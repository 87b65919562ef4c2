"""source-controller's reconcile of a repository or a HelmChart.

Source: source-controller v1.9.3 internal/controller/gitrepository_controller.go, helmchart_controller.go
(finalizer first, then artifact; a chart follows its repository's artifact by watch; a chart that is not in it is a
persistent error: internal/helm/chart/errors.go IsPersistentBuildErrorReason).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from fleetbench import phases
from fleetbench.engine import machine
from fleetbench.engine.items import MISSING
from fleetbench.engine.machine import SERVER
from fleetbench.engine.readiness import artifact_event_enqueues
from fleetbench.engine.reconcile import Reconcile
from fleetbench.engine.work_queue import REQUEUE, STOP, Result
from fleetbench.engine.world import World
from fleetbench.ids import EXTERNAL_ARTIFACT, GIT_REPOSITORY, HELM_CHART, HELM_RELEASE, KUSTOMIZATION

FETCH_WAIT_S = (5.0, 30.0)
"""The shortest and the longest wait before a refused fetch is tried again (:func:`until_served`)."""
_STEP = {GIT_REPOSITORY: machine.GIT_FETCH, HELM_CHART: machine.CHART_BUILD}


def reconcile(w: World, n: int) -> Reconcile:
    """One reconcile; the worker is held throughout."""
    item = w.items[n]
    upstream = item.source
    if not w.stored[n]:
        w.revision[n] = 0  # reconcileStorage: disappeared from storage
    if item.id.kind in (HELM_CHART, EXTERNAL_ARTIFACT) and upstream != MISSING and not has_artifact(w, upstream):
        w.set_not_ready(n, phases.FALSE, phases.ARTIFACT_FAILED)
        # Its repository's artifact event brings it back; one that is not there at all is an error, tried again.
        if w.exists[upstream]:
            return STOP
        yield from w.post(n)
        w.whole_reconcile()
        return REQUEUE
    step = _STEP.get(item.id.kind, machine.REMOTE_FETCH)
    if item.broken:
        yield w.work(n, step)
        yield from w.post(n)
        w.set_not_ready(n, phases.FALSE, phases.INVALID_CHART_REFERENCE)
        return STOP  # stalled until its repository's next artifact
    revision = available_revision(w, n)
    if w.revision[n] != revision or w.status[n] != phases.TRUE:
        w.set_not_ready(n, phases.UNKNOWN, phases.PROGRESSING)
        yield w.work(n, step)
        if item.fetch is not None:
            yield w.env.timeout(item.fetch.quantile(w.draws.uniform(item.key, SERVER, w.attempts[n])))
        fresh = w.revision[n] != revision
        # Told before the status is patched; not of what was lost and is made anew as it was, but a chart's package differs.
        if fresh and (w.attempted[n] != revision or item.id.kind == HELM_CHART):
            yield from w.post(n)
        w.attempted[n] = revision
        w.revision[n] = revision
        w.stored[n] = True
        w.set_ready(n, phases.SUCCEEDED)
        if fresh:
            announce(w, n)
    else:
        yield w.work(n, step)
    if not w.more_revisions:
        return STOP  # what its next interval would find is what it has
    return Result(w.jittered(n, item.interval_s))


def has_artifact(w: World, n: int) -> bool:
    """Whether a source has an artifact, and source-controller still holds it."""
    return w.revision[n] > 0 and w.stored[n]


def until_served(w: World) -> Generator[simpy.Event, Any, None]:
    """A fetch while no source-controller serves: refused, and tried again after 5, 10, 20 and then 30 s, the worker held.

    Source: hashicorp/go-retryablehttp client.go DefaultBackoff; as fluxcd/pkg http/fetch and helm-controller set it.
    """
    wait_s, longest_s = FETCH_WAIT_S
    while w.env.now < w.serves_from_s:
        yield w.env.timeout(wait_s)
        wait_s = min(2.0 * wait_s, longest_s)


def available_revision(w: World, n: int) -> int:
    """What a fetch would find now: the repository's newest revision; a chart's version stays.

    A chart gets a new version with the commits that change its own, or, under ``reconcileStrategy: Revision``, with all.
    A copied artifact is named by its content, so a commit that changes nothing of it leaves it as it is. What a commit
    gives another tag or version finds that once its own manifest is applied.

    Source: source-controller v1.9.3 internal/controller/helmchart_controller.go buildFromTarballArtifact;
    fluxcd/source-watcher v2 internal/builder/builder.go Build (``latest@<digest>``).
    """
    item = w.items[n]
    if n in w.plan.renewed:
        return max(w.given[n], 1)
    if item.id.kind == HELM_CHART:
        return max(w.manifest_revision(n, 1 if item.source == MISSING else w.revision[item.source]), 1)
    if item.id.kind == EXTERNAL_ARTIFACT and item.source != MISSING:
        return _copied_revision(w, n, w.revision[item.source])
    return w.latest if n in w.plan.following else 1


def _copied_revision(w: World, n: int, revision: int) -> int:
    """The newest revision up to this one that changed what is built from a copied artifact, or from copies of it."""
    below, newest = [n], 0
    for artifact in below:
        for user in w.plan.users[artifact]:
            newest = max(newest, w.manifest_revision(user, revision))
            if w.items[user].id.kind == EXTERNAL_ARTIFACT and user not in below:
                below.append(user)
    return newest or min(revision, 1)


def follows(w: World, n: int, revision: int) -> bool:
    """Whether a source will show this revision of the repository; a suspended one never does."""
    if n == MISSING:
        return False
    copied = w.items[n].id.kind == EXTERNAL_ARTIFACT and w.items[n].source != MISSING
    if copied:
        return n in w.plan.moved and _copied_revision(w, n, revision) == revision
    return n in w.plan.following or (n in w.plan.renewed and w.manifest_revision(n, revision) == revision)


def announce(w: World, n: int) -> None:
    """A new artifact: its event enqueues what follows it, Kustomizations sorted by dependsOn."""
    revision = w.revision[n]
    for user in w.plan.users[n]:
        if not w.exists[user]:
            continue
        kind = w.items[user].id.kind
        if kind in (KUSTOMIZATION, HELM_RELEASE) and not artifact_event_enqueues(
            w.status[user], w.attempted[user], revision
        ):
            continue
        w.enqueue(user)

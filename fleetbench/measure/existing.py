"""Time a bootstrap, or the next commit, on a cluster that is there; read-only unless told to apply the root."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetbench.errors import EnvironmentLacks
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, some
from fleetbench.measure import host
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.clock import ClusterClock
from fleetbench.measure.commits import CommitObserver, NextCommit
from fleetbench.measure.fleet import fleet_from, flux_among, id_of
from fleetbench.measure.fold import Fold
from fleetbench.measure.kinds import BY_KIND, DEPLOYMENT, WATCHED
from fleetbench.measure.loop import SETTLE_S, Loop
from fleetbench.measure.permissions import LOGIN_HINT, readable
from fleetbench.measure.progress import Progress
from fleetbench.measure.protocols import (
    Clock,
    Disconnected,
    Forbidden,
    NotServed,
    Seen,
    Trouble,
    Unauthenticated,
)
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.session import Measured, Say, finish, flux_meta
from fleetbench.measure.situation import COMMIT, Objects, Situation, situation_of, starters, strangers
from fleetbench.measure.usage import UsageSampler
from fleetbench.measure.watch import Watcher
from fleetbench.runs.folder import meta as folder_meta
from fleetbench.units import format_duration

Blocked = Callable[[Fleet, frozenset[ObjectId]], frozenset[ObjectId]]


def measure_existing(
    context: str | None,
    fleet: Fleet | None,
    roots: list[dict[str, Any]],
    open_folder: Callable[[str], Path],
    view: Callable[[Mapping[str, Any], Any], Any],
    say: Say,
    timeout_s: float,
    blocked: Blocked,
    commit: NextCommit | None = None,
) -> Measured:
    """Watch a cluster until its rollout, or the next commit's, is over.

    Args:
        context: of the kubeconfig; None = the current one.
        fleet: what is or will be rolled out; None = what the cluster holds.
        roots: objects to create at t0; empty = change nothing.
        open_folder: fleet's name -> the run folder to write; called once there is something to write.
        view: as for :func:`fleetbench.measure.session.measure_on_kind`.
        say: one line about what is being done.
        timeout_s: seconds to watch at most.
        blocked: (fleet, services that are not Ready) -> the services that cannot be Ready while they are not.
        commit: what the next commit changes, where two revisions of the repository tell; ``fleet`` is then after it.

    Raises:
        EnvironmentLacks: no cluster, no Flux, a permission is missing, or nothing runs that a commit could change.
        Interrupted: stopped by the user.
    """
    with ExitStack() as stack:
        api = KubernetesApi(None, context)
        stack.callback(api.close)
        objects, lacking = readable(api)
        clock = _clock_of(api)
        for line in lacking:
            say(line)
        fleet = fleet or fleet_from(objects, context or "cluster")[0]
        running = fleet if commit is None else commit.before.fleet
        situation = situation_of(running, objects, clock.wall_s())
        for line in told(running, objects, situation, clock.wall_s()):
            say(line)
        if commit is not None and situation.scenario != COMMIT:
            raise EnvironmentLacks(
                "a bootstrap is under way or to come, so there is nothing yet that a commit could change",
                "leave out --against: a bootstrap is timed",
            )
        deployments: list[Any] = flux_among(objects.get(BY_KIND[DEPLOYMENT], []))
        meta = folder_meta(
            "measured", fleet.name, **host.host(clock), **flux_meta([], deployments), **host.cluster(api),
            cluster="existing", scenario=situation.scenario, workloads="real",
            not_ready_before={str(id): why for id, why in situation.not_ready.items()},
        )  # fmt: skip
        flags = meta["flags"]
        watcher = stack.enter_context(Watcher(api, clock, [k for k in WATCHED if k in objects]))
        watcher.wait_listed(60.0)
        sampler = stack.enter_context(UsageSampler(api, clock))
        create(api, roots)
        progress = Progress(fleet, frozenset() if commit is None else commit.hopeless)
        first: list[Seen | Trouble] = []
        t0_s, settle_s = clock.monotonic_s(), SETTLE_S
        if situation.scenario == COMMIT:
            if situation.not_ready:
                down = frozenset(situation.not_ready)
                progress.doubtful = down | blocked(running, down)
            if situation.not_ready or progress.hopeless:
                settle_s = max(SETTLE_S, flags["requeue_dependency_s"] + 5.0)
        else:
            first, t0_s = wait_for_root(watcher, fleet, clock, timeout_s, say)
        changes = None if commit is None else commit.changes
        recorder = stack.enter_context(Recorder(open_folder(fleet.name), fleet, flags, meta, timeout_s, changes))
        observer = None
        if situation.scenario == COMMIT:
            observer = CommitObserver(fleet, progress, recorder, changes, _revision(fleet, objects))
        shown = stack.enter_context(view(flags, None))
        loop = Loop(
            watcher.queue, Fold(t0_s), recorder, progress, shown, clock,
            timeout_s=timeout_s, settle_s=settle_s,
            observe=None if observer is None else observer.event,
        )  # fmt: skip
        for change in first:
            loop.add(change)
        if observer is None:
            return finish(loop, recorder, progress, sampler, meta, None)
        whole = "" if situation.not_ready else "everything is Ready: "
        measured = finish(
            loop, recorder, progress, sampler, meta, None, observer.about,
            lambda: say(f"{whole}waiting for {progress.waits_for}"),
        )  # fmt: skip
        if meta.get("untold"):
            others = some(meta["untold"], 5)
            say(
                f"another commit came than the one that --against tells, as it changed {others}: it counts by what it changed"
            )
        return measured


def _revision(fleet: Fleet, objects: Objects) -> str | None:
    """What the root's source shows; None = it is not there, or has no artifact."""
    source = fleet.root_source
    if source is None:
        return None
    shown = [obj for obj in objects.get(BY_KIND[source.kind], ()) if id_of(obj, source.kind) == source]
    return next(((obj.get("status") or {}).get("artifact", {}).get("revision") for obj in shown), None)


def told(fleet: Fleet, objects: Objects, situation: Situation, now_s: float) -> list[str]:
    """What people should know before the watching begins."""
    lines = []
    unknown = [str(id) for id in strangers(fleet, objects)]
    if unknown:
        lines.append(f"in the cluster, but not in the fleet that was read, so not counted: {some(unknown, 5)}")
    if situation.began_s is not None:
        lines.append(f"a bootstrap is under way, begun {format_duration(now_s - situation.began_s)} ago: joining it")
    elif situation.scenario == COMMIT and situation.not_ready:
        each = [f"{id} is not Ready: {why}" for id, why in situation.not_ready.items()]
        lines.append(f"not a bootstrap: {some(each, 3)}")
    return lines


def _clock_of(api: KubernetesApi) -> ClusterClock:
    try:
        return ClusterClock(api.server_time_s())
    except (Disconnected, Forbidden, NotServed) as error:
        raise EnvironmentLacks(f"the cluster does not tell its time: {error}", "is it up, and reachable?") from error


def create(api: Any, objects: list[dict[str, Any]]) -> None:
    """Create objects, all of them or, where the cluster would refuse one, none.

    Raises:
        EnvironmentLacks: the account may not, their namespace or kind is missing, or the cluster refuses one.
    """
    for dry_run in (True, False):
        for body in objects:
            kind, meta = BY_KIND[body["kind"]], body["metadata"]
            where = f"{kind.resource} in namespace {meta['namespace']}"
            try:
                api.create(kind, body, dry_run=dry_run)
            except Unauthenticated as error:
                raise EnvironmentLacks(str(error), LOGIN_HINT) from error
            except Forbidden as error:
                raise EnvironmentLacks(
                    f"--apply: no permission to create {where}", "watching alone needs no such right: leave out --apply"
                ) from error
            except NotServed as error:
                raise EnvironmentLacks(
                    f"--apply: cannot create {where}: {body['apiVersion']} or the namespace is not there",
                    "install Flux in it: `flux install`",
                ) from error
            except Disconnected as error:
                raise EnvironmentLacks(f"--apply: cannot create {kind.kind} {meta['name']}: {error}") from error


def wait_for_root(
    watcher: Watcher, fleet: Fleet, clock: Clock, timeout_s: float, say: Say
) -> tuple[list[Seen | Trouble], float]:
    """Wait until the root Kustomization is there.

    Returns:
        The changes up to then, those of before this program with the API's own stamps; and t0 on the monotonic clock.

    Raises:
        EnvironmentLacks: it does not come within ``timeout_s``.
    """
    begun = starters(fleet) | ({fleet.root_source} if fleet.root_source is not None else frozenset())
    changes: list[Seen | Trouble] = []
    end_s, said = clock.monotonic_s() + timeout_s, False
    while clock.monotonic_s() < end_s:
        try:
            changes.append(watcher.queue.get(timeout=0.5))
        except queue.Empty:
            starts = [
                created_s(c, clock) for c in changes if isinstance(c, Seen) and id_of(c.object, c.kind.kind) in begun
            ]
            if starts:
                return sorted((backdated(c, clock) for c in changes), key=lambda c: c.at_s), min(starts)
            if not said:
                say(f"waiting for {fleet.root} to be created")
                said = True
    raise EnvironmentLacks(
        f"{fleet.root} was not created within {timeout_s:.0f} s", "bootstrap the cluster meanwhile, or give --apply"
    )


def created_s(seen: Seen, clock: Clock) -> float:
    """When an object was created, on the monotonic clock: as seen, or by its stamp where that is well before."""
    stamp = _on_monotonic((seen.object.get("metadata") or {}).get("creationTimestamp"), clock)
    # Stamps are whole seconds, cut off: within that, the observer's own clock is the finer one.
    return seen.at_s if stamp is None or seen.at_s - stamp < 1.5 else stamp


def backdated(change: Seen | Trouble, clock: Clock) -> Seen | Trouble:
    """A change that happened before it could be seen, moved to the stamp of its Ready condition."""
    if isinstance(change, Trouble):
        return change
    conditions = (change.object.get("status") or {}).get("conditions") or []
    stamps = [c.get("lastTransitionTime") for c in conditions if c.get("type") in ("Ready", "Available")]
    at = _on_monotonic(max((s for s in stamps if s), default=None), clock)
    return change if at is None or change.at_s - at < 1.5 else change._replace(at_s=at)


def _on_monotonic(stamp: str | None, clock: Clock) -> float | None:
    if not stamp:
        return None
    return clock.monotonic_s() - (clock.wall_s() - datetime.fromisoformat(stamp).timestamp())

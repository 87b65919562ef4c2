"""One measured rollout on a Kind cluster of its own, from nothing to a run folder, and everything taken away again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fleetbench.graph.fleet import Fleet
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, some
from fleetbench.measure import controllers, flux, host, kind, manifests
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.clock import SystemClock
from fleetbench.measure.commits import CommitObserver, NextCommit, bring_up
from fleetbench.measure.fold import Fold
from fleetbench.measure.kinds import BY_KIND, WATCHED
from fleetbench.measure.loop import SETTLE_S, Loop, Outcome
from fleetbench.measure.progress import Progress
from fleetbench.measure.recorder import Recorder
from fleetbench.measure.request import FlagOptions, KindOptions
from fleetbench.measure.shell import run
from fleetbench.measure.source import Source
from fleetbench.measure.subject import State
from fleetbench.measure.summary import ready_csv, report_markdown, summary_lines
from fleetbench.measure.usage import UsageSampler
from fleetbench.measure.watch import Watcher
from fleetbench.runs.folder import META, PREDICTION, READY, REPORT
from fleetbench.runs.folder import meta as folder_meta
from fleetbench.runs.run import SERVED

READY_S = 300.0
"""The controllers must be available and lead within this time."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a run is held against."""

    document: Mapping[str, Any]
    """``prediction.json``."""
    total_s: tuple[float, float] | None
    """5 % and 95 % quantile of the last Ready; None = one falls among samples in which nothing turns Ready."""


@dataclass(frozen=True)
class Plan:
    """What to measure and how."""

    state: State
    """What is rolled out; with :attr:`commit`, what is there after it."""
    commit: NextCommit | None = None
    """What of it comes as a commit, which is then what is timed; None = the bootstrap is."""
    kind: KindOptions = field(default_factory=KindOptions)
    flux_manifest: Path | None = None
    flags: FlagOptions = field(default_factory=FlagOptions)
    source: str = SERVED
    timeout_s: float = 3600.0
    meta: Mapping[str, Any] = field(default_factory=dict)
    """What the run's metadata says beside what is found out here: strategy, profile, workloads ..."""
    predict: Callable[[Fleet, Mapping[str, Any]], Predicted] | None = None
    """(fleet as deployed, flags) -> what to hold the run against; None = nothing."""


@dataclass(frozen=True)
class Measured:
    """A run that is over."""

    folder: Path
    lines: tuple[str, ...]
    """For people."""


def measure_on_kind(
    plan: Plan, open_folder: Callable[[], Path], view: Callable[[Mapping[str, Any], Any], Any], say: Say
) -> Measured:
    """Measure one rollout on a fresh Kind cluster.

    Args:
        plan: what and how.
        open_folder: makes the run folder; called once there is something to write.
        view: (flags, predicted interval) -> a context manager that is a :class:`~fleetbench.measure.loop.View`.
        say: one line about what is being done.

    Raises:
        EnvironmentLacks: docker, kind, flux, kubectl or git is missing or stopped, or the disk is full.
        InputError: what was asked for cannot be.
        ProgramFailed: one of those programs failed.
        KeyboardInterrupt: stopped by the user; what was collected is in the folder.
    """
    clock = SystemClock()
    fleet = plan.state.fleet
    first = plan.state if plan.commit is None else plan.commit.before
    flags = controllers.flags_for(first.subject.fleet, plan.flags)
    manifest, deployments = flux.set_flags(flux.manifest_text(plan.flux_manifest), flags)
    meta = folder_meta("measured", fleet.name, **host.host(clock), **plan.meta, **flux_meta(flags, deployments))
    run_flags = meta["flags"]
    # Before the cluster is there: it would take processors from the controllers.
    predicted = plan.predict(fleet, run_flags) if plan.predict else None
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetbench-")))
        say("creating the Kind cluster")
        cluster = stack.enter_context(kind.kind_cluster(plan.kind, say))
        say("installing Flux")
        flux.install(manifest, cluster.kubeconfig)
        api = KubernetesApi(cluster.kubeconfig)
        stack.callback(api.close)
        flux.wait_ready(api, clock, deployments, READY_S)
        meta |= {"kind_version": kind.version(), **host.cluster(api)}
        source = stack.enter_context(Source(first, plan.source, cluster, work))
        roots = source.objects(api)
        _create_namespaces(plan, cluster.kubeconfig)
        watcher = stack.enter_context(Watcher(api, clock, WATCHED))
        watcher.wait_listed(60.0)
        sampler = UsageSampler(api, clock)
        interval = None if predicted is None else predicted.total_s
        t0_s = clock.monotonic_s()
        for root in roots:
            api.create(BY_KIND[root["kind"]], root)
        # Only now is there something to record: a start that fails leaves no folder that looks like a run.
        changes = None if plan.commit is None else plan.commit.changes
        recorder = stack.enter_context(Recorder(open_folder(), fleet, run_flags, meta, plan.timeout_s, changes))
        if predicted is not None:
            recorder.write_json(PREDICTION, predicted.document)
        hopeless = plan.state.hopeless if plan.commit is None else plan.commit.hopeless
        progress, shown = Progress(fleet, hopeless), view(run_flags, interval)
        # Where something fails, go on for a poll, so that what waits for it is seen to wait.
        settle_s = max(SETTLE_S, run_flags["requeue_dependency_s"] + 5.0) if hopeless else SETTLE_S
        loop_of = partial(Loop, watcher.queue, Fold(t0_s), recorder, clock=clock, timeout_s=plan.timeout_s)

        def watch() -> None:
            stack.enter_context(sampler)
            stack.enter_context(shown)

        if plan.commit is None:
            loop = loop_of(progress, shown, settle_s=settle_s)
            return finish(loop, recorder, progress, sampler, meta, interval, start=watch)
        before, observer = plan.commit.before, CommitObserver(fleet, progress, recorder, changes)

        def commit() -> None:
            say("rolling out what runs before the commit")
            with view(run_flags, None) as before_it:
                down = bring_up(before, progress, observer, partial(loop_of, view=before_it))
            if down:
                say(
                    f"not waited for after the commit, as it did not come up before: {some([str(id) for id in down], 5)}"
                )
            progress.doubtful = down
            say("pushing the commit")
            source.push(plan.state)
            watch()

        loop = loop_of(progress, shown, settle_s=settle_s, observe=observer.event)
        # The commit that people know is that of their repository, not of the one that is served.
        about = lambda: {**observer.about(), "commit": plan.meta.get("commit")}  # noqa: E731
        return finish(loop, recorder, progress, sampler, meta, interval, about, commit)


def finish(
    loop: Loop,
    recorder: Recorder,
    progress: Progress,
    sampler: UsageSampler,
    meta: dict[str, Any],
    interval: tuple[float, float] | None,
    about: Callable[[], Mapping[str, Any]] = dict,
    start: Callable[[], None] = lambda: None,
) -> Measured:
    """Run the loop to its end and write what a run folder holds beside the trace, also when it is interrupted.

    ``about`` says what else the metadata holds, once the loop is over; ``start`` is called when an interruption would
    lose nothing any more.
    """
    interrupted = False
    try:
        start()
        outcome = loop.run()
    except KeyboardInterrupt:
        interrupted = True
        loop.drain()
        outcome = Outcome(loop.t_s, progress.all_ready, None)
        recorder.note({"interrupted": True})
    usage = sampler.to_json()
    recorder.note({"usage": usage})
    recorder.end(outcome.until_s, outcome.complete)
    meta |= {
        "usage": usage,
        "load_end": host.load(),
        "total_s": None if progress.last_ready_s is None else round(progress.last_ready_s, 3),
        "complete": outcome.complete,
        "until_s": round(outcome.until_s, 3),
        **about(),
    }
    recorder.write_json(META, meta)
    recorder.write_text(READY, ready_csv(progress))
    lines = summary_lines(progress, outcome, usage, interval)
    recorder.write_text(REPORT, report_markdown(recorder.folder.name, meta, progress, lines))
    measured = Measured(recorder.folder, tuple(lines))
    if interrupted:
        raise Interrupted(measured)
    return measured


class Interrupted(KeyboardInterrupt):
    """Stopped by the user; ``measured`` is what there is."""

    def __init__(self, measured: Measured):
        super().__init__()
        self.measured = measured


def flux_meta(flags: list[controllers.Flag], deployments: list[dict[str, Any]]) -> dict[str, Any]:
    """What the run folder records of Flux: releases and flags of its controllers, and where each flag came from."""
    versions = controllers.flux_versions(deployments)
    return {
        "flux": controllers.flux_release(versions),
        "flux_versions": versions,
        "flags": controllers.run_flags(deployments),
        "flags_from": [f"{f.controller} --{f.flag}={f.value}: {f.origin}" for f in flags],
    }


def _create_namespaces(plan: Plan, kubeconfig: Path) -> None:
    states = [plan.state] if plan.commit is None else [plan.commit.before, plan.state]
    wanted = {
        name
        for state in states
        for name in ((state.fleet.root.namespace,) if state.stand_in is None else state.stand_in.namespaces)
    }
    objects = [manifests.namespace(n) for n in sorted(wanted - {controllers.NAMESPACE})]
    if objects:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        run(
            ["kubectl", "--kubeconfig", kubeconfig, "apply", "--server-side", "-f", "-"],
            timeout_s=60,
            input=text.encode(),
            what="kubectl apply of namespaces",
        )


def workers(flags: Mapping[str, Any]) -> dict[str, int]:
    """Kind -> workers of its controller, for the live table."""
    return {KUSTOMIZATION: flags["kustomize_concurrent"], HELM_RELEASE: flags["helm_concurrent"]}

"""What ``fleetbench measure`` rolls out: the state, the commit to it, and on Kind what is predicted of them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench.cli.fleet import FleetChoice, load_fleet
from fleetbench.cli.output import note, warn
from fleetbench.errors import InputError
from fleetbench.graph.named import named
from fleetbench.measure.request import Request

if TYPE_CHECKING:
    from fleetbench.cli.against import MergeBase
    from fleetbench.graph.commit import Commit
    from fleetbench.graph.fleet import Fleet
    from fleetbench.ids import ObjectId
    from fleetbench.measure.commits import NextCommit
    from fleetbench.measure.session import Plan, Predicted
    from fleetbench.measure.standin import StandIn
    from fleetbench.measure.subject import State, Subject
    from fleetbench.model.profile import Durations, Profile
    from fleetbench.model.scenario import Scenario


def plan_of(choice: FleetChoice, request: Request, work: Path, before: MergeBase | None = None) -> Plan:
    """What to measure and how.

    Args:
        choice: the fleet.
        request: the other options.
        work: a folder for what is checked out.
        before: what runs before the commit that is timed; None = a bootstrap is timed.

    Raises:
        FleetbenchError: it cannot be done.
    """
    from fleetbench.measure.served import remote_url, require_git
    from fleetbench.measure.session import Plan
    from fleetbench.measure.subject import Subject
    from fleetbench.model.profile import load_durations, stand_in_profile
    from fleetbench.runs.run import REMOTE, SERVED

    subject = _on_new_cluster(_subject(choice, work))
    request = dataclasses.replace(request, fail=frozenset(named(subject.fleet, id, "--fail") for id in request.fail))
    real = request.is_real(choice.repo is not None)
    if request.source == REMOTE and subject.repo is not None:
        remote_url(subject.repo)  # one that cannot be used is told before the cluster is made
    if subject.uncommitted:
        warn("the working tree has changes that are not committed: HEAD is measured")
    if real and request.source == SERVED:
        require_git(subject.fleet)
    durations = (
        None if real or request.durations is None else load_durations(request.durations)
    )  # once: it may be a pipe
    stand_in_for = None if real else partial(_stand_in, request, durations)
    changes, commit = None, None
    if before is None:
        state = _state(subject, request.fail, stand_in_for)
        _say(subject, state, request)
    else:
        changes = _changes(before, subject)
        first = _on_new_cluster(Subject(before.reading.fleet, choice.repo, before.repo, reading=before.reading))
        state = _state(subject, request.fail, stand_in_for, changes, (first.fleet,))
        _say(subject, state, request, changes)
        running = _state(first, frozenset(), stand_in_for, None, (subject.fleet,))
        if not real:
            changes = between_stand_ins(running, state, changes)
        # On this cluster nobody has got over what never comes up by itself.
        commit = next_commit(running, state.fleet, changes, request.fail, running.hopeless & state.hopeless)
    return Plan(
        state,
        commit,
        request.kind,
        request.flux_manifest,
        request.flags,
        request.source,
        request.timeout,
        _meta(subject, state, request, changes),
        lambda fleet, flags: _predict(fleet, flags, request, None if real else stand_in_profile(), changes),
    )


def _changes(before: MergeBase, subject: Subject) -> Commit:
    """What HEAD changes of what runs before it.

    Raises:
        InputError: HEAD is the merge base itself.
    """
    assert subject.reading is not None and subject.checkout is not None
    if subject.commit == before.commit:
        raise InputError(
            f"--against: HEAD is the {before.name}, so there is no commit to time",
            "commit what is to be measured, or name an earlier revision (HEAD~1, say)",
        )
    return before.commit_to(subject.reading, subject.checkout)


def next_commit(
    running: State,
    fleet: Fleet,
    changes: Commit,
    fail: frozenset[ObjectId] = frozenset(),
    down: frozenset[ObjectId] = frozenset(),
) -> NextCommit:
    """The commit that is timed, with what cannot be Ready after it.

    Args:
        running: what the cluster runs before it.
        fleet: after it.
        changes: what it changes.
        fail: what never turns healthy with it.
        down: what is down before it, and stays so.

    Raises:
        InputError: it gives the root another source, whose first revision would be no commit.
    """
    from fleetbench.measure.commits import NextCommit
    from fleetbench.model.scenario import COMMIT, Scenario

    was, becomes = running.fleet.root_source, fleet.root_source
    if was != becomes:
        raise InputError(
            f"--against: the root's source is {becomes}, and was {was}: such a change cannot be timed as a commit",
            "measure the bootstrap of the new one, without --against",
        )
    return NextCommit(running, changes, down | never(Scenario(fleet, kind=COMMIT, commit=changes, fail=fail)))


def never(scenario: Scenario) -> frozenset[ObjectId]:
    """The services that can never turn Ready in it."""
    from fleetbench.engine.plan import compile_plan
    from fleetbench.engine.reachable import never_ready

    return never_ready(compile_plan(scenario))


def _subject(choice: FleetChoice, work: Path) -> Subject:
    from fleetbench.measure.subject import Subject, committed

    if choice.repo is not None and choice.cluster_path is not None and choice.repo.is_dir():
        choice.validate()
        return committed(choice.repo, choice.cluster_path, work)
    return Subject(load_fleet(choice)[0])


def _on_new_cluster(subject: Subject) -> Subject:
    """The cluster is made here, and nothing but Flux is installed on it."""
    from fleetbench.graph.changes import none_installed

    return dataclasses.replace(subject, fleet=none_installed(subject.fleet))


def _state(
    subject: Subject,
    fail: frozenset[ObjectId],
    stand_in_for: Callable[..., StandIn] | None,
    changes: Commit | None = None,
    also: tuple[Fleet, ...] = (),
) -> State:
    """What the cluster runs; of a stand-in with what a commit to it changes. ``also``: whose objects durations may name."""
    from fleetbench.measure.subject import State
    from fleetbench.model.scenario import Scenario

    state = State(subject, None if stand_in_for is None else stand_in_for(subject.fleet, fail, changes, also))
    return dataclasses.replace(state, hopeless=never(Scenario(state.fleet, fail=fail)))


def _say(subject: Subject, state: State, request: Request, changes: Commit | None = None) -> None:
    workloads = "real" if state.stand_in is None else f"stand-in (profile {request.profile})"
    since = "" if changes is None else f", the commit since {changes.since}"
    note(f"{subject.fleet.name}: {request.strategy}, workloads {workloads}{since}")
    if changes is not None and not (changes.changed or changes.reconciled or changes.renewed or changes.removed):
        note("the commit changes nothing that Flux applies here: all is reconciled, and nothing is rolled out")
    dropped = () if state.stand_in is None else state.stand_in.dropped
    if dropped:
        note(f"left out of the stand-in, as meta.json lists: {len(dropped)} sources, substitutions and custom checks")


def between_stand_ins(before: State, after: State, changes: Commit) -> Commit:
    """What a commit changes of the stand-ins for the two states, read from them as from any repository."""
    from fleetbench.measure.manifests import write_repository
    from fleetbench.repo import read_repository
    from fleetbench.repo.commits.between import commit_between

    with tempfile.TemporaryDirectory(prefix="fleetbench-") as work:
        folders = [Path(work, name) for name in ("before", "after")]
        readings = []
        for state, folder in zip((before, after), folders, strict=True):
            assert state.stand_in is not None
            write_repository(state.stand_in, folder)
            root = state.fleet.kustomization(state.fleet.root)
            assert root is not None
            readings.append(read_repository(folder, root.path.removeprefix("./") or ".", cache=False))
        found = commit_between(readings[0], readings[1], folders[0], folders[1])
        return dataclasses.replace(found, since=changes.since)


def _stand_in(
    request: Request,
    durations: Durations | None,
    fleet: Fleet,
    fail: frozenset[ObjectId],
    changes: Commit | None,
    also: tuple[Fleet, ...],
) -> StandIn:
    from fleetbench.measure.standin import stand_in
    from fleetbench.model.profile import load_profile
    from fleetbench.model.resolve import resolve
    from fleetbench.model.typical import typical_s

    profile, default = load_profile(request.profile), load_profile("default")
    times = resolve(fleet, durations, profile, default, also)
    pull = profile.over(default).pull
    seconds = {id: typical_s(time, pull) for id, time in times.items()}
    return stand_in(_strategy(fleet, request.strategy), seconds, fail, changes=changes)


def _strategy(fleet: Fleet, strategy: str) -> Fleet:
    if strategy == "fine":
        return fleet
    from fleetbench.graph.waves import to_waves

    return to_waves(fleet)


def _predict(
    fleet: Fleet, flags: Mapping[str, Any], request: Request, profile: Profile | None, changes: Commit | None
) -> Predicted:
    """Predict the rollout of the fleet as it is deployed, with the flags of the run; of a commit, from its artifact on."""
    from fleetbench.graph.commit import NOTHING
    from fleetbench.graph.release import RELEASES
    from fleetbench.graph.waves import FINE
    from fleetbench.measure.session import Predicted
    from fleetbench.model.assemble import Choice, assemble
    from fleetbench.model.parameters import Parameters
    from fleetbench.model.scenario import BOOTSTRAP, COMMIT
    from fleetbench.prediction.document import to_document
    from fleetbench.prediction.predict import predict
    from fleetbench.runs.run import SERVED

    known = {name: value for name, value in flags.items() if name in Parameters.__dataclass_fields__}
    # the Flux that is measured is the one installed here, not the one that the repository installs
    assembled = assemble(
        fleet,
        Choice(
            known.pop("flux_version", RELEASES[-1]),
            flags=known,
            profile=profile,
            kind=BOOTSTRAP if changes is None else COMMIT,
            fail=request.fail,
            commit=changes or NOTHING,
            served=request.source == SERVED,
        ),
    )
    if changes is not None:
        assembled = dataclasses.replace(assembled, scenario=assembled.scenario.from_artifact())
    prediction = predict(assembled.scenario)
    low, high = (prediction.total_quantile(q) for q in (0.05, 0.95))
    interval = None if low is None or high is None else (low, high)
    return Predicted(to_document(assembled, {FINE: prediction}), interval)


def _meta(subject: Subject, state: State, request: Request, changes: Commit | None) -> dict[str, Any]:
    real = state.stand_in is None
    return {
        "strategy": request.strategy,
        "workloads": "real" if real else "stand-in",
        "profile": None if real else request.profile,
        "durations": None if real or request.durations is None else request.durations.name,
        "source": request.source,
        "commit": subject.commit,
        **({} if changes is None else {"scenario": "commit", "since": changes.since}),
        "fail": sorted(str(id) for id in request.fail),
        "left_out": [] if state.stand_in is None else list(state.stand_in.dropped),
    }

"""What ``fleetbench measure`` does, step by step."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetbench.cli.fleet import FleetChoice, load_fleet, load_repository
from fleetbench.cli.output import note, warn, write_text
from fleetbench.errors import InputError
from fleetbench.graph.named import named
from fleetbench.measure.request import EXISTING, Request

if TYPE_CHECKING:
    from fleetbench.graph.fleet import Fleet
    from fleetbench.ids import ObjectId
    from fleetbench.measure.kind import KindOptions
    from fleetbench.measure.session import Measured, Plan, Predicted
    from fleetbench.measure.standin import StandIn
    from fleetbench.measure.subject import Subject
    from fleetbench.model.profile import Profile


def print_rbac() -> None:
    """Print the ClusterRole that watching an existing cluster needs."""
    import yaml

    from fleetbench.measure.kinds import USAGE_RULE, cluster_role

    write_text(yaml.safe_dump(cluster_role(), sort_keys=False) + USAGE_RULE)


def measure(choice: FleetChoice, request: Request) -> None:
    """Measure as often as asked.

    Raises:
        click.UsageError: options contradict each other.
        FleetbenchError: it cannot be done.
    """
    from fleetbench.measure.interrupts import ending_in_order

    problem = request.contradiction(choice.repo is not None)
    if problem is not None:
        raise click.UsageError(problem)
    with ending_in_order(), tempfile.TemporaryDirectory(prefix="fleetbench-") as work:
        if request.cluster == EXISTING:
            _existing(choice, request)
        else:
            _kind(choice, request, Path(work))


def _kind(choice: FleetChoice, request: Request, work: Path) -> None:
    from fleetbench.measure import kind
    from fleetbench.measure.recorder import check_folder, open_folder
    from fleetbench.measure.session import measure_on_kind

    options = _kind_options(request)
    kind.check(options)
    if request.output is not None:
        for folder in _folders("", request):
            check_folder(folder, request.force)
    plan = _plan(choice, request, options, work)
    folders = _folders(plan.fleet.name, request)
    for folder in folders:
        check_folder(folder, request.force)
    for number, folder in enumerate(folders, start=1):
        if len(folders) > 1:
            note(f"Run {number} of {len(folders)}")
        with _reported():
            open_it = functools.partial(open_folder, folder, request.force)
            _report(measure_on_kind(plan, open_it, _view, note))


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """What a run that the user stops has collected is reported all the same."""
    from fleetbench.measure.session import Interrupted

    try:
        yield
    except Interrupted as stopped:
        _report(stopped.measured)
        raise


def _existing(choice: FleetChoice, request: Request) -> None:
    from fleetbench.measure.existing import measure_existing
    from fleetbench.measure.recorder import check_folder, open_folder

    if request.output is not None:
        check_folder(request.output, request.force)
    chosen = any((choice.repo, choice.graph, choice.env))
    fleet: Fleet | None = None
    roots: list[dict[str, Any]] = []
    if request.apply:
        fleet, roots = _to_apply(choice)
    elif chosen:
        fleet = load_fleet(dataclasses.replace(choice, context=None))[0]
    folder = lambda name: open_folder(_folders(name, request)[0], request.force)  # noqa: E731
    with _reported():
        _report(measure_existing(request.context, fleet, roots, folder, _view, note, request.timeout, _blocked))


def _blocked(fleet: Fleet, down: frozenset[ObjectId]) -> frozenset[ObjectId]:
    """The services that cannot be Ready while these are not."""
    from fleetbench.engine.plan import compile_plan
    from fleetbench.engine.reachable import never_ready
    from fleetbench.model.scenario import Scenario

    return never_ready(compile_plan(Scenario(fleet, fail=down)))


def _to_apply(choice: FleetChoice) -> tuple[Fleet, list[dict[str, Any]]]:
    """The fleet of a repository, and the two objects that start it."""
    from fleetbench.measure.manifests import root_objects
    from fleetbench.measure.served import remote_url
    from fleetbench.measure.subject import held

    if choice.repo is None:
        raise click.UsageError("--apply creates the root of a repository: give --repo and --cluster-path.")
    reading = load_repository(dataclasses.replace(choice, context=None))
    fleet, documents = reading.fleet, held(reading)
    url = None if fleet.root_source in documents else remote_url(choice.repo, "--apply")
    return fleet, root_objects(fleet, url, {}, documents)


def _report(measured: Measured) -> None:
    write_text("\n".join([*measured.lines, f"run folder: {measured.folder}"]))


def _kind_options(request: Request) -> KindOptions:
    from fleetbench.measure.kind import KindOptions

    k = request.kind
    return KindOptions(k.name, k.image, k.config, k.load_images, k.keep)


def _plan(choice: FleetChoice, request: Request, options: KindOptions, work: Path) -> Plan:
    from fleetbench.engine.plan import compile_plan
    from fleetbench.engine.reachable import never_ready
    from fleetbench.graph.changes import none_installed
    from fleetbench.measure.controllers import FlagOptions
    from fleetbench.measure.served import remote_url
    from fleetbench.measure.session import Plan
    from fleetbench.model.profile import stand_in_profile
    from fleetbench.model.scenario import Scenario
    from fleetbench.runs.run import REMOTE

    subject = _subject(choice, work)
    # the cluster is made here, and nothing but Flux is installed on it
    subject = dataclasses.replace(subject, fleet=none_installed(subject.fleet))
    request = dataclasses.replace(request, fail=frozenset(named(subject.fleet, id, "--fail") for id in request.fail))
    real = request.is_real(choice.repo is not None)
    stand_in = None if real else _stand_in(subject.fleet, request)
    if request.source == REMOTE and subject.repo is not None:
        remote_url(subject.repo)  # one that cannot be used is told before the cluster is made
    if subject.uncommitted:
        warn("the working tree has changes that are not committed: HEAD is measured")
    note(
        f"{subject.fleet.name}: {request.strategy}, workloads {'real' if real else f'stand-in (profile {request.profile})'}"
    )
    if stand_in is not None and stand_in.dropped:
        note(
            f"left out of the stand-in, as meta.json lists: {len(stand_in.dropped)} sources, substitutions and custom checks"
        )
    deployed = subject.fleet if stand_in is None else stand_in.fleet
    fail = request.fail
    return Plan(
        subject,
        stand_in,
        options,
        request.kind.flux_manifest,
        FlagOptions(
            request.kustomize_concurrent,
            request.helm_concurrent,
            request.source_concurrent,
            request.requeue_dependency_s,
        ),
        request.source,
        request.timeout,
        never_ready(compile_plan(Scenario(deployed, fail=fail))),
        {**_meta(subject, request, real), "left_out": [] if stand_in is None else list(stand_in.dropped)},
        lambda fleet, flags: _predict(fleet, flags, request, None if stand_in is None else stand_in_profile()),
    )


def _subject(choice: FleetChoice, work: Path) -> Subject:
    from fleetbench.measure.subject import Subject, committed

    if choice.repo is not None and choice.cluster_path is not None and choice.repo.is_dir():
        choice.validate()
        return committed(choice.repo, choice.cluster_path, work)
    return Subject(load_fleet(choice)[0])


def _stand_in(fleet: Fleet, request: Request) -> StandIn:
    from fleetbench.measure.standin import stand_in
    from fleetbench.model.profile import load_durations, load_profile
    from fleetbench.model.resolve import resolve
    from fleetbench.model.typical import typical_s

    durations = None if request.durations is None else load_durations(request.durations)
    profile, default = load_profile(request.profile), load_profile("default")
    times = resolve(fleet, durations, profile, default)
    pull = profile.over(default).pull
    seconds = {id: typical_s(time, pull) for id, time in times.items()}
    return stand_in(_strategy(fleet, request.strategy), seconds, request.fail)


def _strategy(fleet: Fleet, strategy: str) -> Fleet:
    if strategy == "fine":
        return fleet
    from fleetbench.graph.waves import to_waves

    return to_waves(fleet)


def _predict(fleet: Fleet, flags: Mapping[str, Any], request: Request, profile: Profile | None) -> Predicted:
    """Predict the rollout of the fleet as it is deployed, with the flags of the run."""
    from fleetbench.graph.release import RELEASES
    from fleetbench.measure.session import Predicted
    from fleetbench.model.assemble import Choice
    from fleetbench.model.parameters import Parameters
    from fleetbench.prediction.document import to_document
    from fleetbench.prediction.strategies import FINE, predict_strategies
    from fleetbench.runs.run import SERVED

    known = {name: value for name, value in flags.items() if name in Parameters.__dataclass_fields__}
    # the Flux that is measured is the one installed here, not the one that the repository installs
    served = request.source == SERVED
    choice = Choice(RELEASES[-1], flags=known, profile=profile, fail=request.fail, served=served)
    result = predict_strategies(fleet, choice, FINE)
    prediction = result.predictions[FINE]
    low, high = (prediction.total_quantile(q) for q in (0.05, 0.95))
    interval = None if low is None or high is None else (low, high)
    return Predicted(to_document(result.assembled, result.predictions), interval)


def _meta(subject: Subject, request: Request, real: bool) -> dict[str, Any]:
    return {
        "strategy": request.strategy,
        "workloads": "real" if real else "stand-in",
        "profile": None if real else request.profile,
        "durations": None if real or request.durations is None else request.durations.name,
        "source": request.source,
        "commit": subject.commit,
        "fail": sorted(str(id) for id in request.fail),
    }


def _folders(fleet: str, request: Request) -> list[Path]:
    from fleetbench.runs.folder import default_folder, files_of_run

    folder = request.output or default_folder(fleet, request.strategy)
    if request.repeat == 1:
        return [folder]
    if files_of_run(folder):
        raise InputError(
            f"{folder}: holds a run; with --repeat it must be a folder for runs", "name another one with -o"
        )
    return [folder / str(number) for number in range(1, request.repeat + 1)]


def _view(flags: Mapping[str, Any], predicted: tuple[float, float] | None) -> Any:
    from fleetbench.measure.session import workers
    from fleetbench.measure.view import PlainView, TableView

    return TableView(workers(flags), predicted) if sys.stderr.isatty() else PlainView(note)

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
from fleetbench.measure.request import EXISTING, Request

if TYPE_CHECKING:
    from fleetbench.cli.against import MergeBase
    from fleetbench.graph.fleet import Fleet
    from fleetbench.ids import ObjectId
    from fleetbench.measure.commits import NextCommit
    from fleetbench.measure.session import Measured


def print_rbac() -> None:
    """Print the ClusterRole that watching an existing cluster needs."""
    import yaml

    from fleetbench.measure.permissions import USAGE_RULE, cluster_role

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
    from fleetbench.cli.measure_states import plan_of
    from fleetbench.measure import kind
    from fleetbench.measure.recorder import open_folder
    from fleetbench.measure.session import measure_on_kind
    from fleetbench.runs.folder import check_folder

    kind.check(request.kind)
    if request.output is not None:
        for folder in _folders("", request):
            check_folder(folder, request.force)
    with _before(choice, request) as before:
        plan = plan_of(choice, request, work, before)
        folders = _folders(plan.state.fleet.name, request)
        for folder in folders:
            check_folder(folder, request.force)
        for number, folder in enumerate(folders, start=1):
            if len(folders) > 1:
                note(f"Run {number} of {len(folders)}")
            with _reported():
                open_it = functools.partial(open_folder, folder, request.force)
                _report(measure_on_kind(plan, open_it, _view, note))


@contextlib.contextmanager
def _before(choice: FleetChoice, request: Request) -> Iterator[MergeBase | None]:
    """What runs before the commit that is to be timed; None where a bootstrap is."""
    from fleetbench.cli.against import required_base

    if request.against is None:
        yield None
        return
    with required_base(choice, request.against, None, "a cluster that is new is timed without it") as base:
        yield base


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
    from fleetbench.cli.measure_states import next_commit
    from fleetbench.measure.existing import measure_existing
    from fleetbench.measure.recorder import open_folder
    from fleetbench.measure.served import uncommitted
    from fleetbench.measure.subject import State, Subject
    from fleetbench.runs.folder import check_folder

    if request.output is not None:
        check_folder(request.output, request.force)
    choice = dataclasses.replace(choice, context=None)  # here it names the cluster to watch
    chosen = any((choice.repo, choice.graph, choice.env))
    fleet: Fleet | None = None
    roots: list[dict[str, Any]] = []
    if request.apply:
        fleet, roots = _to_apply(choice)
    elif chosen and request.against is None:
        fleet = load_fleet(choice)[0]
    folder = lambda name: open_folder(_folders(name, request)[0], request.force)  # noqa: E731
    with _before(choice, request) as before, _reported():
        commit: NextCommit | None = None
        if before is not None:
            assert choice.repo is not None
            reading = load_repository(choice)
            fleet = reading.fleet
            if uncommitted(choice.repo):
                warn("the working tree has changes that are not committed: they count as part of the commit")
            changes = before.commit_to(reading, choice.repo)
            commit = next_commit(State(Subject(before.reading.fleet)), fleet, changes)
        _report(measure_existing(request.context, fleet, roots, folder, _view, note, request.timeout, _blocked, commit))


def _blocked(fleet: Fleet, down: frozenset[ObjectId]) -> frozenset[ObjectId]:
    """The services that cannot be Ready while these are not."""
    from fleetbench.cli.measure_states import never
    from fleetbench.model.scenario import Scenario

    return never(Scenario(fleet, fail=down))


def _to_apply(choice: FleetChoice) -> tuple[Fleet, list[dict[str, Any]]]:
    """The fleet of a repository, and the two objects that start it."""
    from fleetbench.measure.roots import root_objects
    from fleetbench.measure.served import remote_url
    from fleetbench.measure.subject import held

    if choice.repo is None:
        raise click.UsageError("--apply creates the root of a repository: give --repo and --cluster-path.")
    reading = load_repository(choice)
    fleet, documents = reading.fleet, held(reading)
    url = None if fleet.root_source in documents else remote_url(choice.repo, "--apply")
    return fleet, root_objects(fleet, url, {}, documents)


def _report(measured: Measured) -> None:
    write_text("\n".join([*measured.lines, f"run folder: {measured.folder}"]))


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

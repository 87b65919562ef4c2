"""The public Python API: small, typed, pandas first. ``import fleetbench`` alone loads none of it.

Every function raises :class:`fleetbench.errors.InputError` with one clear message for input it cannot use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fleetbench.decide.git import write_merge_base
from fleetbench.decide.optimize import optimize
from fleetbench.errors import InputError
from fleetbench.findings import in_order
from fleetbench.graph.changes import changed_by
from fleetbench.graph.checks import check
from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.named import named
from fleetbench.graph.paths import blocked_by
from fleetbench.ids import CONTROLLERS, ObjectId, parse_reference
from fleetbench.model.assemble import Choice, assemble, in_force
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import Profile, load_durations, load_profile
from fleetbench.model.scenario import COMMIT, RESTARTS, SCENARIOS
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.repo import graph_file
from fleetbench.report.frames import COLUMNS
from fleetbench.report.given_runs import runs_at
from fleetbench.report.pictures import Change
from fleetbench.report.reading import load
from fleetbench.report.result import RunResult
from fleetbench.report.simulated import result_of
from fleetbench.validation.compare import RunComparison, compare_run

__all__ = [
    "COLUMNS",
    "Change",
    "Fleet",
    "RunComparison",
    "RunResult",
    "blast_radius",
    "fleet",
    "load",
    "load_all",
    "open_run",
    "read_commit",
    "read_graph",
    "read_repository",
    "simulate",
    "validate",
    "what_ifs",
]


# --- fleets ------------------------------------------------------------------------------------------------------


def read_repository(repo: Path | str, cluster_path: str) -> Fleet:
    """Read a Flux repository as Flux does; nothing in it is executed.

    Args:
        repo: its directory.
        cluster_path: what the root Kustomization points at, relative to it.
    """
    from fleetbench.repo import read_repository as read

    if not Path(repo).is_dir():
        raise InputError(f"{repo}: no such directory", "give the directory of a Flux repository")
    return read(Path(repo), cluster_path).fleet


def read_commit(repo: Path | str, cluster_path: str, against: str) -> tuple[Fleet, Commit]:
    """The fleet of a Flux repository, and what its working tree changes since its merge base with a revision.

    Args:
        repo: its directory, in a git work tree.
        cluster_path: what the root Kustomization points at, relative to it.
        against: a branch, tag or commit, e.g. ``origin/main``.

    Returns:
        What :func:`simulate` takes as ``of`` and, with ``scenario="commit"``, as ``commit``.
    """
    from fleetbench.repo import read_repository as read
    from fleetbench.repo.commits.between import commit_between

    after = Path(repo)
    if not after.is_dir():
        raise InputError(f"{repo}: no such directory", "give the directory of a Flux repository")
    with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
        base = write_merge_base(after, against, Path(folder))
        try:
            running = read(base.repo, cluster_path)
        except InputError as error:
            raise base.without_fleet(after, error) from None
        reading = read(after, cluster_path)
        return reading.fleet, replace(commit_between(running, reading, base.repo, after), since=base.name)


def read_graph(path: Path | str) -> Fleet:
    """Read a graph file that ``fleetbench graph -o`` wrote."""
    return graph_file.read_graph(Path(path))


def fleet(
    repo: Path | str | None = None,
    cluster_path: str | None = None,
    *,
    graph: Path | str | None = None,
    runs: Sequence[Path | str] = (),
    env: str = "dev",
) -> Fleet:
    """The fleet that these name, chosen as the command line does: a repository, a graph file, the fleet of the first
    of the runs, or else the reference fleet that ships, ``env`` ``dev`` or ``prod``.
    """  # noqa: D205
    if repo:
        return read_repository(repo, cluster_path or ".")
    if graph:
        return read_graph(graph)
    if runs:
        return load_all(runs)[0].rollout.fleet
    return graph_file.reference_fleet(env)


# --- runs --------------------------------------------------------------------------------------------------------


def load_all(paths: Iterable[Path | str]) -> list[RunResult]:
    """Read run folders, trace files and folders of them."""
    found = []
    for path in map(Path, paths):
        found += runs_at(path)
    return [load(path) for path in found]


def simulate(
    of: Fleet | None = None,
    *,
    strategy: str = "both",
    samples: int = 50,
    seed: int = 0,
    scenario: str = "bootstrap",
    changed: Iterable[str] = (),
    commit: Commit | None = None,
    webhook: bool = False,
    restart_by: str = "rollout",
    restart_of: Iterable[str] = CONTROLLERS,
    fail: Iterable[str] = (),
    until_s: float | None = None,
    profile: str | None = None,
    durations: Path | str | None = None,
    flux_version: str | None = None,
    **flags: Any,
) -> RunResult:
    """Predict a rollout; the same numbers as ``fleetbench simulate``.

    Args:
        of: the fleet; None = the reference fleet, dev.
        strategy: ``fine`` (as the repository has it), ``waves`` (regrouped), or ``both`` from the same draws.
        samples: simulated rollouts.
        seed: same seed, same numbers.
        scenario: ``bootstrap``, ``commit`` or ``restart``.
        changed: of a commit: objects (a Kustomization with the releases that it applies) or paths that it changes.
        commit: what it changes, as :func:`read_commit` finds it; instead of ``changed``.
        webhook: of a commit: a receiver tells of it, no wait for the sync interval.
        restart_by: of a restart: ``rollout``, ``evict`` (pods deleted) or ``kill`` (the leases must run out).
        restart_of: of a restart: the controllers, ``kustomize-controller`` ...
        fail: objects (``ns/name`` or ``Kind/ns/name``, without the namespace where the name is clear) that never
            turn healthy.
        until_s: stop the clock there, in seconds; None = when only retries that cannot succeed remain.
        profile: workload times: ``default``, ``short``, or a file that ``fleetbench calibrate`` wrote.
        durations: file with OBJECT -> time from applied to Current.
        flux_version: ``2.6`` to ``2.9``, whose defaults hold; None = the Flux that the repository installs, else 2.9.
        **flags: fields of :class:`fleetbench.model.parameters.Parameters`, such as ``kustomize_concurrent=8`` or
            ``requeue_dependency_s=5.0``; what is not given is as the repository has it, else the release's default.

    Returns:
        ``run["fine"]``, ``run["waves"]``, and tidy frames over both.
    """
    of = fleet() if of is None else of
    restarted = tuple(restart_of)
    for value, known in ((scenario, SCENARIOS), (restart_by, RESTARTS), *((name, CONTROLLERS) for name in restarted)):
        if value not in known:
            raise InputError(f"got {value!r}, wanted {', '.join(known[:-1])} or {known[-1]}")
    if commit is not None and scenario != COMMIT:
        raise InputError(f"commit: got one with scenario {scenario!r}, wanted scenario 'commit'")
    choice = Choice(
        flux_version=flux_version,
        flags=_known_flags(flags),
        durations=None if durations is None else load_durations(durations),
        profile=_profile(profile),
        seed=seed,
        kind=scenario,
        fail=frozenset(_object(of, o) for o in fail),
        until_s=until_s,
        commit=commit or Commit(frozenset[ObjectId]().union(*(changed_by(of, c) for c in changed))),
        webhook=webhook,
        restart_by=restart_by,
        restarted=restarted,
    )
    parameters, _, _ = in_force(of, choice)
    met = of.under(parameters.flux_version, parameters.strict_post_build_substitutions)
    return result_of(predict_strategies(of, choice, strategy, samples, findings=tuple(in_order(check(met)))))


def open_run(runs: Sequence[Path | str] = (), **prediction: Any) -> RunResult:
    """The first of these runs; of none, a fresh prediction with these arguments of :func:`simulate`."""
    return load_all(runs)[0] if runs else simulate(**prediction)


def validate(run: RunResult, samples: int = 50, *, seed: int = 0, profile: str | None = None) -> RunComparison:
    """Predict a measured run from its own fleet and flags, and hold the prediction against it.

    Args:
        run: a measured run.
        samples: simulated rollouts.
        seed: same seed, same numbers.
        profile: the workload times and step costs that it had.
    """
    if run.run is None:
        raise InputError(f"{run.name}: got a prediction, wanted a measured run")
    return compare_run(run.run, samples, _profile(profile), seed=seed)


# --- decisions ---------------------------------------------------------------------------------------------------


def what_ifs(
    of: Fleet | None = None,
    *,
    samples: int = 30,
    seed: int = 0,
    most: int = 12,
    profile: str | None = None,
    **flags: Any,
) -> list[Change]:
    """What each change that fleetbench knows would do to the total, the most seconds saved first.

    Every change is simulated with the draws of the fleet as it is. ``pandas.DataFrame(...)`` makes it a frame,
    ``fleetbench.pictures.tornado`` draws it.
    """
    of = fleet() if of is None else of
    scenario = assemble(of, Choice(seed=seed, profile=_profile(profile), flags=_known_flags(flags))).scenario
    found = [(r.trial.title, r.trial.total) for r in optimize(scenario, samples).ranked]
    compared = [Change(title, total.p50_s, total.p5_s, total.p95_s) for title, total in found if total is not None]
    return sorted(compared, key=lambda change: change.difference_s)[:most]


def blast_radius(of: Fleet) -> dict[ObjectId, set[ObjectId]]:
    """Kustomization that never turns Ready -> the Kustomizations that then never do either in a bootstrap.

    Parents that only group are left out; the root, too.
    """
    parents = {k.parent for k in of.kustomizations} | {of.root}
    shown = [k.id for k in of.kustomizations if k.id not in parents]
    return {id: blocked & set(shown) for id, blocked in blocked_by(of, *sorted(shown)).items()}


def _profile(name: str | None) -> Profile | None:
    return load_profile(name) if name else None


def _known_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    names = [f.name for f in fields(Parameters) if f.name != "shards"]
    for name in flags:
        if name not in names:
            import difflib

            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            raise InputError(f"{name}: no argument and no controller flag", hint)
    return dict(flags)


def _object(of: Fleet, text: str) -> ObjectId:
    try:
        return named(of, parse_reference(text), "object", workloads=True)
    except ValueError as error:
        raise InputError(f"object: {error}") from None

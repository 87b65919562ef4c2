"""The controllers' own work: how much processor time each step takes.

Every step is log-normal in seconds of work on an otherwise idle machine of the kind it was fitted on; the engine
stretches it when more steps run than there are processors. Fitted by ``fleetbench calibrate`` from the rows that the
controllers write while they reconcile (see MODEL.md, "Step costs").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fleetbench.errors import InputError, briefly

if TYPE_CHECKING:
    from fleetbench.model.located import Located

SHIPPED = "steps-flux-2.9.yaml"
"""The data file of the shipped step costs."""


MAX_STEP_S, MAX_SIGMA = 3600.0, 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """A log-normal amount of work."""

    p50_s: float
    """Median, in seconds."""
    sigma: float
    """Standard deviation of the logarithm."""

    def __post_init__(self) -> None:
        if not 0 <= self.p50_s <= MAX_STEP_S or not 0 <= self.sigma <= MAX_SIGMA:
            wanted = f"0..{MAX_STEP_S:g} s and sigma 0..{MAX_SIGMA:g}"
            raise InputError(f"step: got p50_s={self.p50_s!r}, sigma={self.sigma!r}, wanted {wanted}")


@dataclass(frozen=True, slots=True)
class Steps:
    """The work of each step, in the order in which the controllers do it."""

    # every controller
    speed: Step
    """Factor on all steps of one rollout: how fast the machine was that day."""
    cold: Step
    """Factor on top of it at t0, never below 1: cold caches and code; wears off with ``cold_decay_s``."""
    cold_decay_s: float
    """Time constant, in seconds, with which the cold start wears off."""
    overlap: float
    """Steps that a processor takes before they slow each other down: a part of each waits for disk and network."""
    finalizer: Step
    """First reconcile: the patch that adds the finalizer."""
    # source-controller
    git_fetch: Step
    """GitRepository: clone to artifact."""
    remote_fetch: Step
    """HelmRepository index, OCI pull, bucket."""
    chart_build: Step
    """HelmChart: pull or package."""
    # kustomize-controller
    no_artifact: Step
    """Source lookup that ends the reconcile."""
    dependency_get: Step
    """One uncached GET of a dependency."""
    dependency_end: Step
    """Status patch and event of DependencyNotReady."""
    start: Step
    """Source lookup and the patch that says Fetching."""
    fetch: Step
    """Download and untar of the artifact, and the patch that says Building."""
    fetch_file: Step
    """What each file of the artifact adds: it is unpacked by every reconcile, to the node's disk."""
    build: Step
    """kustomize build: one at a time in the whole controller (pkg/kustomize SecureBuild holds a mutex)."""
    build_object: Step
    """What each object in the build adds to it."""
    dry_run: Step
    """Dry-run of one object; ``concurrent_ssa`` at a time."""
    apply: Step
    """Apply of one changed object, one after the other."""
    fan_out: Step
    """What a created Flux object costs others: the API server, etcd and every controller's cache take note of it."""
    health_start: Step
    """Inventory, and the patch that says Running health checks."""
    poll: Step
    """From that patch to the poller's first look at the objects; its later looks keep this phase."""
    health_end: Step
    """From the poll that finds all Current to the patch of Healthy."""
    finish: Step
    """The last status patch."""
    remove_file: Step
    """What each file of the unpacked artifact adds to that: it is removed before the last patch."""
    release: Step
    """From Ready to the worker being free: observedGeneration, event, temporary files."""
    # helm-controller
    helm_start: Step
    """HelmChart applied, Fulfilling prerequisites."""
    helm_load: Step
    """Chart loaded, release state determined, Running 'install' action."""
    helm_install: Step
    """Render and create the chart's objects."""
    helm_finish: Step
    """From the poll that finds all ready to Ready=True."""
    # below Flux
    pod_lag: Step
    """From a pod being Ready to its workload's status saying so, and from created to scheduled."""
    outlier: Step
    """What a stalled step adds (see ``outlier_share``)."""
    outlier_share: float
    """Share of steps that stall."""
    # kustomize-controller's temporary folder; down here as a step's place is the number of its random draws
    fetch_file_more_s: float
    """By how much every file costs more to unpack for each 1,000 files that were removed within the last minute, up to
    20,000: where the node's ext4 has no journal, whoever makes a file or a folder looks past the inodes that were freed a
    moment ago, one by one (Linux 6.18 fs/ext4/ialloc.c find_inode_bit, recently_deleted)."""
    memory_file: Step
    """What each file costs instead, unpacked and removed, with ``in_memory_builds``."""


_NUMBERS = {"outlier_share": 1.0, "cold_decay_s": 3600.0, "overlap": 10.0, "fetch_file_more_s": 1.0}
"""Fields that are plain numbers -> the largest value."""
FIT = "fit"
"""Key of the ``steps`` of a profile that is no step: how well they fit."""


def read_steps(at: Located) -> dict[str, Any]:
    """The ``steps`` of a profile file as they are, each checked where its line is known.

    Raises:
        InputError: an unknown step, or a value that none can have.
    """
    known = at.mapping((*(f.name for f in fields(Steps)), FIT))
    for name, item in known.items():
        if name in _NUMBERS:
            item.number(0.0, _NUMBERS[name])
        elif name != FIT and isinstance(item.value, dict):
            parts = item.mapping(("p50_s", "sigma"))
            if "p50_s" not in parts:
                raise item.bad("p50_s", got=", ".join(parts) or "nothing")
            for part, most in (("p50_s", MAX_STEP_S), ("sigma", MAX_SIGMA)):
                if part in parts:
                    parts[part].number(0.0, most)
        elif name != FIT:
            item.number(0.0, MAX_STEP_S, or_else="{p50_s, sigma}")
    return {name: item.plain() for name, item in known.items()}


def no_steps() -> Steps:
    """Controllers that take no time: for oracles, and for what a perfect controller would take."""
    free = Step(0.0, 0.0)
    given: dict[str, Any] = {f.name: 0.0 if f.name in _NUMBERS else free for f in fields(Steps)}
    return Steps(**{**given, "speed": Step(1.0, 0.0), "cold_decay_s": 1.0, "overlap": 1.0})


@lru_cache(maxsize=1)
def shipped_steps() -> Steps:
    """The steps that ship: fitted to measured rollouts of Flux 2.9 (see the file's own ``about``)."""
    from fleetbench.data import shipped
    from fleetbench.model.located import read_located

    top = read_located(shipped("profiles", SHIPPED)).plain()
    return steps_from(top["steps"], no_steps(), SHIPPED)


def steps_from(document: Mapping[str, Any], base: Steps | None = None, place: str = "steps") -> Steps:
    """Read the ``steps`` of a profile over ``base`` (None = the shipped ones); ``{p50_s, sigma}`` or seconds.

    Raises:
        InputError: an unknown step or a value that is none.
    """
    base = base or shipped_steps()
    known = {f.name for f in fields(Steps)}
    found: dict[str, Any] = {}
    for name, value in document.items():
        if name == FIT:
            continue
        if name not in known:
            raise InputError(f"{place}.{name}: got an unknown step, wanted one of {', '.join(sorted(known))}")
        found[name] = _number(value, name, place) if name in _NUMBERS else _step(value, name, place)
    values = {f.name: found.get(f.name, getattr(base, f.name)) for f in fields(Steps)}
    return Steps(**values)


def steps_document(steps: Steps) -> dict[str, Any]:
    """The steps as a profile holds them."""
    out: dict[str, Any] = {}
    for f in fields(Steps):
        value = getattr(steps, f.name)
        out[f.name] = (
            {"p50_s": round(value.p50_s, 5), "sigma": round(value.sigma, 3)} if isinstance(value, Step) else value
        )
    return out


def _step(value: Any, name: str, place: str) -> Step:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Step(float(value), 0.0)
    if isinstance(value, Mapping) and isinstance(value.get("p50_s"), (int, float)):
        return Step(float(value["p50_s"]), float(value.get("sigma", 0.5)))
    raise InputError(f"{place}.{name}: got {briefly(value)}, wanted seconds or {{p50_s, sigma}}")


def _number(value: Any, name: str, place: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _NUMBERS[name]:
        return float(value)
    raise InputError(f"{place}.{name}: got {briefly(value)}, wanted a number from 0 to {_NUMBERS[name]:g}")

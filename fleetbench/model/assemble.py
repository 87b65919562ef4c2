"""From a fleet and what the user said to a scenario: which value holds for each flag, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetbench.errors import InputError, place
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM, ControllerFlag
from fleetbench.graph.release import RELEASES, STRICT_GATE, gates, release_of
from fleetbench.ids import ObjectId
from fleetbench.model.parameters import REQUEUE_S, Parameters, parameters_of
from fleetbench.model.profile import Durations, Profile, load_profile
from fleetbench.model.resolve import resolve
from fleetbench.model.scenario import BOOTSTRAP, Scenario
from fleetbench.model.steps import steps_from
from fleetbench.units import parse_bool, parse_cpu, parse_duration

KUSTOMIZE, HELM, SOURCE = "kustomize-controller", "helm-controller", "source-controller"


def _whole(text: str) -> int:
    """A whole number, as pflag reads one.

    Raises:
        ValueError: it is none.
    """
    if re.fullmatch(r"[+-]?\d+", text.strip()) is None:
        raise ValueError(f"got {text!r}, wanted a whole number")
    return int(text)


def _delay_s(text: str) -> float:
    """A delay between two tries, as long at least as what ``--requeue-dependency`` may be.

    Raises:
        ValueError: it is none, or so short that a simulation would only count tries.
    """
    seconds = parse_duration(text)
    if not REQUEUE_S[0] <= seconds <= REQUEUE_S[1]:
        raise ValueError(f"got {text!r}, wanted 0.1 s to 24 h")
    return seconds


def _share(text: str) -> float:
    """A percentage, from 0 to 99 (fluxcd/pkg runtime v0.110.1 jitter/interval.go SetGlobalJitter).

    Raises:
        ValueError: it is none.
    """
    percent = _whole(text)
    if not 0 <= percent < 100:
        raise ValueError(f"got {text!r}, wanted a percentage from 0 to 99")
    return percent / 100


_FLAGS: dict[tuple[str, str], tuple[str, Callable[[str], Any]]] = {
    (KUSTOMIZE, "concurrent"): ("kustomize_concurrent", _whole),
    (HELM, "concurrent"): ("helm_concurrent", _whole),
    (SOURCE, "concurrent"): ("source_concurrent", _whole),
    (KUSTOMIZE, "requeue-dependency"): ("requeue_dependency_s", parse_duration),
    (HELM, "requeue-dependency"): ("helm_requeue_dependency_s", parse_duration),
    (KUSTOMIZE, "concurrent-ssa"): ("concurrent_ssa", _whole),
    (KUSTOMIZE, "min-retry-delay"): ("min_retry_delay_s", _delay_s),
    (HELM, "min-retry-delay"): ("helm_min_retry_delay_s", _delay_s),
    (SOURCE, "min-retry-delay"): ("source_min_retry_delay_s", _delay_s),
    (KUSTOMIZE, "max-retry-delay"): ("max_retry_delay_s", _delay_s),
    (HELM, "max-retry-delay"): ("helm_max_retry_delay_s", _delay_s),
    (SOURCE, "max-retry-delay"): ("source_max_retry_delay_s", _delay_s),
    (KUSTOMIZE, "interval-jitter-percentage"): ("interval_jitter", _share),
    (HELM, "interval-jitter-percentage"): ("helm_interval_jitter", _share),
    (SOURCE, "interval-jitter-percentage"): ("source_interval_jitter", _share),
    (KUSTOMIZE, CPU_LIMIT): ("kustomize_cpus", parse_cpu),
    (KUSTOMIZE, TEMP_MEDIUM): ("in_memory_builds", "Memory".__eq__),
}
_BOOLEAN = frozenset({"no-cross-namespace-refs"})
"""Flags that the reader of a repository heeds (``repo/access.py``): here only what cannot be read of them is told."""
_LEASE = "after a restart the lease is waited for as with the default"
_GATES = {
    (KUSTOMIZE, "CancelHealthCheckOnNewRevision"): "cancel_health_check_on_new_revision",
    (HELM, "CancelHealthCheckOnNewRevision"): "helm_cancel_health_check_on_new_revision",
    (KUSTOMIZE, "DisableFailFastBehavior"): "fail_fast",
    (KUSTOMIZE, "AdditiveCELDependencyCheck"): "additive_cel_dependency_check",
    (KUSTOMIZE, STRICT_GATE): "strict_post_build_substitutions",
    (HELM, "UseHelm3Defaults"): "use_helm3_defaults",
    (HELM, "DefaultToRetryOnFailure"): "default_to_retry_on_failure",
}
_OPPOSITE = frozenset({"fail_fast"})
"""Fields that a gate switches off."""
_UNMODELLED = {
    "leader-election-lease-duration": _LEASE,
    "leader-election-renew-deadline": _LEASE,
    "leader-election-retry-period": _LEASE,
    "leader-election-release-on-cancel": _LEASE,
    "default-service-account": "what names no serviceAccountName is applied with this account of its own namespace, "
    "and fails where that is not there or may not apply it",
    "custom-apply-stage-kinds": "an apply has a stage more than is simulated",
    "watch-configs-label-selector": "an object that a ConfigMap or Secret queues goes on sooner than is simulated",
}
"""Flags that tell on the timing and that no field says -> what differs."""
_UNMODELLED_GATES = {
    "OOMWatch": "a controller that restarts for want of memory is not simulated",
    "DetectDrift": "releases are compared with the cluster, which takes longer than is simulated",
    "CorrectDrift": "drift that is found is corrected, which takes longer than is simulated",
}
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True)
class Choice:
    """What the user said about a simulation; None = nothing."""

    flux_version: str | None = None
    """Whose defaults hold; None = those of the Flux that the repository installs, else of the newest release."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`Parameters` that an option sets, with the option's name: ``{field: value}``."""
    durations: Durations | None = None
    profile: Profile | None = None
    seed: int = 0
    kind: str = BOOTSTRAP
    fail: frozenset[ObjectId] = frozenset()
    until_s: float | None = None
    changed: frozenset[ObjectId] = frozenset()
    webhook: bool = False
    fix_after_s: float | None = None
    compared_with: tuple[Fleet, ...] = ()
    """Fleets that the scenario's is compared with: the durations file may name their objects too."""


@dataclass(frozen=True)
class Assembled:
    """A scenario with the origin of each of its values."""

    scenario: Scenario
    origins: Mapping[str, str]
    """Field of Parameters -> ``default (Flux 2.9)``, ``file:line`` or ``option``."""
    warnings: tuple[str, ...] = ()


def assemble(fleet: Fleet, choice: Choice) -> Assembled:
    """Build the scenario.

    A flag that an option gives holds; else what the repository itself sets; else the release's default. The same goes
    for the release itself. A shard's own controllers take the same flags.

    Raises:
        InputError: a flag with a value it cannot have, or durations of an object that the fleet does not hold.
    """
    parameters, origins, warnings = in_force(fleet, choice)
    default = load_profile("default")
    profile = default if choice.profile is None else choice.profile.over(default)
    if profile.nodes is not None and choice.flags.get("nodes") is None:
        parameters = parameters.with_(nodes=profile.nodes.count)
        origins["nodes"] = f"profile {profile.name}"
    scenario = Scenario(
        fleet,
        parameters,
        steps_from(profile.steps),
        resolve(fleet, choice.durations, choice.profile, default, choice.compared_with),
        profile.pull,
        choice.seed,
        choice.kind,
        choice.fail,
        choice.until_s,
        choice.changed,
        choice.webhook,
        fix_after_s=choice.fix_after_s,
    )
    return Assembled(scenario, origins, tuple(warnings))


def in_force(fleet: Fleet, choice: Choice) -> tuple[Parameters, dict[str, str], list[str]]:
    """The release and the flags that hold, the origin of each, and what could not be used of what the repository says.

    Raises:
        InputError: a flag with a value it cannot have.
    """
    release, said_by, not_known = release_choice(fleet, choice.flux_version)
    base = parameters_of(release)
    origins = dict.fromkeys(base.__dataclass_fields__, f"{DEFAULT_ORIGIN} (Flux {base.flux_version})")
    from_repository, where, warnings = repository_flags(fleet.flags)
    if said_by is not None:
        origins["flux_version"] = said_by
    options = {name: value for name, value in choice.flags.items() if value is not None}
    if "requeue_dependency_s" in options:
        options.setdefault("helm_requeue_dependency_s", options["requeue_dependency_s"])
    origins |= where | dict.fromkeys(options, "option")
    return base.with_(**(from_repository | options)), origins, [*not_known, *warnings]


def release_choice(fleet: Fleet, option: str | None) -> tuple[str, str | None, list[str]]:
    """The Flux release whose defaults hold, who says so (None = nobody), and what is to be warned of."""
    if option is not None:
        return option, "option", []
    if fleet.flux is None:
        return RELEASES[-1], None, []
    where = place(fleet.flux.file, fleet.flux.line) or "the repository"
    release, known = release_of(fleet.flux.version)
    text = f"{where}: Flux {fleet.flux.version} is none of {', '.join(RELEASES)}; the defaults of {release} hold"
    return release, where, [] if known else [text]


def repository_flags(flags: tuple[ControllerFlag, ...]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Controller flags that a repository sets -> fields of Parameters, their origins, and what could not be used."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for flag in flags:
        where = place(flag.file, flag.line) or "the repository"
        called = flag.text.partition("=")[0]
        if flag.flag == "feature-gates":
            try:
                of_flag = gates(flag.value)
            except ValueError as error:
                warnings.append(_does_not_start(where, called, flag, error))
                continue
            for name, on in of_flag:
                if (flag.controller, name) in _GATES:
                    field_name = _GATES[flag.controller, name]
                    values[field_name], origins[field_name] = on != (field_name in _OPPOSITE), where
                elif on and name in _UNMODELLED_GATES:
                    warnings.append(_not_modelled(where, f"feature gate {name}", flag, _UNMODELLED_GATES[name]))
            continue
        if flag.flag in _BOOLEAN:
            try:
                parse_bool(flag.value)
            except ValueError as error:
                warnings.append(_does_not_start(where, called, flag, error))
            continue
        known = _FLAGS.get((flag.controller, flag.flag))
        if known is None:
            if flag.flag in _UNMODELLED:
                warnings.append(_not_modelled(where, f"--{flag.flag}", flag, _UNMODELLED[flag.flag]))
            continue
        name, read = known
        try:
            value = read(flag.value)
            Parameters().with_(**{name: value})
        except (ValueError, InputError) as error:
            warnings.append(f"{where}: {called} of {flag.controller}: {error}; the default holds")
            continue
        if name in values and values[name] != value:
            warnings.append(f"{where}: --{flag.flag} of {flag.controller} is set twice; the last one holds")
        values[name], origins[name] = value, where
    return values, origins, warnings


def _not_modelled(where: str, what: str, flag: ControllerFlag, effect: str) -> str:
    return f"{where}: {what} of {flag.controller} is not modelled: {effect}"


def _does_not_start(where: str, called: str, flag: ControllerFlag, error: ValueError) -> str:
    return f"{where}: {called} of {flag.controller}: {error}: the controller does not start with it; the default holds"

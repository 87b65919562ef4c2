"""What flags, as a repository sets them on the controllers, come to: fields of Parameters, with where each is from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fleetbench.errors import InputError, place
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import CPU_LIMIT, EVENTS_ADDR, TEMP_MEDIUM, ControllerFlag, ControllerShard
from fleetbench.graph.release import STRICT_GATE, gates
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION
from fleetbench.model.parameters import NEVER_S, REQUEUE_S, Parameters, ShardFlags
from fleetbench.units import parse_bool, parse_duration, parse_quantity

KUSTOMIZE, HELM, SOURCE = "kustomize-controller", "helm-controller", "source-controller"
NO_LIMIT, UNLIMITED_CPUS = "none", 1000.0
"""How a controller's Deployment without a CPU limit is told of, and what that comes to."""


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
        raise ValueError(f"got {text!r}, wanted 1 ms to 24 h")
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


def _refused_s(_: str) -> float:
    """``--events-addr`` is among a fleet's flags only where what is posted there is never taken."""
    return NEVER_S


def _cpus(text: str) -> float:
    """Processors of a CPU limit.

    Raises:
        ValueError: it is no quantity.
    """
    return UNLIMITED_CPUS if text == NO_LIMIT else parse_quantity(text)


FLAGS: dict[tuple[str, str], tuple[str, Callable[[str], Any]]] = {
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
    (KUSTOMIZE, EVENTS_ADDR): ("events_refused_s", _refused_s),
    (KUSTOMIZE, CPU_LIMIT): ("kustomize_cpus", _cpus),
    (KUSTOMIZE, TEMP_MEDIUM): ("in_memory_builds", "Memory".__eq__),
}
"""(controller, flag, or what else of its Deployment it is) -> the field of Parameters, and how its text is read."""
TIMING_FLAGS = frozenset({flag for _, flag in FLAGS} | {"feature-gates"})
_BOOLEAN = frozenset({"no-cross-namespace-refs"})
"""Flags that the reader of a repository heeds (``repo/install/access.py``): here only what cannot be read of them is told."""
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
_STRICT = _GATES[KUSTOMIZE, STRICT_GATE]
_KIND_OF = {KUSTOMIZE: KUSTOMIZATION, HELM: HELM_RELEASE}
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
}
"""Flags that tell on the timing and that no field says -> what differs."""
_UNMODELLED_GATES = {
    "OOMWatch": "a controller that restarts for want of memory is not simulated",
    "DetectDrift": "releases are compared with the cluster, which takes longer than is simulated",
    "CorrectDrift": "drift that is found is corrected, which takes longer than is simulated",
}
DEFAULT_ORIGIN = "default"


def repository_flags(flags: tuple[ControllerFlag, ...]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Controller flags that a repository sets -> fields of Parameters, their origins, and what could not be used."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    not_modelled: dict[tuple[str, str], list[ControllerFlag]] = {}
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
                    not_modelled.setdefault((f"feature gate {name}", _UNMODELLED_GATES[name]), []).append(flag)
            continue
        if flag.flag in _BOOLEAN:
            try:
                parse_bool(flag.value)
            except ValueError as error:
                warnings.append(_does_not_start(where, called, flag, error))
            continue
        known = FLAGS.get((flag.controller, flag.flag))
        if known is None:
            if flag.flag in _UNMODELLED:
                not_modelled.setdefault((f"--{flag.flag}", _UNMODELLED[flag.flag]), []).append(flag)
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
    return values, origins, [*warnings, *(_not_modelled(*said, set_by) for said, set_by in not_modelled.items())]


def _not_modelled(what: str, effect: str, set_by: Sequence[ControllerFlag]) -> str:
    """In one line, however many controllers it is set on."""
    where = place(set_by[0].file, set_by[0].line) or "the repository"
    controllers = " and ".join(dict.fromkeys(flag.controller for flag in set_by))
    return f"{where}: {what} of {controllers} is not modelled: {effect}"


def _does_not_start(where: str, called: str, flag: ControllerFlag, error: ValueError) -> str:
    return f"{where}: {called} of {flag.controller}: {error}: the controller does not start with it; the default holds"


def shard_flags(
    fleet: Fleet, base: Parameters, options: Mapping[str, Any]
) -> tuple[tuple[ShardFlags, ...], dict[str, str], list[str]]:
    """What the controllers of shards have otherwise than the main ones, the origins, and what could not be used.

    A flag that a shard's controller does not state has the release's default there, whatever the main one states; an
    option holds for them all. What a build fails for and what is denied is judged by the main controllers' alone, and
    all sources are simulated with one controller: where a shard's differ there, a warning says so.

    Args:
        fleet: the fleet.
        base: the release's defaults.
        options: fields that an option sets.
    """
    found, origins, warnings = [], {}, []
    main = base.with_(**repository_flags(fleet.flags)[0])
    for shard in fleet.shards:
        kind = _KIND_OF.get(shard.controller)
        values, where, said = repository_flags(shard.flags)
        warnings += [*said, *_judged_by_main(shard, fleet.flags)]
        own = base.with_(**values)
        fields = {name for (c, _), (name, _) in FLAGS.items() if c == shard.controller}
        fields |= {name for (c, _), name in _GATES.items() if c == shard.controller} - {_STRICT}
        differ = sorted(n for n in fields - options.keys() if getattr(own, n) != getattr(main, n))
        if kind is None and differ:
            said_of = f"{where.get(differ[0], 'the repository')}: shard {shard.shard} of {shard.controller}"
            warnings.append(f"{said_of} has other flags: not modelled, sources are simulated with one controller")
        elif kind is not None and differ:
            found.append(ShardFlags(kind, shard.shard, tuple((n, getattr(own, n)) for n in differ)))
            for n in differ:
                origins[origin_key(kind, shard.shard, n)] = where.get(n, f"{DEFAULT_ORIGIN} (Flux {base.flux_version})")
    return tuple(found), origins, warnings


def _judged_by_main(shard: ControllerShard, main: tuple[ControllerFlag, ...]) -> Iterator[str]:
    """What a shard's controller would refuse otherwise than the main one, a sentence each."""
    where = next((place(f.file, f.line) for f in shard.flags), None) or "the repository"
    for name in (*sorted(_BOOLEAN), STRICT_GATE):
        if _stated(shard.flags, shard.controller, name) != _stated(main, shard.controller, name):
            said = f"{name} is set otherwise on shard {shard.shard} of {shard.controller}"
            yield f"{where}: {said}: not modelled, what fails or is denied is judged by the main controller's flags"


def _stated(flags: tuple[ControllerFlag, ...], controller: str, name: str) -> str | None:
    """The value of a flag or feature gate as it is written; None = it is not."""
    for flag in (f for f in flags if f.controller == controller):
        if flag.flag == name:
            return flag.value
        if flag.flag == "feature-gates":
            gate = dict(part.strip().partition("=")[::2] for part in flag.value.split(","))
            if name in gate:
                return gate[name]
    return None


def origin_key(kind: str, shard: str, field_name: str) -> str:
    """Under what :attr:`~.assemble.Assembled.origins` has that of a shard's flag."""
    return f"{kind}/{shard}/{field_name}"

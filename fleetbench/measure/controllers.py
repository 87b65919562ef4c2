"""The Flux controllers' flags: which hold in a run, where each is from, and how they get into the Deployments."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fleetbench.errors import InputError, place
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import CPU_LIMIT, EVENTS_ADDR, TEMP_MEDIUM, ControllerFlag
from fleetbench.graph.release import RELEASES, release_of
from fleetbench.ids import CONTROLLERS, NOTIFICATION_CONTROLLER
from fleetbench.measure.request import FlagOptions
from fleetbench.model.controller_flags import FLAGS, NO_LIMIT, TIMING_FLAGS, UNLIMITED_CPUS, repository_flags
from fleetbench.model.parameters import parameters_of
from fleetbench.repo.install.arguments import flags_among, together, without
from fleetbench.repo.install.controllers import pod_settings, posts_to_notification_controller
from fleetbench.units import go_duration

SOURCE, KUSTOMIZE, HELM = CONTROLLERS
NAMESPACE = "flux-system"
CONCURRENT, REQUEUE = "concurrent", "requeue-dependency"

_ALWAYS = (
    "kustomize_concurrent", "helm_concurrent", "source_concurrent", "requeue_dependency_s", "helm_requeue_dependency_s",
    "kustomize_cpus", "in_memory_builds",
)  # fmt: skip
"""Flags that a run records in any case, also as the controllers have them by themselves."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a run."""

    controller: str
    flag: str
    value: str
    origin: str
    """Where the value is from: ``option``, ``repository (FILE:LINE)`` or ``manifest``."""


def flags_for(fleet: Fleet, options: FlagOptions) -> list[Flag]:
    """The flags to set: the repository's own, overridden by the options; what neither names keeps its default."""
    found = {(f.controller, f.flag): Flag(f.controller, f.flag, f.value, _origin(f)) for f in fleet.flags}
    for controller, value in (
        (KUSTOMIZE, options.kustomize_concurrent),
        (HELM, options.helm_concurrent),
        (SOURCE, options.source_concurrent),
    ):
        if value is not None:
            found[controller, CONCURRENT] = Flag(controller, CONCURRENT, str(value), "option")
    if options.requeue_dependency_s is not None:
        for controller in (KUSTOMIZE, HELM):
            found[controller, REQUEUE] = Flag(controller, REQUEUE, go_duration(options.requeue_dependency_s), "option")
    return [found[key] for key in sorted(found) if key[0] in CONTROLLERS]


def _origin(flag: ControllerFlag) -> str:
    where = place(flag.file, flag.line)
    return f"repository ({where})" if where else "repository"


def with_flags(deployment: Mapping[str, Any], flags: list[Flag]) -> dict[str, Any]:
    """A controller's Deployment with the flags among its container's arguments; a flag that is there is replaced."""
    name = deployment["metadata"]["name"]
    own = [f for f in flags if f.controller == name]
    changed: dict[str, Any] = copy.deepcopy(dict(deployment))
    if own:
        pod = changed["spec"]["template"]["spec"]
        container = pod["containers"][0]
        named = {f.flag for f in own}
        kept = without(container.get("args") or [], named)
        container["args"] = kept + [f"--{f.flag}={f.value}" for f in own if f.flag not in (CPU_LIMIT, TEMP_MEDIUM)]
        for setting in own:
            if setting.flag == CPU_LIMIT:
                container.setdefault("resources", {}).setdefault("limits", {})["cpu"] = setting.value
            elif setting.flag == TEMP_MEDIUM:
                others = [v for v in pod.get("volumes") or [] if v.get("name") != "temp"]
                pod["volumes"] = [{"name": "temp", "emptyDir": {"medium": setting.value}}, *others]
    return changed


def flags_in(deployment: Mapping[str, Any]) -> dict[str, str]:
    """The flags that a controller's Deployment states."""
    args = deployment["spec"]["template"]["spec"]["containers"][0].get("args") or []
    found: dict[str, str] = {}
    for flag, value in flags_among(args):
        found[flag] = together(flag, found.get(flag), value)
    return found


def timing_flags(deployments: Sequence[Mapping[str, Any]]) -> list[ControllerFlag]:
    """What Flux's Deployments say that tells on the timing: flags, CPU limit, temporary folder, events posted in vain."""
    found: list[ControllerFlag] = []
    for deployment in (d for d in deployments if d["metadata"]["name"] in CONTROLLERS):
        name, namespace = deployment["metadata"]["name"], deployment["metadata"].get("namespace", NAMESPACE)
        said = flags_in(deployment)
        if name != KUSTOMIZE or takes_events(deployments):
            said.pop(EVENTS_ADDR, None)
        if name == KUSTOMIZE:
            said |= {CPU_LIMIT: NO_LIMIT} | dict(pod_settings(deployment["spec"]["template"]["spec"]))
        where = f"Deployment/{namespace}/{name}"
        found += [ControllerFlag(name, flag, value, where) for flag, value in said.items() if flag in TIMING_FLAGS]
    return found


def run_flags(deployments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a run's header says of the flags, from Flux's Deployments as they run: fields of :class:`fleetbench.model.parameters.Parameters`.

    Those that differ from the defaults of the release that runs, and :data:`_ALWAYS`.

    Raises:
        InputError: a flag has a value that is none.
    """
    release = flux_release(flux_versions(deployments))
    default = parameters_of(RELEASES[-1] if release is None else release_of(release)[0])
    flags = timing_flags(deployments)
    values, _, _ = repository_flags(tuple(flags))
    odd = {}
    for flag in flags:
        field, read = FLAGS.get((flag.controller, flag.flag), ("", str))
        if field and field not in values:  # beyond what is simulated, or no value at all
            try:
                odd[field] = read(flag.value)
            except ValueError as error:
                called = flag.text.partition("=")[0]
                raise InputError(f"{flag.file}: {called}: {error}") from None
    now = asdict(default.with_(**values))
    if now["kustomize_cpus"] == UNLIMITED_CPUS:
        now["kustomize_cpus"] = None
    told = {name: value for name, value in now.items() if name in _ALWAYS or value != getattr(default, name)}
    return {"flux_version": default.flux_version, **told, **odd}


def takes_events(deployments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a notification-controller is to run where kustomize-controller posts its events, if it posts there at all.

    One that just has no pod available may have one soon: that is no answer for a whole rollout.

    Args:
        deployments: Flux's, as applied or as they run.
    """
    running = with_pods(deployments)
    taking = {d["metadata"].get("namespace") for d in running if d["metadata"]["name"] == NOTIFICATION_CONTROLLER}
    for deployment in (d for d in running if d["metadata"]["name"] == KUSTOMIZE):
        address = flags_in(deployment).get(EVENTS_ADDR, "")
        if posts_to_notification_controller(address) and deployment["metadata"].get("namespace") not in taking:
            return False
    return True


def with_pods(deployments: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are to have a pod."""
    return [d for d in deployments if d["spec"].get("replicas") != 0]


def flux_versions(deployments: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Controller -> its image's tag."""
    found = {}
    for deployment in deployments:
        image = deployment["spec"]["template"]["spec"]["containers"][0].get("image", "")
        tag = re.search(r":([^:/@]+)(?:@.*)?$", image)
        found[deployment["metadata"]["name"]] = tag[1] if tag else image
    return found


def flux_release(versions: Mapping[str, str]) -> str | None:
    """The Flux release that a kustomize-controller belongs to: 1.9 came with Flux 2.9; None = not known."""
    minor = re.match(r"v?1\.(\d+)\.", versions.get(KUSTOMIZE, ""))
    return f"2.{minor[1]}" if minor else None

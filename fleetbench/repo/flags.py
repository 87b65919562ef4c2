"""What of the controllers the repository itself sets: flags, and what else of their Deployments tells on the timing.

It does so by patches on the Deployments, a FluxInstance or Helm values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.graph.objects import CPU_LIMIT, ControllerFlag
from fleetbench.repo.arguments import flags_among, together
from fleetbench.repo.controllers import HELM_VALUES, pod_settings
from fleetbench.repo.flag_places import Setting, place_of
from fleetbench.repo.instance import flux_values
from fleetbench.repo.manifest import CONTROLLERS, INSTANCE_GROUP, Manifest, mapping, mappings
from fleetbench.repo.nodes import Node, Walk
from fleetbench.repo.operator import made_of
from fleetbench.repo.tree import Tree

_USUAL = frozenset(
    {
        "events-addr",
        "watch-all-namespaces",
        "log-level",
        "log-encoding",
        "enable-leader-election",
        "storage-path",
        "storage-addr",
        "storage-adv-addr",
    }
)
"""Arguments that every ``flux install`` writes; they say nothing about timing."""
_USUAL_CPU = ("1000m", "1")
"""The CPU limit that it writes."""


def flags_of(walk: Walk, tree: Tree) -> tuple[ControllerFlag, ...]:
    """Every flag the fleet's objects set on the three controllers; of two values for one flag the later holds."""
    found: dict[tuple[str, str], ControllerFlag] = {}
    for node, manifest in walk.manifests():
        for setting in _set(node, manifest, walk):
            controller, flag = setting.controller, setting.flag
            before = found.get((controller, flag))
            value = together(flag, None if before is None else before.value, setting.value)
            found[controller, flag] = ControllerFlag(controller, flag, value, *place_of(setting, node, manifest, tree))
    return tuple(sorted(found.values(), key=lambda f: (CONTROLLERS.index(f.controller), f.flag)))


def _set(node: Node, manifest: Manifest, walk: Walk) -> Iterable[Setting]:
    if manifest.kind == "Deployment" and manifest.name in CONTROLLERS:
        for container in mappings(manifest.spec, "template", "spec", "containers"):
            own = (f for f in flags_among(container.get("args")) if f[0] not in _USUAL)
            yield from (Setting(manifest.name, *f) for f in own)
        yield from (Setting(manifest.name, *s) for s in _settings(mapping(manifest.spec, "template", "spec")))
    elif manifest.is_flux(INSTANCE_GROUP, "FluxInstance"):
        yield from _instance(manifest.spec)
    else:
        values = flux_values(node, manifest, walk)
        yield from _instance(mapping(values, "instance"))
        for key, controller in HELM_VALUES.items():
            container = mapping(values, key, "container")
            yield from (Setting(controller, *f) for f in flags_among(container.get("additionalArgs")))


def _instance(spec: Mapping[str, Any]) -> Iterable[Setting]:
    return (setting for made in made_of(spec) if made.shard is None for setting in made.settings)


def _settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments, and does not say after ``flux install``."""
    return (s for s in pod_settings(pod) if s[0] != CPU_LIMIT or s[1] not in _USUAL_CPU)

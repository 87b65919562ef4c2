"""What of the controllers the repository itself sets: flags, and what else of their Deployments tells on the timing.

It does so by patches on the Deployments, a FluxInstance or Helm values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleetbench.findings import INSTALLED_TWICE, Finding
from fleetbench.graph.objects import CPU_LIMIT, EVENTS_ADDR, ControllerFlag, ControllerShard
from fleetbench.ids import (
    HELM_RELEASE,
    KUSTOMIZE_CONTROLLER,
    NOTIFICATION_CONTROLLER,
    SOURCE_CONTROLLER,
    ObjectId,
    say,
    some,
)
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.install.arguments import flags_among, together
from fleetbench.repo.install.controllers import (
    HELM_VALUES,
    WATCH,
    names_a_controller,
    pod_settings,
    posts_to_notification_controller,
    run_by,
    shard_of,
)
from fleetbench.repo.install.flag_places import Setting, place_of
from fleetbench.repo.install.instance import flux_values, instance_spec, instances
from fleetbench.repo.install.operator import made_of, patched
from fleetbench.repo.kustomize.patches import in_spec
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping
from fleetbench.repo.nodes import Node, Walk

_USUAL = frozenset(
    {
        EVENTS_ADDR,
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
    """Every flag the fleet's objects set on the three main controllers: see :func:`controllers_of`."""
    return controllers_of(walk, tree)[0]


def controllers_of(walk: Walk, tree: Tree) -> tuple[tuple[ControllerFlag, ...], tuple[ControllerShard, ...]]:
    """The flags that the fleet's objects set on the three main controllers, and their shards with those set there.

    Of two values for one flag the later holds.
    """
    found: dict[tuple[str, str | None], dict[str, ControllerFlag]] = {(c, None): {} for c in CONTROLLERS}
    for node, manifest, (controller, shard, settings) in _stated(walk):
        flags = found.setdefault((controller, shard), {})
        for setting in settings:
            before = flags.get(setting.flag)
            value = together(setting.flag, None if before is None else before.value, setting.value)
            where = place_of(setting, node, manifest, tree)
            flags[setting.flag] = ControllerFlag(controller, setting.flag, value, *where)
    in_order = {of: tuple(flags[name] for name in sorted(flags)) for of, flags in found.items()}
    shards = [ControllerShard(c, shard, flags) for (c, shard), flags in in_order.items() if shard is not None]
    shards.sort(key=lambda s: (CONTROLLERS.index(s.controller), s.shard))
    return tuple(flag for c in CONTROLLERS for flag in in_order[c, None]), tuple(shards)


def installed_twice(walk: Walk) -> Iterator[Finding]:
    """A warning where several installs bring the same controllers and set them otherwise: each overwrites the other's."""
    installs: dict[ObjectId, dict[tuple[str, str], ControllerFlag]] = {}
    places: dict[ObjectId, Manifest] = {}
    for node, manifest, (controller, shard, settings) in _stated(walk):
        if shard is None:
            # gotk-components.yaml is one install, whose objects one Kustomization applies
            whole = manifest.kind in ("FluxInstance", HELM_RELEASE)
            id = manifest.id_in(node.id.namespace) if whole else node.id
            places.setdefault(id, manifest)
            flags = installs.setdefault(id, {})
            for setting in settings:
                flags[controller, setting.flag] = ControllerFlag(controller, setting.flag, setting.value)
    ids = list(installs)
    differ = {}
    for key in sorted({key for flags in installs.values() for key in flags}):
        values = [flags.get(key) for flags in installs.values()]
        if any(value != values[0] for value in values):
            differ[key] = values
    if not differ:
        return
    # what all state says it best
    first = sorted(differ, key=lambda key: (differ[key].count(None), key))
    between = [f"{key[0]} {' / '.join(map(_said, differ[key]))}" for key in first]
    said = " and ".join(say(id) for id in ids)
    text = f"{said} set the controllers otherwise ({some(between, 4)}): in a cluster the last apply holds, here all that is set counts together"
    fix = "keep one of these installs, or state the flags in force as options (--kustomize-concurrent and the like)"
    at = places[ids[-1]]
    yield Finding(INSTALLED_TWICE, text, fix, ids[-1], at.file, at.line)


def _said(flag: ControllerFlag | None) -> str:
    return "the default" if flag is None else flag.text


_Stated = tuple[str, str | None, Iterable[Setting]]
"""Controller, shard (None = the main one) and what is set on it."""


def _stated(walk: Walk) -> Iterator[tuple[Node, Manifest, _Stated]]:
    """What objects set, and patches whose Deployment is not here.

    Of a FluxInstance's Deployments such a patch changes nothing: flux-operator makes them, and kustomize never sees them.
    """
    for node, manifest in walk.installed():
        for stated in _set(node, manifest, walk):
            yield node, manifest, stated
    for node in () if any(True for _ in instances(walk)) else walk.appliers():
        every = in_spec(node.spec) if node.build is None else node.build.patches
        patches = [patch for patch in every if names_a_controller(*patch)]
        held = {m.name for m in node.rendered if m.kind == "Deployment"} if patches else set()
        for controller in CONTROLLERS:
            if patches and controller not in held:
                yield node, node.manifest, (controller, None, patched(controller, patches))


def _set(node: Node, manifest: Manifest, walk: Walk) -> Iterable[_Stated]:
    for controller, container in run_by(manifest):
        stated = list(flags_among(container.get("args")))
        own = [f for f in stated if f[0] not in _USUAL or (f[0] == EVENTS_ADDR and _in_vain(controller, f[1], walk))]
        shard = shard_of(manifest.name, dict(own).get(WATCH, ""))
        if manifest.name == controller or shard is not None:
            pod = _settings(mapping(manifest.spec, "template", "spec"))
            yield controller, shard, [Setting(controller, *f, shard=shard) for f in (*own, *pod)]
    spec = instance_spec(node, manifest, walk)
    for made in made_of(spec) if spec else ():
        yield made.controller, made.shard, made.settings
    values = flux_values(node, manifest, walk)
    for key, controller in HELM_VALUES.items() if values and not spec else ():
        added = flags_among(mapping(values, key, "container").get("additionalArgs"))
        yield controller, None, [Setting(controller, *f) for f in added]


def _in_vain(controller: str, address: str, walk: Walk) -> bool:
    """Whether kustomize-controller posts its events to a notification-controller that this install leaves out."""
    if controller != KUSTOMIZE_CONTROLLER or not posts_to_notification_controller(address):
        return False
    runs = [m for _, m in walk.installed() if m.spec.get("replicas") != 0]
    whole, taken = (any(any(run_by(m, (name,))) for m in runs) for name in (SOURCE_CONTROLLER, NOTIFICATION_CONTROLLER))
    return whole and not taken


def _settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments, and does not say after ``flux install``."""
    return (s for s in pod_settings(pod) if s[0] != CPU_LIMIT or s[1] not in _USUAL_CPU)

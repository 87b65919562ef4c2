"""The three controllers: which of them a Kustomize patch is for, and what their pods say beside arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM
from fleetbench.graph.release import FLUX_COMPONENTS
from fleetbench.ids import NOTIFICATION_CONTROLLER
from fleetbench.repo.kustomize.shaping import selects
from fleetbench.repo.label_selector import meets, selector
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping, mappings

HELM_VALUES = {
    "kustomizeController": "kustomize-controller",
    "helmController": "helm-controller",
    "sourceController": "source-controller",
}
"""fluxcd-community flux2 chart: values.<controller>.container.additionalArgs."""
WATCH = "watch-label-selector"
_NOBODY = "not-a-controller"
"""What selects this, too, is meant for any Deployment."""
_COMPONENT = "app.kubernetes.io/component"
_LABELS = {"app.kubernetes.io/part-of": "flux", "control-plane": "controller"}
"""What each controller's Deployment carries beside its component."""
INSTALL_LABELS = frozenset({"app.kubernetes.io/instance", "app.kubernetes.io/version"})
"""Labels that ``flux install`` writes too, with a namespace and a version; flux-operator adds them after every patch."""


class Deployment(NamedTuple):
    """A controller's Deployment while patches are put on it: the main one, or as flux-operator makes it for a shard."""

    controller: str
    shard: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """A patch may name it by either: kustomize knows what a ``nameSuffix`` was put on by its first name, too."""
        return (self.controller,) if self.shard is None else (self.controller, f"{self.controller}-{self.shard}")

    @property
    def annotations(self) -> dict[str, str]:
        """Those that it has before any patch."""
        return {} if self.shard is None else {"sharding.fluxcd.io/role": "shard"}


def is_patched(deployment: Deployment, target: Mapping[str, Any], body: Any, undecided: Collection[str] = ()) -> bool:
    """Whether a patch changes a Deployment.

    Source: controlplaneio-fluxcd/flux-operator v0.58.1 config/data/flux (the labels), internal/builder/templates.go
    kustomizationShardTmpl; kustomize api v0.21.1 internal/builtins/PatchTransformer.go (with a target, the patch's own
    name says nothing), resmap/reswrangler.go Select. A selector that cannot be read fails the build, so that nothing is
    patched; so does a patch without a target, where there are shards.

    Args:
        deployment: the Deployment.
        target: the patch's ``target``; empty where it has none.
        body: the patch itself; a strategic merge without a target names its object.
        undecided: labels of which it is not known whether they are there: what a selector asks of them counts as met.
    """
    if not target:
        named = mapping(body, "metadata").get("name") if isinstance(body, Mapping) else None
        return deployment == (named, None) and body.get("kind") in (None, "Deployment")
    if not selects(str(target.get("kind") or ""), "Deployment"):
        return False
    name, labels = str(target.get("name") or ""), selector(str(target.get("labelSelector") or ""))
    if labels is None or not meets(str(target.get("annotationSelector") or ""), deployment.annotations):
        return False
    own = _LABELS | {_COMPONENT: deployment.controller}
    return any(selects(name, n) for n in deployment.names) and all(
        term.holds(own) for term in labels if term.key not in undecided
    )


def patched_by(target: Mapping[str, Any], body: Any, undecided: Collection[str] = ()) -> list[str]:
    """The controllers whose main Deployment a patch changes: see :func:`is_patched`."""
    return [c for c in CONTROLLERS if is_patched(Deployment(c), target, body, undecided)]


def names_a_controller(target: Mapping[str, Any], body: Any) -> bool:
    """Whether a patch is for some of the controllers, and not for any Deployment that there is.

    ``flux bootstrap`` writes gotk-components.yaml beside a kustomization.yaml with patches; many repositories keep only
    the latter, or hold a Flux Kustomization of Flux's own manifests with ``spec.patches``. kustomize leaves such a patch
    without effect where the Deployment is not there, and it has its effect in the cluster.
    """
    if not target:
        return mapping(body, "metadata").get("name") in CONTROLLERS if isinstance(body, Mapping) else False
    name = str(target.get("name") or "")
    meant = bool(target.get("labelSelector")) or (bool(name) and not selects(name, _NOBODY))
    return meant and bool(patched_by(target, body))


def run_by(manifest: Manifest, names: Collection[str] = CONTROLLERS) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The controllers of Flux's that a Deployment runs, whatever it is called, with their containers."""
    if manifest.kind != "Deployment":
        return
    for container in mappings(manifest.spec, "template", "spec", "containers"):
        image = str(container.get("image") or "").rpartition("/")[2].partition(":")[0].partition("@")[0]
        yield from ((name, container) for name in names if name in (image, manifest.name))


def runs_flux(manifest: Manifest) -> bool:
    """Whether an object is a controller of Flux's: it runs when Flux reconciles, so no pod of it starts in a bootstrap."""
    return any(True for _ in run_by(manifest, FLUX_COMPONENTS))


def shard_of(name: str, watches: str) -> str | None:
    """What a controller's shard is called; None = it is no shard.

    Args:
        name: of its Deployment.
        watches: its ``--watch-label-selector``.

    >>> shard_of("kustomize-controller-a", "sharding.fluxcd.io/key=a"), shard_of("kc", "!sharding.fluxcd.io/key")
    ('a', None)
    """
    terms = [] if name in CONTROLLERS else [term for term in selector(watches) or () if term.wanted]
    if len(terms) == 1 and terms[0].values:
        return ",".join(sorted(terms[0].values))
    return watches if terms else None


def posts_to_notification_controller(events_addr: str) -> bool:
    """Whether a controller's ``--events-addr`` names the Service of notification-controller, as every install does.

    Without that controller among its components ``flux install`` leaves the address empty, and nothing is posted
    (fluxcd/flux2 v2.9.4 pkg/manifestgen/install/manifests.go generate).
    """
    return events_addr.partition("://")[2].startswith(NOTIFICATION_CONTROLLER)


def pod_settings(pod: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a controller's pod says beside its arguments: its CPU limit, and where its temporary folder is."""
    for container in mappings(pod, "containers"):
        limit = mapping(container, "resources", "limits").get("cpu")
        if limit is not None:
            yield CPU_LIMIT, str(limit)
    for volume in mappings(pod, "volumes"):
        medium = mapping(volume, "emptyDir").get("medium")
        if volume.get("name") == "temp" and medium:
            yield TEMP_MEDIUM, str(medium)

"""The ConfigMaps and Secrets that a controller watches: one that appears queues who takes variables or values from it.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_manager.go SetupWithManager (WatchesMetadata),
kustomization_indexers.go requestsForConfigDependency; helm-controller v1.6.3 internal/controller/helmrelease_manager.go the
same; fluxcd/pkg runtime v0.110.1 controller/watch.go BindFlags, GetWatchConfigsPredicate. Since Flux 2.7 (kustomize-controller
1.7, helm-controller 1.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fleetbench.graph.objects import ControllerFlag
from fleetbench.graph.release import gates
from fleetbench.ids import controller_of
from fleetbench.repo.label_selector import meets
from fleetbench.repo.manifest import Manifest, mapping

FLAG = "watch-configs-label-selector"
DEFAULT = "reconcile.fluxcd.io/watch=Enabled"
OFF = "DisableConfigWatchers"
"""The feature gate that ends all of it."""


class ConfigWatch:
    """What each controller watches, by its flags."""

    def __init__(self, flags: Iterable[ControllerFlag]):
        self._selectors: dict[str, str] = {}
        self._off: set[str] = set()
        for flag in flags:
            if flag.flag == FLAG:
                self._selectors[flag.controller] = flag.value
            elif flag.flag == "feature-gates" and _is_off(flag.value):
                self._off.add(flag.controller)

    def queues(self, kind: str, labels: Mapping[str, str]) -> bool:
        """Whether a ConfigMap or Secret with these labels queues an object of a kind that names it."""
        controller = controller_of(kind)
        return controller not in self._off and meets(self._selectors.get(controller, DEFAULT), labels)


def labels_of(manifest: Manifest) -> dict[str, str]:
    """The labels of a ConfigMap or Secret, or of the Secret that a controller makes of the object.

    Source: external-secrets pkg/controllers/externalsecret/externalsecret_controller_template.go setMetadata (without a
    template those of the ExternalSecret itself); sealed-secrets spec.template; cert-manager spec.secretTemplate.
    """
    if manifest.kind == "SealedSecret":
        found = mapping(manifest.spec, "template", "metadata", "labels")
    elif manifest.kind == "Certificate":
        found = mapping(manifest.spec, "secretTemplate", "labels")
    elif manifest.kind == "ExternalSecret" and mapping(manifest.spec, "target", "template"):
        found = mapping(manifest.spec, "target", "template", "metadata", "labels")
    else:
        found = mapping(manifest.metadata, "labels")
    return {str(key): str(value) for key, value in found.items()}


def _is_off(value: str) -> bool:
    try:
        return dict(gates(value)).get(OFF, False)
    except ValueError:
        return False

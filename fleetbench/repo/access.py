"""What the controllers that a repository holds leave alone: sources in other namespaces, and labels they do not watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetbench.graph.objects import ControllerFlag, HelmRelease, Kustomization, Source
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_CHART, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.repo.arguments import flags_among
from fleetbench.repo.instance import flux_charts, instances
from fleetbench.repo.label_selector import selector
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping, mappings
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import SHARD_LABEL
from fleetbench.repo.source_watcher import ExternalArtifacts
from fleetbench.units import parse_bool

NO_CROSS, WATCH = "no-cross-namespace-refs", "watch-label-selector"
_OF_KIND = {KUSTOMIZATION: "kustomize-controller", HELM_RELEASE: "helm-controller"}


def denied(
    obj: Kustomization | HelmRelease, flags: Iterable[ControllerFlag], artifacts: ExternalArtifacts
) -> str | None:
    """The source that an object may not use, as text; None = it may.

    One in another namespace, or an ExternalArtifact (see :mod:`fleetbench.repo.source_watcher`).

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go getSource; helm-controller v1.6.3
    internal/acl/acl.go AllowsAccessTo, of a ``chartRef`` and of the HelmChart that a release makes beside its source.
    What ``dependsOn`` names is not asked for.
    """
    controller = _OF_KIND[obj.id.kind]
    if obj.source is not None and obj.source.kind == EXTERNAL_ARTIFACT and controller in artifacts.forbidden_by:
        return str(obj.source)
    if obj.source is None or obj.source.namespace == obj.id.namespace:
        return None
    forbids = any(f.controller == controller and f.flag == NO_CROSS and _is_on(f.value) for f in flags)
    return str(obj.source) if forbids else None


def _is_on(value: str) -> bool:
    """Whether a boolean flag is on; with a value that is none its controller does not start, which the model warns of."""
    try:
        return parse_bool(value)
    except ValueError:
        return False


class Watched:
    """Which labels the controllers watch that a repository holds."""

    def __init__(self, walk: Walk):
        self._selectors: dict[str, list[str]] = {controller: [] for controller in CONTROLLERS}
        for _, manifest in walk.manifests():
            if manifest.kind == "Deployment":
                self._deployment(manifest)
        for spec in instances(walk):
            self._instance(spec)
        self._known = not flux_charts(walk)  # a chart's arguments are not all known
        self._walk = walk

    def _deployment(self, manifest: Manifest) -> None:
        for container in mappings(manifest.spec, "template", "spec", "containers"):
            image = str(container.get("image") or "").rpartition("/")[2].partition(":")[0].partition("@")[0]
            controller = next((c for c in CONTROLLERS if c in (image, manifest.name)), None)
            if controller is not None:
                self._selectors[controller].append(dict(flags_among(container.get("args"))).get(WATCH, ""))

    def _instance(self, spec: Mapping[str, Any]) -> None:
        """What flux-operator makes of ``spec.sharding`` (internal/builder/build.go, templates of the shards)."""
        sharding = mapping(spec, "sharding")
        key = str(sharding.get("key") or SHARD_LABEL)
        shards = sharding.get("shards")
        names = [str(name) for name in shards] if isinstance(shards, list) else []
        patched = any(WATCH in str(patch.get("patch")) for patch in mappings(spec, "kustomize", "patches"))
        for controller in CONTROLLERS:
            own = [f"!{key}", *(f"{key}={name}" for name in names)] if names else [""]
            self._selectors[controller] += [""] if patched else own

    def nobody(self, id: ObjectId, labels: Mapping[str, Any]) -> str | None:
        """What the object's labels are and what is watched instead; None = it is watched, or that is not known."""
        controller = _OF_KIND.get(id.kind, "source-controller")
        selectors = self._selectors[controller]
        if not self._known or not selectors or id.kind in (EXTERNAL_ARTIFACT, HELM_CHART):
            return None
        texts = {str(key): str(value) for key, value in labels.items()}
        terms = [selector(text) for text in selectors]
        if any(t is None or all(term.holds(texts) for term in t) for t in terms):
            return None
        keys = sorted({term.key for t in terms for term in t or ()})
        has = ", ".join(f"{key}={texts[key]}" if key in texts else f"no {key}" for key in keys)
        return f"{has}, where {controller} watches {' or '.join(dict.fromkeys(selectors))}"

    def of_services(self, services: Sequence[Any]) -> list[Any]:
        """Kustomizations or HelmReleases with what nobody watches told."""
        return [replace(s, unwatched=self.nobody(s.id, _labels(self._walk.first(s.id)[0]))) for s in services]

    def of_sources(self, sources: Sequence[Source]) -> list[Source]:
        """The same of sources; one that is made up has no labels."""
        known = self._walk.sources
        return [
            replace(s, unwatched=self.nobody(s.id, _labels(known[s.id][0]))) if s.id in known else s for s in sources
        ]


def _labels(manifest: Manifest) -> Mapping[str, Any]:
    return mapping(manifest.metadata, "labels")

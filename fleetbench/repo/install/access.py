"""What the controllers that a repository holds leave alone: sources in other namespaces, and labels they do not watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetbench.graph.objects import WITHOUT_HELM, ControllerFlag, HelmRelease, Kustomization, Source
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_CHART, HELM_RELEASE, ObjectId, controller_of
from fleetbench.repo.install.arguments import flags_among
from fleetbench.repo.install.controllers import WATCH, run_by, shard_of
from fleetbench.repo.install.helm_controller import HelmController
from fleetbench.repo.install.instance import flux_charts, instances
from fleetbench.repo.install.operator import made_of
from fleetbench.repo.install.source_watcher import ExternalArtifacts
from fleetbench.repo.label_selector import meets, selector
from fleetbench.repo.manifest import CONTROLLERS, Manifest, mapping
from fleetbench.repo.nodes import Walk
from fleetbench.units import parse_bool

NO_CROSS = "no-cross-namespace-refs"


def denied(
    obj: Kustomization | HelmRelease, flags: Iterable[ControllerFlag], artifacts: ExternalArtifacts
) -> str | None:
    """The source that an object may not use, as text; None = it may.

    One in another namespace, or an ExternalArtifact (see :mod:`fleetbench.repo.install.source_watcher`).

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go getSource; helm-controller v1.6.3
    internal/acl/acl.go AllowsAccessTo, of a ``chartRef`` and of the HelmChart that a release makes beside its source.
    What ``dependsOn`` names is not asked for.
    """
    controller = controller_of(obj.id.kind)
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
    """Which labels the controllers watch that a repository holds, and so which of them reconciles an object."""

    def __init__(self, walk: Walk, helm: HelmController):
        self._controllers: dict[str, list[tuple[str | None, str]]] = {controller: [] for controller in CONTROLLERS}
        """Controller -> each of its Deployments: its shard (None = it is none) and its label selector."""
        for _, manifest in walk.installed():
            for controller, container in run_by(manifest):
                watches = dict(flags_among(container.get("args"))).get(WATCH, "")
                self._controllers[controller].append((shard_of(manifest.name, watches), watches))
        for made in (made for spec in instances(walk) for made in made_of(spec)):
            self._controllers[made.controller].append((made.shard, made.watches))
        self._known = not flux_charts(walk)  # a chart's arguments are not all known
        self._walk, self._helm = walk, helm

    def _of(self, id: ObjectId) -> list[tuple[str | None, str]]:
        """The Deployments of the controller of a kind; empty where it is not known what they watch."""
        known = self._known and id.kind not in (EXTERNAL_ARTIFACT, HELM_CHART)
        return self._controllers[controller_of(id.kind)] if known else []

    def nobody(self, id: ObjectId, labels: Mapping[str, Any]) -> str | None:
        """What the object's labels are and what is watched instead, or that there is no controller.

        None = it is watched, or that is not known.
        """
        if id.kind == HELM_RELEASE and self._helm.missing:
            return WITHOUT_HELM
        selectors = [watches for _, watches in self._of(id)]
        texts = _texts(labels)
        terms = [selector(text) for text in selectors]
        if not selectors or any(t is None or all(term.holds(texts) for term in t) for t in terms):
            return None
        keys = sorted({term.key for t in terms for term in t or ()})
        has = ", ".join(f"{key}={texts[key]}" if key in texts else f"no {key}" for key in keys)
        controller = controller_of(id.kind)
        return f"{has}, where {controller} watches {' or '.join(dict.fromkeys(selectors))}"

    def shard(self, service: Kustomization | HelmRelease, labels: Mapping[str, Any]) -> str | None:
        """The shard whose controller reconciles an object: one whose selector selects it; a label alone makes none.

        Where it is not known what the controllers watch, what the label says.
        """
        texts = _texts(labels)
        known = self._of(service.id)
        mine = (shard for shard, watches in known if shard is not None and meets(watches, texts))
        return next(mine, None) if known else service.shard

    def of_services(self, services: Sequence[Any]) -> list[Any]:
        """Kustomizations or HelmReleases with their shards, and what nobody watches told."""
        found = []
        for s in services:
            labels = _labels(self._walk.first(s.id)[0])
            found.append(replace(s, unwatched=self.nobody(s.id, labels), shard=self.shard(s, labels)))
        return found

    def of_sources(self, sources: Sequence[Source]) -> list[Source]:
        """The same of sources; one that is made up has no labels."""
        known = self._walk.sources
        return [
            replace(s, unwatched=self.nobody(s.id, _labels(known[s.id][0]))) if s.id in known else s for s in sources
        ]


def _labels(manifest: Manifest) -> Mapping[str, Any]:
    return mapping(manifest.metadata, "labels")


def _texts(labels: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in labels.items()}

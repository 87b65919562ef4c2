"""Who brings what others need: CRDs, namespaces, Secrets, ConfigMaps, stores, accounts, volume claims, classes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from fleetbench.data import shipped
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import CRD, ObjectId
from fleetbench.repo.files.yamltext import load
from fleetbench.repo.helm.charts import Chart
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.needs.config_watch import labels_of
from fleetbench.repo.needs.helmfiles import Planned
from fleetbench.repo.nodes import Node
from fleetbench.repo.secret_makers import CLUSTER_EXTERNAL_SECRET, SECRET_MAKERS, external_secret_for, made_secret

_CLUSTER_WIDE = frozenset({"Namespace", "ClusterSecretStore", "StorageClass", "PriorityClass", "RuntimeClass"})

Key = tuple[str, str, str]
"""Kind, namespace, name of something that is provided; for a CRD: ``CustomResourceDefinition``, group, kind."""


@cache
def _crds() -> Mapping[str, Any]:
    file = shipped("", "crds.yaml")
    table: Mapping[str, Any] = load(file.read_text(), file.name)
    return table


def crd_charts() -> Mapping[str, Mapping[str, Any]]:
    """The shipped table: chart name -> groups of its CRDs."""
    charts: Mapping[str, Mapping[str, Any]] = _crds()["charts"]
    return charts


def groups_of_base(url: str) -> list[str]:
    """The API groups whose CRDs a repository elsewhere is known to hold: nothing is downloaded, so its files cannot say it.

    >>> groups_of_base("https://github.com/kubernetes-csi/external-snapshotter/client/config/crd?ref=v8.2.0")
    ['snapshot.storage.k8s.io', 'groupsnapshot.storage.k8s.io']
    >>> groups_of_base("https://github.com/somebody/external-snapshotter?ref=main")
    []
    """
    repositories: Mapping[str, list[str]] = _crds()["remote"]
    named = (groups for name, groups in repositories.items() if re.search(rf"[/:]{name}(?:\.git)?(?:[/?#]|$)", url))
    return [group for groups in named for group in groups]


class Providers:
    """An index over a fleet: what is brought, and by which Kustomizations and HelmReleases."""

    def __init__(
        self,
        nodes: Iterable[Node],
        releases: Iterable[HelmRelease],
        charts: Mapping[ObjectId, Chart],
        before: Iterable[Planned] = (),
        without_crds: Collection[ObjectId] = (),
    ):
        """Build the index.

        Args:
            nodes: the Kustomizations with their objects.
            releases: the HelmReleases.
            charts: what is known of their charts, for those that lie in the repository.
            before: what is installed before Flux is, see :func:`~.helmfiles.helmfiles`.
            without_crds: the releases that do not bring the CRDs of their charts, those of ``before`` aside.
        """
        before = list(before)
        names = {name for planned in before for name in (planned.name, planned.chart) if name}
        self.namespaces_before = frozenset(p.namespace for p in before if p.namespace and not p.crds_only)
        """Helmfile makes the namespace of a release (``createNamespace``, on by default)."""
        self._by: dict[Key, list[ObjectId]] = {}
        self.crd_names: dict[tuple[str, str], str] = {}
        """Group and kind -> the CRD's own name, where it was seen."""
        self.withheld: dict[str, ObjectId] = {}
        """API group -> a release whose chart would bring its CRDs, and does not as it is set."""
        self._external_secrets: dict[Key, Manifest] = {}
        self._labels: dict[Key, dict[str, str]] = {}
        self._cluster_wide: list[tuple[Manifest, ObjectId]] = []
        """The ClusterExternalSecrets, and who applies each."""
        self._groups: dict[str, list[tuple[bool, ObjectId]]] = {}
        self._before = {group for name in names if name in crd_charts() for group in crd_charts()[name]["groups"]}
        for node in nodes:
            for manifest in node.rendered:
                self._provide(manifest, manifest.namespace or node.id.namespace, node.id)
            addresses = [base.text for base in (node.build.bases if node.build else ())]
            for address in (*addresses, node.content_url or ""):
                for group in groups_of_base(address):
                    self._groups.setdefault(group, []).append((False, node.id))
        for release in releases:
            namespace = release.release_namespace
            chart = charts.get(release.id)
            for manifest in (*chart.crds, *chart.manifests) if chart else ():
                self._provide(manifest, manifest.namespace or namespace, release.id)
            known = crd_charts().get(release.chart_name)
            if known is None or chart is not None:
                continue
            there = release.chart_name in names or release.id.name in names
            for group in known["groups"]:
                if there:
                    self._before.add(group)
                elif release.id in without_crds:
                    self.withheld.setdefault(group, release.id)
                else:
                    self._groups.setdefault(group, []).append((not known.get("only"), release.id))

    def _provide(self, manifest: Manifest, namespace: str, by: ObjectId) -> None:
        kind = manifest.kind
        if kind == CRD:
            group, names = str(manifest.spec.get("group")), mapping(manifest.spec, "names")
            key: Key = (CRD, group, str(names.get("kind")))
            self.crd_names[group, key[2]] = manifest.name
        elif kind in _CLUSTER_WIDE:
            key = (kind, "", manifest.name)
        elif kind in ("Secret", "ConfigMap", "ServiceAccount", "SecretStore", "PersistentVolumeClaim", "Gateway"):
            key = (kind, namespace, manifest.name)
        elif kind in SECRET_MAKERS:
            key = ("Secret", namespace, made_secret(manifest))
            if kind == "ExternalSecret":
                self._external_secrets.setdefault(key, manifest)
        else:
            if kind == CLUSTER_EXTERNAL_SECRET:
                self._cluster_wide.append((manifest, by))
            return
        listed = self._by.setdefault(key, [])
        if by not in listed:
            listed.append(by)
        if key[0] in ("Secret", "ConfigMap"):
            self._labels.setdefault(key, labels_of(manifest))

    def labels(self, key: Key) -> Mapping[str, str]:
        """The labels of a Secret or ConfigMap that somebody here brings."""
        if key in self._labels:
            return self._labels[key]
        made_from = self.external_secret(key)
        return {} if made_from is None else labels_of(made_from)

    def external_secret(self, key: Key) -> Manifest | None:
        """The ExternalSecret that a Secret is made from; None = it is no such Secret."""
        made = (external_secret_for(manifest, ObjectId(*key)) for manifest, _ in self._cluster_wide)
        return self._external_secrets.get(key) or next(filter(None, made), None)

    def is_fanned_out(self, key: Key) -> bool:
        """Whether a Secret comes of a ClusterExternalSecret alone, one of many alike, and of no object that names it."""
        return key[0] == "Secret" and key not in self._by and bool(self.of(key))

    def is_before(self, group: str) -> bool:
        """Whether what is installed before Flux brings the CRDs of an API group."""
        return group in self._before

    @staticmethod
    def knows_crds_of(release: HelmRelease) -> bool:
        """Whether the shipped table says which CRDs a release's chart holds."""
        return release.chart_name in crd_charts()

    @staticmethod
    def chart_name(release: HelmRelease) -> str:
        """The last part of its chart's name or path."""
        return release.chart_name

    def of(self, key: Key) -> list[ObjectId]:
        """Who brings it, the likeliest first; empty = nothing in this fleet."""
        found = self._by.get(key, [])
        if not found and key[0] == "Secret":
            return [by for manifest, by in self._cluster_wide if external_secret_for(manifest, ObjectId(*key))]
        if found or key[0] != CRD:
            return found
        return [] if key[1] in self._before else [id for _, id in sorted(self._groups.get(key[1], []))]

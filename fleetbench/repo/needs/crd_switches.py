"""Releases of charts that bring CRDs, set so that they do not: by a value of the chart, or by ``install.crds``.

Source: the charts that ``data/crds.yaml`` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import ObjectId
from fleetbench.repo.helm.charts import coalesced, skips_crds_folder, values_of
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.needs.providers import crd_charts
from fleetbench.repo.nodes import Walk


def without_crds(releases: Iterable[HelmRelease], walk: Walk) -> frozenset[ObjectId]:
    """The releases that surely do not bring the CRDs which the shipped table says of their charts."""
    return frozenset(r.id for r in releases if _brings_none(walk.releases[r.id][0], r, walk))


def _brings_none(manifest: Manifest, release: HelmRelease, walk: Walk) -> bool:
    chart = crd_charts().get(release.chart_name, {})
    if chart.get("folder") and skips_crds_folder(manifest):
        return True
    if not chart.get("switches"):
        return False
    layers = values_of(manifest, release.id.namespace, walk.store)
    values, off_unless_on = coalesced(layers), bool(chart.get("off")) and _are_all(layers, manifest)
    return any(_is_off(values, switch.split("|"), off_unless_on) for switch in chart["switches"])


def _are_all(layers: Sequence[Mapping[str, Any]], manifest: Manifest) -> bool:
    """Whether no value is left that this repository does not hold, or that goes to a path of its own."""
    return len(layers) - bool(mapping(manifest.spec, "values")) == len(mappings(manifest.spec, "valuesFrom"))


def _is_off(values: Mapping[str, Any], paths: list[str], off_unless_on: bool) -> bool:
    """Whether one of these values is false, or none is stated where they are ``off_unless_on``; and none of them true."""
    stated = [mapping(values, *keys).get(last) for *keys, last in (path.split(".") for path in paths)]
    if off_unless_on and all(value is None for value in stated):
        return True
    return False in [v for v in stated if isinstance(v, bool)] and True not in stated

"""What a new manifest of a HelmRelease, or of a source, makes helm-controller and source-controller do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.ids import ObjectId
from fleetbench.repo.manifest import Manifest, mapping, mappings

_ACTION = (
    "chartRef", "values", "valuesFrom", "postRenderers", "commonMetadata", "releaseName", "targetNamespace",
    "storageNamespace",
)  # fmt: skip
"""What of a HelmRelease's spec makes helm-controller upgrade, beside another chart. Source: helm-controller v1.6.3
internal/reconcile/state.go DetermineReleaseState (chart, values, post-renderers, common metadata); with another name it is
installed anew."""
_TARGET = ("releaseName", "targetNamespace", "storageNamespace")
_ALL_THE_SAME = (
    "interval", "timeout", "suspend", "secretRef", "certSecretRef", "proxySecretRef", "serviceAccountName", "provider", "insecure",
    "verify", "passCredentials", "accessFrom", "ignoreMissingValuesFiles",
)  # fmt: skip
"""What of a source's spec, or a chart's, does not change what is fetched."""
WATCHED = "reconcile.fluxcd.io/watch"


def is_upgraded(before: Manifest, after: Manifest) -> bool:
    """Whether a release is out of sync with its new manifest; else it is reconciled, and nothing is done."""
    return has_other_chart(before, after) or any(before.spec.get(f) != after.spec.get(f) for f in _ACTION)


def is_installed_anew(before: Manifest, after: Manifest) -> bool:
    """Whether helm-controller uninstalls a release first: another name or place, or name of the chart unless that is InPlace.

    Source: helm-controller v1.6.3 internal/controller/helmrelease_controller.go reconcileRelease, internal/action/verify.go
    ReleaseTargetChanged, api/v2/helmrelease_types.go GetChartNameChangeStrategy.
    """
    charts = [mapping(m.spec, "chart", "spec").get("chart") for m in (before, after)]
    in_place = mapping(after.spec, "upgrade").get("chartNameChangeStrategy") == "InPlace"
    other_chart = charts[0] != charts[1] and not in_place
    return other_chart or any(before.spec.get(f) != after.spec.get(f) for f in _TARGET)


def has_other_chart(before: Manifest, after: Manifest) -> bool:
    """Whether the HelmChart that a release makes gets another version, name or place."""
    was, becomes = (_fetched(mapping(m.spec, "chart", "spec")) for m in (before, after))
    return was != becomes


def fetches_anew(before: Manifest, after: Manifest) -> bool:
    """Whether a source fetches something else."""
    return _fetched(before.spec) != _fetched(after.spec)


def values_of(manifest: Manifest, namespace: str) -> Iterable[ObjectId]:
    """The ConfigMaps and Secrets that a release takes values from."""
    for source in mappings(manifest.body, "spec", "valuesFrom"):
        yield ObjectId(str(source.get("kind")), namespace, str(source.get("name")))


def is_watched(manifest: Manifest) -> bool:
    """Whether helm-controller hears of a change of a ConfigMap or Secret at once."""
    return str(mapping(manifest.metadata, "labels").get(WATCHED) or "") == "Enabled"


def _fetched(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _ALL_THE_SAME}

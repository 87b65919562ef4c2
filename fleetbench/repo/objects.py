"""Flux's own objects: from a rendered manifest to the frozen types of the graph, Flux's defaults applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetbench.findings import Finding
from fleetbench.graph.objects import (
    CHECKED_AS,
    DEFAULT_INTERVAL_S,
    HELM_RETRY_INTERVAL_S,
    HELM_TIMEOUT_S,
    HelmRelease,
    Kustomization,
    MisnamedCheck,
    Source,
)
from fleetbench.ids import (
    EXTERNAL_ARTIFACT,
    HELM_CHART,
    HELM_RELEASE,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    OCI_REPOSITORY,
    SOURCE_KINDS,
    ObjectId,
)
from fleetbench.repo.chart_values import only_cron_jobs, replicas_in
from fleetbench.repo.fields import HELM_RELEASE_SHAPES, KUSTOMIZATION_SHAPES, SOURCE_SHAPES, Fields
from fleetbench.repo.kinds import HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP, lacks
from fleetbench.repo.manifest import Manifest, mapping, mappings

CHART_KINDS = (OCI_REPOSITORY, HELM_CHART)
"""What ``spec.chartRef`` may name and that says which chart it holds."""
SHARD_LABEL = "sharding.fluxcd.io/key"


def is_kustomization(manifest: Manifest) -> bool:
    """A kustomize.toolkit.fluxcd.io Kustomization of any version."""
    return manifest.is_flux(KUSTOMIZE_GROUP, KUSTOMIZATION)


def is_helmrelease(manifest: Manifest) -> bool:
    """A helm.toolkit.fluxcd.io HelmRelease of any version."""
    return manifest.is_flux(HELM_GROUP, HELM_RELEASE)


def is_source(manifest: Manifest) -> bool:
    """A source.toolkit.fluxcd.io source of any kind and version."""
    return manifest.group == SOURCE_GROUP and manifest.kind in SOURCE_KINDS


def other_cluster(manifest: Manifest) -> str | None:
    """What ``spec.kubeConfig`` of a Kustomization or HelmRelease names; None where it has none.

    Source: fluxcd/pkg apis/meta reference_types.go KubeConfigReference (``secretRef`` or ``configMapRef``).
    """
    given = manifest.spec.get("kubeConfig")
    if not given:
        return None
    names = [mapping(manifest.spec, "kubeConfig", field).get("name") for field in ("secretRef", "configMapRef")]
    return str(next((name for name in names if name), "elsewhere"))


def oci_chart(manifest: Manifest) -> tuple[str | None, str | None]:
    """Name and version of the chart that an OCIRepository or a HelmChart holds; None for what it does not say.

    An OCI artifact is named by the last part of its address, not by the object that fetches it.
    """
    if manifest.kind == HELM_CHART:
        name, version = manifest.spec.get("chart"), manifest.spec.get("version")
    elif manifest.kind == OCI_REPOSITORY:
        reference = mapping(manifest.spec, "ref")
        name = str(manifest.spec.get("url") or "").rstrip("/").rpartition("/")[2]
        version = reference.get("tag") or reference.get("semver")
    else:
        return None, None
    return (str(name) if name else None), (None if version is None else str(version))


def with_chart_of(release: HelmRelease, source: Manifest | None) -> HelmRelease:
    """The release with the chart that its ``chartRef`` leads to, where that object is known."""
    if not release.chart_ref or source is None:
        return release
    name, version = oci_chart(source)
    return replace(
        release,
        chart=name or release.chart,
        chart_version=version or release.chart_version,
        chart_of_revision=chart_spec(source).get("reconcileStrategy") == "Revision",
    )


def chart_spec(manifest: Manifest) -> Mapping[str, Any]:
    """What says which chart a release has: ``spec.chart.spec`` of its own manifest, or the HelmChart that it names."""
    return manifest.spec if manifest.kind == HELM_CHART else mapping(manifest.spec, "chart", "spec")


def source_of(manifest: Manifest, id: ObjectId) -> ObjectId | None:
    """The source of a Kustomization, or None where ``sourceRef`` is missing or incomplete."""
    return Fields(manifest, id).reference("spec", "sourceRef")


def read_kustomization(
    manifest: Manifest, id: ObjectId, parent: ObjectId | None
) -> tuple[Kustomization, list[Finding]]:
    """A Kustomization without what its build says (objects, workloads, needs)."""
    at = Fields(manifest, id)
    at.check(KUSTOMIZATION_SHAPES)
    interval_s = at.seconds("spec", "interval")
    source = at.reference("spec", "sourceRef")
    if source is None and manifest.spec.get("sourceRef") is not None:  # that it is not there, the CRD's judge tells
        at.bad("spec.sourceRef", manifest.spec.get("sourceRef"), "a source's kind and name")
    listed = mappings(manifest.body, "spec", "healthChecks")
    checks = [(_checked(c), str(c.get("apiVersion") or "")) for c in listed]
    wait = at.flag("spec", "wait")
    substitute_from = [
        ObjectId(str(r.get("kind")), id.namespace, str(r.get("name")))
        for r in mappings(manifest.body, "spec", "postBuild", "substituteFrom")
        if not r.get("optional")
    ]
    return (
        Kustomization(
            id=id,
            path=str(manifest.spec.get("path") or "./"),
            parent=parent,
            depends_on=at.depends_on(),
            wait=wait,
            health_checks=tuple(id for id, _ in checks),
            misnamed_checks=tuple(
                MisnamedCheck(id, version or None) for id, version in checks if _is_misnamed(id, version)
            ),
            health_check_exprs=bool(manifest.spec.get("healthCheckExprs")),
            judged_kinds=tuple(
                f"{str(check.get('apiVersion') or '').rpartition('/')[0]}/{check.get('kind') or ''}"
                for check in mappings(manifest.spec, "healthCheckExprs")
            ),
            interval_s=DEFAULT_INTERVAL_S if interval_s is None else interval_s,
            timeout_s=at.seconds("spec", "timeout"),
            retry_interval_s=at.seconds("spec", "retryInterval"),
            suspend=at.flag("spec", "suspend"),
            source=source,
            target_namespace=str(manifest.spec.get("targetNamespace") or "") or None,
            shard=_shard(manifest),
            substitute_from=tuple(substitute_from),
            file=manifest.file,
            line=manifest.line,
        ),
        at.findings,
    )


def _checked(reference: Mapping[str, Any]) -> ObjectId:
    return ObjectId(str(reference.get("kind")), str(reference.get("namespace") or ""), str(reference.get("name")))


def _is_misnamed(id: ObjectId, api_version: str) -> bool:
    """Whether a health check's apiVersion has no such kind; of a variable that nothing sets it is not known."""
    return "$" not in f"{api_version}{id.kind}" and lacks((api_version or CHECKED_AS).rpartition("/")[0], id.kind)


def read_helmrelease(manifest: Manifest, id: ObjectId, parent: ObjectId | None) -> tuple[HelmRelease, list[Finding]]:
    """A HelmRelease without its workloads and needs."""
    at = Fields(manifest, id)
    at.check(HELM_RELEASE_SHAPES)
    chart = mapping(manifest.spec, "chart", "spec")
    chart_ref = at.reference("spec", "chartRef")
    source = chart_ref or at.reference("spec", "chart", "spec", "sourceRef")
    name = str(chart["chart"]) if chart.get("chart") else chart_ref.name if chart_ref else None
    version = chart.get("version")
    interval_s, timeout_s = at.seconds("spec", "interval"), at.seconds("spec", "timeout")
    install_timeout_s = at.seconds("spec", "install", "timeout")
    retry_s = at.seconds("spec", "install", "strategy", "retryInterval")
    strategy = mapping(manifest.spec, "install", "strategy").get("name")
    wait_strategy = mapping(manifest.spec, "waitStrategy").get("name")
    return (
        HelmRelease(
            id=id,
            parent=parent,
            depends_on=at.depends_on(),
            interval_s=DEFAULT_INTERVAL_S if interval_s is None else interval_s,
            timeout_s=next((t for t in (install_timeout_s, timeout_s) if t is not None), HELM_TIMEOUT_S),
            suspend=at.flag("spec", "suspend"),
            chart=name,
            chart_version=None if version is None else str(version),
            source=source,
            chart_ref=chart_ref is not None,
            chart_of_revision=chart.get("reconcileStrategy") == "Revision",
            target_namespace=str(manifest.spec["targetNamespace"]) if manifest.spec.get("targetNamespace") else None,
            disable_wait=at.flag("spec", "install", "disableWait"),
            wait_strategy=str(wait_strategy) if wait_strategy else None,
            strategy=str(strategy) if strategy else None,
            retries=at.integer(0, "spec", "install", "remediation", "retries"),
            upgrade_retries=at.integer(0, "spec", "upgrade", "remediation", "retries"),
            retry_interval_s=HELM_RETRY_INTERVAL_S if retry_s is None else retry_s,
            replicas=replicas_in(manifest.spec.get("values")),
            cron_jobs=only_cron_jobs(manifest.spec.get("values")) and not manifest.spec.get("valuesFrom"),
            remediate_last_failure=at.flag("spec", "install", "remediation", "remediateLastFailure"),
            shard=_shard(manifest),
            file=manifest.file,
            line=manifest.line,
        ),
        at.findings,
    )


def read_source(manifest: Manifest, id: ObjectId, parent: ObjectId | None) -> tuple[Source, list[Finding]]:
    """A source object."""
    at = Fields(manifest, id)
    at.check(SOURCE_SHAPES)
    interval_s = None if id.kind == EXTERNAL_ARTIFACT else at.seconds("spec", "interval")
    # source-controller v1.9.3 internal/controller/helmrepository_controller.go migrationToStatic: it is never fetched;
    # helmchart_controller.go reconcileSource: its charts need no artifact of it.
    static = id.kind == HELM_REPOSITORY and manifest.spec.get("type") == "oci"
    return (
        Source(
            id=id,
            parent=parent,
            interval_s=DEFAULT_INTERVAL_S if interval_s is None else interval_s,
            suspend=at.flag("spec", "suspend") and not static,
            static=static,
            copied_from=at.reference("spec", "sourceRef") if id.kind == HELM_CHART else None,
            file=manifest.file,
            line=manifest.line,
        ),
        at.findings,
    )


def _shard(manifest: Manifest) -> str | None:
    value = mapping(manifest.metadata, "labels").get(SHARD_LABEL)
    return None if value is None else str(value)

"""The charts that lie in the repository itself, rendered for the releases that use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleetbench.findings import CHART_NOT_RENDERED, Finding, Shared
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import EXTERNAL_ARTIFACT, HELM_CHART, ObjectId
from fleetbench.repo.files.tree import Tree, spec_path
from fleetbench.repo.helm.charts import Chart, chart_directory, render, skips_crds_folder, why_no_chart
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import chart_spec, read_source
from fleetbench.repo.workloads import workloads_of


def local_charts(
    walk: Walk, releases: Sequence[HelmRelease], this: ObjectId, tree: Tree, findings: list[Finding]
) -> dict[ObjectId, Chart]:
    """The charts that lie in this repository, rendered."""
    found: dict[ObjectId, Chart] = {}
    for release in releases:
        manifest = walk.releases[release.id][0]
        if release.source is None or manifest.spec.get("kubeConfig"):
            continue
        stated, source = manifest, release.source
        if release.chart_ref and source in walk.sources and source.kind == HELM_CHART:
            stated = walk.sources[source][0]
            source = read_source(stated, source, None)[0].copied_from or source
        known: Tree | None = tree if source == this else None
        if source.kind == EXTERNAL_ARTIFACT:
            known = walk.artifacts.tree(source, {this: tree, walk.artifacts.origin(this): tree})
        if known is None or stated.is_undecided(release.chart):
            continue
        chart = found[release.id] = _chart(release, stated, walk, known)
        if chart.problem is not None:
            text = f"its chart {release.chart} is in this repository but not fully known: {chart.problem}"
            fix = "install helm, or give its time with --durations"
            shared = Shared(
                f"have their chart {release.chart} in this repository, where it is not fully known: {chart.problem}",
                fix,
            )
            findings.append(Finding(CHART_NOT_RENDERED, text, fix, release.id, release.file, release.line, shared))
    return found


def _chart(release: HelmRelease, stated: Manifest, walk: Walk, tree: Tree) -> Chart:
    """A release's chart, which a manifest states, in the tree of its source; what is packaged is not unpacked."""
    directory = chart_directory(release, tree)
    if directory is not None:
        manifest = walk.releases[release.id][0]
        chart = render(release, manifest, tree, directory, walk.store, _values_files(stated, tree))
        return replace(chart, crds=()) if skips_crds_folder(manifest) else chart
    missing = why_no_chart(release, tree)
    return Chart((), (), False, f"{release.chart} is packaged" if missing is None else None, missing)


def _values_files(stated: Manifest, tree: Tree) -> list[str]:
    """``valuesFiles`` of a chart; those that the source lacks only where that is an error."""
    spec = chart_spec(stated)
    named = spec.get("valuesFiles")
    paths = [str(path) for path in named] if isinstance(named, list) else []
    return [p for p in paths if tree.is_file(spec_path(p)) or spec.get("ignoreMissingValuesFiles") is not True]


def with_chart(release: HelmRelease, chart: Chart | None) -> HelmRelease:
    """The release with what its chart brings; as it is where that chart lies elsewhere."""
    if chart is None:
        return release
    workloads = workloads_of(chart.manifests, release.release_namespace)
    return replace(release, workloads=workloads, workloads_known=chart.complete, broken=chart.missing)

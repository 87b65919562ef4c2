"""Charts that lie in the repository, rendered for what they hold: with ``helm template``, else as far as templates are plain."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import ObjectId, some
from fleetbench.repo.files.tree import Tree, Unreadable, spec_path
from fleetbench.repo.files.yamltext import decode, documents, dump, load
from fleetbench.repo.kustomize.variables import VariableStore
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.workloads import HOOK

TIMEOUT_S = 60.0
_OTHER_HOOKS = ("test", "pre-delete", "post-delete", "pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback")


@dataclass(frozen=True)
class Chart:
    """What is known of a release's chart."""

    manifests: tuple[Manifest, ...]
    crds: tuple[Manifest, ...]
    complete: bool
    """False: some templates could not be rendered, so there may be more."""
    problem: str | None = None
    """Why it is not complete."""
    missing: str | None = None
    """Why the source holds none."""


def chart_directory(release: HelmRelease, tree: Tree) -> str | None:
    """Where a release's chart lies in the tree of its source, or None."""
    directory = _chart_path(release)
    return directory if tree.is_file(f"{directory}/Chart.yaml".lstrip("/")) else None


def why_no_chart(release: HelmRelease, tree: Tree) -> str | None:
    """Why the tree of its source holds no chart for a release: neither a folder nor a package; None = it does.

    Source: source-controller v1.9.3 internal/controller/helmchart_controller.go buildFromTarballArtifact, which
    confines the path to the artifact (securejoin).
    """
    path = _chart_path(release)
    if chart_directory(release, tree) is not None or tree.is_file(path):
        return None
    if not release.chart_in_folder:
        return f"{release.source} holds no Chart.yaml"
    if tree.is_directory(path):
        return f"{release.chart} holds no Chart.yaml"
    charts = [file.removesuffix("/Chart.yaml") for file in tree.files if file.endswith("/Chart.yaml")]
    return f"{release.chart} {tree.why_missing(path)}{tree.like(path, charts)}"


def _chart_path(release: HelmRelease) -> str:
    return spec_path(release.chart) if release.chart_in_folder else ""


def render(
    release: HelmRelease,
    manifest: Manifest,
    tree: Tree,
    directory: str,
    store: VariableStore,
    files_of_values: list[str],
) -> Chart:
    """Render a chart of the repository for one release.

    Args:
        release: the release.
        manifest: its manifest.
        tree: the files of the chart's source.
        directory: where the chart lies in it.
        store: the objects that its ``valuesFrom`` may name.
        files_of_values: ``valuesFiles`` of the chart: files of the source instead of the chart's own values.
    """
    files = {
        p: f for p in tree.files if (f := p.removeprefix(f"{directory}/" if directory else "")) != p or not directory
    }
    crds = _plain(tree, [p for p, f in files.items() if f.startswith("crds/")])[0]
    helm = shutil.which("helm")
    problem = None
    if helm is not None:
        try:
            own = _merged(tree, files_of_values)
            found = _template(helm, release, manifest, tree, files, store, own)
            return Chart(tuple(_wanted(found)), tuple(crds), True)
        except Unreadable as error:
            problem = f"helm template: {error.reason}"
    templates = [
        p for p, f in files.items() if "templates/" in f"/{f}" and f.endswith((".yaml", ".yml")) and "/tests/" not in f
    ]
    found, unrendered = _plain(tree, templates)
    if unrendered and problem is None:
        problem = f"{some(unrendered, 1)} cannot be rendered without helm"
    return Chart(tuple(_wanted(found)), tuple(crds), not unrendered, problem)


def _plain(tree: Tree, paths: list[str]) -> tuple[list[Manifest], list[str]]:
    """The objects of templates without ``{{``, and the names of the others."""
    found: list[Manifest] = []
    unrendered: list[str] = []
    for path in sorted(paths):
        try:
            text = decode(tree.read(path), tree.name(path))
            if "{{" in text:
                unrendered.append(tree.name(path))
                continue
            found += [
                Manifest(b, tree.name(path), line)
                for line, b in documents(text, tree.name(path))
                if isinstance(b, dict)
            ]
        except Unreadable:
            unrendered.append(tree.name(path))
    return [m for m in found if m.kind and m.name], unrendered


def _wanted(manifests: list[Manifest]) -> list[Manifest]:
    """What an install applies: hooks of other moments are left out."""
    kept = []
    for manifest in manifests:
        hooks = {
            h.strip() for h in str(mapping(manifest.metadata, "annotations").get(HOOK) or "").split(",") if h.strip()
        }
        if not hooks or hooks - set(_OTHER_HOOKS) - {"test-success", "test-failure"}:
            kept.append(manifest)
    return kept


def _template(
    helm: str,
    release: HelmRelease,
    manifest: Manifest,
    tree: Tree,
    files: Mapping[str, str],
    store: VariableStore,
    own: Mapping[str, Any] | None,
) -> list[Manifest]:
    with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
        chart, home = Path(folder) / "chart", Path(folder) / "home"
        home.mkdir()
        for path, inside in files.items():
            target = chart / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tree.read(path))
        if own is not None:
            (chart / "values.yaml").write_text(dump(own))
        command = [helm, "template", release_name(manifest), str(chart), "--namespace", release.release_namespace]
        for i, values in enumerate(values_of(manifest, release.id.namespace, store)):
            file = Path(folder) / f"values-{i}.yaml"
            file.write_text(dump(values))
            command += ["--values", str(file)]
        environment = {"PATH": str(home), "HOME": str(home), "HELM_PLUGINS": str(home), "KUBECONFIG": os.devnull}
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=TIMEOUT_S, env=environment, cwd=home, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unreadable("", f"did not finish within {TIMEOUT_S:.0f} s") from None
        if done.returncode != 0:
            text = done.stderr.decode("utf-8", "replace").replace(folder, "")
            raise Unreadable("", " ".join(text.split())[:300])
        output = done.stdout.decode("utf-8", "replace")
    return [m for _, b in documents(output, "") if isinstance(b, dict) and (m := Manifest(b)).kind and m.name]


def _merged(tree: Tree, paths: Sequence[str]) -> dict[str, Any] | None:
    """``valuesFiles`` of a chart, later ones winning, in place of its own; None = it names none.

    Source: source-controller v1.9.3 internal/helm/chart/builder_local.go Build, mergeFileValues.
    """
    found = [load(decode(tree.read(spec_path(path)), path), path) for path in paths]
    return coalesced([body for body in found if isinstance(body, dict)]) if paths else None


def values_of(manifest: Manifest, namespace: str, store: VariableStore) -> list[Mapping[str, Any]]:
    """A release's values, later ones winning: ``valuesFrom`` as far as the repository holds them, then ``values``."""
    found: list[Mapping[str, Any]] = []
    for reference in mappings(manifest.spec, "valuesFrom"):
        data = store.get(ObjectId(str(reference.get("kind")), namespace, str(reference.get("name")))) or {}
        text = data.get(str(reference.get("valuesKey") or "values.yaml"))
        if text is None or reference.get("targetPath"):
            continue
        try:
            body = load(text, "values")
        except Unreadable:
            continue
        if isinstance(body, dict):
            found.append(body)
    own = mapping(manifest.spec, "values")
    return [*found, own] if own else found


def coalesced(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values merged as Helm merges them: mappings key by key, anything else replaced by what comes later."""
    result: dict[str, Any] = {}
    for layer in values:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = coalesced([old, value]) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def release_name(manifest: Manifest) -> str:
    """helm-controller api/v2 GetReleaseName: ``releaseName``, else ``[targetNamespace-]name``, at most 53 characters."""
    spec = manifest.spec
    name = str(spec.get("releaseName") or "-".join(str(p) for p in (spec.get("targetNamespace"), manifest.name) if p))
    return name[:53].rstrip("-")


def skips_crds_folder(manifest: Manifest) -> bool:
    """Whether a HelmRelease leaves out what lies in its chart's ``crds/``.

    Source: helm-controller v1.6.3 internal/action/crds.go crdPolicyOrDefault, applyCRDs (``spec.install.crds``; ``skipCRDs``
    is read no more).
    """
    return mapping(manifest.spec, "install").get("crds") == "Skip"

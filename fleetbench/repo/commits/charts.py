"""The charts that lie in the repository itself and that a commit touches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fleetbench.graph.changes import chart_lies_here
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import ObjectId
from fleetbench.repo.files.git import tracked
from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import load


def renewed_charts(fleet: Fleet, before: Path, after: Path) -> set[ObjectId]:
    """The HelmCharts that the commit makes anew: their version is another one, or under Revision any of their files.

    Source: source-controller v1.9.3 internal/controller/helmchart_controller.go buildFromTarballArtifact.
    """
    return {
        h.chart_object
        for h in fleet.helmreleases
        if h.chart_object is not None and _is_renewed(fleet, h, before, after)
    }


def _is_renewed(fleet: Fleet, release: HelmRelease, before: Path, after: Path) -> bool:
    if not chart_lies_here(fleet, release):
        return False
    folders = [(repo / str(release.chart).lstrip("/")).resolve() for repo in (before, after)]
    if not (folders[0].is_relative_to(before.resolve()) and folders[1].is_relative_to(after.resolve())):
        return False
    if not release.chart_of_revision:
        was, becomes = map(_version, folders)
        return was is not None and becomes is not None and was != becomes
    before_it, after_it = map(_files, folders)
    return bool(before_it) and bool(after_it) and before_it != after_it


def _files(folder: Path) -> dict[str, bytes]:
    """The files of a chart, of a work tree those that git tracks: no artifact holds the others."""
    committed = tracked(folder)
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    files = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in files.items() if committed is None or name in committed}


def _version(folder: Path) -> Any:
    try:
        text = (folder / "Chart.yaml").read_text(encoding="utf-8", errors="replace")
        chart = load(text, "Chart.yaml")
    except (OSError, Unreadable):
        return None
    return chart.get("version") if isinstance(chart, dict) else None

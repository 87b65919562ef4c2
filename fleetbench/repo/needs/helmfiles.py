"""What a repository's helmfiles install before Flux runs.

Many repositories install some charts with helmfile first, because Flux's own cold start would deadlock without their CRDs,
or because Flux itself is one of them. A helmfile is a Go template more often than YAML: what is no YAML is read line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fleetbench.errors import place
from fleetbench.findings import HELMFILE_READ, Finding
from fleetbench.graph.changes import as_installed
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import ObjectId, say, some
from fleetbench.repo.files.tree import Tree, Unreadable
from fleetbench.repo.files.yamltext import decode, line_of, listed
from fleetbench.repo.helm.charts import release_name
from fleetbench.repo.install.instance import CONTROLLERS_CHARTS, INSTANCE_CHART, OPERATOR_CHART, Sync
from fleetbench.repo.nodes import Walk
from fleetbench.units import counted

_SPEAKS = re.compile(r"^(?:[\"']?releases[\"']?:|[ {]+[\"']?releases[\"']?:\s*\[)", re.M)
_RETIRED = re.compile(r"(?:^|/)[._]?(?:archived?|attic|deprecated|retired|unused)/", re.I)
"""A folder for what nobody runs any more."""
_KEY = re.compile(r"\w+:")
_ITEM = re.compile(r"( *)- +(?=\w)")
_FIELD = re.compile(r"([ -]*)(\w+):\s*(.*?)\s*(?:\s#.*)?$")


@dataclass(frozen=True, slots=True)
class Planned:
    """One release of a helmfile."""

    name: str
    namespace: str | None
    """None = not said, or only a template says it."""
    chart: str | None
    """The last part of its address; None as above."""
    crds_only: bool
    """The helmfile is rendered for its CRDs alone: no release is made, and nothing of it runs."""
    file: str
    line: int

    @property
    def place(self) -> str:
        """``bootstrap/helmfile.yaml:12``."""
        return place(self.file, self.line)


class Helmfiles(NamedTuple):
    """What the repository's helmfiles say."""

    releases: tuple[Planned, ...]
    """Those that can be read, but for what says ``installed: false``."""
    unread: tuple[tuple[str, int], ...] = ()
    """File and line of each list of releases of which none can be read."""


def helmfiles(tree: Tree) -> Helmfiles:
    """The releases of the repository's helmfiles, and which helmfiles hold some that cannot be read."""
    found: list[Planned] = []
    unread: list[tuple[str, int]] = []
    for path in tree.files:
        if "helmfile" not in path.lower() or not path.endswith((".yaml", ".yml", ".gotmpl")) or _RETIRED.search(path):
            continue
        try:
            text = decode(tree.read(path), path)
        except Unreadable:
            continue
        # --include-crds is an option of `helm template` alone: such a helmfile is rendered, never installed.
        crds_only = "--include-crds" in text or "crd" in path.rpartition("/")[2].lower()
        items = _items(text, path)
        named = [(line, fields) for line, fields in items or () if fields.get("name")]
        for line, fields in named:
            if fields.get("installed") != "false":
                chart = fields.get("chart", "").rpartition("/")[2] or None
                found.append(Planned(fields["name"], fields.get("namespace"), chart, crds_only, path, line))
        if not named and (items is None or items):
            unread.append((path, line_of(text, "releases") or 1))
    return Helmfiles(tuple(found), tuple(unread))


def _items(text: str, file: str) -> list[tuple[int, dict[str, str]]] | None:
    """Line and own fields of each item of the list ``releases``, without those that only a template says.

    None where such a list stands there and no item of it is found.
    """
    try:
        items = listed(text, file, "releases")
    except Unreadable:
        found = _items_by_line(text)
        return found if found or not _SPEAKS.search(text) else None
    return [(line, dict(_said(item))) for line, item in items if isinstance(item, dict)]


def _said(item: dict[object, object]) -> Iterator[tuple[str, str]]:
    for key, value in item.items():
        if isinstance(value, str | bool) and "{{" not in (text := str(value)):
            yield str(key), text.lower() if isinstance(value, bool) else text


def _items_by_line(text: str) -> list[tuple[int, dict[str, str]]]:
    """The same of a Go template, as far as its lines show it: plain items in block style."""
    found: list[tuple[int, dict[str, str]]] = []
    inside, dash, column = False, -1, -1
    for number, line in enumerate(text.splitlines(), 1):
        if _KEY.match(line):
            inside, dash, column = line.startswith("releases:"), -1, -1
        item = _ITEM.match(line) if inside else None
        if item is not None and dash in (-1, len(item[1])):
            dash, column = len(item[1]), len(item[0])
            found.append((number, {}))
        field = _FIELD.match(line) if inside and found else None
        if field is not None and len(field[1]) == column and "{{" not in field[3]:
            found[-1][1].setdefault(field[2], field[3].strip("\"'"))
    return found


def with_helmfiles(
    releases: Sequence[HelmRelease], planned: Iterable[Planned], walk: Walk, sync: Sync | None, root: ObjectId
) -> list[HelmRelease]:
    """The HelmReleases with what is known to have installed each before Flux: a helmfile, or that Flux runs at all.

    helm-controller looks in Helm's storage, so name and namespace decide, not the chart. flux-operator and its
    FluxInstance run where they made the root, as nothing else would reconcile it; so does whatever a release of Flux's
    own chart in the root's namespace upgrades.

    Source: helm-controller v1.6.3 internal/reconcile/state.go DetermineReleaseState (ReleaseStatusUnmanaged), api/v2
    helmrelease_types.go GetReleaseName, GetStorageNamespace.
    """
    installing = [p for p in planned if not p.crds_only]

    def by(release: HelmRelease) -> str | None:
        if release.cluster is not None:
            return None
        manifest = walk.releases[release.id][0]
        name = release_name(manifest)
        namespace = str(manifest.spec.get("storageNamespace") or release.id.namespace)
        for p in installing:
            if p.name == name and p.namespace in (None, namespace) and release.release_namespace == namespace:
                return p.place
        if sync is not None and release.chart_name in (INSTANCE_CHART, OPERATOR_CHART):
            return f"flux-operator made {root.key}"
        if release.chart_name in CONTROLLERS_CHARTS and release.release_namespace == root.namespace:
            return "it installs the Flux that reconciles it"
        return None

    return [as_installed(release, said) if (said := by(release)) else release for release in releases]


def helmfiles_read(before: Helmfiles, releases: Iterable[HelmRelease]) -> Iterator[Finding]:
    """What each helmfile is taken to have done, so that nobody has to guess why something takes no time."""
    for file, line in before.unread:
        text = "holds releases that only helmfile can read, as a template names them: none of them counts as there"
        fix = "nothing to do if it is not run before Flux; else say with --installed what it brings"
        yield Finding(HELMFILE_READ, text, fix, None, file, line)
    by_file: dict[str, list[Planned]] = {}
    for p in before.releases:
        by_file.setdefault(p.file, []).append(p)
    releases = list(releases)
    installed = [release.installed_by for release in releases]
    for file, these in by_file.items():
        names = some(list(dict.fromkeys(p.name for p in these)), 8)
        count = sum(installed.count(p.place) for p in these)
        if these[0].crds_only:
            text = f"is rendered for CRDs alone, so these are there before Flux: those of {names}"
        else:
            upgraded = (
                f"; {counted(count, 'HelmRelease')} here only upgraded, without starting a pod anew" if count else ""
            )
            text = f"counts as run before Flux, with CRDs and namespaces: {names}{upgraded}{_beside(these, releases)}"
        fix = "nothing to do if it is run before Flux; else say with --durations how long what it names takes"
        yield Finding(HELMFILE_READ, text, fix, None, file, these[0].line)


def _beside(planned: Sequence[Planned], releases: Sequence[HelmRelease]) -> str:
    """Which HelmReleases install a chart of a helmfile a second time, as they do it under that name in another namespace.

    Source: helm-controller v1.6.3 internal/action/install.go newInstall (TakeOwnership, but for
    ``install.disableTakeOwnership``); helm v4.2.2 pkg/action/install.go RunWithContext.
    """
    installed = {(p.name, p.chart, p.namespace) for p in planned if p.chart and p.namespace}
    here = {(name, chart) for name, chart, _ in installed}
    second = [
        say(r.id)
        for r in releases
        if r.installed_by is None and r.cluster is None and (r.id.name, r.chart_name) in here
        and (r.id.name, r.chart_name, r.release_namespace) not in installed
    ]  # fmt: skip
    if not second:
        return ""
    one = len(second) == 1
    return (
        f"; {some(second, 5)} {'is' if one else 'are'} in another namespace, so installed as well, with pods of "
        f"{'its' if one else 'their'} own: helm-controller takes over what lies outside namespaces, or with "
        "install.disableTakeOwnership is refused"
    )

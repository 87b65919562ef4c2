"""From what a walk found to the frozen fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from fleetbench.findings import Finding, in_order
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import FluxVersion, HelmRelease, Kustomization
from fleetbench.graph.paths import never_applied
from fleetbench.graph.release import substitution
from fleetbench.graph.root import ASSUMED_SOURCE, with_root
from fleetbench.ids import ObjectId
from fleetbench.repo.applied_twice import applied_twice
from fleetbench.repo.elsewhere import on_other_cluster
from fleetbench.repo.entries import nothing_in_it
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.given_checks import with_given_checks
from fleetbench.repo.helm.charts import Chart
from fleetbench.repo.helm.local_charts import local_charts, with_chart
from fleetbench.repo.install.access import Watched, denied
from fleetbench.repo.install.controllers import runs_flux
from fleetbench.repo.install.flags import controllers_of, installed_twice
from fleetbench.repo.install.helm_controller import helm_controller
from fleetbench.repo.install.instance import Sync, assumed_source
from fleetbench.repo.install.likely_version import judged_by_objects, likely_flux
from fleetbench.repo.install.source_watcher import external_artifacts
from fleetbench.repo.judged import judged, refuse
from fleetbench.repo.made import Operator
from fleetbench.repo.makers import Makers, not_expanded
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.needs.accounts import accounts_from_nowhere
from fleetbench.repo.needs.config_watch import ConfigWatch
from fleetbench.repo.needs.crd_switches import without_crds
from fleetbench.repo.needs.helmfiles import helmfiles, helmfiles_read, with_helmfiles
from fleetbench.repo.needs.namespaced import made_namespaces, namespaces_from_elsewhere, without_namespace
from fleetbench.repo.needs.needs import Needs, from_elsewhere
from fleetbench.repo.needs.providers import Providers
from fleetbench.repo.needs.served import crds_from_elsewhere
from fleetbench.repo.needs.services import Services
from fleetbench.repo.needs.unfound import generated, without_values, without_variables
from fleetbench.repo.needs.unread import Unread
from fleetbench.repo.nodes import Node, Walk, unset_variables
from fleetbench.repo.objects import other_cluster, read_helmrelease, read_kustomization, with_chart_of
from fleetbench.repo.reads import committed, with_reads
from fleetbench.repo.ready_expr import with_verdicts
from fleetbench.repo.receivers import with_receivers
from fleetbench.repo.sources import fleet_sources
from fleetbench.repo.timeout_places import timeout_from
from fleetbench.repo.workloads import judged_by_status, misstated, workloads_of


@dataclass(frozen=True)
class Reading:
    """What a repository says."""

    fleet: Fleet
    findings: tuple[Finding, ...]
    """What the reading itself found; what only the graph shows is :mod:`fleetbench.graph.checks`'s."""
    rendered: Mapping[ObjectId, tuple[Manifest, ...]] = field(default_factory=dict)
    """Kustomization -> its objects in apply order, variables filled in. Holds Secrets: print none of it."""
    elsewhere: Mapping[ObjectId, tuple[Manifest, ...]] = field(default_factory=dict)
    """Kustomization with ``spec.kubeConfig`` -> what it applies there, likewise."""
    tree: Tree | None = None
    """The files of the root's source."""
    tracked: frozenset[str] | None = None
    """Those that git tracks; None = it was not asked, so all of them."""
    builds_run: int = 0
    """How many times kustomize was started; the rest was plain, or came from the cache."""


def assemble(
    walk: Walk,
    root: Node,
    tree: Tree,
    name: str,
    entry: str,
    builds_run: int,
    *,
    assumed: bool,
    sync: Sync | None = None,
    tracked: frozenset[str] | None = None,
    judged_by: FluxVersion | None = None,
) -> Reading:
    """Turn a walk into a fleet with its sources, flags, workloads, needs and findings.

    Args:
        walk: what was found.
        root: the root Kustomization.
        tree: the repository's files.
        name: the fleet's.
        entry: the cluster path.
        builds_run: how many times kustomize was started.
        assumed: the repository holds no root.
        sync: what flux-operator then makes it of.
        tracked: the files that git tracks; None = it was not asked, so all of them.
        judged_by: the release that an option names; None = the one that the repository installs holds.
    """
    findings = list(walk.findings)
    refused: dict[ObjectId, str] = {}
    (flags, shards), flux = controllers_of(walk, tree), likely_flux(walk, tree, entry)
    artifacts, helm = external_artifacts(walk, flags), helm_controller(walk, root.id)
    denial = partial(denied, flags=flags, artifacts=artifacts)
    kustomizations, releases = _objects(walk, root, tree, findings, refused, denial, assumed)
    kustomizations, releases = with_reads(walk, tree, kustomizations, releases)
    charts = local_charts(walk, releases, root.source or ASSUMED_SOURCE, tree, findings)
    findings += _misstated(walk, releases, charts, refused)
    releases = [with_chart(release, charts.get(release.id)) for release in releases]
    here = [release for release in releases if release.cluster is None]
    without = without_crds(here, walk)
    before = helmfiles(tree.with_ignored())
    providers = Providers(walk.appliers(), here, charts, before.releases, without)
    unread = Unread(walk, root.source)
    kustomizations, releases = _with_needs(
        providers, unread, ConfigWatch(flags), walk, root, kustomizations, releases, charts
    )
    findings += unread.findings()
    releases = with_helmfiles(releases, before.releases, walk, sync, root.id)
    findings += helmfiles_read(before, releases)
    plain = generated(walk)
    kustomizations, of_variables = without_variables(plain, kustomizations)
    releases, of_values = without_values(plain, releases, walk)
    findings += [*of_variables, *of_values]
    makers = Makers(walk, kustomizations, releases, root.source)
    findings += accounts_from_nowhere(providers, makers, root.id.namespace, walk)
    findings += crds_from_elsewhere(providers, here, charts.keys(), walk)
    findings += from_elsewhere(providers, kustomizations, releases, walk, plain)
    findings += without_namespace(walk)
    findings += installed_twice(walk)
    made_here = made_namespaces(providers, root.id.namespace, here, walk)
    findings += namespaces_from_elsewhere(made_here, here, walk)
    this = root.source or ASSUMED_SOURCE
    made = {} if sync is None else sync.made
    sources = fleet_sources(walk, this, made, kustomizations, releases, findings, refused, tree, entry)
    sources = [assumed_source(s, sync) if s.assumed else s for s in sources]
    guessed = root.id if assumed and sync is None else None
    findings += judged_by_objects(walk, judged_by or flux)
    refusing = judged(walk, judged_by or flux, findings, refused, artifacts, helm, guessed)
    kustomizations = [replace(k, refused=refused.get(k.id), refused_by=refusing.get(k.id, ())) for k in kustomizations]
    if assumed and sync is not None and sync.root == root.id:
        kustomizations = [replace(k, file=sync.file, line=sync.line) if k.assumed else k for k in kustomizations]
    kustomizations, releases = makers.marked(kustomizations), makers.marked(releases)
    operator = Operator(walk, makers, refused.keys(), refusing)
    kustomizations, releases = operator.marked(kustomizations), operator.marked(releases)
    sources = operator.marked(sources)
    findings += operator.findings()
    watched = Watched(walk, helm)
    kustomizations, releases = watched.of_services(kustomizations), watched.of_services(releases)
    sources = with_receivers(walk, watched.of_sources(sources))
    sources = [replace(s, files=committed(walk, tree, tracked)) if s.id == this else s for s in sources]
    alone = kustomizations[0] if len(kustomizations) == 1 and not releases else None
    if alone is not None and (alone.assumed or not alone.workloads):
        findings.append(nothing_in_it(tree, entry, alone.unexpanded, beside_a_root=not alone.assumed))
    findings += not_expanded(walk)
    path = entry or "."
    fleet = with_root(
        kustomizations, releases, sources, root.id, flags=flags, shards=shards, flux=flux, name=name, cluster_path=path
    )
    fleet = with_given_checks(fleet, tree, made_here)
    strictly = substitution(flags, judged_by or flux)
    findings += applied_twice(walk, never_applied(fleet.under(strictly.release, strictly.strict)))
    rendered = {node.id: tuple(node.rendered) for node in walk.nodes.values()}
    if walk.beside is not None:
        rendered[root.id] += tuple(walk.beside.rendered)
    elsewhere = {node.id: tuple(node.elsewhere) for node in walk.nodes.values() if node.elsewhere}
    return Reading(fleet, tuple(in_order(findings)), rendered, elsewhere, tree, tracked, builds_run)


def _objects(
    walk: Walk,
    root: Node,
    tree: Tree,
    findings: list[Finding],
    refused: dict[ObjectId, str],
    denied: Callable[[Kustomization | HelmRelease], str | None],
    assumed: bool,
) -> tuple[list[Kustomization], list[HelmRelease]]:
    kustomizations: list[Kustomization] = []
    for node in walk.nodes.values():
        found, bad = read_kustomization(node.manifest, node.id, node.parent)
        findings += bad
        refuse(refused, node.parent and node.manifest.applied_by(node.parent), bad)
        kustomizations.append(
            replace(
                found,
                assumed=assumed and node is root,
                timeout_from=timeout_from(walk, tree, node.manifest, node.parent),
                denied=denied(found),
                depends_on=with_verdicts(walk, node.id, found.depends_on),
                source=found.source or root.source,
                expanded=node.not_expanded is None,
                not_expanded=node.not_expanded,
                broken=node.broken,
                unset_variables=tuple(sorted(unset_variables(node))),
                applies=sum(m.made is None for m in node.rendered)
                + len(node.elsewhere)
                + (len(node.build.bases) if node.build else 0),  # each remote base holds one or more
                objects=tuple(m.id_in(node.id.namespace) for m in node.rendered),
                unexpanded=tuple(node.unexpanded),
                workloads=workloads_of(
                    [m for m in node.rendered if not runs_flux(m)], node.id.namespace, judged_by_status(node.spec)
                ),
            )
        )
        if node.cluster is not None:
            kustomizations[-1] = on_other_cluster(kustomizations[-1], node)
    releases: list[HelmRelease] = []
    for id, (manifest, parent) in walk.releases.items():
        release, bad = read_helmrelease(manifest, id, parent)
        findings += bad
        refuse(refused, manifest.applied_by(parent), bad)
        source = None if release.source is None else walk.sources.get(release.source)
        release = with_chart_of(release, None if source is None else source[0])
        depends_on = with_verdicts(walk, id, release.depends_on)
        elsewhere = other_cluster(manifest)
        patched = timeout_from(walk, tree, manifest, parent)
        releases.append(
            replace(release, denied=denied(release), depends_on=depends_on, cluster=elsewhere, timeout_from=patched)
        )
    return kustomizations, releases


def _misstated(
    walk: Walk, releases: Sequence[HelmRelease], charts: Mapping[ObjectId, Chart], refused: dict[ObjectId, str]
) -> Iterable[Finding]:
    """What workloads state that cannot be read, each once; without a place of its own at what brings the object."""
    brought = [(node.id, node.rendered, node.id.namespace, node.manifest) for node in walk.nodes.values()]
    brought += [
        (r.id, list(charts[r.id].manifests), r.release_namespace, walk.releases[r.id][0])
        for r in releases
        if r.id in charts
    ]
    found: dict[tuple[ObjectId | None, str], Finding] = {}
    for bringer, manifests, namespace, by in brought:
        said = list(misstated(manifests, namespace))
        refuse(refused, bringer, said)
        for finding in said:
            key = finding.object, finding.message
            if finding.file is None:
                found.setdefault(key, replace(finding, file=by.file, line=by.line))
            else:
                found[key] = finding
    return found.values()


def _with_needs(
    providers: Providers,
    unread: Unread,
    watch: ConfigWatch,
    walk: Walk,
    root: Node,
    kustomizations: Sequence[Kustomization],
    releases: Sequence[HelmRelease],
    charts: Mapping[ObjectId, Chart],
) -> tuple[list[Kustomization], list[HelmRelease]]:
    members: list[Kustomization | HelmRelease] = [*kustomizations, *releases]
    edges = {m.id: frozenset(d.target for d in m.depends_on) for m in members}
    services = Services(walk.nodes.values(), [(r, walk.releases[r.id][0]) for r in releases], charts)
    needs = Needs(providers, services, {m.id: m.parent for m in members}, edges, root.id.namespace, unread, watch)
    return (
        [replace(k, needs=needs.of_kustomization(walk.nodes[k.id], k)) for k in kustomizations],
        [replace(r, needs=needs.of_release(r, walk.releases[r.id][0], charts.get(r.id))) for r in releases],
    )

"""Objects without a namespace, and namespaces that nothing here creates.

Nothing in Flux gives an object that names no namespace one but ``spec.targetNamespace`` and a kustomization.yaml's
``namespace``, while it is built. What then still has none, though its kind lives in namespaces, is sent to the API
server outside all of them, where its kind is not served, and its apply fails with all beside it: "namespace not
specified".

Source: fluxcd/pkg ssa v0.76.1 errors/errors.go DryRunErr, manager_apply_test.go TestApply_MissingNamespaceErr;
kustomize-controller v1.9.4 internal/controller/kustomization_controller.go apply sets none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from fleetbench.findings import NAMESPACE_ELSEWHERE, NAMESPACE_MISSING, Finding
from fleetbench.graph.objects import ALWAYS_THERE, HelmRelease
from fleetbench.ids import CRD, ObjectId, some
from fleetbench.repo.kinds import CLUSTER_SCOPED, is_built_in, is_namespaced
from fleetbench.repo.manifest import Manifest, mapping
from fleetbench.repo.needs.providers import Providers
from fleetbench.repo.nodes import Walk
from fleetbench.units import counted


def without_namespace(walk: Walk) -> Iterator[Finding]:
    """What has no namespace of what each Kustomization applies, one finding a Kustomization."""
    for node in walk.nodes.values():
        found = [m for m in node.rendered if not m.namespace and is_namespaced(m.group, m.kind)]
        if not found:
            continue
        first, names = found[0], [f"{m.kind}/{m.name}" for m in found]
        text = (
            f"applies {counted(len(found), 'object')} without a namespace ({some(names, 4)}), which Flux cannot: namespace "
            f"not specified; here they count as in namespace {node.id.namespace}"
        )
        fix = "state metadata.namespace, spec.targetNamespace here, or namespace in its kustomization.yaml"
        yield Finding(NAMESPACE_MISSING, text, fix, node.id, first.file, first.line)


def made_namespaces(
    providers: Providers, flux_namespace: str, releases: Sequence[HelmRelease], walk: Walk
) -> Callable[[str], bool]:
    """Whether a namespace is there on every cluster, or made by something in the fleet or by what was installed before.

    Args:
        providers: what the fleet brings.
        flux_namespace: where Flux runs.
        releases: the HelmReleases of this cluster.
        walk: what was found.
    """
    by_releases = (r.release_namespace for r in releases if _creates_namespace(walk, r))
    there = {flux_namespace, *ALWAYS_THERE, *providers.namespaces_before, *by_releases}
    return lambda namespace: namespace in there or bool(providers.of(("Namespace", "", namespace)))


def _creates_namespace(walk: Walk, release: HelmRelease) -> bool:
    return mapping(walk.releases[release.id][0].spec, "install").get("createNamespace") is True


def namespaces_from_elsewhere(
    made: Callable[[str], bool], releases: Sequence[HelmRelease], walk: Walk
) -> Iterator[Finding]:
    """The namespaces that objects go to and that nothing in the fleet creates: one finding for each.

    The dry-run of an object in a namespace that is not there fails (fluxcd/pkg ssa v0.76.1 manager_apply.go
    ApplyAll), a release's install too. A warning only: namespaces are made by hand, or by what came before Flux.
    An object of a custom kind that states a namespace lives in it, unless its CRD is here and says otherwise; of a variable
    it is not known which one it stands for.
    """
    users: dict[str, list[tuple[ObjectId, Manifest]]] = {}
    applied_to: set[str] = set()
    outside = {_defined(m) for _, m in walk.manifests() if m.kind == CRD and m.spec.get("scope") == "Cluster"}
    for node, manifest in walk.manifests():
        known = manifest.namespace and not manifest.is_undecided(manifest.namespace)
        if known and _goes_there(manifest, outside):
            users.setdefault(manifest.namespace, []).append((manifest.id_in(node.id.namespace), manifest))
            applied_to.add(manifest.namespace)
    for release in (r for r in releases if not _creates_namespace(walk, r)):
        manifest = walk.releases[release.id][0]
        if not manifest.is_undecided(release.release_namespace):
            users.setdefault(release.release_namespace, []).append((release.id, manifest))
    for namespace, using in sorted(users.items()):
        if made(namespace):
            continue
        id, manifest = using[0]
        others = len({user for user, _ in using}) - 1
        more = f" (and {counted(others, 'more object')})" if others else ""
        if namespace in applied_to:
            text = f"goes to namespace {namespace}{more}, which nothing here creates: until it is there it cannot be applied"
            fix = "define the Namespace"
        else:
            text = f"installs into namespace {namespace}{more}, which nothing here creates: until it is there the install fails"
            fix = "define the Namespace, or set install.createNamespace: true"
        installed = f"Namespace/{namespace}"
        fix = f"nothing to do if it is created by hand or by something outside (--installed {installed}); else {fix}"
        yield Finding(NAMESPACE_ELSEWHERE, text, fix, id, manifest.file, manifest.line, settled_by=(installed,))


def _goes_there(manifest: Manifest, outside: Collection[tuple[str, str]]) -> bool:
    """Whether an object that states a namespace is applied in it: of kinds outside namespaces kustomize states one too."""
    group, kind = manifest.group, manifest.kind
    custom = not is_built_in(group) and kind not in CLUSTER_SCOPED and (group, kind) not in outside
    return custom or is_namespaced(group, kind)


def _defined(crd: Manifest) -> tuple[str, str]:
    """The API group and the kind that a CRD is for."""
    return str(crd.spec.get("group") or ""), str(mapping(crd.spec, "names").get("kind") or "")

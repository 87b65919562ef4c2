"""Kinds that the cluster may not serve: built-in versions that are gone, and custom kinds whose CRD nothing brings.

kustomize-controller's dry-run of such an object fails ("no matches for kind"), and so all that is applied with it
(fluxcd/pkg ssa v0.76.1 manager_apply.go ApplyAllStaged).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from fleetbench.findings import API_GONE, CRD_ELSEWHERE, CRD_UNREAD, Finding, Shared
from fleetbench.graph.objects import HelmRelease
from fleetbench.ids import CRD, ObjectId, say, some
from fleetbench.repo.install.own_manifests import is_base_of_flux, is_of_flux_alone
from fleetbench.repo.kinds import is_built_in, is_flux
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.needs.providers import Providers, groups_of_base
from fleetbench.repo.nodes import Walk
from fleetbench.units import counted

_WORKLOADS = ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
_RBAC = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_GONE: Mapping[str, tuple[Collection[str], str, str]] = {
    "extensions/v1beta1": ((*_WORKLOADS, "NetworkPolicy", "Ingress", "PodSecurityPolicy"), "1.16 to 1.22", ""),
    "apps/v1beta1": (_WORKLOADS, "1.16", "apps/v1"),
    "apps/v1beta2": (_WORKLOADS, "1.16", "apps/v1"),
    "admissionregistration.k8s.io/v1beta1": (
        ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"), "1.22", "admissionregistration.k8s.io/v1",
    ),
    "apiextensions.k8s.io/v1beta1": ((CRD,), "1.22", "apiextensions.k8s.io/v1"),
    "apiregistration.k8s.io/v1beta1": (("APIService",), "1.22", "apiregistration.k8s.io/v1"),
    "coordination.k8s.io/v1beta1": (("Lease",), "1.22", "coordination.k8s.io/v1"),
    "networking.k8s.io/v1beta1": (("Ingress", "IngressClass"), "1.22", "networking.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1": (_RBAC, "1.22", "rbac.authorization.k8s.io/v1"),
    "scheduling.k8s.io/v1beta1": (("PriorityClass",), "1.22", "scheduling.k8s.io/v1"),
    "storage.k8s.io/v1beta1": (("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"), "1.22", "storage.k8s.io/v1"),
    "batch/v1beta1": (("CronJob",), "1.25", "batch/v1"),
    "discovery.k8s.io/v1beta1": (("EndpointSlice",), "1.25", "discovery.k8s.io/v1"),
    "node.k8s.io/v1beta1": (("RuntimeClass",), "1.25", "node.k8s.io/v1"),
    "policy/v1beta1": (("PodDisruptionBudget", "PodSecurityPolicy"), "1.25", "policy/v1"),
    "autoscaling/v2beta1": (("HorizontalPodAutoscaler",), "1.25", "autoscaling/v2"),
    "autoscaling/v2beta2": (("HorizontalPodAutoscaler",), "1.26", "autoscaling/v2"),
}  # fmt: skip
"""API version -> kinds, the release of Kubernetes that stopped serving them, and what serves them now.

Source: kubernetes/website content/en/docs/reference/using-api/deprecation-guide.md. Only what is older than any
Kubernetes that Flux 2.3 and later run on (1.28: fluxcd/flux2 v2.3.0 cmd/flux/check.go)."""
KUBERNETES_OF = "2.3"
"""The Flux from which on that holds: an older one may run on a Kubernetes that serves them."""
_WITHOUT_CRDS = frozenset({"app-template", "flux-instance", "podinfo"})
"""Charts that hold no CRD, among those that the shipped table does not list."""


def gone(walk: Walk) -> Iterator[tuple[ObjectId, Finding]]:
    """Objects of a built-in version that no Kubernetes serves any more, each with what applies it."""
    for node, manifest in walk.manifests():
        kinds, since, now = _GONE.get(manifest.api_version, ((), "", ""))
        if manifest.kind in kinds:
            text = f"Kubernetes serves no {manifest.kind} as {manifest.api_version} since {since}: its apply fails"
            instead = manifest.kind != "PodSecurityPolicy" and (now or "the version of today")
            mend = f"write it as {instead}" if instead else "take it out"
            by = manifest.applied_by(node.id)
            fix = f"{mend}: until then nothing of what {say(by)} applies is applied"
            id = manifest.id_in(node.id.namespace)
            written = f"are written as {manifest.api_version}, which Kubernetes does not serve since {since}: their apply fails"
            yield by, Finding(API_GONE, text, fix, id, manifest.file, manifest.line, Shared(written, fix))


def crds_from_elsewhere(
    providers: Providers, releases: Sequence[HelmRelease], rendered: Collection[ObjectId], walk: Walk
) -> Iterator[Finding]:
    """Custom kinds whose CRD nothing brings, a finding for each API group; one for all where something unread may.

    Args:
        providers: what the fleet brings.
        releases: the HelmReleases.
        rendered: those whose charts were read.
        walk: what was found.
    """
    groups: dict[str, list[tuple[ObjectId, Manifest]]] = {}
    for node, manifest in walk.manifests():
        group = manifest.group
        known = is_built_in(group) or is_flux(group)
        if not known and not providers.of((CRD, group, manifest.kind)) and not providers.is_before(group):
            groups.setdefault(group, []).append((manifest.id_in(node.id.namespace), manifest))
    if not groups:
        return
    unread = _unread(providers, releases, rendered, walk)
    if unread:
        text = (
            f"the CRDs of {some(sorted(groups), 8)} come from nothing that was read; "
            f"{some(unread, 4)} may bring them, else the cluster must have them"
        )
        fix = "nothing to do if one of these brings them, or the cluster has them (--installed GROUP): what they wait for is not known here"
        yield Finding(CRD_UNREAD, text, fix, settled_by=tuple(sorted(groups)))
        return
    for group, using in sorted(groups.items()):
        (id, manifest), kinds = using[0], sorted({m.kind for _, m in using})
        more = (
            f" (with {counted(len(using) - 1, 'more object')} of that group: {some(kinds, 4)})"
            if len(using) > 1
            else ""
        )
        its = "its CRD comes" if len(kinds) == 1 else "their CRDs come"
        off = providers.withheld.get(group)
        though = f" ({say(off)} does not bring it as it is set)" if off is not None else ""
        text = (
            f"is of kind {manifest.kind} of {group}{more}, and {its} from nowhere in this repository{though}: where the cluster "
            "lacks it, the apply fails"
        )
        fix = f"nothing to do if the cluster has the CRD (--installed {group}); else bring it, in a Kustomization on which this one depends"
        yield Finding(CRD_ELSEWHERE, text, fix, id, manifest.file, manifest.line, settled_by=(group,))


def _unread(
    providers: Providers, releases: Sequence[HelmRelease], rendered: Collection[ObjectId], walk: Walk
) -> list[str]:
    """What may bring CRDs and could not be read: charts, other repositories, remote bases, broken builds, ResourceSets.

    What a well-known repository brings is known: its own groups, and no others.
    """
    charts = {providers.chart_name(r) for r in releases if r.id not in rendered and not providers.knows_crds_of(r)}
    found: list[str] = []
    for node in walk.nodes.values():
        if is_of_flux_alone(node, walk):
            continue
        unread = node.not_expanded is not None and not groups_of_base(node.content_url or "")
        if unread or (node.broken is not None and node.no_path is None):
            found.append(node.id.key)
        found += [str(id) for id in node.unexpanded]
        bases = [base.text for base in (node.build.bases if node.build else ())]
        found += [base for base in bases if not (is_base_of_flux(base) or groups_of_base(base))]
    return found + [f"chart {name}" for name in sorted(charts - _WITHOUT_CRDS)]  # most charts bring none

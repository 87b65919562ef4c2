"""The service accounts that Kustomizations and HelmReleases are applied as."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import ACCOUNT_MISSING, Finding
from fleetbench.ids import ObjectId
from fleetbench.repo.makers import Makers
from fleetbench.repo.needs.providers import Providers
from fleetbench.repo.nodes import Walk
from fleetbench.repo.objects import other_cluster


def accounts_from_nowhere(providers: Providers, makers: Makers, flux_namespace: str, walk: Walk) -> Iterator[Finding]:
    """The ``serviceAccountName`` that nothing creates, where the repository creates its namespace.

    Of a namespace that others make nothing is known; nor is what an account may do (RBAC).

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go reconcile, helm-controller v1.6.3
    internal/controller/helmrelease_controller.go buildRESTClientGetter, fluxcd/pkg runtime client/impersonator.go: they
    act as ``system:serviceaccount:NAMESPACE:NAME``; an account that does not exist may do nothing.
    """
    objects = [(node.id, node.manifest) for node in walk.nodes.values()]
    objects += [(id, manifest) for id, (manifest, _) in walk.releases.items()]
    for id, manifest in objects:
        name = manifest.spec.get("serviceAccountName")
        if not name or name == "default" or other_cluster(manifest) is not None or id.namespace == flux_namespace:
            continue
        account = ObjectId("ServiceAccount", id.namespace, str(name))
        made = providers.of((account.kind, account.namespace, account.name)) or makers.by_template(account)
        if made or not providers.of(("Namespace", "", id.namespace)):
            continue
        text = (
            f"is applied as {account}, which nothing here creates, though its namespace is created here: without it, and the "
            "rights it needs, the API server forbids every apply"
        )
        fix = "nothing to do if it is created by something outside; else define the ServiceAccount or correct the name"
        yield Finding(ACCOUNT_MISSING, text, fix, id, manifest.file, manifest.line)

"""What ``spec.kubeConfig`` sends to another cluster: it is built, its workloads start there and are waited for there.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go reconcile: the build is the same, and
the ResourceManager that applies and checks health speaks to the cluster of the kubeConfig. Flux's objects among it are
that cluster's to reconcile; nothing of it is here for others to need.
"""

from __future__ import annotations

from dataclasses import replace

from fleetbench.graph.objects import Kustomization
from fleetbench.ids import ObjectId
from fleetbench.repo.nodes import Node
from fleetbench.repo.workloads import judged_by_status, workloads_of


def on_other_cluster(k: Kustomization, node: Node) -> Kustomization:
    """The Kustomization with its workloads, and its health checks of them, named by the cluster as well."""
    found = workloads_of(node.elsewhere, node.id.namespace, judged_by_status(node.spec))
    workloads = tuple(replace(w, object=_on(w.object, node.cluster)) for w in found)
    own = {w.object for w in workloads}

    def there(id: ObjectId) -> ObjectId:
        return on_it if (on_it := _on(id, node.cluster)) in own else id

    return replace(
        k,
        cluster=node.cluster,
        workloads=workloads,
        health_checks=tuple(map(there, k.health_checks)),
        misnamed_checks=tuple(replace(check, object=there(check.object)) for check in k.misnamed_checks),
    )


def _on(id: ObjectId, cluster: str | None) -> ObjectId:
    return id._replace(namespace=f"{id.namespace}@{cluster}")

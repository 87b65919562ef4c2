"""What operators make of custom resources, as far as it can be told from the names alone."""

from __future__ import annotations

from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, SOURCE_KINDS, ObjectId

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_MAKE_NONE = frozenset({
    # Kubernetes'
    *_WORKLOADS, "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "CustomResourceDefinition", "HorizontalPodAutoscaler", "Ingress",
    "IngressClass", "Job", "LimitRange", "Namespace", "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim", "Pod",
    "PodDisruptionBudget", "PriorityClass", "ResourceQuota", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount", "StorageClass",
    # Flux's
    *SOURCE_KINDS, HELM_RELEASE, KUSTOMIZATION, "Alert", "ImagePolicy", "ImageRepository", "ImageUpdateAutomation", "Provider", "Receiver",
    "ResourceSet",
    # secrets, routes, metrics and scaling of a workload, which mostly have its name
    "Certificate", "CiliumNetworkPolicy", "DNSEndpoint", "ExternalSecret", "GRPCRoute", "GrafanaDashboard", "GrafanaDatasource", "HTTPRoute",
    "IngressRoute", "Middleware", "PodMonitor", "Probe", "PrometheusRule", "PushSecret", "ReferenceGrant", "ScaledObject", "ScrapeConfig",
    "SealedSecret", "SecretStore", "ServiceMonitor", "TCPRoute", "TLSRoute", "VMPodScrape", "VMRule", "VMServiceScrape", "VerticalPodAutoscaler",
})  # fmt: skip
"""Kinds that are common beside a workload of their name and of which nobody makes one."""


_SUBSCRIPTION = "Subscription"
"""Of the Operator Lifecycle Manager, which installs the operator's Deployments beside it, whatever they are called:
operator-framework/operator-lifecycle-manager pkg/controller/install/deployment.go deploymentForSpec (they get the
namespace of the ClusterServiceVersion, which is that of the Subscription)."""


def may_make(owner: ObjectId, named: ObjectId) -> bool:
    """Whether an operator may make a workload of a custom resource, whose name it then carries.

    As VictoriaMetrics' makes ``vmagent-nas`` of VMAgent/nas, and Grafana's ``grafana-deployment`` of Grafana/grafana.

    Args:
        owner: an object that is applied.
        named: the workload.
    """
    if named.kind not in _WORKLOADS or owner.kind in _MAKE_NONE or owner.namespace != named.namespace:
        return False
    if owner.kind == _SUBSCRIPTION:
        return True
    name = owner.name
    return named.name == name or named.name.endswith(f"-{name}") or named.name.startswith(f"{name}-")

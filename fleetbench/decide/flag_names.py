"""What people call the controllers' flags."""

from __future__ import annotations

from typing import Any

from fleetbench.units import cpu_text, go_duration

NAMES = {
    "kustomize_concurrent": "kustomize --concurrent",
    "helm_concurrent": "helm --concurrent",
    "source_concurrent": "source --concurrent",
    "requeue_dependency_s": "kustomize --requeue-dependency",
    "helm_requeue_dependency_s": "helm --requeue-dependency",
    "event_driven_dependents": "dependants enqueued at once (kustomize-controller#1412)",
    "in_memory_builds": "in-memory kustomize builds",
    "kustomize_cpus": "kustomize-controller CPU limit",
    "controller_manager_qps": "kube-controller-manager --kube-api-qps",
    "controller_manager_burst": "--kube-api-burst",
    "events_refused_s": "notification-controller takes events",
}
"""Field of :class:`~fleetbench.model.parameters.Parameters` -> its name; of the others it is the field's own."""


def named_flag(name: str, value: Any) -> str:
    """``kustomize --requeue-dependency 5s``; what is only switched on has no value."""
    return f"{NAMES.get(name, name.replace('_', ' '))} {_value(name, value)}".rstrip()


def _value(name: str, value: Any) -> str:
    if value is True or (name == "events_refused_s" and not value):
        return ""
    if name == "kustomize_cpus":
        return cpu_text(value)
    return go_duration(value) if name.endswith("_s") else str(value)

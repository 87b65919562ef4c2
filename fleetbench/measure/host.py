"""What a run must say about where it ran: versions, nodes, processors, load."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any

from fleetbench.measure.protocols import Clock, Disconnected, Forbidden, Manifest


def host(clock: Clock) -> dict[str, Any]:
    """This machine and program."""
    return {
        "started": datetime.fromtimestamp(clock.wall_s(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "host": {
            "cpus": os.cpu_count(),
            "system": platform.system(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "load_start": load(),
    }


def load() -> float | None:
    """The load of the last minute, where the system keeps it."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def cluster(api: Any) -> dict[str, Any]:
    """The cluster's version and nodes; what may not be read is null."""
    found: dict[str, Any] = {"kubernetes": None, "nodes": None}
    try:
        found["kubernetes"] = api.server_version()
        found["nodes"] = [_node(n) for n in api.nodes()]
    except (Disconnected, Forbidden):
        pass
    return found


def _node(node: Manifest) -> dict[str, Any]:
    status = node.get("status") or {}
    info, capacity = status.get("nodeInfo") or {}, status.get("capacity") or {}
    return {
        "cpus": capacity.get("cpu"),
        "memory": capacity.get("memory"),
        "pods": (status.get("allocatable") or {}).get("pods"),
        "kubelet": info.get("kubeletVersion"),
        "runtime": info.get("containerRuntimeVersion"),
        "architecture": info.get("architecture"),
    }

"""How many pods of a workload an update replaces at one time, by its update strategy.

Source: Kubernetes v1.34.4 pkg/controller/deployment/util/deployment_util.go ResolveFenceposts, pkg/controller/statefulset/
stateful_set_control.go updateStatefulSet, pkg/controller/daemon/update.go updatedDesiredNodeCounts; the defaults are those
of pkg/apis/apps/v1/defaults.go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_QUARTER = "25%"
_PERCENT = re.compile("([0-9]{1,9})%")
_NONE: Mapping[str, Any] = {}


def replaced_at_once(
    kind: str, replicas: int, strategy: object = None, rolling: Mapping[str, Any] = _NONE
) -> int | None:
    """How many pods are replaced at one time once the pod template changes; 0 = none are, None = the kind has no updates.

    Args:
        kind: of the ``apps`` group.
        replicas: pods of a Deployment or StatefulSet.
        strategy: the type of the update strategy, as it stands there; what is none counts as the default.
        rolling: its ``rollingUpdate``; a field of a wrong form counts as 0.

    >>> [replaced_at_once("Deployment", n) for n in (1, 3, 4, 8)], replaced_at_once("StatefulSet", 5)
    ([1, 1, 2, 4], 1)
    """
    if kind == "Deployment":
        if strategy == "Recreate":
            return replicas
        surge = _scaled(rolling.get("maxSurge", _QUARTER), replicas, math.ceil)
        return max(surge + _scaled(rolling.get("maxUnavailable", _QUARTER), replicas, math.floor), 1)
    if kind not in ("StatefulSet", "DaemonSet"):
        return None
    if strategy == "OnDelete":
        return 0
    if kind == "StatefulSet":
        return 1  # its maxUnavailable is behind a feature gate that is off
    # A percentage is of the nodes, which nobody knows here.
    return max(
        _scaled(rolling.get("maxSurge", 0), 0, math.ceil) + _scaled(rolling.get("maxUnavailable", 1), 0, math.ceil), 1
    )


def _scaled(value: object, of: int, rounded: Any) -> int:
    """An IntOrString: a number of pods, or a percentage of them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(value, 0)
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return int(rounded(of * int(percent[1]) / 100.0)) if percent else 0

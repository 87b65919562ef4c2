"""What a HelmRelease's values say about its chart's pods, for charts that are not rendered."""

from __future__ import annotations

from typing import Any

_COUNTS = frozenset({"replicas", "replicaCount", "instances"})
_MAX_REPLICAS = 10_000
"""Above it a number is no count of pods but a mistake."""


def replicas_in(values: Any) -> int | None:
    """The greatest count of replicas that values state at any depth; None = they state none.

    >>> replicas_in({"replica": {"replicaCount": 3}, "metrics": {"replicas": 1}}), replicas_in({"image": "x"})
    (3, None)
    """
    found: list[int] = []
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                count = key in _COUNTS and isinstance(item, int) and not isinstance(item, bool)
                if count and 0 <= item <= _MAX_REPLICAS:
                    found.append(item)
                waiting.append(item)
        elif isinstance(value, list):
            waiting.extend(value)
    return max(found, default=None)


def only_cron_jobs(values: Any) -> bool:
    """Whether values make every controller of app-template that they do not switch off a CronJob.

    Source: bjw-s-labs/helm-charts charts/library/common templates/render/_controllers.tpl.

    >>> only_cron_jobs({"controllers": {"a": {"type": "cronjob"}, "b": {"enabled": False}}}), only_cron_jobs({"a": 1})
    (True, False)
    """
    controllers = values.get("controllers") if isinstance(values, dict) else None
    if not isinstance(controllers, dict) or not all(isinstance(one, dict) for one in controllers.values()):
        return False
    types = [one.get("type") for one in controllers.values() if one.get("enabled") is not False]
    return bool(types) and all(type == "cronjob" for type in types)

"""What a chart's values say of the objects that its release will need, where the chart itself cannot be read.

A chart calls Secrets as it likes (``existingSecret``, ``envFrom[].secretRef.name``, ``secretName`` ...), so a name counts
below any key that speaks of a secret, and only if the caller knows such a Secret. Custom kinds that many charts make on
demand are asked for under much the same keys everywhere (``serviceMonitor``, ``httpRoute``, ``parentRefs``), and so are
the classes of volumes and pods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fleetbench.ids import CRD
from fleetbench.repo.manifest import mappings
from fleetbench.repo.needs.pods import PRIORITY_CLASS, RUNTIME_CLASS, STORAGE_CLASS, named_class
from fleetbench.repo.needs.providers import Key

_SECRET_KEY = re.compile(r"secret", re.I)
_RELEASE_NAME = re.compile(r"\{\{-?\s*\.Release\.Name\s*-?\}\}")
"""Charts that take templates as values know this one."""
_MONITORING, _GATEWAY = "monitoring.coreos.com", "gateway.networking.k8s.io"
_KINDS = {
    "servicemonitor": (_MONITORING, "ServiceMonitor"),
    "podmonitor": (_MONITORING, "PodMonitor"),
    "prometheusrule": (_MONITORING, "PrometheusRule"),
    "httproute": (_GATEWAY, "HTTPRoute"),
}
"""Key of a value, in lower case and without a plural s -> API group and kind of what it makes."""
_CLASSES = {
    "storageClassName": STORAGE_CLASS,
    "storageClass": STORAGE_CLASS,
    "priorityClassName": PRIORITY_CLASS,
    "runtimeClassName": RUNTIME_CLASS,
}
"""Key of a value -> the kind of what it names."""
_CONTENT = frozenset({"stringData", "data", "annotations", "labels"})
"""Below them stands what a Secret holds, or words about it."""
_CRON_JOB = "cronjob"
"""``type`` of a controller that nobody waits for the pods of, as the charts built on bjw-s's common library call it."""


def secrets_of_values(values: object, release_name: str) -> Iterator[str]:
    """Every text that may be the name of a Secret without which the release's pods do not start.

    Not what is switched off or optional, what only the pods of a CronJob name, and not the certificate of an Ingress,
    which is Current without it.

    Source: cli-utils v1.2.2 pkg/kstatus/status/core.go legacyTypes (batch/CronJob), generic.go; helm v4.2.2
    pkg/kube/ready.go IsReady; bjw-s-labs/helm-charts charts/library/common templates/render/_controllers.tpl.

    Args:
        values: a HelmRelease's ``spec.values``, or a part of them.
        release_name: what ``{{ .Release.Name }}`` stands for.
    """
    yield from _names(values, release_name, False)


def kinds_of_values(values: object, namespace: str) -> Iterator[Key]:
    """The CRDs of custom kinds that the values ask for, and the Gateways that their routes name.

    Args:
        values: a HelmRelease's ``spec.values``, or a part of them.
        namespace: that of the release, where a route names none.
    """
    if isinstance(values, list):
        for part in values:
            yield from kinds_of_values(part, namespace)
    if not isinstance(values, dict) or values.get("enabled") is False:
        return
    for reference in mappings(values, "parentRefs"):
        yield CRD, *_KINDS["httproute"]
        yield "Gateway", str(reference.get("namespace") or namespace), str(reference.get("name"))
    for key, part in values.items():
        wanted = _KINDS.get(str(key).lower().removesuffix("s"))
        if wanted and isinstance(part, dict) and part and part.get("enabled") is not False:
            yield CRD, *wanted
        yield from kinds_of_values(part, namespace)


def classes_of_values(values: object) -> Iterator[Key]:
    """The classes that the values name for volumes and pods, but for those of what they switch off.

    Args:
        values: a HelmRelease's ``spec.values``, or a part of them.
    """
    if isinstance(values, list):
        for part in values:
            yield from classes_of_values(part)
    if not isinstance(values, dict) or values.get("enabled") is False:
        return
    for key, part in values.items():
        if key in _CLASSES:
            yield from named_class(_CLASSES[key], part)
        yield from classes_of_values(part)


def _names(value: object, release_name: str, in_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        if in_secret:
            yield _RELEASE_NAME.sub(release_name, value)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part, release_name, in_secret)
    elif isinstance(value, dict) and not _starts_without(value):
        for key, part in value.items():
            if key not in _CONTENT and not (key == "tls" and isinstance(part, list)):
                yield from _names(part, release_name, in_secret or _SECRET_KEY.search(str(key)) is not None)


def _starts_without(value: dict[str, object]) -> bool:
    """Whether the release's pods start without whatever this part of the values names."""
    return value.get("optional") is True or value.get("enabled") is False or value.get("type") == _CRON_JOB

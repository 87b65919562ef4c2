"""Which sources a Receiver tells of a push, so that nobody waits for their interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleetbench.errors import place
from fleetbench.graph.objects import Source
from fleetbench.ids import SOURCE_KINDS, ObjectId
from fleetbench.repo.manifest import mappings
from fleetbench.repo.nodes import Walk

_GROUP = "notification.toolkit.fluxcd.io"


def with_receivers(walk: Walk, sources: Sequence[Source]) -> list[Source]:
    """The sources with the place of the first Receiver that names each.

    Only what its resources say: whether the provider calls it is nowhere in a repository.

    Source: notification-controller api/v1 receiver_types.go ReceiverSpec.Resources, CrossNamespaceObjectReference
    (``*`` is any name, the namespace the Receiver's where it names none).
    """
    named: dict[ObjectId, str] = {}
    for node, manifest in walk.installed():
        if not manifest.is_flux(_GROUP, "Receiver") or manifest.spec.get("suspend"):
            continue
        said = place(manifest.file, manifest.line)
        for resource in mappings(manifest.spec, "resources"):
            namespace = str(resource.get("namespace") or manifest.namespace or node.id.namespace)
            if resource.get("kind") in SOURCE_KINDS:
                named.setdefault(ObjectId(str(resource["kind"]), namespace, str(resource.get("name"))), said)
    return [replace(s, notified_by=named.get(s.id) or named.get(s.id._replace(name="*"))) for s in sources]

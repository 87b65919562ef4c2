"""Objects that files can be named after."""

from __future__ import annotations

import re

from fleetbench.errors import InputError
from fleetbench.ids import ObjectId

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def require_a_name(id: ObjectId) -> None:
    """Refuse what is no name to the API server: a file called so could lie anywhere.

    Source: Kubernetes staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go IsDNS1123Subdomain.
    """
    for part in (id.name, id.namespace):
        if not _SUBDOMAIN.fullmatch(part):
            raise InputError(
                f"{part!r} names {id.kind} {id.key!r}: got no name that the API server takes",
                "lower case letters, digits, '-' and '.', at both ends a letter or digit",
            )

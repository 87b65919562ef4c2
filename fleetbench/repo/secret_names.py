"""The Secrets that a chart's values name, where the chart itself cannot be read.

A chart calls them as it likes (``existingSecret``, ``envFrom[].secretRef.name``, ``secretName`` ...), so a name counts
below any key that speaks of a secret, and only if the caller knows such a Secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECRET_KEY = re.compile(r"secret", re.I)
_RELEASE_NAME = re.compile(r"\{\{-?\s*\.Release\.Name\s*-?\}\}")
"""Charts that take templates as values know this one."""
_CONTENT = frozenset({"stringData", "data", "annotations", "labels"})
"""Below them stands what a Secret holds, or words about it."""


def secrets_of_values(values: object, release_name: str) -> Iterator[str]:
    """Every text that may be the name of a Secret without which the release's pods do not start.

    Args:
        values: a HelmRelease's ``spec.values``, or a part of them.
        release_name: what ``{{ .Release.Name }}`` stands for.
    """
    yield from _names(values, release_name, False)


def _names(value: object, release_name: str, in_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        if in_secret:
            yield _RELEASE_NAME.sub(release_name, value)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part, release_name, in_secret)
    elif isinstance(value, dict) and value.get("optional") is not True:
        for key, part in value.items():
            if key not in _CONTENT:
                yield from _names(part, release_name, in_secret or _SECRET_KEY.search(str(key)) is not None)

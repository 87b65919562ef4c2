"""What each release of Flux serves: its kinds, their versions, and the fields of each, from the controllers' CRDs.

The data is ``data/flux-api.json``, which tests/write_flux_api.py writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from fleetbench.data import shipped
from fleetbench.repo.manifest import Manifest, mapping

_RELEASE = re.compile(r"^v?(\d+\.\d+)(?:\.|$)")
_PART_OF, _VERSION = "app.kubernetes.io/part-of", "app.kubernetes.io/version"

Kinds = Mapping[str, Mapping[str, int]]
"""Kind -> version -> number of its schema."""


@cache
def _data() -> Mapping[str, Any]:
    file = shipped("", "flux-api.json")
    data: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def known_releases() -> tuple[str, ...]:
    """The releases that there is data of, the oldest first."""
    return tuple(_data()["releases"])


def kinds_of(release: str, group: str) -> Kinds:
    """What a release serves of an API group; empty where the group is none of its own."""
    kinds: Kinds = _data()["releases"][release].get(group, {})
    return kinds


def groups_of(release: str) -> list[str]:
    """The API groups that a release serves."""
    return list(_data()["releases"][release])


def part(number: int) -> Mapping[str, Any]:
    """What may stand at one place of an object: ``type``, ``fields``, ``required``, ``each``, ``enum``, ``pattern``."""
    found: Mapping[str, Any] = _data()["parts"][number]
    return found


class Release(NamedTuple):
    """The release of Flux by which a repository is judged."""

    name: str
    """One of :func:`known_releases`."""
    stated: bool = False
    """The repository itself says so."""
    newer: bool = False
    """The repository states a release that there is no data of yet: what is not known here may be there."""


def release_of(manifests: Iterable[Manifest], instances: Iterable[Mapping[str, Any]]) -> Release:
    """The release that a repository states, else the newest that is known.

    Args:
        manifests: all objects of the repository; ``flux install`` labels its own with the release.
        instances: the specs of FluxInstances, whose ``distribution.version`` may be a range such as ``2.x``.
    """
    said = [str(mapping(spec, "distribution").get("version")) for spec in instances]
    for manifest in manifests:
        labels = mapping(manifest.metadata, "labels")
        if labels.get(_PART_OF) == "flux" and manifest.kind in ("Deployment", "Namespace"):
            said.append(str(labels.get(_VERSION)))
    stated = max((_number(m[1]) for text in said if (m := _RELEASE.match(text))), default=None)
    known = known_releases()
    if stated is None:
        return Release(known[-1])
    if stated > _number(known[-1]):
        return Release(known[-1], newer=True)
    # What is older than the data serves what its oldest release serves, and perhaps more that was taken away since.
    return Release(next(name for name in known if _number(name) >= stated), stated=True)


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))

"""What each release of Flux serves: its kinds, their versions, and the fields of each, from the controllers' CRDs.

The data is ``data/flux-api.json``, which tests/write_flux_api.py writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from fleetbench.data import shipped
from fleetbench.graph.objects import FluxVersion

_RELEASE = re.compile(r"^v?(\d+\.\d+)(?:\.|$)")

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


def release_of(flux: FluxVersion | None) -> Release:
    """The release by whose CRDs a repository is judged: the one that it states, else the newest that is known.

    A range that leaves the release open, such as ``2.x``, states none.
    """
    found = None if flux is None else _RELEASE.match(flux.version)
    known = known_releases()
    if found is None:
        return Release(known[-1])
    stated = _number(found[1])
    if stated > _number(known[-1]):
        return Release(known[-1], newer=True)
    # What is older than the data serves what its oldest release serves, and perhaps more that was taken away since.
    return Release(next(name for name in known if _number(name) >= stated), stated=True)


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))

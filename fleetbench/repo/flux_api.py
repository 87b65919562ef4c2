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
_OLDER_THAN = re.compile(r"^<v?(\d+\.\d+)$")
MIGRATE = "`flux migrate -f .`, from CLI 2.7.1 on,"
"""The Flux CLI's way from old versions to new ones: fluxcd.io/flux/cmd/flux_migrate, release notes of flux2 v2.7.1."""

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
    older: bool = False
    """It states one from before the data, which serves what the oldest known does and perhaps more, taken away since."""


def release_of(flux: FluxVersion | None) -> Release:
    """The release by whose CRDs a repository is judged: the one that it states, else the newest that is known.

    A range that leaves the release open, such as ``2.x``, states none.
    """
    found = None if flux is None else _RELEASE.match(flux.version)
    known = known_releases()
    own = flux is not None and flux.because is None
    if is_older(flux, known[0]):
        return Release(known[0], stated=own, older=True)
    if found is None:
        return Release(known[-1])
    stated = _number(found[1])
    if stated > _number(known[-1]):
        return Release(known[-1], newer=True)
    return Release(next(name for name in known if _number(name) >= stated), stated=own)


def is_older(flux: FluxVersion | None, than: str) -> bool:
    """Whether the Flux that a repository states is surely from before a release."""
    if flux is None:
        return False
    exact, below = _RELEASE.match(flux.version), _OLDER_THAN.match(flux.version)
    if exact is not None:
        return _number(exact[1]) < _number(than)
    return below is not None and _number(below[1]) <= _number(than)


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))

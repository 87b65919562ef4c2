"""Which Flux release's defaults hold for the version that a repository states."""

from __future__ import annotations

import re

from fleetbench.model.parameters import RELEASES

_CONSTRAINT = re.compile(r"([<>=!~^]*)\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?\S*")
_OPEN = ("x", "X", "*", "")


def release_of(version: str) -> tuple[str, bool]:
    """The release whose defaults stand for a version or a range, and whether it is one of those that are known.

    Of a range the newest release that is known and lies in it, as flux-operator takes the newest (controlplaneio-fluxcd/
    flux-operator v0.58.1 internal/builder/semver.go MatchVersion; Masterminds/semver constraints). Of a version that is
    not known the nearest.
    """
    for release in reversed(RELEASES):
        if any(_allows(part, release) for part in version.split("||")):
            return release, True
    stated = [
        (int(major), int(minor or 0))
        for _, major, minor, _ in _CONSTRAINT.findall(version)
        if f"{major}{minor}".isdigit()
    ]
    oldest, newest = RELEASES[0], RELEASES[-1]
    return (oldest if stated and min(stated) < (2, _minor(oldest)) else newest), False


def _minor(release: str) -> int:
    return int(release.partition(".")[2])


def _allows(constraints: str, release: str) -> bool:
    """Whether some patch of a release satisfies all of these constraints."""
    spelled_out = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", constraints.replace(",", " "))
    parts = _CONSTRAINT.findall(spelled_out)
    return bool(parts) and all(_allowed(op, major, minor, patch, _minor(release)) for op, major, minor, patch in parts)


def _allowed(operator: str, major: str, minor: str, patch: str, of: int) -> bool:
    if major in _OPEN:
        return True
    above = 2 - int(major)
    if above != 0 or minor in _OPEN:
        bounds = {"<": above < 0, "<=": above <= 0, ">": above > 0, ">=": above >= 0, "!=": above != 0}
        return bounds.get(operator, above == 0)
    stated = int(minor)
    if operator in (">", ">=", "^"):
        return of >= stated
    if operator == "<":
        return of < stated or (of == stated and patch not in (*_OPEN, "0"))
    if operator == "<=":
        return of <= stated
    return of == stated if operator != "!=" else (of != stated or patch not in _OPEN)

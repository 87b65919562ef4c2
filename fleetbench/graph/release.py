"""What of Flux a repository installs: the release whose defaults hold, its feature gates, and what variables become."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from fleetbench.graph.objects import ControllerFlag, FluxVersion
from fleetbench.units import parse_bool

RELEASES = ("2.6", "2.7", "2.8", "2.9")
"""Of Flux, the oldest first: those whose defaults are known."""
FLUX_COMPONENTS = (
    "source-controller", "kustomize-controller", "helm-controller", "notification-controller",
    "image-reflector-controller", "image-automation-controller", "source-watcher",
)  # fmt: skip
"""All that ``flux install`` can deploy: fluxcd/flux2 v2.9.4 pkg/manifestgen/install/options.go MakeDefaultOptions."""
STRICT_GATE = "StrictPostBuildSubstitutions"
_STRICT_SINCE = "2.9"

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
    return (oldest if stated and min(stated) < (2, minor_of(oldest)) else newest), False


def minor_of(release: str) -> int:
    """9 of ``2.9``."""
    return int(release.partition(".")[2])


def _allows(constraints: str, release: str) -> bool:
    """Whether some patch of a release satisfies all of these constraints."""
    spelled_out = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", constraints.replace(",", " "))
    parts = _CONSTRAINT.findall(spelled_out)
    return bool(parts) and all(
        _allowed(op, major, minor, patch, minor_of(release)) for op, major, minor, patch in parts
    )


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


def gates(text: str) -> list[tuple[str, bool]]:
    """The feature gates of a ``--feature-gates`` and whether each is on.

    Source: k8s.io/component-base cli/flag/map_string_bool.go NewMapStringBool Set.

    Raises:
        ValueError: one of them is not said to be true or false.
    """
    found = []
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            found.append((name.strip(), parse_bool(value.strip())))
        except ValueError as error:
            raise ValueError(f"{name.strip()}: {error}") from None
    return found


def strict_by_default(release: str) -> bool:
    """Whether a variable that nothing sets fails the build where no gate says otherwise.

    Source: kustomize-controller internal/features/features.go: StrictPostBuildSubstitutions is off in v1.6.0 (Flux 2.6),
    v1.7.3 and v1.8.5, on from v1.9.0 (Flux 2.9); fluxcd/pkg kustomize kustomize_varsub.go varSubstitution: off, the
    variable is the empty text.
    """
    return RELEASES.index(release) >= RELEASES.index(_STRICT_SINCE)


SET_IT = "set it in postBuild.substitute, give it a default ${VAR:=value}, or escape it as $${VAR}"
"""What to do about a variable that nothing sets."""


class Substitution(NamedTuple):
    """What becomes of a variable that nothing sets and that has no default."""

    strict: bool
    """It fails the build; False: it becomes the empty text."""
    release: str
    """The release that this is judged by."""
    stated: bool
    """The repository names a release."""
    by_gate: bool
    """The repository sets the gate itself."""

    @property
    def effect(self) -> str:
        """For people: what happens here, and what other releases do."""
        if self.by_gate:
            does = "which fails the build" if self.strict else "so the empty text takes its place"
            return f"{STRICT_GATE} is {'on' if self.strict else 'off'} here, {does} (from 2.9 on it is on by default)"
        if not self.strict:
            return f"Flux {self.release} puts the empty text in its place, from 2.9 on the build fails ({STRICT_GATE})"
        judged = "" if self.stated else f"; judged by {self.release}, as the repository names no release"
        return f"Flux {self.release} fails the build ({STRICT_GATE}{judged}), up to 2.8 it becomes the empty text"


def substitution(flags: Iterable[ControllerFlag], flux: FluxVersion | None) -> Substitution:
    """How kustomize-controller substitutes with the flags and the release that a repository states; else the newest's."""
    release = RELEASES[-1] if flux is None else release_of(flux.version)[0]
    said = [on for flag in flags for name, on in _gates_of(flag) if name == STRICT_GATE]
    strict = said[-1] if said else strict_by_default(release)
    return Substitution(strict, release, flux is not None, bool(said))


def _gates_of(flag: ControllerFlag) -> list[tuple[str, bool]]:
    """The gates of kustomize-controller; none where it does not start with them."""
    if (flag.controller, flag.flag) != ("kustomize-controller", "feature-gates"):
        return []
    try:
        return gates(flag.value)
    except ValueError:
        return []

"""Whether a converted repository reads as intended."""

from __future__ import annotations

from fleetbench.decide.layout import Relayout
from fleetbench.decide.sides import new_errors
from fleetbench.errors import InputError
from fleetbench.findings import APPLY_REFUSED, SELF_DEPENDENCY_LOOP, Finding
from fleetbench.graph.checks import check, combined
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, say
from fleetbench.repo import Reading


def without_their_edges(after: Fleet, relayout: Relayout) -> list[ObjectId]:
    """The services that do not have the dependsOn that they should."""
    wanted = {m.id: {(e["name"], e.get("namespace", m.id.namespace)) for e in m.depends_on} for m in relayout.moves}
    found = {k.id: {(d.target.name, d.target.namespace) for d in k.depends_on} for k in after.kustomizations}
    return [id for id, edges in wanted.items() if found.get(id) != edges]


def verify(before: Reading, after: Reading, relayout: Relayout) -> None:
    """The result holds every service with the edges it should have, and no error and no deadlock that was not there.

    Raises:
        InputError: it does not.
    """
    if unlike := without_their_edges(after.fleet, relayout):
        raise InputError(
            f"{say(unlike[0])}: the result would not have the dependsOn it should",
            "something in the repository (a patch of a parent?) sets it again; convert this one by hand",
        )
    left = (
        {k.id for k in before.fleet.kustomizations} - set(relayout.emptied) - {k.id for k in after.fleet.kustomizations}
    )
    if left:
        raise InputError(
            f"the result would lose {', '.join(sorted(say(id) for id in left))}", "convert this repository by hand"
        )
    was, is_now = _findings(before), _findings(after)
    circles, known = ([f for f in found if f.code == SELF_DEPENDENCY_LOOP] for found in (is_now, was))
    if len(circles) > len(known):
        raise InputError(f"the result would never come up: {circles[0].in_full}", circles[0].fix)
    errors = new_errors(is_now, was)
    if errors:
        raise InputError(
            f"the result would have an error that is not there now: {errors[0].code}: {errors[0].in_full}",
            errors[0].fix,
        )


def _findings(reading: Reading) -> list[Finding]:
    """What is wrong; who applies what the API server refuses changes with the layout and says nothing new."""
    return [f for f in combined(reading.findings, check(reading.fleet), reading.fleet) if f.code != APPLY_REFUSED]

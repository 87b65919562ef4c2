"""Why a prediction has nothing to show: the cause and what to do instead, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import networkx as nx

from fleetbench.engine.items import Plan
from fleetbench.engine.plan import compile_plan
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization
from fleetbench.graph.order import applied, enforced_order
from fleetbench.ids import KUSTOMIZATION, ObjectId, say, some
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, Scenario
from fleetbench.prediction.predict import Prediction
from fleetbench.units import go_duration

_MOST_NAMED = 3


def why_nothing(prediction: Prediction) -> str | None:
    """Why nothing turns Ready in any sample (of a commit: after the push), for people; None = something does."""
    scenario = prediction.scenario
    if scenario.kind != COMMIT and any(map(math.isfinite, prediction.totals)):
        return None
    plan = compile_plan(scenario)
    asked = [n for n in plan.services if n not in plan.left_out and (scenario.kind != COMMIT or _follows(plan, n))]
    ids = [plan.items[n].id for n in asked]
    if any(prediction.ready_fraction(id) for id in ids):
        return None
    if not asked:
        return _suspended(scenario, prediction.left_out) or "This commit changes nothing here, so nothing waits for it."
    if any(plan.reconcilable[n] for n in asked):
        if scenario.until_s is None:
            return "Nothing turns Ready in the time simulated: see why with --why OBJECT."
        return (
            f"Nothing turns Ready within --until {go_duration(scenario.until_s)}: give it longer, or leave --until out."
        )
    return f"Nothing here can turn Ready: {_obstacle(scenario, ids)}"


def _follows(plan: Plan, n: int) -> bool:
    """Whether a commit asks anything of a service: it shows the new revision, or its manifests change."""
    item = plan.items[n]
    return n in plan.changed or (item.id.kind == KUSTOMIZATION and item.source in plan.moved)


def _suspended(scenario: Scenario, left_out: frozenset[ObjectId]) -> str | None:
    fleet, bootstrap = scenario.fleet, scenario.kind == BOOTSTRAP
    by = {source.id for id in left_out if (obj := fleet.service(id)) and (source := fleet.suspended_source(obj))}
    suspended = [fleet.asleep[fleet.root]] if fleet.root in fleet.asleep else sorted({*fleet.asleep.values(), *by})
    if not suspended:
        return None
    verb = "is" if len(suspended) == 1 else "are"
    said = f"{some([say(id) for id in suspended], _MOST_NAMED)} {verb} suspended"
    resume = "resume " + ("it" if len(suspended) == 1 else "them") + " (drop spec.suspend)"
    if scenario.kind == COMMIT:
        return f"Nothing here follows the commit, as {said}, so all stays at the revision it has: {resume}."
    if not bootstrap:
        return f"Nothing here is reconciled, as {said}: {resume}."
    return (
        f"Nothing here can turn Ready in a bootstrap, as {said} and brings, or would create, everything else: {resume}, or "
        "ask for --scenario commit, where everything is there already."
    )


def _obstacle(scenario: Scenario, asked: Sequence[ObjectId]) -> str:
    """What keeps the root from Ready, else the first service that all others wait for, and what to do."""
    held = scenario.parameters
    fleet = scenario.fleet.under(held.flux_version, held.strict_post_build_substitutions)
    order = enforced_order(fleet)
    for id in (fleet.root, *asked):
        obj = fleet.service(id)
        if obj is None:
            continue
        if id in scenario.fail:
            return f"--fail names {say(id)}, and everything else waits for it. Name another object."
        why = _keeps(fleet, obj) or _lost(scenario, obj)
        if why is not None and (id == fleet.root or _is_first(order, id, asked)):
            return f"{say(id)} does not, and the rest waits for it: {why}. Mend that first (`fleetbench graph` says where)."
    return f"{some([say(id) for id in asked], _MOST_NAMED)} wait in vain: `fleetbench graph` says for what, --why OBJECT since when."


def _lost(scenario: Scenario, obj: Kustomization | HelmRelease) -> str | None:
    source = scenario.fleet.suspended_source(obj) if scenario.loses_storage else None
    if source is None:
        return None
    return f"its source {say(source.id)} is suspended, and its artifact went with source-controller's pod"


def _is_first(order: nx.DiGraph, id: ObjectId, asked: Sequence[ObjectId]) -> bool:
    """Whether all that is asked for can only follow an object."""
    behind = {moment.object for moment in nx.descendants(order, applied(id))} if applied(id) in order else set()
    return behind.issuperset({*asked} - {id})


def _keeps(fleet: Fleet, obj: Kustomization | HelmRelease) -> str | None:
    source = None if obj.source is None else fleet.source(obj.source)
    if obj.obstacle is not None or source is None:
        return obj.obstacle
    if source.unwatched is not None:
        return f"no controller watches {source.unwatched} of its source {source.id}"
    return None if source.defined or source.assumed else f"its source {source.id} is defined nowhere"

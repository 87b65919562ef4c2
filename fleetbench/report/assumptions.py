"""What a prediction takes for granted: what lies elsewhere, was there before, or that no line here shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fleetbench.errors import place
from fleetbench.findings import RULES, TAKEN_AS_GIVEN, Finding
from fleetbench.graph.order import watched
from fleetbench.graph.release import FLUX_COMPONENTS
from fleetbench.ids import CONTROLLERS, HELM_RELEASE, ObjectId, say, some
from fleetbench.model.controller_manager import deployments_of, last_created_s
from fleetbench.model.parameters import EVENT_GIVEN_UP_S, EVENT_LONGEST_S, NEVER_S
from fleetbench.model.scenario import BOOTSTRAP, COMMIT, RESTART, Scenario
from fleetbench.report.inert import clear_names, inert, name_of
from fleetbench.units import go_duration


def assumptions(scenario: Scenario, findings: Iterable[Finding]) -> list[str]:
    """What the repository does not hold and the prediction takes for granted, a sentence each."""
    lines = []
    fleet = scenario.fleet
    source = None if fleet.root_source is None else fleet.source(fleet.root_source)
    if scenario.kind == COMMIT and not scenario.webhook and source is not None and source.assumed:
        said = place(source.file, source.line)
        by = f"({inert(said)})" if said else "(assumed, as flux bootstrap makes it: the repository does not hold it)"
        lines.append(f"{inert(str(source.id))} looks for commits every {go_duration(source.interval_s)} {by}.")
    if scenario.kind == COMMIT and not scenario.webhook:
        lines += [
            f"A Receiver ({inert(s.notified_by)}) notifies {inert(say(s.id))}: with --webhook its interval is not waited for."
            for s in fleet.sources
            if s.this_repository and s.notified_by
        ]
    go_on = [name for name in CONTROLLERS if name not in scenario.restarted]
    if scenario.kind == RESTART and go_on:
        its = "it goes on, and what it reconciles" if len(go_on) == 1 else "they go on, and what they reconcile"
        lines.append(f"Nothing is asked of {' and '.join(go_on)}: {its} stays Ready (0s).")
    lost = {s.id for obj in fleet.services() if (s := fleet.suspended_source(obj))} if scenario.loses_storage else set()
    if lost:
        names = some([inert(say(id)) for id in sorted(lost)], 3)
        lines.append(
            f"Suspended, so not made anew once source-controller's pod went with its artifact: {names}. What is built from it "
            "fails until it is resumed."
        )
    changed = [k for k in fleet.kustomizations if k.id in scenario.changed and scenario.kind == COMMIT]
    exact = scenario.commit.since is not None
    own = [
        k for k in changed if any(_is_of_flux(id) and not (exact and id in scenario.commit.kept) for id in k.objects)
    ]
    if own:
        names = some([name_of(k.id) for k in own], 3)
        lines.append(
            f"{names} applies Flux's own controllers: where the commit changes these they restart, which is not simulated "
            "(ask --scenario restart)."
        )
    jobs = [w.object for k in changed for w in k.workloads if w.object.kind == "Job" and not exact]
    if jobs:
        lines.append(
            f"{some([inert(say(id)) for id in jobs], 3)} counts as run anew by the commit: where that changes the template of a Job, "
            "its apply fails without spec.force, as that is immutable."
        )
    lines += _replaced(scenario) + _fetched(scenario) + _at_once(scenario) + _refused(scenario)
    unread = [k for k in fleet.kustomizations if not k.expanded and k.id not in scenario.left_out]
    if unread:
        called = clear_names(k.id for k in fleet.kustomizations)
        names = some(sorted(called[k.id] for k in unread), 6)
        lines.append(f"Not expanded, so counted as empty (their content lies elsewhere): {names}")
    there = [h for h in fleet.helmreleases if h.installed_by and scenario.kind == BOOTSTRAP]
    if there:
        names = some([f"{name_of(h.id)} ({inert(str(h.installed_by))})" for h in there], 8)
        lines.append(f"Installed before Flux, so upgraded in place, and no pod starts anew: {names}")
    remote = [obj for obj in fleet.services() if obj.cluster is not None]
    if remote:
        names = some([name_of(obj.id) for obj in remote], 6)
        lines.append(
            f"Applied to another cluster (spec.kubeConfig), where their workloads take as long as here: {names}"
        )
    given = taken_as_given(findings)
    if given:
        lines.append(f"Taken as given (`fleetbench graph` names each): {'; '.join(given)}.")
    return lines


def _replaced(scenario: Scenario) -> list[str]:
    """How the pods of what a commit changes are replaced, where that is not all at once."""
    if scenario.kind != COMMIT:
        return []
    commit = scenario.commit
    spared = commit.added | commit.refused | commit.started | commit.kept.keys()
    changed = [obj for obj in scenario.fleet.services() if scenario.starts(obj.id) and obj.id not in spared]
    updated = [w for obj in changed for w in obj.workloads if w.object not in spared]
    in_turn = [w for w in updated if 0 < (w.replaced_at_once or 0) < w.replicas]
    if not in_turn:
        return []
    named = some([f"{inert(say(w.object))} ({w.replaced_at_once} of {w.replicas} at one time)" for w in in_turn], 3)
    return [
        f"Pods are replaced as the update strategy says: {named}. How long the old ones take to end is not counted."
    ]


def _fetched(scenario: Scenario) -> list[str]:
    """How long each fetch waits for its server.

    After a commit of the repository's own and of what fetches something else alone, after a restart of what was lost.
    """
    own = {s.id for s in scenario.fleet.sources if s.this_repository} | scenario.commit.renewed | scenario.commit.added
    ids = sorted(id for id in scenario.fetch if scenario.kind != COMMIT or id in own)
    if not ids or (scenario.kind == RESTART and not scenario.loses_storage):
        return []
    by_kind = {id.kind: go_duration(scenario.fetch[id].quantile(0.5)) for id in ids}
    times = ", ".join(f"{kind} {time}" for kind, time in by_kind.items())
    return [
        f"Each fetch waits for its server, in the median: {times}. Guesses, unless a profile's `fetch` states them."
    ]


def _at_once(scenario: Scenario) -> list[str]:
    """The object whose Deployments wait longest for kube-controller-manager, where they do for a second and more."""
    at_once = {
        id: [d for d in deployments_of(time) if d.waits]
        for id, time in scenario.workloads.items()
        if scenario.starts(id) and id not in scenario.left_out
    }
    waits = {id: last_created_s(deployments, scenario.parameters) for id, deployments in at_once.items()}
    most = max(waits, key=lambda id: waits[id], default=None)
    if most is None or waits[most] < 1.0:
        return []
    return [
        f"kube-controller-manager sends {scenario.parameters.controller_manager_qps:g} requests a second (--kube-api-qps): of the "
        f"{len(at_once[most])} Deployments that {name_of(most)} applies at once the last has its ReplicaSet after {go_duration(waits[most])}. "
        "`controller_manager` in a profile states what your cluster lets through."
    ]


def _refused(scenario: Scenario) -> list[str]:
    """That events are not taken, which holds up every reconcile."""
    refused_s = scenario.parameters.events_refused_s
    if not refused_s:
        return []
    when = "takes no events" if refused_s >= NEVER_S else f"takes no events for the first {go_duration(refused_s)}"
    return [
        f"notification-controller {when}: each that a controller posts there (a dependency is not ready, something was applied, is healthy, "
        f"is done) holds its worker for {go_duration(EVENT_GIVEN_UP_S)} to {go_duration(EVENT_LONGEST_S)}."
    ]


def _is_of_flux(id: ObjectId) -> bool:
    return id.kind == "Deployment" and id.name in FLUX_COMPONENTS


def guessed(scenario: Scenario) -> int:
    """How many workload times are guesses, of those that a Ready waits for."""
    fleet = scenario.fleet
    watched_of = {owner for k in fleet.kustomizations for owner, _ in watched(fleet, k).workloads}
    return sum(
        "guess" in time.chosen_by and scenario.starts(id) and (id.kind == HELM_RELEASE or id in watched_of)
        for id, time in scenario.workloads.items()
    )


def taken_as_given(findings: Iterable[Finding]) -> list[str]:
    """Findings of which the prediction takes the better case, counted by code; empty = there are none."""
    counts = Counter(f.code for f in findings if f.code in TAKEN_AS_GIVEN or f.given)
    return [f"{code} {RULES[code].title} ({n})" for code, n in sorted(counts.items())]

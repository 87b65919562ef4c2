"""The end of a run for people: Ready times, the slowest chain, what was blocked, what the controllers took."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.ids import NOTIFICATION_CONTROLLER, ObjectId, some
from fleetbench.measure.loop import Outcome
from fleetbench.measure.progress import READY, SUSPENDED, Progress
from fleetbench.model.parameters import NEVER_S
from fleetbench.phases import TRUE
from fleetbench.units import format_duration


def ready_csv(progress: Progress) -> str:
    """``object,layer,ready_s``: one line a service, by id; empty = it never was."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["object", "layer", "ready_s"])
    level = layers(progress.fleet)
    for id in sorted(obj.id for obj in progress.fleet.services()):
        ready_s = progress.ready_s.get(id)
        writer.writerow([str(id), "" if level[id] is None else level[id], "" if ready_s is None else f"{ready_s:.3f}"])
    return out.getvalue()


def slowest_chain(fleet: Fleet, ready_s: Mapping[ObjectId, float]) -> list[tuple[ObjectId, float]]:
    """From the last service to turn Ready back over the latest of what each had to wait for, first one first."""
    if not ready_s:
        return []
    services = {obj.id: obj for obj in fleet.services()}
    at = max(ready_s, key=lambda id: (ready_s[id], id))
    chain = [at]
    while True:
        waited_for = [
            id
            for id in _waited_for(fleet, services, at)
            if id in ready_s and id not in chain and ready_s[id] <= ready_s[at]
        ]
        if not waited_for:
            return [(id, ready_s[id]) for id in reversed(chain)]
        at = max(waited_for, key=lambda id: (ready_s[id], id))
        chain.append(at)


def _waited_for(fleet: Fleet, services: Mapping[ObjectId, Any], id: ObjectId) -> list[ObjectId]:
    """What an object had to see Ready: its dependencies, its children where it waits for them, its parent's dependencies."""
    obj = services[id]
    found = [d.target for d in obj.depends_on]
    kustomization = fleet.kustomization(id)
    if kustomization is not None and kustomization.wait:
        found += fleet.children.get(id, ())
    parent = services.get(obj.parent)
    while parent is not None:
        found += [d.target for d in parent.depends_on]
        parent = services.get(parent.parent)
    return found


def summary_lines(
    progress: Progress, outcome: Outcome, usage: Mapping[str, Any], predicted: tuple[float, float] | None = None
) -> list[str]:
    """What the command prints when a run is over."""
    last = progress.last_ready_s
    if progress.waits_for is not None:
        return [*_nothing_came(progress, outcome), *_strangers(progress), *_usage(usage)]
    lines = [f"{len(progress.ready_s)} of {progress.total} Ready, the last after {format_duration(last)}"]
    if predicted is not None and last is not None:
        off_s = max(predicted[0] - last, last - predicted[1])
        how = "inside" if off_s <= 0.0 else f"{format_duration(off_s)} {'before' if last < predicted[0] else 'after'}"
        lines.append(f"{how} the predicted {format_duration(predicted[0])} to {format_duration(predicted[1])}")
    chain = slowest_chain(progress.fleet, progress.ready_s)
    if len(chain) > 1:
        lines.append("slowest chain: " + " -> ".join(f"{id.name} {format_duration(s)}" for id, s in chain))
    for row in progress.rows():
        if row.ready_s is None:
            lines.append(f"not Ready: {row.object} ({row.state}{', ' + row.detail if row.detail else ''})")
    if outcome.timed_out_s is not None:
        lines.append(f"stopped after {format_duration(outcome.timed_out_s)}: --timeout")
    return [*lines, *_strangers(progress), *_usage(usage)]


def _nothing_came(progress: Progress, outcome: Outcome) -> list[str]:
    """A run in which what it waited for did not happen."""
    time = "" if outcome.timed_out_s is None else f" within {format_duration(outcome.timed_out_s)} (--timeout)"
    rows = progress.rows()
    ready = sum(row.state == READY for row in rows)
    lines = [
        f"{progress.waits_for} did not come{time}: nothing was timed",
        f"{ready} of {progress.total} are Ready with the revision before",
    ]
    return lines + [
        f"not Ready: {row.object} ({row.state}{', ' + row.detail if row.detail else ''})"
        for row in rows
        if row.state not in (READY, SUSPENDED)
    ]


def _strangers(progress: Progress) -> list[str]:
    """Objects of the cluster that are none of the fleet's."""
    said = {id: f"{id} ({'Ready' if e.status == TRUE else e.reason or 'new'})" for id, e in progress.strangers.items()}
    left = sorted(said[id] for id in said.keys() & progress.taken_away)
    others = sorted(said[id] for id in said.keys() - progress.taken_away)
    came = progress.waits_for is None
    lines = [f"still in the cluster, though the commit takes it away: {some(left, 5)}"] if left and came else []
    if others:
        lines.append(f"in the cluster, but not in the fleet that was read, so not counted: {some(others, 5)}")
    return lines


def _usage(usage: Mapping[str, Any]) -> list[str]:
    if "controllers" in usage:
        each = ", ".join(
            f"{n} {u['peak_memory_mib']:.0f} MiB {u['cpu_s']:.1f} s CPU" for n, u in usage["controllers"].items()
        )
        return [f"controllers at most {usage['peak_memory_sum_mib']:.0f} MiB: {each}"]
    return [f"memory and CPU of the controllers: not measured ({usage.get('lacks')})"] if usage else []


def report_markdown(name: str, meta: Mapping[str, Any], progress: Progress, summary: Iterable[str]) -> str:
    """``report.md`` of a measured run, its :func:`summary_lines` first."""
    lines = [f"# {name}", ""]
    lines += [f"- {line}" for line in summary]
    lines += ["", "| | |", "|---|---|"]
    for key in (
        "fleetbench",
        "started",
        "flux",
        "flux_versions",
        "kubernetes",
        "kind_version",
        "flags",
        "workloads",
        "profile",
        "strategy",
        "scenario",
        "since",
        "commit",
        "touched",
    ):
        if meta.get(key) is not None:
            lines.append(f"| {key} | {_cell(_said(meta[key]))} |")
    lines += ["", "| object | Ready |", "|---|---|"]
    lines += [f"| {row.object} | {format_duration(row.ready_s)} |" for row in progress.rows()]
    return "\n".join(lines) + "\n"


def _said(value: Any) -> Any:
    """The flags with a word for what is no time."""
    if isinstance(value, Mapping) and value.get("events_refused_s") == NEVER_S:
        return {k: v for k, v in value.items() if k != "events_refused_s"} | {NOTIFICATION_CONTROLLER: "down"}
    return value


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        text = ", ".join(f"{k} {v}" for k, v in value.items())
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("|", "\\|")

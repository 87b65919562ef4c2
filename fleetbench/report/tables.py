"""The fleet for the terminal: objects by layer, edges, the critical path, findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.errors import place
from fleetbench.findings import DEADLOCKS, ERROR, Finding
from fleetbench.graph.export import DEPENDS_ON, edges
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, say, some
from fleetbench.report.critical_path import CriticalPath
from fleetbench.report.findings import findings_list
from fleetbench.report.inert import inert
from fleetbench.report.rows import Rows
from fleetbench.units import counted, format_duration, go_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDE = 110
"""Columns from which the table of Kustomizations also shows parent, path and timeout."""


def graph_tables(
    fleet: Fleet, findings: Sequence[Finding], path: CriticalPath, width: int, judged_by: str | None = None
) -> list[RenderableType]:
    """Everything ``fleetbench graph`` shows.

    Args:
        fleet: the fleet.
        findings: in the order in which they are to be shown.
        path: the critical path.
        width: columns to write for.
        judged_by: the release of Flux by which it is judged what cannot be built or applied, and why; None = any says the same.
    """
    name = _Names(fleet)
    parts: list[RenderableType] = [_heading(fleet, name, judged_by), Text(), _kustomizations(fleet, name, width)]
    if fleet.helmreleases:
        parts += [Text(), _helmreleases(fleet, name, width)]
    parts += [Text(note, style="dim") for note in _notes(fleet, width)]
    parts += [Text(), *_path_line(path, name, findings)]
    return [*parts, Text(), *findings_list(findings)]


def path_tables(fleet: Fleet, path: CriticalPath, findings: Sequence[Finding] = ()) -> list[RenderableType]:
    """The critical path alone: what each object on it takes, and what has little slack beside it."""
    name = _Names(fleet)
    rows = Rows()
    rows.names("on the critical path")
    rows.numbers("takes", "until")
    until_s = 0.0
    for id, takes_s in path.objects.items():
        until_s += takes_s
        rows.add(name.of(id), format_duration(takes_s), format_duration(until_s))
    beside = Rows()
    beside.names("beside it")
    beside.numbers("takes", "slack")
    rest = sorted(
        (slack_s, id) for id, slack_s in path.slack_s.items() if id not in path.objects and id in path.durations_s
    )
    for slack_s, id in rest:
        beside.add(name.of(id), format_duration(path.durations_s[id]), format_duration(slack_s))
    parts = [*_path_line(path, name, findings), Text(), rows]
    return [*parts, Text(), beside] if rest else parts


class _Names:
    """How objects are called in one report: without the namespace that the whole fleet shares."""

    def __init__(self, fleet: Fleet):
        namespaces = {k.id.namespace for k in fleet.kustomizations}
        self.shared = namespaces.pop() if len(namespaces) == 1 else None

    def of(self, id: ObjectId | None) -> str:
        """The name, inert; a dash for none."""
        if id is None:
            return "-"
        if id.kind != KUSTOMIZATION:
            return inert(str(id))
        return inert(id.name if id.namespace == self.shared else id.key)

    def all(self, depends_on: Sequence[Dependency], known: Fleet) -> Text:
        """Names of the targets joined by commas; what does not exist in red."""
        text = Text()
        for number, (id, maker) in enumerate({d.target: d.maker for d in depends_on}.items()):
            mark, style = _existing(id in known, maker)
            text.append(", " if number else "")
            text.append(self.of(id), style=style)
            text.append(mark, style=style)
        return text


def _existing(known: bool, maker: ObjectId | None) -> tuple[str, str]:
    """Mark and style of a dependency's target."""
    if known:
        return "", ""
    return (" (missing)", "red") if maker is None else (" (not seen)", "yellow")


def _heading(fleet: Fleet, name: _Names, judged_by: str | None) -> Text:
    depends = sum(1 for edge in edges(fleet) if edge.kind == DEPENDS_ON)
    depth = len({n for n in layers(fleet).values() if n is not None})
    text = Text(inert(fleet.name), style="bold")
    if fleet.cluster_path:
        text.append(f" at {inert(fleet.cluster_path)}")
    counts = (
        f"\n{counted(len(fleet.kustomizations), KUSTOMIZATION)}, {counted(len(fleet.helmreleases), HELM_RELEASE)}, "
        f"{counted(len(fleet.sources), 'source')}; {counted(depends, 'dependsOn edge')} in {counted(depth, 'layer')}"
    )
    text.append(counts, style="not bold")
    if name.shared:
        text.append(f"\nnamespace of the Kustomizations: {inert(name.shared)}", style="not bold")
    root = fleet.kustomization(fleet.root)
    if root is not None and root.assumed:
        said = _at(root.file, root.line)
        stated = f"wait: {str(root.wait).lower()}, interval {go_duration(root.interval_s)}"
        made = f"\nroot Kustomization {inert(root.id.key)}, as flux-operator makes it ({stated}){said}"
        if not said:
            made = f"\nno root Kustomization: {inert(root.id.key)} is assumed ({stated})"
        text.append(made, style="not bold")
    source = None if fleet.root_source is None else fleet.source(fleet.root_source)
    if source is not None and source.assumed:
        text.append(f"\n{_assumed_source(source)}", style="not bold")
    if fleet.flux is not None:
        because = "" if fleet.flux.because is None else f", {inert(fleet.flux.because)}"
        said = f"{_at(fleet.flux.file, fleet.flux.line)}{because}"
        text.append(f"\nFlux {inert(fleet.flux.version)}{said}", style="not bold")
    if judged_by is not None:
        text.append(f"\nwhat cannot be built or applied is judged by Flux {judged_by}", style="not bold")
    told = [("", flag) for flag in fleet.flags]
    main = {(f.controller, f.text) for f in fleet.flags}
    told += [(f" shard {s.shard}", f) for s in fleet.shards for f in s.flags if (f.controller, f.text) not in main]
    for shard, flag in told:
        said = _at(flag.file, flag.line)
        text.append(f"\n{inert(flag.controller + shard)} {inert(flag.text)}{said}", style="not bold")
    return text


def _notes(fleet: Fleet, width: int) -> list[str]:
    """What the tables do not say: how layers are counted where a parent's looks wrong, and what there was no room for."""
    notes = []
    level = layers(fleet)
    for obj in fleet.kustomizations:
        own, above = level[obj.id], None if obj.parent is None else level.get(obj.parent)
        if own is not None and above is not None and own < above:
            notes.append(
                "layer counts dependsOn alone: a child also comes after the parent that applies it, whatever its layer."
            )
            break
    late: dict[tuple[ObjectId, tuple[ObjectId, ...]], list[str]] = {}
    for service in fleet.services():
        if service.made is not None and service.made.gates:
            late.setdefault((service.made.by, service.made.gates), []).append(inert(say(service.id)))
    for (by, after), names in late.items():
        gates = f"{inert(some([say(gate) for gate in after], 4))} {'is' if len(after) == 1 else 'are'}"
        notes.append(f"{inert(say(by))} makes {some(names, 4)} once {gates} Ready.")
    if width < WIDE:
        left_out = "timeout, parent, path and chart" if fleet.helmreleases else "timeout, parent and path"
        notes.append(f"Left out at this width: {left_out}. From {WIDE} columns they are shown; --format json has all.")
    return notes


def _assumed_source(source: Source) -> str:
    """The root's source that no file holds, and who says its interval."""
    name, interval = inert(str(source.id)), f"interval {go_duration(source.interval_s)}"
    said = _at(source.file, source.line)
    return (
        f"the root's source is {name}, {interval}{said}"
        if said
        else f"the root's source {name} is assumed ({interval}, as flux bootstrap makes it)"
    )


def _at(file: str | None, line: int | None) -> str:
    where = place(file, line)
    return f" ({inert(where)})" if where else ""


def _kustomizations(fleet: Fleet, name: _Names, width: int) -> Rows:
    rows = Rows()
    rows.numbers("layer")
    rows.names("Kustomization")
    rows.labels("waits")
    wide = width >= WIDE
    if wide:
        rows.numbers("timeout")
        rows.names("parent")
        rows.words("path")
    rows.words("depends on", least=None)
    level = layers(fleet)
    last: int | None = -1
    for k in sorted(
        fleet.kustomizations, key=lambda k: (level[k.id] is None, level[k.id] or 0, k.id != fleet.root, k.id)
    ):
        own = level[k.id]
        shown = "" if own == last else "never" if own is None else str(own)
        last = own
        cells: list[str | Text] = [shown, _marked(k, name.of(k.id)), _waits(k)]
        if wide:
            cells += [go_duration(k.effective_timeout_s), name.of(k.parent), inert(k.path)]
        rows.add(*cells, name.all(k.depends_on, fleet) if k.depends_on else "-")
    return rows


def _marked(obj: Kustomization | HelmRelease, name: str) -> Text:
    text = Text(name)
    said: list[tuple[str, object]] = [
        ("suspended", obj.suspend),
        ("access denied", obj.denied),
        ("not watched", obj.unwatched),
        ("on another cluster", obj.cluster),
    ]
    if isinstance(obj, HelmRelease):
        said += [
            ("no values" if obj.lacks_values else "no chart", obj.broken),
            ("installed before Flux", obj.installed_by),
        ]
    else:
        said = [("root" if obj.file else "assumed root", obj.assumed), *said]
        said += [("cannot be built", obj.broken or obj.unset_variables), ("cannot be applied", obj.refused)]
        said += [("not expanded", not obj.expanded)]
    marks = [word for word, holds in said if holds]
    if marks:
        text.append(f" ({', '.join(marks)})", style="red" if obj.obstacle else "yellow")
    return text


def _waits(k: Kustomization) -> str:
    if k.wait:
        return "wait"
    return counted(len(k.health_checks), "check") if k.health_checks else "-"


def _helmreleases(fleet: Fleet, name: _Names, width: int) -> Rows:
    rows = Rows()
    rows.names("HelmRelease", "in")
    if width >= WIDE:
        rows.words("chart")
    with_edges = any(h.depends_on for h in fleet.helmreleases)
    if with_edges:
        rows.words("depends on", least=None)
    for h in sorted(fleet.helmreleases, key=lambda h: h.id):
        cells: list[str | Text] = [_marked(h, inert(h.id.key)), name.of(h.parent)]
        if width >= WIDE:
            cells.append(_chart(h))
        if with_edges:
            cells.append(_release_targets(h, fleet))
        rows.add(*cells)
    return rows


def _chart(h: HelmRelease) -> str:
    return inert(f"{h.chart or '-'} {h.chart_version or ''}".strip())


def _release_targets(h: HelmRelease, fleet: Fleet) -> Text:
    text = Text("" if h.depends_on else "-")
    for number, (target, maker) in enumerate({d.target: d.maker for d in h.depends_on}.items()):
        mark, style = _existing(target in fleet, maker)
        text.append((", " if number else "") + inert(target.key) + mark, style)
    return text


def _path_line(path: CriticalPath, name: _Names, findings: Sequence[Finding]) -> list[RenderableType]:
    if not path.objects:
        codes = dict.fromkeys(f.code for f in findings if f.severity == ERROR or f.code in DEADLOCKS)
        why = f": {some([*codes], 4)}" if codes else ""
        return [Text(f"Critical path: none, as nothing here can turn Ready in a bootstrap{why}", style="bold")]
    text = Text(
        "Critical path" if path.total_s else "Longest chain (nothing here states a workload time)", style="bold"
    )
    text.append(f" {format_duration(path.total_s)}: " if path.total_s else ": ", style="not bold")
    steps = []
    for id, takes_s in path.objects.items():
        steps.append(name.of(id) + (f" {format_duration(takes_s)}" if takes_s else ""))
    text.append(" > ".join(steps), style="not bold")
    if not path.total_s:
        return [text]
    note = (
        "Median workload times (stated or shipped priors) along the order that must be; Flux's own time, polls and "
        "queues come on top: `fleetbench simulate`."
    )
    return [text, Text(note, style="dim")]

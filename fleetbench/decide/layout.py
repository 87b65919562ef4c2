"""What goes where: services, their new parents and their dependsOn. Pure; files are :mod:`.convert.write`'s."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx

from fleetbench.decide.carried import carried
from fleetbench.decide.needed import opaque
from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Kustomization
from fleetbench.graph.wave_order import namespace_maker
from fleetbench.graph.waves import is_waves, to_waves
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION, ObjectId, say, some

ANNOTATION = "fleetbench/depends-on"
"""On a service in a wave: its fine-grained ``spec.dependsOn`` as JSON, with the order that its parents enforced."""
HOME = "fleetbench/parent"
"""On a service in a wave whose namespace something other than the root makes: the parent (``ns/name``) that it goes back
to, as the root could not apply it before that namespace is there."""
SERVICES = "services"
"""Folder for the services of a fine-grained layout, beside the entry's other files."""


@dataclass(frozen=True)
class Move:
    """A service that gets another parent and other edges."""

    id: ObjectId
    parent: ObjectId
    """Who renders it now."""
    into: str
    """Name of the folder, and of the wave if it is one."""
    depends_on: tuple[Mapping[str, Any], ...]
    """``spec.dependsOn`` as it will be."""
    keep_note: bool = False
    """Keep its old dependsOn in :data:`ANNOTATION`."""
    carried: tuple[Mapping[str, Any], ...] = ()
    """What to add there, as the parents that it leaves enforced it: see :mod:`.carried`."""
    home: ObjectId | None = None
    """The parent that its namespace ties it to: what it leaves for a wave, or goes back to."""


@dataclass(frozen=True)
class Relayout:
    """A change of layout."""

    moves: tuple[Move, ...]
    waves: tuple[Kustomization, ...] = ()
    """New Kustomizations, in order; each holds the moves into its name."""
    emptied: tuple[ObjectId, ...] = ()
    """Kustomizations that hold nothing any more and go."""
    rewired: tuple[tuple[ObjectId, ObjectId, tuple[ObjectId, ...]], ...] = ()
    """(dependant that stays, what it depended on and goes, what takes that one's place)."""
    notes: tuple[str, ...] = field(default=())
    """For people."""


def into_waves(fleet: Fleet) -> Relayout:
    """Regroup as :func:`fleetbench.graph.waves.to_waves` does.

    Raises:
        InputError: the fleet is in waves already, or holds nothing to regroup.
    """
    if is_waves(fleet):
        raise InputError(f"{fleet.name}: it is laid out in waves already", "--to fine writes the fine-grained layout")
    regrouped = to_waves(fleet)
    waves = tuple(k for k in regrouped.kustomizations if k.id not in fleet)
    if not waves:
        raise InputError(f"{fleet.name}: it holds no Kustomization that could go into a wave")
    names = {wave.id: wave.id.name for wave in waves}
    moved = [k for k in regrouped.kustomizations if k.parent in names]
    gone = _emptied(fleet, {k.id for k in moved})
    tied = {id for k in moved if (id := k.id) not in gone and _tied(fleet, id, gone)}
    order = carried(fleet, {k.id for k in moved}, gone, tied)
    moves = []
    for k in moved:
        before = fleet.kustomization(k.id)
        assert before is not None and before.parent is not None and k.parent is not None
        if k.id not in gone:
            kept = tuple(_entry(d.target, k.id, d.ready_expr) for d in k.depends_on if d.target not in gone)
            more = tuple(_entry(d.target, k.id, d.ready_expr) for d in order[k.id])
            home = before.parent if k.id in tied else None
            moves.append(Move(k.id, before.parent, names[k.parent], kept, keep_note=True, carried=more, home=home))
    return Relayout(tuple(moves), waves, tuple(sorted(gone)))


def into_fine(fleet: Fleet, notes: Mapping[ObjectId, str], homes: Mapping[ObjectId, str]) -> Relayout:
    """Take the services out of their waves and give them edges of their own.

    Args:
        fleet: a fleet in waves.
        notes: service -> what its :data:`ANNOTATION` holds.
        homes: service -> what its :data:`HOME` holds.

    Raises:
        InputError: it is not in waves, a wave applies HelmReleases itself, which cannot be ordered one by one, or the
            root could not apply a service, whose namespace something that it applies makes.
    """
    if not is_waves(fleet):
        raise InputError(
            f"{fleet.name}: it is not laid out in waves: its services have dependsOn of their own",
            "--to waves writes waves",
        )
    waves = [k for k in fleet.kustomizations if k.parent == fleet.root and fleet.inside(k.id)]
    for wave in waves:
        releases = [id for id in fleet.children.get(wave.id, ()) if id.kind == HELM_RELEASE]
        if releases:
            raise InputError(
                f"{say(wave.id)} applies {say(releases[0])} itself",
                "put it into a Kustomization of its own first: only Kustomizations can depend on one another here",
            )
    services = {id: wave.id for wave in waves for id in fleet.children.get(wave.id, ()) if id.kind == KUSTOMIZATION}
    needed, said = _edges_by_need(fleet, services)
    moves = []
    for id, wave_id in sorted(services.items()):
        k = fleet.kustomization(id)
        assert k is not None
        own = [_entry(d.target, id, d.ready_expr) for d in k.depends_on]
        restored = _restored(notes.get(id), id)
        more = restored if restored is not None else [_entry(target, id) for target in needed.get(id, ())]
        edges = tuple({json.dumps(e, sort_keys=True): e for e in [*own, *more]}.values())
        moves.append(Move(id, wave_id, SERVICES, edges, home=_home(fleet, k, homes.get(id))))
    hidden = opaque(fleet)
    unread = sorted(say(id) for id in services if id not in notes and id in hidden)
    if unread:
        said.append(f"not all content could be read, so these may need more edges than they got: {some(unread, 5)}")
    gone = _emptied(fleet, set(services))
    kids = {wave: tuple(sorted(id for id, w in services.items() if w == wave)) for wave in gone}
    rewired = tuple(
        (k.id, d.target, kids[d.target])
        for k in fleet.kustomizations
        if k.id not in gone and k.id not in services
        for d in k.depends_on
        if d.target in kids
    )
    return Relayout(tuple(moves), (), tuple(sorted(gone)), rewired, tuple(said))


def in_fine(fleet: Fleet) -> Fleet:
    """The fleet with its services taken out of their waves, as :func:`into_fine` has it without notes.

    Raises:
        InputError: as there.
    """
    relayout = into_fine(fleet, {}, {})
    moves = {m.id: m for m in relayout.moves}
    stays = tuple(sorted(moves))
    instead = {(dependant, gone): more for dependant, gone, more in relayout.rewired}

    def changed(k: Kustomization) -> Kustomization:
        if k.id in moves:
            targets = (
                ObjectId(KUSTOMIZATION, e.get("namespace", k.id.namespace), e["name"]) for e in moves[k.id].depends_on
            )
            exprs = {d.target: d for d in k.depends_on}
            return replace(k, parent=fleet.root, depends_on=tuple(exprs.get(t) or Dependency(t) for t in targets))
        kept: list[Dependency] = []
        for d in k.depends_on:
            more = instead.get((k.id, d.target))
            kept += [d] if more is None else [Dependency(t) for t in more]
        objects = tuple(id for id in k.objects if id not in moves and id not in relayout.emptied)
        gone = len(k.objects) - len(objects)
        added = stays if k.id == fleet.root else ()
        return replace(
            k, depends_on=tuple(kept), objects=(*objects, *added), applies=max(k.applies - gone, 0) + len(added)
        )

    kustomizations = tuple(changed(k) for k in fleet.kustomizations if k.id not in relayout.emptied)
    return replace(fleet, kustomizations=kustomizations, name=f"{fleet.name}-fine")


def _tied(fleet: Fleet, id: ObjectId, gone: Collection[ObjectId]) -> bool:
    """Whether a service that goes into a wave can only go back to its parent."""
    k = fleet.kustomization(id)
    maker = None if k is None else namespace_maker(fleet, k)
    return k is not None and maker is not None and k.parent != fleet.root and k.parent not in gone


def _home(fleet: Fleet, k: Kustomization, named: str | None) -> ObjectId | None:
    """The parent that a service goes back to out of its wave; None = the root."""
    maker = namespace_maker(fleet, k)
    if maker is None:
        return None
    namespace, _, name = (named or "").partition("/")
    home = fleet.kustomization(ObjectId(KUSTOMIZATION, namespace, name))
    if home is None:
        raise InputError(
            f"{say(k.id)}: {say(maker)} makes its namespace, so that {say(fleet.root)}, which is to apply both, could apply "
            "neither",
            f"put namespace {k.id.namespace} beside the entry's own manifests, or convert this repository by hand",
        )
    return home.id


def _entry(target: ObjectId, dependant: ObjectId, ready_expr: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": target.name}
    if target.namespace != dependant.namespace:
        entry["namespace"] = target.namespace
    return entry | ({"readyExpr": ready_expr} if ready_expr else {})


def _restored(note: str | None, id: ObjectId) -> list[dict[str, Any]] | None:
    if note is None:
        return None
    try:
        entries = json.loads(note)
    except ValueError:
        entries = None
    if not isinstance(entries, list) or not all(
        isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries
    ):
        raise InputError(f"{say(id)}: annotation {ANNOTATION}: got {note[:80]!r}, wanted spec.dependsOn as JSON")
    return entries


def _emptied(fleet: Fleet, moved: set[ObjectId]) -> set[ObjectId]:
    """Parents, the root left out, that hold nothing but what moves away."""
    found = set()
    for k in fleet.kustomizations:
        kids = set(fleet.children.get(k.id, ()))
        if k.id != fleet.root and kids and kids <= moved and k.applies <= len(kids):
            found.add(k.id)
    return found


def _edges_by_need(
    fleet: Fleet, services: Mapping[ObjectId, ObjectId]
) -> tuple[dict[ObjectId, list[ObjectId]], list[str]]:
    """Service -> the services that bring what it, or anything inside it, needs; those that would close a cycle are said."""
    owner = {inner: id for id in services for inner in (id, *fleet.inside(id))}
    wanted: dict[tuple[ObjectId, ObjectId], str] = {}
    order = {"build": 0, "apply": 1, "workload": 2}
    needs = [(order.get(n.blocks, 3), owner[o.id], n) for o in fleet.services() if o.id in owner for n in o.needs]
    for _, id, need in sorted(needs, key=lambda x: (x[0], x[1], x[2].what)):
        provider = owner.get(need.provided_by) if need.provided_by is not None else None
        if provider is not None and provider != id:
            wanted.setdefault((provider, id), need.what)
    graph = nx.DiGraph((d.target, k.id) for k in fleet.kustomizations for d in k.depends_on if k.id in services)
    found: dict[ObjectId, list[ObjectId]] = {}
    said = []
    for (provider, id), what in wanted.items():
        if id in graph and provider in graph and nx.has_path(graph, id, provider):
            said.append(
                f"{say(id)} needs {what} of {say(provider)}, which needs it in turn: no edge, as it would close a cycle"
            )
            continue
        graph.add_edge(provider, id)
        found.setdefault(id, []).append(provider)
    return {id: sorted(targets) for id, targets in found.items()}, said

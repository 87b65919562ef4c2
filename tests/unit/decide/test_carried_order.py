"""What grouping parents enforced, kept for the way back from waves."""

from __future__ import annotations

import random
from dataclasses import replace

import networkx as nx
import pytest

from fleetbench.decide.layout import Relayout, into_waves
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, Kustomization
from fleetbench.graph.order import applied, enforced_order
from fleetbench.graph.waves import is_waves
from fleetbench.ids import ObjectId
from tests.builders import fleet, ks, ks_id

R20 = (
    replace(ks("infra"), workloads=()),
    replace(ks("apps", "infra", wait=False), workloads=()),
    ks("i1", parent="infra"),
    ks("i2", "i1", parent="infra"),
    ks("a1", parent="apps"),
    ks("a2", "a1", parent="apps"),
)


def holding(*objects: Kustomization) -> Fleet:
    """A fleet whose parents apply nothing but their children unless they have a workload."""
    kids = {o.id: sum(1 for k in objects if k.parent == o.id) for o in objects}
    return fleet(*(replace(o, applies=kids[o.id] + len(o.workloads)) if kids[o.id] else o for o in objects))


def carried(of: Fleet) -> dict[str, list[str]]:
    return {m.id.name: [e["name"] for e in m.carried] for m in into_waves(of).moves if m.carried}


def grouped(*more: Kustomization) -> Fleet:
    return holding(*R20, *more)


def test_below_a_parent_that_goes_the_first_services_carry_what_it_depended_on() -> None:
    assert carried(grouped(ks("mon"))) == {"a1": ["infra"]}


def test_where_that_waited_and_goes_too_they_carry_what_it_waited_for_last() -> None:
    assert carried(grouped()) == {"a1": ["i2"]}


def test_a_parent_that_stays_is_carried_itself_as_nothing_existed_before_it_was_applied() -> None:
    of = holding(ks("base"), ks("apps", "base", wait=False), ks("a1", parent="apps"), ks("a2", "a1", parent="apps"))
    assert carried(of) == {"a1": ["apps"]}


def test_who_depended_on_a_parent_that_goes_carries_what_stands_for_it() -> None:
    group = replace(ks("group", "base", wait=False), workloads=())
    of = holding(ks("base"), group, ks("x", parent="group"), ks("after", "group"))
    assert carried(of) == {"after": ["base"], "x": ["base"]}


def fine_again(of: Fleet, layout: Relayout, but: tuple[ObjectId, str] | None = None) -> Fleet:
    """The services flat below the root, with their own dependsOn and what they carry, but for one such entry."""
    moves = {m.id: m for m in layout.moves}

    def changed(k: Kustomization) -> Kustomization:
        if k.id not in moves:
            return replace(k, objects=()) if k.id == of.root else k
        more = [ks_id(e["name"]) for e in moves[k.id].carried if (k.id, e["name"]) != but]
        own = [d for d in k.depends_on if d.target not in layout.emptied]
        return replace(k, parent=of.root, depends_on=(*own, *(Dependency(id) for id in more)))

    return replace(of, kustomizations=tuple(changed(k) for k in of.kustomizations if k.id not in layout.emptied))


def before(of: Fleet, gone: tuple[ObjectId, ...]) -> set[tuple[object, ObjectId]]:
    """(moment, service): the moment comes before the service is applied, for sure."""
    order = enforced_order(of)
    services = [k.id for k in of.kustomizations if k.id not in gone]
    return {(m, id) for id in services for m in nx.ancestors(order, applied(id)) if m.object not in gone}


def random_groups(seed: int) -> Fleet:
    rng = random.Random(seed)
    made: list[Kustomization] = []
    for n in range(rng.randint(2, 4)):
        earlier = [k.id.name for k in made]
        chosen = rng.sample(earlier, min(len(earlier), rng.randint(0, 2)))
        if rng.random() < 0.5 and n:
            chosen = list(dict.fromkeys([*chosen, f"g{n - 1}" if f"g{n - 1}" in earlier else earlier[-1]]))
        if rng.random() < 0.25:
            made.append(ks(f"s{n}", *chosen))
            continue
        group = ks(f"g{n}", *chosen, wait=rng.random() < 0.5)
        made.append(group if rng.random() < 0.3 else replace(group, workloads=()))
        kids = [f"k{n}{i}" for i in range(rng.randint(1, 3))]
        for i, kid in enumerate(kids):
            depends_on = rng.sample([*earlier, *kids[:i]], min(len(earlier) + i, rng.randint(0, 2)))
            made.append(ks(kid, *depends_on, parent=f"g{n}"))
    return holding(*made)


@pytest.mark.parametrize("seed", range(150))
def test_on_the_way_back_nothing_may_start_earlier_than_before_and_no_entry_is_needless(seed: int) -> None:
    of = random_groups(seed)
    if is_waves(of):
        return
    layout = into_waves(of)
    flat, then = before(fine_again(of, layout), layout.emptied), before(of, layout.emptied)
    assert then <= flat
    for move in layout.moves:
        for entry in move.carried:
            assert before(fine_again(of, layout, (move.id, entry["name"])), layout.emptied) < flat

"""dependsOn edges that other edges imply, or that are there twice."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import EDGE_REDUNDANT, Finding, Shared
from fleetbench.graph.checks.about import about
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.implied import Implied
from fleetbench.ids import say


def redundant(fleet: Fleet) -> Iterator[Finding]:
    """The entries without which the same order holds."""
    implied = Implied(fleet)
    for obj in fleet.services():
        targets = [d.target for d in obj.depends_on]
        for target in sorted({t for t in targets if targets.count(t) > 1}):
            yield about(EDGE_REDUNDANT, obj, f"depends on {say(target)} twice.", "drop one of the two entries")
        for target in implied.dependencies(obj.id):
            chain = implied.chain(obj.id, target)
            if chain is not None:
                spelled = " -> ".join(say(id) for id in [obj.id, *reversed(chain)])
                yield about(
                    EDGE_REDUNDANT,
                    obj,
                    f"depends on {say(target)}, which {spelled} already implies. It costs no time, only a look-up a poll.",
                    f"drop {say(target)} from dependsOn, unless it is there to outlive {say(chain[-1])}",
                    Shared(
                        f"depend on {say(target)}, which other dependencies of each already imply. It costs no time, only "
                        "a look-up a poll.",
                        f"drop {say(target)} from their dependsOn, unless it is there to outlive the others",
                    ),
                )

"""CEL expressions: those that can never be true, and that none of them is evaluated here."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import EXPRESSION_NEVER, EXPRESSION_NOT_READ, Finding, Shared
from fleetbench.graph.checks.about import about, said
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import say


def check_expressions(fleet: Fleet) -> Iterator[Finding]:
    """A finding for each ``readyExpr`` that is never true; one for each object that has others, or ``healthCheckExprs``."""
    for obj in fleet.services():
        for d in (d for d in obj.depends_on if d.never is not None):
            yield about(
                EXPRESSION_NEVER,
                obj,
                f"its readyExpr on {say(d.target)} reads {d.never}, which nothing here sets: CEL fails on it, so this polls "
                "for ever and never turns Ready.",
                "set it on that object, or ask with has() or in before it is read",
            )
        guessed = [d.target for d in obj.depends_on if d.ready_expr is not None and d.never is None]
        if guessed:
            so = "is not evaluated: it counts as true once the dependency is Ready, which is a guess."
            fix = "nothing to do where it asks for Ready; else take what waits for it for a guess"
            message = f"its readyExpr on {said(guessed)} {so}"
            yield about(EXPRESSION_NOT_READ, obj, message, fix, Shared(f"have a readyExpr, which {so}", fix))
    for k in fleet.kustomizations:
        if k.health_check_exprs:
            so = "are not evaluated: what they judge counts as Current when its Ready condition would say so, which is a guess."
            fix = "nothing to do where they ask for Ready; else state the time with --durations"
            message = f"its healthCheckExprs {so}"
            yield about(EXPRESSION_NOT_READ, k, message, fix, Shared(f"have healthCheckExprs, which {so}", fix))

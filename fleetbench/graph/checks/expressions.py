"""CEL expressions: those that can never be true or are never asked, and that none of them is evaluated here."""

from __future__ import annotations

from collections.abc import Iterator

from fleetbench.findings import EXPRESSION_IDLE, EXPRESSION_NEVER, EXPRESSION_NOT_READ, Finding, Shared
from fleetbench.graph.checks.about import about, listed, said
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import EXPRESSION_S, Kustomization, Workload
from fleetbench.ids import say
from fleetbench.units import format_duration

POD_GROUPS = ("", "apps", "batch")
_GUESS = (
    f"after a time that nobody states (a guess where no prior knows the kind: median {format_duration(EXPRESSION_S[0])}, "
    f"in one of ten above {format_duration(EXPRESSION_S[1])})"
)


def _is_judged(k: Kustomization, w: Workload) -> bool:
    """Whether an expression is for a workload's kind."""
    return not k.judged_kinds or not {f"{w.group}/{w.object.kind}", f"{w.group}/"}.isdisjoint(k.judged_kinds)


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
        if k.health_check_exprs and not k.wait and not k.health_checks:
            # Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go checkHealth
            so = "have no effect: without wait and healthChecks no health is checked."
            fix = "set wait: true, or name in healthChecks what they judge; else drop them"
            yield about(
                EXPRESSION_IDLE, k, f"its healthCheckExprs {so}", fix, Shared(f"have healthCheckExprs that {so}", fix)
            )
        elif k.health_check_exprs:
            # what has pods is no custom resource
            judged = [w.object for w in k.workloads if w.group not in (*POD_GROUPS, None) and _is_judged(k, w)]
            if judged:
                so = f"are not evaluated: {listed(map(say, judged))} {'counts' if len(judged) == 1 else 'count'} as Current {_GUESS}."
                of_many = f"are not evaluated: what they judge counts as Current {_GUESS}."
                fix = "state the time with --durations, or learn it with calibrate"
            else:
                so = "are not evaluated: what they judge counts as Current when its Ready condition would say so, which is a guess."
                of_many = so
                fix = "nothing to do where they ask for Ready; else state the time with --durations"
            yield about(
                EXPRESSION_NOT_READ,
                k,
                f"its healthCheckExprs {so}",
                fix,
                Shared(f"have healthCheckExprs, which {of_many}", fix),
            )

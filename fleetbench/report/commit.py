"""What a commit changes, for people."""

from __future__ import annotations

from fleetbench.errors import place
from fleetbench.graph.commit import Commit, updated, upgraded
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import HELM_CHART, KUSTOMIZATION, say, some
from fleetbench.report.inert import inert
from fleetbench.report.rows import Rows
from fleetbench.units import counted

BRINGS, TAKES_AWAY, REFUSED, MIND = "brings", "takes away", "is refused", "mind"
_MOST = 8


def commit_table(commit: Commit, fleet: Fleet) -> Rows | None:
    """What the commit does as a table; None where there is nothing to say."""
    said = commit_rows(commit, fleet)
    if not said:
        return None
    rows = Rows()
    rows.labels("the commit")
    rows.words(f"since {inert(str(commit.since))}", least=None)
    for verb, objects in said:
        rows.add(verb, objects)
    return rows


def commit_rows(commit: Commit, fleet: Fleet) -> list[tuple[str, str]]:
    """What it does, a verb and the objects each; empty where somebody only said what it changes.

    Args:
        commit: the commit.
        fleet: after it.
    """
    if commit.since is None:
        return []
    old = sorted(commit.changed - commit.added)
    applied = [id for id in old if id.kind == KUSTOMIZATION]
    counts = {id: f" ({counted(commit.applied[id], 'object')})" for id in applied if commit.applied.get(id)}
    rows = [
        ("changes", [f"{say(id)}{counts.get(id, '')}" for id in applied]),
        ("upgrades", list(map(say, upgraded(commit, fleet)))),
        ("reconciles", [say(id) for id in sorted(commit.reconciled)]),
        ("fetches anew", [say(id) for id in sorted(commit.renewed)]),
        ("packages anew", [say(id) for id in old if id.kind == HELM_CHART]),
        (BRINGS, list(map(say, sorted(commit.added)))),
        (TAKES_AWAY, list(map(say, commit.removed))),
        ("updates", list(map(say, updated(commit, fleet)))),
        ("starts", list(map(say, sorted(commit.started)))),
    ]
    told = [(verb, inert(some(names, _MOST))) for verb, names in rows if names]
    if commit.kept:
        told.append(("leaves alone", f"{counted(len(commit.kept), 'other workload')} of what it changes"))
    for i in commit.immutable:
        told.append((REFUSED, inert(f"{say(i.object)}: {i.field} ({place(i.file, i.line) or say(i.by)})")))
    told += [(MIND, inert(note)) for note in commit.notes]
    return told or [("changes", "nothing that Flux applies here")]

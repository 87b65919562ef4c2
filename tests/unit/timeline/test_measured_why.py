"""What the chain says of real rollouts, held against their own rows.

The evidence is taken from the rows as they were recorded, not from anything that the chain is computed with: each
cause has a question to the rows that only its own kind of stretch answers with yes.
"""

import gzip
import itertools
import json
import math
from pathlib import Path

import pytest

from fleetbench.model.parameters import flags_of_run
from fleetbench.runs.files import read_run
from fleetbench.timeline.causes import INTERVAL
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation, why

TRACES = Path(__file__).parents[2] / "traces"
NAMES = sorted(p.name.split(".")[0] for p in TRACES.glob("*.json.gz"))
WITHIN_S = 1.0


class Evidence:
    """The recorded rows of one trace, and what they show of a stretch."""

    def __init__(self, name):
        with gzip.open(TRACES / f"{name}.json.gz", "rt") as stream:
            self.document = json.load(stream)
        self.trace, self.flags = self.document["trace"], self.document["flags"]
        self.spec = {k["name"]: k for k in self.document["spec"]["kustomizations"]}

    def rows(self, piece):
        return self.trace[f"{piece.object.kind}/{piece.object.name}"]

    def before(self, rows, t):
        """The last row at or before a moment."""
        return ([r for r in rows if r["t"] <= t] or [None])[-1]

    @staticmethod
    def ready(row):
        return (row or {}).get("ready") or ["", "", ""]

    @staticmethod
    def step(row):
        return ((row or {}).get("reconciling") or ["", "", ""])[2]

    def works(self, row):
        """A worker is held: the Ready condition is Unknown."""
        return self.ready(row)[0] == "Unknown"

    def shows(self, piece):
        return getattr(self, "shows_" + piece.cause.replace("-", "_"))(piece)

    def shows_source(self, piece):
        """Until then there was no artifact, or the object said that it waits for one."""
        if piece.object.kind == "GitRepository":
            rows = [r for r in self.rows(piece) if piece.from_s + WITHIN_S < r["t"] < piece.to_s - WITHIN_S]
            return all(self.ready(r)[0] != "True" for r in rows)
        return self.ready(self.before(self.rows(piece), piece.from_s + 0.01))[1] in ("ArtifactFailed", "SourceNotReady")

    def shows_interval(self, piece):
        """No row of it in between."""
        return not [r for r in self.rows(piece) if piece.from_s + WITHIN_S < r["t"] < piece.to_s - WITHIN_S]

    def shows_finalizer_requeue(self, piece):
        """Exists, and has said nothing yet but that its finalizer is there."""
        last = self.before(self.rows(piece), piece.to_s - 0.01)
        return last is not None and last.get("ready") is None and piece.to_s - piece.from_s < 0.75 + WITHIN_S

    def shows_queue(self, piece):
        """Not at work itself, while as many others are at work as there are workers, or somebody is ahead of it.

        Finalizers and checks hold a worker too, but show only the row that ends them: at such a row the controller has
        one more at work than the others' conditions say. On a busy machine a worker may be held for seconds before its
        first row; but the queue is first in, first out, so what came earlier and has not been looked at stands ahead.
        """
        kind = piece.object.kind
        workers = self.flags["kustomize_concurrent" if kind == "Kustomization" else "helm_concurrent"]
        others = [
            rows
            for key, rows in self.trace.items()
            if key.startswith(kind + "/") and key != f"{kind}/{piece.object.name}"
        ]
        moments = sorted(r["t"] for rows in others for r in rows)
        checks = {r["t"] for rows in others for r in rows if not self.works(r) and self.ready(r)[0] != "True"}
        busy = [(t, sum(self.works(self.before(rows, t)) for rows in others) + (t in checks)) for t in moments]
        ahead = [begun for entered, begun in map(self.first_look, others) if entered <= piece.from_s]
        samples, t = [], piece.from_s + WITHIN_S / 2
        while t < piece.to_s - WITHIN_S / 2:
            # between one object's last row and the next one's first the worker is held without a row
            near = [n for at, n in busy if t - 0.3 <= at <= t + 0.3] or [n for at, n in busy if at <= t][-1:]
            samples.append(max(near) >= workers or any(begun > t for begun in ahead))
            t += 0.1
        idle = not any(
            self.works(r) for r in self.rows(piece) if piece.from_s + WITHIN_S < r["t"] < piece.to_s - WITHIN_S
        )
        return idle and not self.works(self.before(self.rows(piece), piece.to_s - 0.01)) and all(samples)

    def first_look(self, rows):
        """When an object came into the queue for its first whole reconcile, and when a row shows that reconcile."""
        entered = [r["t"] for r in rows if not r.get("ready")]
        begun = [r["t"] for r in rows if r.get("ready")]
        return (entered[-1], begun[0]) if entered and begun else (math.inf, 0.0)

    def shows_dependency_poll(self, piece):
        """It last said DependencyNotReady; the last of its dependencies turned True at the start; a worker is free."""
        last = self.before(self.rows(piece), piece.to_s - 0.01)
        turned = []
        for dependency in self.spec[piece.object.name]["dependsOn"]:
            rows = self.trace[f"Kustomization/{dependency}"]
            turns = [b["t"] for a, b in itertools.pairwise(rows) if self.ready(b)[0] == "True" != self.ready(a)[0]]
            turned.append(max(t for t in turns if t <= piece.to_s))
        every = float(self.flags["requeue_dependency"].removesuffix("s"))
        return (
            self.ready(last)[1] == "DependencyNotReady"
            and abs(max(turned) - piece.from_s) < WITHIN_S
            and piece.seconds < every + WITHIN_S
        )

    def shows_fetch_build_apply(self, piece):
        """At work, and not waiting for health yet."""
        last = self.before(self.rows(piece), (piece.from_s + piece.to_s) / 2)
        return self.step(last).startswith(("Fetching", "Building", "Detecting")) or piece.seconds < WITHIN_S

    def shows_workload(self, piece):
        """Its health check (or Helm's wait) runs, and its Deployment stays as it is until it turns Current."""
        _, _, name = piece.detail.rpartition("/")
        rows = self.trace[f"Deployment/{name}"]
        runs = self.step(self.before(self.rows(piece), (piece.from_s + piece.to_s) / 2))
        changed = [r for r in rows if piece.from_s + WITHIN_S < r["t"] < piece.to_s - WITHIN_S]
        turned = [r for r in rows if abs(r["t"] - piece.to_s) < WITHIN_S]
        return not changed and bool(turned) and runs.startswith(("Running health checks", "Running 'install'"))

    def shows_health_poll(self, piece):
        """Its health check (or Helm's wait) runs, up to Ready=True, for no longer than a poll and the last patches."""
        rows = self.rows(piece)
        runs = self.step(self.before(rows, piece.to_s - 0.01))
        ended = [r for r in rows if abs(r["t"] - piece.to_s) < 0.01]
        return (
            runs.startswith(("Running health checks", "Running 'install'"))
            and any(self.ready(r)[0] == "True" for r in ended)
            and piece.seconds < 5.0 + WITHIN_S
        )

    def shows_helm(self, piece):
        last = self.before(self.rows(piece), piece.to_s - 0.01)
        return self.step(last).startswith(("Fulfilling", "Running 'install'"))

    def shows_retry(self, piece):
        """Failed at the start, not at work before the end, which is its retryInterval later."""
        rows = self.rows(piece)
        failed = self.ready(self.before(rows, piece.from_s + 0.01))
        worked = [r for r in rows if piece.from_s < r["t"] < piece.to_s - 0.01 and self.works(r)]
        every = float(self.spec[piece.object.name]["retryInterval"].removesuffix("s"))
        return failed[1] == "HealthCheckFailed" and not worked and abs(piece.seconds - every) < WITHIN_S

    def shows_timeout(self, piece):
        """Its health check ran, and HealthCheckFailed came at the end."""
        rows = self.rows(piece)
        return self.ready(self.before(rows, piece.to_s + 0.01))[1] == "HealthCheckFailed" and self.step(
            self.before(rows, piece.to_s - WITHIN_S)
        ).startswith("Running health checks")


def explained(name):
    run = read_run(TRACES / f"{name}.json.gz")
    since = {} if run.commit is None else {"since_s": run.commit.t_s, "revision": run.commit.revision}
    return run, since, Explanation(Rollout(run.fleet, run.timeline, flags_of_run(run.flags), **since))


@pytest.mark.parametrize("name", NAMES)
def test_each_stretch_of_a_real_chain_is_what_the_rows_show(name):
    run, since, _ = explained(name)
    evidence = Evidence(name)

    pieces = why(run.fleet, run.timeline, parameters=flags_of_run(run.flags), **since)

    assert [p for p in pieces if p.seconds > WITHIN_S and not evidence.shows(p)] == []
    assert sum(p.seconds for p in pieces if p.seconds > WITHIN_S) > 0.9 * (pieces[-1].to_s - pieces[0].from_s)


@pytest.mark.parametrize("name", NAMES)
def test_the_chain_behind_any_service_of_a_real_rollout_is_what_the_rows_show(name):
    _, _, explanation = explained(name)
    evidence = Evidence(name)
    wrong = []

    for id in explanation.rollout.services:
        if explanation.rollout.ready_s(id) is not None:
            wrong += [p for p in explanation.chain(id) if p.seconds > WITHIN_S and not evidence.shows(p)]

    assert sorted(set(wrong)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_real_chain_ends_at_the_last_ready_that_the_trace_states(name):
    _, since, explanation = explained(name)
    document = Evidence(name).document
    stated = (document.get("commit") or document)["ready_s"]
    began = since.get("since_s", 0.0)
    last = max(t for t in stated.values() if t is not None)

    pieces = explanation.chain()

    assert pieces[-1].to_s - began == pytest.approx(last, abs=0.02)
    assert pieces[0].from_s == since.get("since_s", 0.0)
    assert all(a.to_s == b.from_s for a, b in itertools.pairwise(pieces))


def test_the_starved_children_were_in_the_queue_until_their_parents_timed_out():
    _, _, explanation = explained("starve4-c4")

    queue = max((p for p in explanation.chain() if p.cause == "queue"), key=lambda p: p.seconds)

    assert queue.seconds == pytest.approx(120.0, abs=2.0)  # the parents' timeout: 2m
    assert "4 of 4 workers held: flux-system/p0, flux-system/p1, flux-system/p2, flux-system/p3" in queue.detail


@pytest.mark.parametrize(
    ("cause", "trace"), [("queue", "fine-c4"), ("dependency-poll", "fine-c4"), ("health-poll", "waves-c4")]
)
def test_the_evidence_can_say_no(cause, trace):
    """A stretch given another's cause is refused: the questions to the rows tell causes apart."""
    _, _, explanation = explained(trace)
    evidence = Evidence(trace)
    pieces = [p for p in explanation.chain() if p.cause != cause and p.seconds > 3.0 and p.object.name in evidence.spec]

    assert pieces
    assert not any(evidence.shows(p._replace(cause=cause)) for p in pieces)


RESULTS = Path(__file__).parents[3] / "results"
FOLDERS = sorted(p.parent for p in RESULTS.glob("**/trace.jsonl"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_no_chain_of_a_run_that_is_shorter_than_any_interval_waits_for_one(folder):
    """A chart whose status shows its revision a row after Ready was taken for one with a second artifact, whose source came next."""
    run = read_run(folder)
    if run.commit is not None:
        pytest.skip("what a commit finds has waited for its interval")
    of = Explanation(Rollout(run.fleet, run.timeline, flags_of_run(run.flags)))
    shortest = min(k.interval_s for k in run.fleet.kustomizations)
    soon = [id for id in of.rollout.services if (of.rollout.ready_s(id) or math.inf) < 0.9 * shortest]
    assert soon
    for id in soon:
        assert not [p for p in of.chain(id) if p.cause == INTERVAL and p.seconds > WITHIN_S], id

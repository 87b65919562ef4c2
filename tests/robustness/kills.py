"""Commands that are interrupted or killed at random moments, and what must hold of the files they leave."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "fleetbench"]
STARTED_S = 0.1
"""Earliest moment of a Ctrl-C: before, Python has not come to our first line and answers in its own way."""
RECORDER = """
import sys
from pathlib import Path
from fleetbench.graph.document import read_document
from fleetbench.measure.recorder import Recorder, open_folder
from fleetbench.timeline.events import Event
fleet = read_document(Path(sys.argv[1]).read_text(), "graph")
services = [s.id for s in fleet.services()]
with Recorder(open_folder(Path(sys.argv[2]), force=False), fleet, {"kustomize_concurrent": 4}, {"workloads": "stand-in"}, 600.0) as r:
    for n in range(20000):
        r.event(Event(n / 10, services[n % len(services)], "Unknown", "Progressing", "m" * 80))
    for id in services:
        r.event(Event(3000.0, id, "True", "ReconciliationSucceeded", "", 1, 1, "main@sha1:1"))
    r.end(3001.0, complete=True)
"""


def environment(folder: Path) -> dict[str, str]:
    """The tests' own, with a cache and a home of the folder's."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "100"}


def fleetbench(*argv: object) -> tuple[int, str]:
    """Run a command in this process: exit code and all that it said."""
    from fleetbench.cli.main import cli

    done = CliRunner().invoke(cli, [str(a) for a in argv])
    assert "Traceback" not in done.output and "a fault of fleetbench" not in done.output, done.output
    return done.exit_code, done.output


@dataclass
class Outcome:
    """What kills came to: (command, signal, how far it had got) -> how often."""

    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, *key: str) -> None:
        """Count one."""
        self.counts[key] = self.counts.get(key, 0) + 1  # type: ignore[index]


@dataclass
class Victim:
    """A command that is to be killed."""

    name: str
    argv: Callable[[Path], list[str]]
    """The command, given the folder it works in."""
    left: Callable[[Path, Path], str]
    """Checks what is left (second: what an undisturbed run left), and says which of ``nothing, partial, whole`` it is."""
    takes_s: float = 0.0


def graph_file(folder: Path) -> Path:
    """The small graph, written once."""
    from tests.fuzz.bases import graph

    file = folder / "graph.json"
    if not file.exists():
        file.write_text(graph("small"), encoding="utf-8")
    return file


def whole_or_none(name: str) -> Callable[[Path, Path], str]:
    """One file: it is there as an undisturbed run writes it, or not at all."""

    def left(folder: Path, reference: Path) -> str:
        if not (folder / name).exists():
            return "nothing"
        here, there = (re.sub(rb"written [\d: -]+UTC", b"", (of / name).read_bytes()) for of in (folder, reference))
        assert here == there
        return "whole"

    return left


def run_folder_left(folder: Path, reference: Path) -> str:
    """A predicted run folder: each file is whole; without its meta file ``report`` says that it was cut short.

    One that was interrupted is that of the samples that were done, and says so.
    """
    run = folder / "run"
    if not run.exists() or not any(run.iterdir()):
        return "nothing"
    if (samples := samples_left(run)) is not None:
        code, _ = fleetbench("report", run, "--format", "csv", "-o", folder / "ready.csv")
        assert code == 0 and 1 <= samples < 150
        return "partial"
    for file in run.iterdir():
        if file.name == "meta.json":
            json.loads(file.read_text())
        else:
            assert file.read_bytes() == (reference / "run" / file.name).read_bytes(), file
    code, said = fleetbench("report", run, "--samples", "0", "-o", folder / "page.html")
    assert code == 0
    if (run / "meta.json").exists():
        assert {p.name for p in run.iterdir()} == {p.name for p in (reference / "run").iterdir()}
        return "whole"
    assert "cut short" in said + (folder / "page.html").read_text()
    return "partial"


def samples_left(run: Path) -> int | None:
    """How many samples an interrupted simulation kept; None = it was not interrupted while it drew them."""
    if not (run / "meta.json").exists():
        return None
    meta, prediction = (json.loads((run / name).read_text()) for name in ("meta.json", "prediction.json"))
    assert meta["samples"] == prediction["samples"]
    return int(meta["samples"]) if any(w.startswith("interrupted: ") for w in prediction["warnings"]) else None


def sweep_left(folder: Path, reference: Path) -> str:
    """A sweep: repeating the command goes on from what is kept, and ends at the very same files."""
    had = len(list((folder / "sweep" / "cells").glob("0*.parquet"))) if (folder / "sweep").exists() else 0
    finished = (folder / "sweep" / "summary.json").exists()
    code, said = fleetbench(*sweep_argv(folder)[len(PROGRAM) :])
    assert code == 0, said
    if had > 0:
        assert f"{had} of 4 cells done" in said
    for name in ("samples.parquet", "objects.parquet"):
        assert (folder / "sweep" / name).read_bytes() == (reference / "sweep" / name).read_bytes()
    assert not list((folder / "sweep").rglob(".*.part"))
    return "whole" if finished else "partial" if had else "nothing"


def trace_left(folder: Path, reference: Path) -> str:
    """A recorded run: readable as far as it got, and every command says so."""
    from fleetbench.errors import InputError
    from fleetbench.runs.files import read_run

    run = folder / "run"
    if not (run / "trace.jsonl").exists() or not (run / "trace.jsonl").read_text():
        return "nothing"
    try:
        cut = read_run(run).cut
    except InputError as error:
        assert "wanted a trace's header line" in error.message  # killed within the first line
        return "partial"
    code, _ = fleetbench("report", run, "--samples", "0", "-o", folder / "page.html")
    assert code == 0
    assert ("cut short" in (folder / "page.html").read_text()) == (cut is not None)
    code, said = fleetbench("validate", run, "--samples", "1")
    assert code in (0, 1, 2) and ("(cut)" in said or "cut short" in said) == (cut is not None), said
    return "whole" if cut is None else "partial"


def sweep_argv(folder: Path) -> list[str]:
    """A grid of four cells."""
    grid = ["--kustomize-concurrent", "1,4", "--requeue-dependency", "5s,30s", "--samples", "150", "--processes", "1"]
    return [*PROGRAM, "sweep", "--graph", str(graph_file(folder)), *grid, "-o", str(folder / "sweep")]


def victims() -> list[Victim]:
    """The commands that write."""
    return [
        Victim("simulate", lambda f: [*PROGRAM, "simulate", "--graph", str(graph_file(f)), "--samples", "150", "-o", str(f / "run")], run_folder_left),
        Victim("sweep", sweep_argv, sweep_left),
        Victim("recorder", lambda f: [sys.executable, "-c", RECORDER, str(graph_file(f)), str(f / "run")], trace_left),
        Victim("graph", lambda f: [*PROGRAM, "graph", "--graph", str(graph_file(f)), "-o", str(f / "out.json")], whole_or_none("out.json")),
        Victim("report", lambda f: [*PROGRAM, "report", str(f / "trace.jsonl"), "--samples", "20", "-o", str(f / "out.html")], whole_or_none("out.html")),
    ]  # fmt: skip


def prepare(folder: Path) -> None:
    """What the commands read."""
    from tests.fuzz.bases import trace_lines

    folder.mkdir(parents=True)
    (folder / "trace.jsonl").write_text(trace_lines(), encoding="utf-8")
    graph_file(folder)


def run(kills: int, base: Path, seed: int = 0, tell: Callable[[str], None] = lambda text: None) -> Outcome:
    """Kill commands in turn, half of them with SIGINT and half with SIGKILL.

    Raises:
        AssertionError: a file is neither whole nor recognisably partial, or a Ctrl-C did not end as it should.
    """
    rng, outcome, all_victims = Random(seed), Outcome(), victims()
    for victim in all_victims:
        reference = base / f"{victim.name}-whole"
        prepare(reference)
        began_s = time.monotonic()
        subprocess.run(victim.argv(reference), env=environment(base), check=True, capture_output=True)
        victim.takes_s = time.monotonic() - began_s
    for number in range(kills):
        victim = all_victims[number % len(all_victims)]
        number_of_kind = number // len(all_victims)
        with_signal = signal.SIGINT if number_of_kind % 2 else signal.SIGKILL
        folder = base / f"{victim.name}-{number}"
        prepare(folder)
        outcome.add(victim.name, with_signal.name, kill_once(victim, with_signal, folder, base, rng))
        tell(f"{number + 1}/{kills} {victim.name} {with_signal.name}")
    return outcome


def kill_once(victim: Victim, with_signal: signal.Signals, folder: Path, base: Path, rng: Random) -> str:
    """Start, wait for a random moment of its life, send the signal, look at what is left."""
    process = subprocess.Popen(
        victim.argv(folder), env=environment(base), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    time.sleep(rng.uniform(STARTED_S if with_signal == signal.SIGINT else 0.0, victim.takes_s * 1.05))
    process.send_signal(with_signal)
    _, said = process.communicate(timeout=60)
    loading = (
        victim.name != "recorder" and "Traceback" in said and "/fleetbench/" not in said and "KeyboardInterrupt" in said
    )
    if loading:  # Python itself was being loaded: nothing of ours had run, and nothing is left
        assert not (folder / "run").exists() and not list(folder.glob("out.*")), said
    elif with_signal == signal.SIGINT and victim.name != "recorder" and process.returncode:
        # CPython ends by the signal itself when it struck in an exec() of its own; a shell sees 130 either way.
        assert process.returncode in (130, -signal.SIGINT), (process.returncode, said)
        told = ("Interrupted.", "Wrote ", "Nothing is kept", "Going on") if victim.name != "sweep" else ("",)
        assert "Traceback" not in said and all(line.startswith(told) for line in said.splitlines()), said
        assert said or process.returncode == -signal.SIGINT
        strays = [p for p in folder.rglob(".*") if p.name.startswith((".run.", ".out."))]
        assert strays == [], "an interrupted command takes its temporary files away"
    return victim.left(folder, base / f"{victim.name}-whole")

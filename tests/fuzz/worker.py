"""Runs cases in a process of its own: bounded memory, bounded time, every failure as a line of JSON.

Started by :mod:`tests.fuzz.campaign` with a family, the first seed and a count; it prints ``{"start": seed}`` before
and ``{"done": seed, ...}`` after each case, so that whoever reads it knows which case killed or stalled it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

MEMORY_BYTES = 1 << 30
LIMIT_S = 10.0
FAULT = "a fault of fleetbench"


class TooLong(BaseException):
    """A case took longer than it may."""


def check_case(family: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run one case.

    Returns:
        ``problem`` (None = none), ``argv``, ``exit_code``, ``took_s``.
    """
    from tests.fuzz.families import FAMILIES

    argv = FAMILIES[family][0](Random(f"{family}:{seed}"), folder)
    return check_command(argv, folder)


def check_command(argv: list[str], folder: Path) -> dict[str, Any]:
    """Run one command as the command line would, and judge how it ended."""
    from click.testing import CliRunner

    from fleetbench.cli.main import cli

    started_s = time.process_time()
    # Processor time, so that a busy machine fails nobody; what sleeps for ever, or sits in C, the campaign kills.
    old = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        result = CliRunner().invoke(cli, argv)
    except TooLong:
        return {"problem": f"took over {LIMIT_S:.0f} s", "argv": argv, "exit_code": None, "took_s": LIMIT_S}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    problem = problem_of(result, argv)
    if problem is None:
        problem = _harmful_files(folder, argv)
    return {"problem": problem, "argv": argv, "exit_code": result.exit_code, "took_s": time.process_time() - started_s}


def problem_of(result: Any, argv: list[str]) -> str | None:
    """Why a command did not end as it should, or None: traceback, fault, unknown exit code, harmful or broken output."""
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        return f"escaped: {type(error).__name__}: {error}"[:300]
    if FAULT in result.stderr or "Traceback" in result.stderr:
        return result.stderr.strip()[:300]
    if result.exit_code not in (0, 1, 2, 3):
        return f"exit code {result.exit_code}: {result.stderr.strip()[:200]}"
    if result.exit_code == 2 and not result.stderr.strip():
        return "exit code 2 without a word"
    for name, text in (("standard output", result.stdout), ("standard error", result.stderr)):
        harmful = harmful_in(text)
        if harmful:
            return f"{harmful!r} reached {name}"
    if "json" in argv and result.exit_code in (0, 1) and result.stdout.strip():
        try:
            json.loads(result.stdout, parse_constant=_no_constant)
        except ValueError as problem:
            return f"standard output is no JSON: {problem}"
    return None


def harmful_in(text: str) -> str | None:
    """The first character that would steer a terminal or reorder a line, or None."""
    import unicodedata

    if text.isascii() and text.replace("\n", "").isprintable():
        return None
    for c in text:
        if c not in "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            return c
    return None


def _harmful_files(folder: Path, argv: list[str]) -> str | None:
    """What a command wrote for people (Markdown, JUnit, SARIF, CSV) must be as harmless as what it printed."""
    for name in ("m", "s", "j", "run/report.md", "run/ready.csv"):
        file = folder / name
        wrote = str(file) in argv or (argv[0] == "simulate" and name.startswith("run/"))
        if wrote and file.is_file():
            harmful = harmful_in(file.read_text(encoding="utf-8"))
            if harmful:
                return f"{harmful!r} reached the file {name}"
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"holds {name}")


def _too_long(number: int, frame: Any) -> None:
    raise TooLong


def limit_memory() -> None:
    """Bound the address space of this process and all it starts."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main(family: str, first: int, count: int) -> None:
    """Run ``count`` cases from seed ``first`` on."""
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", NO_COLOR="1", COLUMNS="100", MPLBACKEND="Agg")
    limit_memory()
    out = os.fdopen(os.dup(1), "w", buffering=1)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as base:
        os.environ["XDG_CACHE_HOME"] = str(Path(base) / "cache")
        os.chdir(base)
        for seed in range(first, first + count):
            folder = Path(base) / "case"
            folder.mkdir()
            out.write(json.dumps({"start": seed}) + "\n")
            done = check_case(family, seed, folder)
            done["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            out.write(json.dumps({"done": seed, **done}) + "\n")
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

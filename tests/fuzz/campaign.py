"""A run of many cases over worker processes; a worker that dies or stalls is itself a failure, and is replaced."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.families import split
from tests.fuzz.worker import LIMIT_S

ROOT = Path(__file__).parents[2]
PYTHONPATH = str(ROOT)
CHUNK = 200
GRACE_S = 20.0
"""Beyond the case's own limit: code that no signal reaches (a regular expression, a parser in C) is killed then."""


@dataclass
class Result:
    """What a campaign found."""

    cases: Counter[str] = field(default_factory=Counter)
    exit_codes: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    slowest_s: float = 0.0
    memory_mb: int = 0


def run(cases: int, seed: int = 0, jobs: int = 1, tell: Callable[[str], None] = lambda text: None) -> Result:
    """Run so many cases.

    Args:
        cases: how many, over all families.
        seed: the first seed of each family.
        jobs: worker processes at a time.
        tell: called with a line now and then.
    """
    result = Result()
    chunks = [
        (family, seed + first, min(CHUNK, count - first))
        for family, count in split(cases).items()
        for first in range(0, count, CHUNK)
    ]
    chunks.sort(key=lambda c: c[1])
    with ThreadPoolExecutor(jobs) as pool:
        for number, part in enumerate(pool.map(lambda c: run_chunk(*c), chunks), start=1):
            result.cases += part.cases
            result.exit_codes += part.exit_codes
            result.failures += part.failures
            result.slowest_s = max(result.slowest_s, part.slowest_s)
            result.memory_mb = max(result.memory_mb, part.memory_mb)
            tell(f"{number}/{len(chunks)} chunks, {result.cases.total()} cases, {len(result.failures)} failures")
    return result


def run_chunk(family: str, first: int, count: int, module: str = "tests.fuzz.worker") -> Result:
    """Run one family's cases from a seed on, in a worker; go on behind a case that kills it."""
    result, at = Result(), first
    while at < first + count:
        lines, ended = _worker_lines(module, family, at, first + count - at)
        started = None
        for line in lines:
            if "start" in line:
                started = line["start"]
                continue
            at, started = line["done"] + 1, None
            result.cases[family] += 1
            result.exit_codes[str(line["exit_code"])] += 1
            result.slowest_s = max(result.slowest_s, line["took_s"])
            result.memory_mb = max(result.memory_mb, line["memory_mb"])
            if line["problem"]:
                result.failures.append(
                    {"case": f"{family}:{line['done']}", "problem": line["problem"], "argv": line["argv"]}
                )
        if at >= first + count:
            break
        culprit = at if started is None else started
        result.failures.append({"case": f"{family}:{culprit}", "problem": f"the worker {ended}", "argv": []})
        result.cases[family] += 1
        at = culprit + 1
    return result


def _worker_lines(module: str, family: str, first: int, count: int) -> tuple[list[dict[str, Any]], str]:
    command = [sys.executable, "-m", module, family, str(first), str(count)]
    errors = tempfile.TemporaryFile()  # noqa: SIM115
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    rest, ended, last_s = b"", "", time.monotonic()
    while True:
        readable, _, _ = select.select([process.stdout], [], [], 1.0)
        if readable:
            content = os.read(process.stdout.fileno(), 65536)
            if not content:
                break
            last_s = time.monotonic()
            *whole, rest = (rest + content).split(b"\n")
            lines += [json.loads(line) for line in whole]
        elif time.monotonic() - last_s > LIMIT_S + GRACE_S:
            process.kill()
            ended = "hung"
            break
    code = process.wait()
    process.stdout.close()
    with errors:
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")[-300:]
    return lines, ended or f"ended with {code}: {said}"

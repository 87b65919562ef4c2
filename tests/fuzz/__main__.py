"""``python -m tests.fuzz --cases 20000``: the full run; ``--case graph:17`` plays one case again, with its traceback."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Run, print counts and failures; exit code 1 when there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--case", metavar="FAMILY:SEED", help="play this one and show its traceback")
    parser.add_argument("--keep", metavar="DIR", help="with --case: write its files there")
    given = parser.parse_args()
    if given.case:
        return play(given.case, given.keep)
    from tests.fuzz.campaign import run

    started_s = time.monotonic()
    result = run(given.cases, given.seed, given.jobs, lambda text: print(text, file=sys.stderr))
    for failure in result.failures:
        print(f"FAILED {failure['case']}: {failure['problem']}")
        print(f"    {' '.join(map(str, failure['argv']))[:200]!r}")
    print(f"{result.cases.total()} cases in {time.monotonic() - started_s:.0f} s: {dict(result.cases)}")
    print(
        f"exit codes: {dict(result.exit_codes)}; slowest {result.slowest_s:.1f} s of processor time; most memory {result.memory_mb} MB"
    )
    print(f"{len(result.failures)} failures")
    return 1 if result.failures else 0


def play(case: str, keep: str | None) -> int:
    """One case in this process, the exception let through."""
    from random import Random

    from click.testing import CliRunner

    from fleetbench.cli.main import cli
    from tests.fuzz.families import FAMILIES

    family, _, seed = case.partition(":")
    folder = Path(keep or tempfile.mkdtemp(prefix="fuzz-"))
    folder.mkdir(exist_ok=True)
    argv = FAMILIES[family][0](Random(f"{family}:{seed}"), folder)
    print("fleetbench", *map(ascii, argv))
    result = CliRunner().invoke(cli, ["--debug", *argv])
    print(ascii(result.output[-3000:]).replace("\\n", "\n"))
    print("exit code", result.exit_code, "- files in", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.robustness --kills 100``: the full run of kills at random moments."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.robustness.kills import run


def main() -> int:
    """Run and print what the kills came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.robustness", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        outcome = run(given.kills, Path(folder), given.seed, lambda text: print(text, file=sys.stderr))
    for (name, with_signal, left), count in sorted(outcome.counts.items()):
        print(f"{name:10} {with_signal:8} {left:8} {count}")
    print(f"{sum(outcome.counts.values())} kills: every file whole or recognisably partial")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The ``fleetbench`` program, and ``python -m fleetbench``."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command line and run it."""
    # While Python is still loading, a Ctrl-C just ends the process: there is nothing to tidy up or to tell yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fleetbench.cli.main import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()

"""The ``fleetbench`` program, and ``python -m fleetbench``."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def main() -> None:
    """Load the command line and run it."""
    # While Python is still loading, a Ctrl-C just ends the process: there is nothing to tidy up or to tell yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fleetbench.cli.main import main as run

    sys.unraisablehook = _heed_interrupts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _heed_interrupts(dropped: UnraisableHookArgs) -> None:
    """A Ctrl-C that came while Python ran a callback of its own (an import lock's), which drops it: deliver it again."""
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    import threading  # loaded already, or at once: only a Ctrl-C comes here

    threading.Timer(0.01, signal.raise_signal, (signal.SIGINT,)).start()


if __name__ == "__main__":
    main()

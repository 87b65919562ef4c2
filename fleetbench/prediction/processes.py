"""Worker processes that go when they are no longer wanted: after an interrupt, a failure, or their parent's death."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import InvalidStateError, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait as wait_for
from typing import Any


@contextmanager
def worker_pool(
    processes: int, start: Callable[..., None], given: tuple[Any, ...], context: Any = None
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes for the time of a ``with`` block.

    Whatever ends the block early also ends what the processes are at: a Ctrl-C does not wait for work that nobody
    will look at.

    Args:
        processes: how many.
        start: called once in each with ``given``.
        given: its arguments.
        context: how processes are started; None = as the platform does.
    """
    before, hook = set(multiprocessing.active_children()), threading.excepthook
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(start, given))
    try:
        yield pool
    except BaseException:
        # It logs each piece of work that is cancelled in the moment when a process takes it.
        logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL + 1)
        threading.excepthook = partial(_but_for_cancelled, hook)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        threading.excepthook = hook


def _but_for_cancelled(hook: Callable[[threading.ExceptHookArgs], object], args: threading.ExceptHookArgs) -> None:
    """Say nothing where the pool's own thread finds that work which it gives up was cancelled meanwhile."""
    if not issubclass(args.exc_type, InvalidStateError):
        hook(args)


def _begin(start: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in a terminal reaches all: the parent answers it
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    start(*given)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)

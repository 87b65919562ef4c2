"""Cells over an existing Dask cluster: ``dask scheduler`` on one machine, ``dask worker ADDRESS`` on many.

The scheduler gives the cells of a worker that went away to another one (three times each, unless it is configured
otherwise). The scenarios travel once, as the result of a task of their own: scattered data would be lost with the
worker that holds it, a task is run again.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import socket
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError
from typing import Any
from urllib.parse import urlsplit

from fleetbench import __version__
from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.model.scenario import Scenario
from fleetbench.sweep.cell import CellResult, run_cell
from fleetbench.sweep.grid import Cell

CONNECT_S = 10.0
WORKERS_S = 30.0
"""How long to wait for the first worker: clusters start them on demand."""


def run_on_cluster(
    address: str, scenarios: tuple[Scenario, ...], cells: Sequence[Cell], samples: int
) -> Generator[CellResult, None, None]:
    """Simulate cells; results come as they are done, in any order.

    Raises:
        EnvironmentLacks: Dask is not installed, no scheduler or worker answers, or they went away for good.
    """
    distributed = _dask()
    client = _connect(distributed, address)
    futures: list[Any] = []
    try:
        shared = client.submit(_keep, scenarios, pure=False)
        futures = [client.submit(run_cell, shared, cell, samples, __version__, pure=False) for cell in cells]
        for future in distributed.as_completed(futures, loop=client.loop):
            yield _result(distributed, future)
            future.release()
    finally:
        _leave(client, futures)


def _keep(scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
    return scenarios


def _dask() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise EnvironmentLacks(
            "--dask-scheduler needs Dask, which is not installed", "pip install 'fleetbench[dask]'"
        ) from None


def _connect(distributed: Any, address: str) -> Any:
    start = f"start one with `dask scheduler`, and workers with `dask worker {address} --nthreads 1 --nworkers auto`"
    _knock(address, start)
    for name in ("distributed.comm", "distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they report is raised here as one message
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise EnvironmentLacks(
            f"--dask-scheduler {address}: no scheduler answers: {_first_line(error)}", start
        ) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        client.close()
        raise EnvironmentLacks(f"--dask-scheduler {address}: it has had no worker for {WORKERS_S:g} s", start) from None
    return client


def _knock(address: str, start: str) -> None:
    """See that something answers: a Client that finds nobody takes half a minute to say so.

    Raises:
        InputError: it is no address.
        EnvironmentLacks: nobody answers.
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise InputError(f"--dask-scheduler: got {address!r}, wanted an address such as tcp://10.0.0.1:8786")
    if parts.scheme in ("tcp", "tls"):
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()
        except OSError as error:
            raise EnvironmentLacks(
                f"--dask-scheduler {address}: nobody answers: {error.strerror or error}", start
            ) from None


def _result(distributed: Any, future: Any) -> CellResult:
    try:
        result: CellResult = future.result()
    except ImportError as error:
        raise EnvironmentLacks(
            f"a Dask worker cannot run cells: {_first_line(error)}",
            f"install fleetbench {__version__} where the workers run",
        ) from None
    except distributed.scheduler.KilledWorker as error:
        raise EnvironmentLacks(
            f"workers keep dying of one cell: {_first_line(error)}",
            "most often memory: give the workers more, or fewer --samples",
        ) from None
    except (CancelledError, OSError) as error:
        raise EnvironmentLacks(
            f"the Dask scheduler went away: {_first_line(error)}", "start it again and repeat the command"
        ) from None
    return result


def _leave(client: Any, futures: list[Any]) -> None:
    """Take back what is not done; the cluster itself is somebody else's and stays."""
    with contextlib.suppress(Exception):  # the scheduler may be gone: there is nothing left to take back
        client.cancel([f for f in futures if not f.done()])
    client.close(timeout=5)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

"""A real Dask cluster on loopback, with a worker killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.sweep.cluster import run_on_cluster
from fleetbench.sweep.run import run_sweep

DASK = Path(sys.executable).parent / "dask"
START_S = 40.0


def wait_until(true, what):
    deadline = time.monotonic() + START_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {START_S} s"
        time.sleep(0.1)


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and its two workers' processes."""
    pytest.importorskip("distributed")
    file, log = tmp_path / "scheduler.json", (tmp_path / "dask.log").open("w")
    quiet = {"stdout": log, "stderr": subprocess.STDOUT, "cwd": tmp_path}
    scheduler = [
        str(DASK),
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    ]
    processes = [subprocess.Popen(scheduler, **quiet)]
    try:
        wait_until(file.exists, "the scheduler")
        address = json.loads(file.read_text())["address"]
        worker = [str(DASK), "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(10)
        log.close()


@pytest.mark.dask
def test_a_worker_killed_in_the_middle_costs_a_retry_and_no_number(cluster, grid, choice, tmp_path):
    address, workers = cluster
    run_sweep(grid, choice, 60, folder=tmp_path / "local", processes=1)

    def kill_one(done, total):
        if done == 1:
            os.kill(workers[0].pid, signal.SIGKILL)

    run_sweep(grid, choice, 60, folder=tmp_path / "dask", scheduler=address, progress=kill_one)
    assert workers[0].wait(10) == -signal.SIGKILL
    for name in ("sweep.json", "samples.parquet", "objects.parquet", "summary.json"):
        assert (tmp_path / "dask" / name).read_bytes() == (tmp_path / "local" / name).read_bytes(), name


def test_without_dask_it_is_said_what_to_install(grid, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EnvironmentLacks, match="not installed") as raised:
        list(run_on_cluster("tcp://127.0.0.1:8786", grid.scenarios, grid.cells, 1))
    assert "fleetbench[dask]" in raised.value.hint


def test_where_no_scheduler_answers_it_is_said_how_to_start_one(grid):
    pytest.importorskip("distributed")
    with pytest.raises(EnvironmentLacks, match="nobody answers") as raised:
        list(run_on_cluster("tcp://127.0.0.1:1", grid.scenarios, grid.cells, 1))
    assert "dask scheduler" in raised.value.hint


@pytest.mark.parametrize("address", ["nonsense", "tcp://host", "tcp://host:port"])
def test_what_is_no_address_is_bad_usage(address, grid):
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="wanted an address such as"):
        list(run_on_cluster(address, grid.scenarios, grid.cells, 1))

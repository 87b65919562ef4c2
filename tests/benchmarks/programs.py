"""Whole processes of the ``fleetbench`` program: start-up, reading, throughput, sweeps."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, "-m", "fleetbench")
REPOSITORY_SIZE = 200


def seconds(arguments: Sequence[str], times: int = 1) -> dict[str, float]:
    """A command's wall time, fastest and median of several runs, and the least processor time it took.

    Raises:
        RuntimeError: the command failed (1 = findings of severity error is an answer).
    """
    took, cpu = [], []
    for _ in range(times):
        started, before = time.perf_counter(), _children_s()
        done = subprocess.run([*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        took.append(time.perf_counter() - started)
        cpu.append(_children_s() - before)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"fleetbench {' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}")
    return {"fastest_s": min(took), "median_s": sorted(took)[len(took) // 2], "cpu_s": min(cpu)}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_up(times: int) -> dict[str, dict[str, float]]:
    """The commands that people wait for."""
    commands = {
        "--help": ["--help"],
        "graph (reference fleet)": ["graph"],
        "simulate --samples 1": ["simulate", "--samples", "1"],
        "simulate (50 samples, both)": ["simulate"],
    }
    return {name: seconds(arguments, times) for name, arguments in commands.items()}


def reading(times: int) -> dict[str, float]:
    """A generated repository of 200 Kustomizations."""
    with tempfile.TemporaryDirectory() as folder:
        write_repository(Path(folder), REPOSITORY_SIZE)
        return seconds(["graph", "--repo", folder, "--cluster-path", "clusters/main", "--format", "json"], times)


def throughput(samples: int) -> dict[str, float]:
    """Both strategies of the reference fleet, start-up included."""
    return seconds(["simulate", "--samples", str(samples), "--format", "json"])


def sweep(cells: int, samples: int) -> dict[str, Any]:
    """A sweep over one and over two Dask workers on loopback."""
    found: dict[str, Any] = {"cells": cells, "samples": samples}
    axes = [
        "--kustomize-concurrent",
        ",".join(str(n + 1) for n in range(cells // 10)),
        "--cpus",
        "1,2,3,4,5,6,7,8,9,10",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            with _Cluster(Path(folder), workers) as address:
                out = Path(folder) / f"out{workers}"
                arguments = ["sweep", *axes, "--samples", str(samples), "--dask-scheduler", address, "-o", str(out)]
                found[f"workers_{workers}_s"] = seconds(arguments)["fastest_s"]
        files = ("samples.parquet", "objects.parquet", "summary.json")
        found["same_bytes"] = all(
            (Path(folder) / "out1" / f).read_bytes() == (Path(folder) / "out2" / f).read_bytes() for f in files
        )
    found["speed_up"] = found["workers_1_s"] / found["workers_2_s"]
    return found


class _Cluster:
    """``dask scheduler`` and ``dask worker`` of this installation, on loopback."""

    def __init__(self, folder: Path, workers: int):
        self.folder, self.workers = folder, workers
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> str:
        file = self.folder / f"scheduler{self.workers}.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + 60
        while not file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the Dask scheduler did not start within a minute")
            time.sleep(0.1)
        address = str(json.loads(file.read_text())["address"])
        for _ in range(self.workers):
            self._start("worker", address, "--nthreads", "1", "--no-nanny")
        time.sleep(8)  # until they are connected; start-up of the workers is not what is measured
        return address

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _start(self, *arguments: str) -> None:
        command = [str(Path(sys.executable).parent / "dask"), *arguments, "--no-dashboard"]
        self._processes.append(
            subprocess.Popen(
                command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
            )
        )


def write_repository(folder: Path, size: int) -> None:
    """A Flux repository: each Kustomization builds a Deployment and a Service, and depends on the one before in its ten."""
    cluster = folder / "clusters" / "main"
    cluster.mkdir(parents=True)
    for n in range(size):
        name = f"app-{n:03d}"
        depends_on = f"  dependsOn:\n    - name: app-{n - 1:03d}\n" if n % 10 else ""
        (cluster / f"{name}.yaml").write_text(_KUSTOMIZATION.format(name=name, depends_on=depends_on))
        app = folder / "apps" / name
        app.mkdir(parents=True)
        (app / "kustomization.yaml").write_text("resources:\n  - deployment.yaml\n  - service.yaml\n")
        (app / "deployment.yaml").write_text(_DEPLOYMENT.format(name=name))
        (app / "service.yaml").write_text(_SERVICE.format(name=name))


_KUSTOMIZATION = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
{depends_on}  interval: 10m
  path: ./apps/{name}
  prune: true
  wait: true
  sourceRef:
    kind: GitRepository
    name: flux-system
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: default
spec:
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: main
          image: docker.io/library/nginx:1.27
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: default
spec:
  selector:
    app: {name}
  ports:
    - port: 80
"""

"""Memory and CPU of the Flux controllers while a run goes on, from each kubelet's ``/stats/summary``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fleetbench.measure.controllers import NAMESPACE
from fleetbench.measure.protocols import Clock, Disconnected, Forbidden, Manifest, NotServed

EVERY_S = 5.0
"""How often it is asked; the kubelet's own figures are about 10 s apart."""
MADE_BY = "kubelet /stats/summary: workingSetBytes, usageCoreNanoSeconds"


class StatsApi(Protocol):
    """What the sampling asks of the cluster."""

    def nodes(self) -> Sequence[Manifest]:
        """All nodes."""
        ...

    def stats_summary(self, node: str) -> Manifest:
        """A kubelet's summary."""
        ...


@dataclass(slots=True)
class Usage:
    """One controller, over the run."""

    peak_memory_bytes: int = 0
    first_cpu_ns: int | None = None
    last_cpu_ns: int = 0
    samples: int = 0

    def add(self, memory_bytes: int, cpu_ns: int) -> None:
        """Count one sample; a counter that went back is a restarted container."""
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_bytes)
        if self.first_cpu_ns is None or cpu_ns < self.last_cpu_ns:
            self.first_cpu_ns = cpu_ns
        self.last_cpu_ns = cpu_ns
        self.samples += 1

    def to_json(self) -> dict[str, Any]:
        """As ``meta.json`` holds it."""
        return {
            "peak_memory_mib": round(self.peak_memory_bytes / 2**20, 1),
            "cpu_s": round((self.last_cpu_ns - (self.first_cpu_ns or 0)) / 1e9, 2),
            "samples": self.samples,
        }


def controllers_in(summary: Manifest) -> Iterator[tuple[str, int, int]]:
    """(controller, memory in bytes, CPU in nanoseconds) of every Flux container in a kubelet's summary."""
    for pod in summary.get("pods") or []:
        reference = pod.get("podRef") or {}
        name = reference.get("name", "").rsplit("-", 2)[0]
        if reference.get("namespace") != NAMESPACE or not name.endswith("-controller"):
            continue
        for container in pod.get("containers") or []:
            memory = (container.get("memory") or {}).get("workingSetBytes")
            cpu = (container.get("cpu") or {}).get("usageCoreNanoSeconds")
            if memory is not None:
                yield name, int(memory), int(cpu or 0)


class UsageSampler:
    """Samples in a thread for the time of a ``with`` block."""

    def __init__(self, api: StatsApi, clock: Clock):
        self._api, self._clock = api, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self.found: dict[str, Usage] = {}
        self.lacks: str | None = None
        """Why there are no figures; None = there are, or will be."""

    def __enter__(self) -> UsageSampler:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(2 * EVERY_S)

    def sample(self) -> None:
        """Ask every kubelet once."""
        for node in self._api.nodes():
            for name, memory, cpu in controllers_in(self._api.stats_summary(node["metadata"]["name"])):
                self.found.setdefault(name, Usage()).add(memory, cpu)

    def to_json(self) -> dict[str, Any]:
        """As ``meta.json`` holds it."""
        if not self.found:
            return {"lacks": self.lacks or "no sample was taken"}
        found: Mapping[str, Usage] = dict(self.found)
        total = sum(u.peak_memory_bytes for u in found.values())
        return {
            "made_by": MADE_BY,
            "controllers": {name: found[name].to_json() for name in sorted(found)},
            "peak_memory_sum_mib": round(total / 2**20, 1),
        }

    def _run(self) -> None:
        while True:
            try:
                self.sample()
            except Forbidden as error:
                self.lacks = (
                    f"no permission to {error}: `fleetbench measure --print-rbac` prints the rule, commented out"
                )
                return
            except NotServed as error:
                self.lacks = str(error)
                return
            except Disconnected as error:
                self.lacks = str(error)
            if self._stop.wait(EVERY_S):
                return

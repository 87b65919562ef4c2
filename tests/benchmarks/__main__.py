"""Run the benchmarks, print a table and write JSON: ``python -m tests.benchmarks [--quick] [--json FILE] [PART ...]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import programs
from tests.benchmarks.fleets import SHAPES

RATIO = {"bare": "ratio", "bare_as_many_waits": "ratio_as_many_waits"}
LIMIT_S = 150.0
"""Of one process that simulates one sample; beyond it the row says so."""
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none = all")
    parser.add_argument("--quick", action="store_true", help="small sizes and few repeats: a minute, for a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"got {', '.join(sorted(unknown))}, wanted parts of {', '.join(PARTS)}")
    found: dict[str, Any] = {"machine": machine()}
    print(f"{found['machine']['processor']}, {found['machine']['processors']} processors, load {found['machine']['load']}, "
          f"Python {found['machine']['python']}, SimPy {found['machine']['simpy']}")  # fmt: skip
    for name in given.parts or PARTS:
        print(f"\n{name}", flush=True)
        found[name] = PARTS[name](given.quick)
    found["machine"]["load_after"] = _load()
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    from importlib.metadata import version

    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return {
        "processor": names[0] if names else platform.processor(),
        "processors": os.cpu_count(),
        "load": _load(),
        "python": platform.python_version(),
        "simpy": version("simpy"),
        "system": platform.system(),
    }


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def engine(quick: bool) -> dict[str, Any]:
    """The engine against bare SimPy loops of as many events."""
    found = {}
    row("fleet", "events", "engine", "bare SimPy", "ratio", "as many waits", "ratio")
    for fleet in ("reference", "random-1000"):
        f = found[fleet] = child("overhead", fleet)
        bare = [t for loop in ("bare", "bare_as_many_waits") for t in (ms(f[f"{loop}_s"]), f"{f[RATIO[loop]]:.2f}")]
        row(fleet, f["events"], ms(f["engine_s"]), *bare)
    return found


def growth(quick: bool) -> list[dict[str, Any]]:
    """Seconds and memory of one sample: shapes, sizes, workers."""
    found = []
    row("shape", "size", "workers", "a sample", "events", "compile", "peak MB", "rollout")
    for shape in SHAPES:
        for workers in (4, 20, 100):
            for size in (100, 1000) if quick else (100, 1000, 10_000):
                f = child("sample", shape, str(size), str(workers))
                found.append({"shape": shape, "size": size, "workers": workers, **f})
                if "over_s" in f:
                    row(shape, size, workers, f"over {f['over_s']:g} s")
                    continue
                rollout = f"{f['total_s']:.0f} s" + ("" if f["complete"] else " (incomplete)")
                row(
                    shape,
                    size,
                    workers,
                    ms(f["sample_s"]),
                    f["events"],
                    ms(f["compile_s"]),
                    f"{f['peak_mb']:.0f}",
                    rollout,
                )
    return found


def memory(quick: bool) -> dict[str, Any]:
    """A prediction of many samples, reduced as they come."""
    size, samples = (1000, 200) if quick else (10_000, 1000)
    f = child("reduction", str(size), str(samples))
    row("objects", "samples", "one sample", "all predicted", "with quantiles")
    row(size, samples, *(f"{f[k]:.0f} MB" for k in ("one_sample_mb", "predicted_mb", "peak_mb")))
    return {"objects": size, "samples": samples, **f}


def start_up(quick: bool) -> dict[str, Any]:
    """Commands as whole processes."""
    found = programs.start_up(3 if quick else 9)
    found["graph (200 Kustomizations)"] = programs.reading(1 if quick else 3)
    row("command", "fastest", "median", "CPU")
    for name, f in found.items():
        row(name, ms(f["fastest_s"]), ms(f["median_s"]), ms(f["cpu_s"]))
    return found


def throughput(quick: bool) -> dict[str, Any]:
    """Samples of both strategies of the reference fleet, start-up included."""
    samples = 500 if quick else 10_000
    f = programs.throughput(samples)
    row("samples", "both strategies", "CPU")
    row(samples, f"{f['fastest_s']:.1f} s", f"{f['cpu_s']:.1f} s")
    return {"samples": samples, **f}


def sweep(quick: bool) -> dict[str, Any]:
    """A sweep of default samples on one and two Dask workers."""
    f = programs.sweep(20 if quick else 200, 50)
    row("cells", "1 worker", "2 workers", "speed-up", "same bytes")
    row(f["cells"], f"{f['workers_1_s']:.1f} s", f"{f['workers_2_s']:.1f} s", f"{f['speed_up']:.2f}", f["same_bytes"])
    return f


def child(*arguments: str) -> dict[str, Any]:
    """A measurement in a process of its own; ``over_s`` where it took too long."""
    command = [sys.executable, "-m", "tests.benchmarks.child", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return {"over_s": LIMIT_S}
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(*cells: object) -> None:
    """One line of a table."""
    print("  ".join(str(cell).ljust(28) if n == 0 else str(cell).rjust(14) for n, cell in enumerate(cells)), flush=True)


def ms(seconds: float) -> str:
    """Seconds for people."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


PARTS: dict[str, Callable[[bool], Any]] = {
    "engine": engine,
    "growth": growth,
    "memory": memory,
    "start_up": start_up,
    "throughput": throughput,
    "sweep": sweep,
}

if __name__ == "__main__":
    main()

"""A sweep's folder: one Parquet file a cell as it is done, and all of them as one sorted file at the end.

- ``sweep.json``: the grid, and hashes of all that the results depend on; no time, no machine.
- ``cells/N.parquet``: one row a sample of cell N. ``objects/N.parquet``: one row a service, written before the other,
  so that a cell with its file in ``cells`` is done.
- ``samples.parquet``, ``objects.parquet``: the same rows of all cells in order: byte for byte the same file however
  many workers, kills and resumptions it took. ``summary.json``: what the command prints.

Files appear whole or not at all. Format history: 1: first version.
"""

from __future__ import annotations

import json
import math
import shutil
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetbench import __version__
from fleetbench.errors import InputError, unwritable
from fleetbench.model.assemble import Choice
from fleetbench.prediction.predict import QUANTILES
from fleetbench.sweep.cell import CellResult
from fleetbench.sweep.fingerprint import fingerprints
from fleetbench.sweep.grid import Cell, Grid
from fleetbench.whole_files import replacing

if TYPE_CHECKING:
    import pyarrow

MANIFEST, SUMMARY = "sweep.json", "summary.json"
CELLS, OBJECTS = "cells", "objects"
SAMPLES_FILE, OBJECTS_FILE = "samples.parquet", "objects.parquet"
FORMAT_VERSION = 1


def manifest(grid: Grid, choice: Choice, samples: int) -> dict[str, Any]:
    """What the folder is for: equal manifests mean equal results."""
    return {
        "format_version": FORMAT_VERSION,
        "kind": "sweep",
        "fleetbench": __version__,
        "fleet": grid.scenarios[0].fleet.name,
        "scenario": choice.kind,
        "seed": choice.seed,
        "samples": samples,
        "axes": {name: list(values) for name, values in grid.axes.items()},
        "depends_on": fingerprints(grid),
    }


class Store:
    """A sweep's folder, open for writing.

    Raises:
        InputError: it holds something else, or another sweep (and not ``force``), or cannot be written.
    """

    def __init__(self, folder: Path, grid: Grid, document: Mapping[str, Any], force: bool = False):
        self.folder, self.grid = folder, grid
        self.samples = int(document["samples"])
        try:
            self._open(dict(document), force)
        except OSError as error:
            raise unwritable(folder, error.strerror) from error

    def _open(self, document: dict[str, Any], force: bool) -> None:
        folder = self.folder
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: got a file, wanted a folder", "name a folder")
        held = _read_manifest(folder / MANIFEST)
        if held is None and folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
            raise InputError(f"{folder}: holds something else than a sweep", "name another folder")
        if held != document and (folder / MANIFEST).exists():
            if not force:
                raise InputError(
                    f"{folder}: holds another sweep: {_differences(held, document)}",
                    "name another folder, or say --force to throw its results away",
                )
            for name in (MANIFEST, SUMMARY, SAMPLES_FILE, OBJECTS_FILE):  # the manifest first: the rest is void without
                (folder / name).unlink(missing_ok=True)
            for name in (CELLS, OBJECTS):
                shutil.rmtree(folder / name, ignore_errors=True)
        for name in (CELLS, OBJECTS):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if held != document:
            self.write_text(MANIFEST, json.dumps(document, indent=1) + "\n")

    def done(self) -> set[int]:
        """Numbers of the cells that need not be simulated again; a damaged file does not count."""
        return {cell.number for cell in self.grid.cells if self._is_whole(cell.number)}

    def put(self, result: CellResult) -> None:
        """Keep a cell's results.

        Raises:
            InputError: they cannot be written.
        """
        cell = self.grid.cells[result.number]
        self._write_table(self._part(OBJECTS, cell.number), self._objects_table(cell, result))
        self._write_table(self._part(CELLS, cell.number), self._samples_table(cell, result))

    def result(self, number: int) -> CellResult:
        """A cell's samples, read back; its services are left on disk."""
        import pyarrow.parquet as pq

        table = pq.read_table(self._part(CELLS, number), columns=["total_s", "not_ready"])
        totals, not_ready = (table.column(name).to_pylist() for name in ("total_s", "not_ready"))
        return CellResult(number, array("d", [math.inf if t is None else t for t in totals]), array("i", not_ready))

    def combine(self) -> None:
        """Write all cells' rows, in order, as one file of samples and one of services."""
        import pyarrow.parquet as pq

        for parts, target in ((CELLS, SAMPLES_FILE), (OBJECTS, OBJECTS_FILE)):
            with replacing(self.folder / target) as temporary:
                first = pq.read_schema(self._part(parts, 0))
                with pq.ParquetWriter(temporary, first, compression="zstd") as writer:
                    for cell in self.grid.cells:
                        writer.write_table(pq.read_table(self._part(parts, cell.number)))
        for stray in (
            p for folder in (self.folder, self.folder / CELLS, self.folder / OBJECTS) for p in folder.glob(".*.part")
        ):
            stray.unlink(missing_ok=True)  # of a process that was killed while it wrote

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the folder."""
        with replacing(self.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _part(self, kind: str, number: int) -> Path:
        return self.folder / kind / f"{number:05d}.parquet"

    def _is_whole(self, number: int) -> bool:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            pq.read_metadata(self._part(OBJECTS, number))
            return bool(pq.read_metadata(self._part(CELLS, number)).num_rows == self.samples)
        except (OSError, pa.ArrowException):
            return False

    def _write_table(self, path: Path, table: pyarrow.Table) -> None:
        import pyarrow.parquet as pq

        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def _axes(self, cell: Cell, rows: int) -> dict[str, Any]:
        import pyarrow as pa

        types = {bool: pa.bool_(), int: pa.int32(), float: pa.float64(), str: pa.string()}
        columns = {"cell": pa.array([cell.number] * rows, pa.int32())}
        for name, value in zip(self.grid.axes, cell.values, strict=True):
            columns[name] = pa.array([value] * rows, types[type(value)])
        return columns

    def _samples_table(self, cell: Cell, result: CellResult) -> pyarrow.Table:
        import pyarrow as pa

        rows = len(result.totals)
        columns = self._axes(cell, rows)
        columns["sample"] = pa.array(range(rows), pa.int32())
        columns["total_s"] = pa.array([None if math.isinf(t) else t for t in result.totals], pa.float64())
        columns["not_ready"] = pa.array(result.not_ready, pa.int32())
        return pa.table(columns)

    def _objects_table(self, cell: Cell, result: CellResult) -> pyarrow.Table:
        import pyarrow as pa

        services = result.services
        columns = self._axes(cell, len(services))
        columns["kind"] = pa.array([s.id.kind for s in services], pa.string())
        columns["id"] = pa.array([s.id.key for s in services], pa.string())
        for n, q in enumerate(QUANTILES):
            columns[f"ready_s_p{round(q * 100)}"] = pa.array([s.quantiles[n] for s in services], pa.float64())
        columns["ready_fraction"] = pa.array([s.ready_fraction for s in services], pa.float64())
        return pa.table(columns)


def _read_manifest(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


_CHANGED = {"fleet": "the fleet has changed", "model": "options, durations or profile have changed"}


def _differences(held: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> str:
    """What differs, in the user's own terms where it can be said in them; the hashes follow from those."""
    if held is None:
        return f"{MANIFEST} cannot be read"
    found = [
        f"{name}: has {held.get(name)}, now {wanted[name]}"
        for name in wanted
        if name not in ("axes", "depends_on") and held.get(name) != wanted[name]
    ]
    old, new = held.get("axes") or {}, wanted["axes"]
    for axis in dict.fromkeys([*old, *new]):
        if old.get(axis) != new.get(axis):
            found.append(f"{axis}: has {old.get(axis)}, now {new.get(axis)}")
    if not found:
        hashes = held.get("depends_on") or {}
        found = [_CHANGED[name] for name, value in wanted["depends_on"].items() if hashes.get(name) != value][:1]
    return "; ".join(found)

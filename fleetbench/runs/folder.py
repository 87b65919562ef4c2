"""Run folders: written whole by way of a temporary folder beside them, never over one another."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetbench import __version__
from fleetbench.errors import InputError, unwritable

META, GRAPH, PREDICTION, READY, REPORT = "meta.json", "graph.json", "prediction.json", "ready.csv", "report.md"
TRACE, TOTALS = "trace.jsonl", "totals.csv"
_TIMELINES = "timeline-{}.jsonl"
FORMAT_VERSION = 1
ANOTHER = "name a folder of your own with -o"


def timeline_file(strategy: str) -> str:
    """Where a prediction's run folder keeps the events of a strategy's median sample."""
    return _TIMELINES.format(strategy)


def files_of_run(folder: Path) -> list[Path]:
    """The files of the run that a folder holds, measured or predicted, the meta file first; others are not ours."""
    found = [folder / name for name in (META, GRAPH, PREDICTION, TRACE, READY, REPORT) if (folder / name).exists()]
    beside = [folder / TOTALS, *sorted(folder.glob(_TIMELINES.format("*")))] if found else []
    return found + [path for path in beside if path.is_file()]


def default_folder(fleet: str, strategy: str) -> Path:
    """``results/<time>-<fleet>-<strategy>``, whatever the fleet is called (a kubeconfig context may be an ARN)."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in fleet)[:60]
    return Path("results") / f"{stamp}-{safe}-{strategy}"


def folder_for(output: Path | None, save: bool, fleet: str, strategy: str, force: bool) -> Path | None:
    """The run folder to write, checked before any work is done; None = none is wanted.

    Raises:
        InputError: it holds a run already (and not ``force``), or cannot be a folder.
    """
    if output is None and not save:
        return None
    if output is None:
        output = default_folder(fleet, strategy)
    check_folder(output, force)
    return output


def check_folder(folder: Path, force: bool) -> None:
    """Make sure, before anything is started, that a run folder can be written; nothing is made.

    Raises:
        InputError: it holds a run already (and not ``force``), or is no folder that can be written.
    """
    if not force:
        require_no_run(folder)
    there = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not there.is_dir():
        raise unwritable(folder, f"{there} is no folder", ANOTHER)
    if not os.access(there, os.W_OK | os.X_OK):
        raise unwritable(folder, os.strerror(errno.EACCES), ANOTHER)


def require_no_run(folder: Path) -> None:
    """Refuse to write into a folder that holds a run, or what is left of one.

    Raises:
        InputError: it does.
    """
    held = files_of_run(folder)
    if held:
        raise InputError(
            f"{folder}: holds a run already ({', '.join(path.name for path in held)})",
            "name another folder with -o, or give --force",
        )


def write_folder(folder: Path, files: Mapping[str, str], force: bool = False) -> None:
    """Write files into a run folder, all or none.

    A folder that holds other files gets them one by one, the meta file last: without it the folder is a cut run. Of a
    run that is written over nothing stays.

    Args:
        folder: the run folder.
        files: name -> text.
        force: write over the run that it holds.

    Raises:
        InputError: the folder cannot be written, or another run was written into it meanwhile.
    """
    temporary: str | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(prefix=f".{folder.name[:60]}.", dir=folder.parent)
        for name, text in files.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o777 & ~umask)
        try:
            os.rename(temporary, folder)  # whole at once where the folder is new or empty
        except OSError:
            _fill(folder, Path(temporary), files, force)
    except OSError as error:
        raise unwritable(folder, error.strerror) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder: Path, temporary: Path, files: Mapping[str, str], force: bool) -> None:
    if not force:
        require_no_run(folder)
    folder.mkdir(exist_ok=True)
    for path in files_of_run(folder):
        path.unlink()
    for name in sorted(files, key=lambda n: n == META):
        os.replace(temporary / name, folder / name)


def meta(kind: str, fleet: str, **more: Any) -> dict[str, Any]:
    """What every run folder's ``meta.json`` says."""
    return {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "fleetbench": __version__,
        "fleet": fleet,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }


def as_json(document: Any) -> str:
    """JSON as run folders hold it."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"

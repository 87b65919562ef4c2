"""Writes a run folder while the run goes on: each event on disk before the next one is looked at."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from fleetbench.errors import EnvironmentLacks, FleetbenchError, InputError, unwritable
from fleetbench.graph.commit import Commit
from fleetbench.graph.document import to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.runs.files import end_line, event_line, header_line
from fleetbench.runs.folder import ANOTHER, GRAPH, META, TRACE, as_json, files_of_run, require_no_run
from fleetbench.timeline.events import Event
from fleetbench.units import counted
from fleetbench.whole_files import replacing


def open_folder(folder: Path, force: bool) -> Path:
    """Make a run folder; with ``force`` the files of the run that it holds are removed.

    Raises:
        InputError: it holds a run already, or is no folder that can be written.
    """
    if not force:
        require_no_run(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in files_of_run(folder):
            path.unlink()
    except OSError as error:
        raise unwritable(folder, error.strerror, ANOTHER) from error
    return folder


class Recorder:
    """Appends to a run folder's trace; a context manager.

    Killed at any moment, it loses at most the line being written; what is there can be read. The arguments behind the
    folder are those of :func:`fleetbench.runs.files.header_line`.
    """

    def __init__(
        self,
        folder: Path,
        fleet: Fleet,
        flags: Mapping[str, Any],
        meta: Mapping[str, Any],
        limit_s: float | None,
        changes: Commit | None = None,
    ):
        self.folder = folder
        self._events = 0
        self._full = False
        self.write_json(META, meta)
        self.write_json(GRAPH, to_document(fleet))
        try:
            self._file: TextIO = (folder / TRACE).open("w", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error
        self._line(header_line(fleet, flags, meta, limit_s, changes))

    def event(self, event: Event, api_time: str | None = None) -> None:
        """Append one event."""
        self._line(event_line(event, api_time))
        self._events += 1

    def note(self, note: Mapping[str, Any]) -> None:
        """Append a note: anything beside the events."""
        self._line(json.dumps({"note": dict(note)}, ensure_ascii=False))

    def end(self, until_s: float, complete: bool) -> None:
        """Append the line that makes the trace whole."""
        self._line(end_line(until_s, complete))

    def write_json(self, name: str, document: Any) -> None:
        """Write one of the folder's other files as JSON."""
        self.write_text(name, as_json(document))

    def write_text(self, name: str, text: str) -> None:
        """Write one of the folder's other files, whole or not at all."""
        try:
            with replacing(self.folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except InputError as error:
            if isinstance(error.__cause__, OSError):
                raise self._failed(error.__cause__) from error
            raise

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            if not self._full:
                raise self._failed(error) from error

    def _line(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> FleetbenchError:
        self._full = True
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return EnvironmentLacks(
                f"{self.folder}: no space left; {counted(self._events, 'event')} recorded and readable",
                "make room, or name a folder on another disk with -o",
            )
        return unwritable(self.folder, error.strerror)

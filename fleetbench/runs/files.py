"""Trace files and run folders: written as things happen, read as far as they go.

``trace.jsonl``: line 1 a header ``{"format_version": 1, "meta": {...}, "graph": <graph document>, "flags": {...},
"limit_s": ...}``; then one event a line (the fields of :class:`~fleetbench.timeline.events.Event`); notes
``{"note": {...}}`` between them (``{"note": {"commit": ...}}`` marks a new revision); last ``{"end": {"until_s":
..., "complete": ...}}``. A file without an end, or with a torn last line, is a cut trace.

Format history:
    1: first version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError
from fleetbench.graph.document import from_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.runs import fields
from fleetbench.runs.folder import META
from fleetbench.runs.run import Commit, Run
from fleetbench.runs.spec import is_spec_trace, read_spec_trace
from fleetbench.timeline.events import Event, Timeline

FORMAT_VERSION = 1
TRACE = "trace.jsonl"
SUFFIXES = (".json", ".json.gz", ".jsonl")


def header_line(fleet: Fleet, flags: Mapping[str, Any], meta: Mapping[str, Any], limit_s: float | None) -> str:
    """The first line of a trace."""
    return json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "meta": dict(meta),
            "flags": dict(flags),
            "limit_s": limit_s,
            "graph": to_document(fleet),
        },
        sort_keys=True,
    )


def event_line(event: Event, api_time: str | None = None) -> str:
    """One event as a line; fields at their default are left out.

    Args:
        event: the event.
        api_time: the API's own stamp of it (RFC 3339, whole seconds), kept beside the clock of the observer.
    """
    given: dict[str, Any] = {"t_s": round(event.t_s, 6), "object": str(event.object)}
    for name, value in zip(event._fields[2:], event[2:], strict=True):
        if value != Event._field_defaults[name]:
            given[name] = value
    if api_time is not None:
        given["api_time"] = api_time
    return json.dumps(given, ensure_ascii=False)


def end_line(until_s: float, complete: bool) -> str:
    """The last line of a whole trace."""
    return json.dumps({"end": {"until_s": round(until_s, 6), "complete": complete}})


def find_runs(paths: list[Path]) -> list[Path]:
    """RUN arguments -> run folders and trace files, in order; a folder of runs is searched one level down.

    Raises:
        InputError: a path that does not exist, or a folder that holds no run.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such run", "name a run folder, a trace file or a folder of them")
        if path.is_file() or _is_run(path):
            found.append(path)
            continue
        inside = sorted(
            p
            for p in path.iterdir()
            if (p.is_file() and p.name.endswith(SUFFIXES) and p.name != "graph.json") or (p.is_dir() and _is_run(p))
        )
        if not inside:
            raise InputError(f"{path}: holds no run", "a run folder holds trace.jsonl or prediction.json")
        found += inside
    return found


def _is_run(folder: Path) -> bool:
    return (folder / TRACE).exists() or (folder / META).exists()


def read_run(path: Path) -> Run:
    """Read a run folder's trace or a trace file.

    Raises:
        InputError: not a trace, or one of a format that this release does not read.
    """
    file = path / TRACE if path.is_dir() else path
    if not file.exists():
        raise InputError(
            f"{path}: holds no {TRACE}", "only measured runs have one; `fleetbench report` reads predictions"
        )
    name = path.name if path.is_dir() else file.name.removesuffix(".gz").rsplit(".", 1)[0]
    text = fields.read_text(file, "a trace")
    if file.name.endswith(".jsonl"):
        return _read_lines(text, name, str(file))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError.at(
            file, getattr(error, "lineno", None), None, got=str(error)[:120], wanted="a trace (JSON)"
        ) from None
    if not is_spec_trace(document):
        raise InputError.at(file, None, None, got="JSON of another kind", wanted="a trace with spec and trace")
    return read_spec_trace(document, name, str(file))


def _read_lines(text: str, name: str, file: str) -> Run:
    lines = text.split("\n")
    try:
        header = json.loads(lines[0])
        version = header["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError.at(
            file, 1, None, got=lines[0][:60] or "an empty file", wanted="a trace's header line"
        ) from None
    if version != FORMAT_VERSION:
        raise InputError.at(
            file,
            1,
            "format_version",
            got=version,
            wanted=str(FORMAT_VERSION),
            hint="read it with the release that wrote it",
        )
    fleet = from_document(header.get("graph"), file)
    rows = _Rows(lines, file)
    events = sorted(rows.events, key=lambda e: e.t_s)
    until_s, complete = rows.end or (events[-1].t_s if events else 0.0, False)
    try:
        flags, limit_s = fields.flags(header.get("flags")), _seconds(header.get("limit_s"))
        meta = {**(header.get("meta") or {}), "notes": rows.notes}
    except (ValueError, TypeError) as error:
        raise InputError.at(file, 1, None, got=str(error), wanted="a trace's header line") from None
    return Run(
        name=name,
        fleet=fleet,
        timeline=Timeline(tuple(events), until_s=until_s, complete=complete),
        flags=flags,
        limit_s=limit_s,
        commit=rows.commit,
        meta=meta,
        cut=None if rows.end else "the recording was cut short" + (f" in line {rows.torn}" if rows.torn else ""),
    )


class _Rows:
    """The lines behind the header; only the last one may be torn, by a write that was cut short."""

    def __init__(self, lines: list[str], file: str):
        self.events: list[Event] = []
        self.notes: list[dict[str, Any]] = []
        self.commit: Commit | None = None
        self.end: tuple[float, bool] | None = None
        """Until when it was watched, and whether all was Ready by then; None = cut."""
        self.torn: int | None = None
        for number, line in enumerate(lines[1:], start=2):
            if not line:
                continue
            if self.torn is not None:
                raise InputError.at(
                    file, self.torn, None, got=lines[self.torn - 1][:60], wanted="one JSON object a line"
                )
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self.torn = number

    def _read(self, row: dict[str, Any]) -> None:
        if "end" in row:
            self.end = fields.seconds(row["end"]["until_s"]), bool(row["end"].get("complete"))
        elif "note" in row:
            if self.commit is None and "commit" in row["note"]:
                self.commit = _commit(row["note"]["commit"])
            self.notes.append(dict(row["note"]))
        else:
            self.events.append(fields.event(row))


def _commit(note: dict[str, Any]) -> Commit:
    return Commit(
        t_s=fields.seconds(note["t_s"]),
        revision=fields.text(note["revision"]),
        touched=tuple(fields.object_id(t) for t in note.get("touched", ())),
        source_s=_seconds(note.get("source_s")),
    )


def _seconds(value: Any) -> float | None:
    return None if value is None else fields.seconds(value)

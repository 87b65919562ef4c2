"""Trace files and run folders: written as things happen, read as far as they go.

``trace.jsonl``: line 1 a header ``{"format_version": 1, "meta": {...}, "graph": <graph document>, "flags": {...},
"limit_s": ...}``; then one event a line (the fields of :class:`~fleetbench.timeline.events.Event`); notes
``{"note": {...}}`` between them (``{"note": {"commit": ...}}`` marks a new revision); last ``{"end": {"until_s":
..., "complete": ...}}``. A file without an end, or with a torn last line, is a cut trace.

Format history:
    1: first version.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError
from fleetbench.graph.document import from_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import ObjectId, parse_object
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
        if path.is_file() or (path / TRACE).exists() or (path / "meta.json").exists():
            found.append(path)
            continue
        inside = sorted(
            p
            for p in path.iterdir()
            if (p.is_file() and p.name.endswith(SUFFIXES) and p.name != "graph.json")
            or (p.is_dir() and ((p / TRACE).exists() or (p / "meta.json").exists()))
        )
        if not inside:
            raise InputError(f"{path}: holds no run", "a run folder holds trace.jsonl or prediction.json")
        found += inside
    return found


def read_run(path: Path) -> Run:
    """Read a run folder's trace or a trace file.

    Raises:
        InputError: not a trace, or one of a format that this release does not read.
    """
    file = path / TRACE if path.is_dir() else path
    if not file.exists():
        raise InputError(f"{path}: holds no {TRACE}", "only measured runs have one; `fleetbench report` reads predictions")
    name = path.name if path.is_dir() else file.name.removesuffix(".gz").rsplit(".", 1)[0]
    try:
        opener = gzip.open if file.name.endswith(".gz") else open
        with opener(file, "rt", encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError.at(file, None, None, got=str(error), wanted="a trace") from None
    if file.name.endswith(".jsonl"):
        return _read_lines(text, name, str(file))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError.at(file, getattr(error, "lineno", None), None, got=str(error)[:120], wanted="a trace (JSON)") from None
    if not is_spec_trace(document):
        raise InputError.at(file, None, None, got="JSON of another kind", wanted="a trace with spec and trace")
    return read_spec_trace(document, name, str(file))


def _read_lines(text: str, name: str, file: str) -> Run:
    lines = text.split("\n")
    try:
        header = json.loads(lines[0])
        version = header["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError.at(file, 1, None, got=lines[0][:60] or "an empty file", wanted="a trace's header line") from None
    if version != FORMAT_VERSION:
        raise InputError.at(
            file, 1, "format_version", got=version, wanted=str(FORMAT_VERSION), hint="read it with the release that wrote it"
        )
    fleet = from_document(header.get("graph"), file)
    events: list[Event] = []
    notes: list[dict[str, Any]] = []
    end: dict[str, Any] | None = None
    torn: int | None = None
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if torn is not None:
            raise InputError.at(file, torn, None, got=lines[torn - 1][:60], wanted="one JSON object a line")
        try:
            row = json.loads(line)
            if "end" in row:
                end = row["end"]
            elif "note" in row:
                notes.append(row["note"])
            else:
                events.append(_event(row))
        except (ValueError, KeyError, TypeError, RecursionError):
            torn = number  # only the last line may be torn: a write that was cut short
    events.sort(key=lambda e: e.t_s)
    until = end["until_s"] if end else (events[-1].t_s if events else 0.0)
    cut = None if end else "the recording was cut short" + (f" in line {torn}" if torn else "")
    commit = next((n["commit"] for n in notes if "commit" in n), None)
    meta = dict(header.get("meta") or {})
    meta["notes"] = notes
    run = Run(
        name=name,
        fleet=fleet,
        timeline=Timeline(tuple(events), until_s=float(until), complete=bool(end and end.get("complete"))),
        flags=header.get("flags") or {},
        limit_s=header.get("limit_s"),
        commit=_commit(commit) if commit else None,
        meta=meta,
        cut=cut,
    )
    return run


def _event(row: dict[str, Any]) -> Event:
    id: ObjectId = parse_object(row["object"])
    rest = {name: row[name] for name in Event._fields[2:] if name in row}
    return Event(float(row["t_s"]), id, **rest)


def _commit(note: dict[str, Any]) -> Commit:
    return Commit(
        t_s=float(note["t_s"]),
        revision=note["revision"],
        touched=tuple(parse_object(t) for t in note.get("touched", ())),
        source_s=note.get("source_s"),
    )

"""Trace files and run folders: written as things happen, read as far as they go.

``trace.jsonl``: line 1 a header ``{"format_version": 1, "meta": {...}, "graph": <graph document>, "flags": {...},
"limit_s": ...}``, with ``"changes"`` (:mod:`fleetbench.graph.commit_document`) where two revisions tell what the commit
changes; then one event a line (the fields of :class:`~fleetbench.timeline.events.Event`); notes ``{"note": {...}}``
between them (``{"note": {"commit": ...}}`` marks a new revision); last ``{"end": {"until_s": ..., "complete": ...}}``. A
file without an end, or with a torn last line, is a cut trace; so is a ``.json`` (or a ``.json.gz``) that stops before
its end.

Format history:
    1: first version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetbench import json_values as values
from fleetbench.errors import InputError
from fleetbench.graph import commit_document
from fleetbench.graph.commit import Commit as Changes
from fleetbench.graph.document import from_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.json_node import Node, no_json, parse
from fleetbench.json_text import ANY, as_far_as_whole, ends_early
from fleetbench.runs import fields
from fleetbench.runs.folder import META, TRACE
from fleetbench.runs.run import Commit, Run
from fleetbench.runs.spec import is_spec_trace, read_spec_trace
from fleetbench.runs.text import read_text
from fleetbench.runs.touched import touched_by, untold
from fleetbench.timeline.events import Event, Timeline

FORMAT_VERSION = 1
SUFFIXES = (".json", ".json.gz", ".jsonl")


def header_line(
    fleet: Fleet,
    flags: Mapping[str, Any],
    meta: Mapping[str, Any],
    limit_s: float | None,
    changes: Changes | None = None,
) -> str:
    """The first line of a trace; ``changes``: what two revisions of the repository say of the commit that is timed."""
    header = {
        "format_version": FORMAT_VERSION,
        "meta": dict(meta),
        "flags": dict(flags),
        "limit_s": limit_s,
        "graph": to_document(fleet),
        **({} if changes is None else {"changes": commit_document.to_document(changes, fleet)}),
    }
    return json.dumps(header, sort_keys=True)


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
    text = read_text(file, "a trace")
    if file.name.endswith(".jsonl"):
        return _read_lines(text, name, str(file))
    document, cut = _document(text, file)
    if not is_spec_trace(document):
        raise InputError.at(file, None, None, got="JSON of another kind", wanted="a trace with spec and trace")
    return read_spec_trace(Node(document, str(file), text), name, cut=cut)


def _document(text: str, file: Path) -> tuple[Any, bool]:
    """The JSON document of a trace, and whether it was cut short: then all of its rows that are whole."""
    wanted = "a trace (JSON)"
    try:
        return json.loads(text), False
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and ends_early(text, error):
            document = as_far_as_whole(text, within=("trace", ANY))
            if isinstance(document, dict) and is_spec_trace({"trace": {}, **document}):
                return {"trace": {}, **document}, True
            wanted += " that is whole at least as far as its spec"
        raise no_json(error, text, file, wanted) from None


def _read_lines(text: str, name: str, file: str) -> Run:
    lines = text.split("\n")
    top = _header(lines[0], file)
    fleet = from_document(top.data.get("graph"), file, path=("graph",), text=lines[0])
    rows = _Rows(lines, file)
    events = sorted(rows.events, key=lambda e: e.t_s)
    commit = rows.commit
    if commit is not None and not rows.touched_known:
        commit = replace(commit, touched=touched_by(fleet, events, commit.artifact_s))
    changes = None
    if top.data.get("changes") is not None:
        changes = commit_document.from_document(top.below("changes", data=top.data["changes"]))
    if commit is not None and changes is not None and not untold(commit.touched, changes, fleet):
        commit = replace(commit, changes=changes)
    until_s, complete = rows.end or (events[-1].t_s if events else 0.0, False)
    run = Run(
        name=name,
        fleet=fleet,
        timeline=Timeline(tuple(events), until_s=until_s, complete=complete),
        flags=fields.flags(top),
        limit_s=top.optional("limit_s", values.seconds),
        commit=commit,
        meta={**top.mapping("meta"), "notes": rows.notes},
        cut=None if rows.end else "the recording was cut short" + (f" in line {rows.torn}" if rows.torn else ""),
    )
    waited = changes is not None or run.meta.get("scenario") == "commit"
    return _without_commit(run) if waited and commit is None else run


def _without_commit(run: Run) -> Run:
    """The record of a run in which the commit that was to be timed did not come: of what ran before it nothing counts."""
    said = "the commit that was to be timed did not come" + (f" ({run.cut})" if run.cut else "")
    return replace(run, cut=said, unseen=frozenset(run.services()))


def _header(line: str, file: str) -> Node:
    wanted = "a trace's header line"
    top = Node(parse(line, file, wanted, line=1, got=line[:60]), file, line)
    version = top.data.get("format_version")
    if version is None:
        raise top.bad("format_version", None, f"{FORMAT_VERSION}, as {wanted} has it")
    if version != FORMAT_VERSION:
        raise top.bad("format_version", version, str(FORMAT_VERSION), "read it with the release that wrote it")
    return top


class _Rows:
    """The lines behind the header; only the last one may be torn, by a write that was cut short."""

    def __init__(self, lines: list[str], file: str):
        self.events: list[Event] = []
        self.notes: list[dict[str, Any]] = []
        self.commit: Commit | None = None
        self.touched_known = False
        """The recorder said what the commit changed; else the events show it."""
        self.end: tuple[float, bool] | None = None
        """Until when it was watched, and whether all was Ready by then; None = cut."""
        self.torn: int | None = None
        held = [number for number, line in enumerate(lines, start=1) if line]
        for number in held[1:]:
            line = lines[number - 1]
            try:
                self._read(_row(line, file, number))
            except InputError:
                if number != held[-1]:
                    raise
                self.torn = number

    def _read(self, row: Node) -> None:
        if "end" in row.data:
            end = row.below("end", data=row.data["end"])
            self.end = end.field("until_s", values.seconds), bool(end.data.get("complete"))
        elif "note" in row.data:
            note = row.below("note", data=row.data["note"])
            if "commit" in note.data:  # the last one counts, as it does for whoever measures
                said = note.below("commit", data=note.data["commit"])
                self.commit, self.touched_known = _commit(said), "touched" in said.data
            self.notes.append(dict(note.data))
        else:
            self.events.append(fields.event(row))


def _row(line: str, file: str, number: int) -> Node:
    row = parse(line, file, "one JSON object a line", line=number, got=line[:60])
    return Node(row, file, line, first_line=number)


def _commit(note: Node) -> Commit:
    touched = note.items("touched")
    return Commit(
        t_s=note.field("t_s", values.seconds),
        revision=note.field("revision", values.text),
        touched=tuple(note.read(("touched", i), name, values.object_id) for i, name in enumerate(touched)),
        source_s=note.optional("source_s", values.seconds),
    )

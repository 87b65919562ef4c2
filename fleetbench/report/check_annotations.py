"""A check as GitHub's workflow commands: errors and warnings at their lines in the pull request."""

from __future__ import annotations

from collections.abc import Callable

from fleetbench.decide.check import NEVER, Verdict
from fleetbench.decide.sides import key_of
from fleetbench.findings import WARNING
from fleetbench.report.check import headline
from fleetbench.report.inert import inert

MOST = 40
"""GitHub shows ten errors and ten warnings a step; more only fill the log."""


def workflow_commands(verdict: Verdict, place: Callable[[str], str]) -> list[str]:
    """Workflow commands: every reason to fail as an error, other findings that are new as warnings."""
    lines = [_command("error", f.message, f.file and place(f.file), f.line, f.kind) for f in verdict.failures[:MOST]]
    if verdict.never_as_before:
        lines.append(_command("warning", headline(verdict), None, None, NEVER))
    known = {key_of(f) for f in verdict.base.findings} if verdict.base is not None else set()
    fresh = [f for f in verdict.now.findings if f.severity == WARNING and key_of(f) not in known]
    lines += [
        _command("warning", f"{f.of_object} Fix: {f.fix}", f.file and place(f.file), f.line, f.code)
        for f in fresh[:MOST]
    ]
    return lines


def _command(level: str, message: str, file: str | None, line: int | None, title: str) -> str:
    """``::error file=a,line=1,title=t::message``; actions/toolkit packages/core/src/command.ts says what to escape."""
    properties = {"file": file, "line": None if line is None or not file else str(line), "title": f"fleetbench {title}"}
    shown = ",".join(f"{name}={_property(inert(value))}" for name, value in properties.items() if value)
    return f"::{level} {shown}::{_data(inert(message, newlines=True))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

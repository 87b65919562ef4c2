"""Standard output and files: one document, whole or not at all, and harmless to the terminal it meets."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from fleetbench.errors import InputError, masked
from fleetbench.report.inert import inert
from fleetbench.units import format_duration
from fleetbench.whole_files import replacing

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "Progress",
    "inert",
    "note",
    "progress",
    "terminal_width",
    "warn",
    "write_json",
    "write_tables",
    "write_text",
]

NARROW = 80
"""Columns of a terminal that does not say how many it has."""
UNBOUNDED = 100_000
"""Columns where no terminal has an edge, a pipe or a file: nothing wraps, so that a row is a line to grep for."""


def write_text(text: str, output: Path | None = None) -> None:
    """Write text to a file, whole or not at all, or to standard output.

    Args:
        text: what to write; a final newline is added where it lacks one.
        output: the file; None or ``-`` = standard output.

    Raises:
        InputError: the file cannot be written.
    """
    if not text.endswith("\n"):
        text += "\n"
    if output is None or str(output) == "-":
        _to_stdout(text)
    else:
        replace_file(output, text)
        note(f"Wrote {output}")


def write_json(document: Any, output: Path | None = None) -> None:
    """Write one JSON document and nothing else; NaN and infinity, which JSON lacks, are refused."""
    # Nothing above ASCII is written raw, so no name can reach the terminal as an escape sequence. JSON itself
    # leaves only DEL as it is.
    write_text(json.dumps(document, indent=2, allow_nan=False).replace("\x7f", "\\u007f"), output)


def write_tables(parts: Sequence[RenderableType], output: Path | None = None) -> None:
    """Render rich tables and texts for the terminal, a pipe or a file; colours only for a terminal."""
    from io import StringIO

    from rich.console import Console

    to_terminal = output is None and sys.stdout.isatty()
    console = Console(
        file=StringIO(),
        width=terminal_width(output),
        force_terminal=to_terminal,
        # Off a terminal rich would still colour under FORCE_COLOR; a file stays plain, NO_COLOR is rich's own.
        no_color=None if to_terminal else True,
        safe_box=True,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    for part in parts:
        console.print(part)
    text = "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
    write_text(text, output)


def terminal_width(output: Path | None = None) -> int:
    """Columns to write for: COLUMNS, else the terminal's; :data:`UNBOUNDED` for a pipe and for a file ``output``."""
    if output is not None:
        return UNBOUNDED
    return _columns(sys.stdout) or UNBOUNDED


def _columns(stream: TextIO) -> int | None:
    """COLUMNS, else those of the terminal that a stream is; None = it is none."""
    with contextlib.suppress(KeyError, ValueError):
        return max(int(os.environ["COLUMNS"]), 40)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return max(os.get_terminal_size(stream.fileno()).columns, 40)
    return None


def replace_file(path: Path, text: str) -> None:
    """Write a file by way of a temporary one beside it, so that nobody ever sees half of it.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        if target.is_dir():
            raise InputError(f"{path}: got a folder, wanted a file to write", "name a file, for example graph.json")
        target.write_text(text, encoding="utf-8")  # a device or a pipe cannot be replaced
        return
    with replacing(target, "name a file in a folder that exists") as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Go on quietly: the exit code still says how the check went.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise InputError(f"standard output cannot be written: {error.strerror}") from error


def note(text: str) -> None:
    """Tell the user something by the way, on standard error: wrapped between words for a terminal, else as it is."""
    click.echo(_wrapped(inert(masked(text), newlines=True)), err=True)


def _wrapped(text: str) -> str:
    """A text for the terminal that standard error is; in a pipe or a file a message stays a line to grep for."""
    if not sys.stderr.isatty():
        return text
    width = _columns(sys.stderr) or NARROW
    lines = (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n"))
    return "\n".join(part for found in lines for part in found or [""])


def warn(text: str) -> None:
    """Warn the user, on standard error."""
    note(f"Warning: {text}")


class Progress:
    """A bar on standard error, drawn once the work has taken a second; where that is no terminal, a line now and then."""

    DELAY_S = 1.0
    LINE_S = 10.0
    """How often a line is written where no bar can be drawn: nobody should take long work in CI for a hang."""

    def __init__(self, label: str):
        self.label = label
        self._started_s = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._lines = not sys.stderr.isatty()
        self._said_s = self._started_s
        self._at: tuple[int, int | None] = 0, None
        self._before: int | None = None
        """Steps that were done when the first word of them came: of an earlier run, so no measure of this one's speed."""
        self._over = threading.Event()
        if self._lines:  # a step may take longer than a line is to be waited for
            threading.Thread(target=self._keep_saying, daemon=True).start()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say how many of how many steps are done; total None = not known yet."""
        if self._lines:
            self._at, self._before = (done, total), done if self._before is None else self._before
            if done != total and time.monotonic() >= self._said_s + self.LINE_S:
                self._line()
            return
        if self._bar is None:
            if time.monotonic() - self._started_s < self.DELAY_S:
                return
            self._open()
        self._bar.update(self._task, completed=done, total=total)

    def _line(self) -> None:
        (done, total), self._said_s = self._at, time.monotonic()
        of = f"{done} done" if total is None else f"{done} of {total}"
        took_s, made = self._said_s - self._started_s, done - (self._before or 0)
        left = (
            f", about {format_duration(took_s / made * (total - done))} left"
            if total and made > 0 and took_s >= 1.0
            else ""
        )
        note(f"{self.label}: {of} after {took_s:.0f} s{left}")

    def _keep_saying(self) -> None:
        while not self._over.wait(max(self._said_s + self.LINE_S - time.monotonic(), 0.2)):
            if time.monotonic() >= self._said_s + self.LINE_S:
                self._line()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(inert(self.label), total=None)

    def close(self) -> None:
        """Take the bar away, say no more lines."""
        self._over.set()
        if self._bar is not None:
            self._bar.stop()


@contextlib.contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A :class:`Progress` for the time of a ``with`` block; call it with ``(done, total)``."""
    bar = Progress(label)
    try:
        yield bar
    finally:
        bar.close()

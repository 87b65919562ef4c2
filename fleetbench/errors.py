"""What can go wrong, each with a message, a way out and an exit code.

Findings about a fleet (a cycle, a missing dependency) are no errors: see :mod:`fleetbench.findings`.
"""

from __future__ import annotations

import re
import reprlib
from pathlib import Path

_BRIEFLY = reprlib.Repr()
_BRIEFLY.maxlevel, _BRIEFLY.maxstring, _BRIEFLY.maxother, _BRIEFLY.maxlong = 4, 120, 120, 60
_BRIEFLY.maxlist = _BRIEFLY.maxtuple = _BRIEFLY.maxdict = 8


BRIEF = 160
"""Characters of a value in a message at most."""


def briefly(value: object) -> str:
    """A value as a message shows it: however large or deeply nested it is, this stays short and cheap."""
    shown = _BRIEFLY.repr(value)
    return shown if len(shown) <= BRIEF else shown[: BRIEF - 3] + "..."


_USERINFO = re.compile(r"(://)(?!git@)[^/\s]*@")


def masked(text: str) -> str:
    """A text as it may be shown: of every URL in it the user and the password are taken away, as either may be a token.

    ``git@``, which every forge has, stays.

    >>> masked("ssh://git:s3cret@host/x, https://token@host, ssh://git@host"), masked("a@b")
    ('ssh://***@host/x, https://***@host, ssh://git@host', 'a@b')
    """
    return _USERINFO.sub(r"\1***@", text)


def place(file: object | None, line: int | None = None) -> str:
    """A place as messages name it: ``file:line``, the file alone where the line is not known, else nothing.

    >>> place("a.yaml", 3), place("a.yaml"), place(None)
    ('a.yaml:3', 'a.yaml', '')
    """
    if file is None:
        return ""
    return str(file) if line is None else f"{file}:{line}"


class FleetbenchError(Exception):
    """A failure that a user can understand and mend; the command line prints it without a traceback.

    Attributes:
        message: what is wrong, with file, line, field, got and wanted as far as they are known.
        hint: what to do about it, or None.
        exit_code: the process's exit code.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None):
        message = masked(message)
        super().__init__(message)
        self.message = message
        self.hint = None if hint is None else masked(hint)


class InputError(FleetbenchError):
    """Bad usage or bad input: exit code 2."""

    @classmethod
    def at(
        cls,
        file: object,
        line: int | None,
        field: str | None,
        got: object = None,
        wanted: str | None = None,
        hint: str | None = None,
    ) -> InputError:
        """Build the message every bad input gets: ``file:line: field: got ..., wanted ...``."""
        text = place(file, line)
        if field:
            text += f": {field}"
        if got is not None:
            shown = got if isinstance(got, str) else briefly(got)
            text += f": got {shown if len(shown) <= 120 else shown[:117] + '...'}"
        if wanted:
            text += f"{',' if got is not None else ':'} wanted {wanted}"
        return cls(text, hint)


def unwritable(path: Path, why: object, hint: str | None = None) -> InputError:
    """The error for a file or folder that cannot be written; a file where a folder should be is named.

    Args:
        path: what was to be written.
        why: the system's words, where it is for another reason.
        hint: what to do then.
    """
    above = next((folder for folder in path.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        return InputError(f"{path}: cannot be written: {above} is a file, not a folder", "name another place")
    return InputError(f"{path}: cannot be written: {why}", hint)


class EnvironmentLacks(FleetbenchError):
    """A program or a cluster that the command needs is not there: exit code 3."""

    exit_code = 3


class CheckFailed(FleetbenchError):
    """A check the user asked for failed (over budget, regression, prediction off): exit code 1."""

    exit_code = 1

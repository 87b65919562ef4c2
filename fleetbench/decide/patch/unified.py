"""Changed files as a patch that ``git apply`` and ``patch -p1`` take."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

_NO_NEWLINE = "\\ No newline at end of file\n"


def unified_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The difference of two states of files, sorted by path.

    Args:
        before: path relative to the repository -> content; a missing path is a new file.
        after: the same paths, or more.
    """
    return "".join(
        _file(path, before.get(path), after[path]) for path in sorted(after) if before.get(path) != after[path]
    )


def _file(path: str, old: str | None, new: str) -> str:
    header = f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\n"
    if old is None:
        header += "new file mode 100644\n"
    name_old = "/dev/null" if old is None else _named("a/" + path)
    body = difflib.unified_diff(_lines(old or ""), _lines(new), name_old, _named("b/" + path))
    return header + "".join(line if line.endswith("\n") else line + "\n" + _NO_NEWLINE for line in body)


def _lines(text: str) -> list[str]:
    """Lines at line feeds alone: form feeds and other separators of ``str.splitlines`` are text here."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _quoted(path: str) -> str:
    """As git writes a path: quoted, with C escapes, where it holds anything but plain characters."""
    if all(" " <= c <= "~" and c not in '"\\' for c in path):
        return path
    octal = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\{b:03o}"
        for b in path.encode("utf-8", "surrogateescape")
    )
    return f'"{octal}"'


def _named(path: str) -> str:
    quoted = _quoted(path)
    return quoted + "\t" if " " in path and quoted == path else quoted

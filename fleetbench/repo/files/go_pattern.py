"""Patterns of Go's path/filepath Match, as regular expressions."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def expression(pattern: str) -> re.Pattern[str] | None:
    """What a pattern fits as a whole; None = it is malformed, and fits nothing.

    ``*`` and ``?`` match slashes, too: Match itself is only asked about names without any, and its copy in fluxcd/pkg envsubst
    v1.7.0 path/match.go lets them.
    """
    found, at = "", 0
    while at < len(pattern):
        char, at = pattern[at], at + 1
        if char == "*":
            found += ".*"
        elif char == "?":
            found += "."
        elif char == "[":
            read = _class(pattern, at)
            if read is None:
                return None
            found, at = found + read[0], read[1]
        elif char == "\\":
            if at == len(pattern):
                return None
            found, at = found + re.escape(pattern[at]), at + 1
        else:
            found += re.escape(char)
    return re.compile(found, re.S)


def _class(pattern: str, at: int) -> tuple[str, int] | None:
    """The set that begins after a ``[``, and where it ends; None = it is malformed."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", at)):
        ends: list[str] = []
        for _ in range(2):
            if at >= len(pattern) or pattern[at] in "-]":
                return None
            at += pattern[at] == "\\"
            if at + 1 >= len(pattern):
                return None  # nothing is left to close it
            ends.append(pattern[at])
            at += 1
            if pattern[at] != "-" or len(ends) == 2:
                break
            at += 1
        low, high = ends[0], ends[-1]
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    inside = "".join(ranges)
    if not inside:
        return ("." if negated else "(?!)"), at + 1
    return f"[{'^' if negated else ''}{inside}]", at + 1
